"""What whole processes take: importing, the first lookup, the command's first words."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

from . import _machine
from ._table import interleaved, markdown, middle, spread

if TYPE_CHECKING:
    from collections.abc import Callable

HTTPX = """
import httpx, sys
with httpx.Client(base_url=sys.argv[1], headers={"API-KEY": "k" * 32}) as client:
    client.get("/session-management/sessions/one/analyzed-video/").json()["analyzed_video_url"]
"""
OURS = """
import sys
from aikynetix import Aikynetix
with Aikynetix(api_key="k" * 32, base_url=sys.argv[1]) as client:
    client.analyzed_videos.get("one").url
"""


def table(rounds: int) -> str:
    """Return the table."""
    plain = str(_machine.plain())
    command = str(_machine.environment("command", extra="cli"))
    with _machine.server() as url:  # of all rounds the first compiles the modules; the median does not notice
        processes = {
            "python -c pass": [plain, "-c", "pass"],
            "import httpx": [plain, "-c", "import httpx"],
            "import aikynetix": [plain, "-c", "import aikynetix"],
            "first lookup with httpx": [plain, "-c", HTTPX, url],
            "first lookup with aikynetix": [plain, "-c", OURS, url],
            "aikynetix --version": [command, "-m", "aikynetix", "--version"],
            "aikynetix --help": [command, "-m", "aikynetix", "--help"],
        }
        samples = interleaved(max(rounds, 15), {label: _process(words) for label, words in processes.items()})
    beside = {
        "import aikynetix": "import httpx",
        "first lookup with aikynetix": "first lookup with httpx",
        "aikynetix --version": "python -c pass",
        "aikynetix --help": "python -c pass",
    }
    rows = []
    for label, taken in samples.items():
        other = beside.get(label)
        ratio = f"{middle(taken, 'ms') / middle(samples[other], 'ms'):.2f} of {other}" if other else ""
        rows.append([label, f"{middle(taken, 'ms'):.0f}", ratio, f"{middle(taken, 'cpu_ms'):.0f}", spread(taken, "ms")])
    return markdown("Whole processes", ["process", "wall, ms", "ratio", "CPU, ms", "spread"], rows)


def _process(words: list[str]) -> Callable[[], dict[str, float]]:
    def measure() -> dict[str, float]:
        before, began = os.times(), time.perf_counter()
        subprocess.run(
            [*_machine.pinned(_machine.CLIENT_CORE), *words],
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=_machine.PATIENCE,
            env=_machine.surroundings(),
        )
        took, after = time.perf_counter() - began, os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return {"ms": took * 1000, "cpu_ms": cpu * 1000}

    return measure
