"""Many lookups at a time, on a fast server and on one that takes 50 ms."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

from . import _machine
from ._table import interleaved, markdown, middle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

DELAY = 0.05
COUNT = 5_000
# Where one at a time is asked for, or a client is slow, fewer lookups say as much.
FEW = 1_500


def table(rounds: int) -> str:
    """Return both tables."""
    plain, fast = _machine.plain(), _machine.fast()
    clients = {
        "httpx.AsyncClient": (plain, "httpx"),
        "aikynetix": (plain, "aikynetix"),
        "aikynetix[fast]": (fast, "aikynetix"),
        "httpx over aiohttp": (fast, "httpx_aiohttp"),
        "httpx over pyreqwest": (fast, "httpx_pyreqwest"),
        "aiohttp": (fast, "aiohttp"),
    }
    rounds = min(rounds, 3)
    quick = _table("fast server", 0.0, (1, 16, 64, 256), clients, rounds)
    return f"{quick}\n\n{_table('server that answers after 50 ms', DELAY, (64, 256), clients, rounds)}"


def _table(
    what: str, delay: float, levels: tuple[int, ...], clients: Mapping[str, tuple[Path, str]], rounds: int
) -> str:
    cells: dict[str, list[str]] = {label: [label] for label in clients}
    opened: dict[str, int] = {}
    for in_flight in levels:
        count = COUNT if in_flight == max(levels) else FEW
        samples = interleaved(
            rounds,
            {
                label: _measure(label, python, name, delay, count, in_flight, opened)
                for label, (python, name) in clients.items()
            },
        )
        base = middle(samples["httpx.AsyncClient"], "per_second")
        for label, taken in samples.items():
            speed = middle(taken, "per_second")
            share = f"{speed * delay / in_flight:.2f} of the ideal" if delay else f"{speed / base:.2f}"
            cells[label].append(f"{speed:.0f} ({share}, {middle(taken, 'cpu_us'):.0f} µs)")
    for label in clients:
        cells[label].append(str(opened[label]))
    title = f"Lookups per second, {what} (median of {rounds} rounds; beside it the ratio to httpx and the CPU of one)"
    columns = ["client", *(f"{each} in flight" for each in levels), f"connections opened for {COUNT} at {max(levels)}"]
    return markdown(title, columns, list(cells.values()))


def _measure(
    label: str, python: Path, name: str, delay: float, count: int, in_flight: int, opened: dict[str, int]
) -> Callable[[], dict[str, float]]:
    def measure() -> dict[str, float]:
        with _machine.server("--delay", str(delay)) as url:
            taken = _machine.client(python, "concurrent", name, url, str(count), str(in_flight))
            with urllib.request.urlopen(f"{url}/connections") as answer:  # noqa: S310 -- our own server
                opened[label] = int(answer.read()) - 1  # this question's own is not counted
        return taken

    return measure
