"""What whole processes take: importing, the first lookup, the command's first words."""

from __future__ import annotations

from functools import partial

from . import _machine
from ._table import interleaved, markdown, middle, spread

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
    plain, pin = str(_machine.plain()), _machine.pinned(_machine.CLIENT_CORE)
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
        samples = interleaved(
            max(rounds, 15), {label: partial(_machine.process, [*pin, *words]) for label, words in processes.items()}
        )
    beside = {
        "import aikynetix": "import httpx",
        "first lookup with aikynetix": "first lookup with httpx",
        "aikynetix --version": "python -c pass",
        "aikynetix --help": "python -c pass",
    }
    rows = []
    for label, taken in samples.items():
        other = beside.get(label)
        ratio = f"{middle(taken, 'seconds') / middle(samples[other], 'seconds'):.2f} of {other}" if other else ""
        wall, cpu = middle(taken, "seconds") * 1000, middle(taken, "cpu_s") * 1000
        rows.append([label, f"{wall:.0f}", ratio, f"{cpu:.0f}", spread(taken, "seconds")])
    return markdown("Whole processes", ["process", "wall, ms", "ratio", "CPU, ms", "spread"], rows)
