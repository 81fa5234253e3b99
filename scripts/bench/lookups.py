"""What one lookup costs, one after the other."""

from __future__ import annotations

from functools import partial

from . import _machine
from ._table import interleaved, markdown, middle, spread

COUNT = 400


def table(rounds: int) -> str:
    """Return the table."""
    plain, fast = _machine.plain(), _machine.fast()
    clients = {
        "httpx.Client": (plain, "httpx"),
        "aikynetix": (plain, "aikynetix"),
        "aikynetix[fast]": (fast, "aikynetix"),
        "aikynetix, raw generated function": (plain, "raw"),
        "pyreqwest": (fast, "pyreqwest"),
        "requests": (fast, "requests"),
        "openai's SDK": (fast, "openai"),
        "stripe's SDK": (fast, "stripe"),
    }
    with _machine.server() as url:
        samples = interleaved(
            rounds,
            {
                label: partial(_machine.client, python, "sequential", name, url, str(COUNT))
                for label, (python, name) in clients.items()
            },
        )
    base = middle(samples["httpx.Client"], "cpu_us")
    rows = [
        [
            label,
            f"{middle(taken, 'cpu_us') / base:.2f}",
            f"{middle(taken, 'cpu_us'):.0f}",
            spread(taken, "cpu_us"),
            f"{middle(taken, 'per_second'):.0f}",
            f"{middle(taken, 'peak_mib'):.0f}",
        ]
        for label, taken in samples.items()
    ]
    title = f"One lookup after the other (median of {rounds} rounds of {COUNT}; httpx.Client = 1.00)"
    columns = ["client", "CPU per lookup, ratio", "CPU, µs", "spread", "lookups per second", "peak memory, MiB"]
    return markdown(title, columns, rows)
