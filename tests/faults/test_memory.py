"""No answer, however large it is or unpacks to, costs more memory than the bounds allow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .bodies import BODIES
from .server import FaultServer
from .statuses import ERRORS

ALLOWED = 64 * 1024
"""KiB above what the process had after its first calls."""

_GREEDY = (
    "error-bomb",
    "error-200-mb",
    "error-deep-list",
    "body-bomb",
    "body-endless",
    "body-endless-chunks",
    "body-many-objects",
    "body-many-strings",
    "body-wide-text",
    "body-too-large",
    "body-padded",
    "body-deep-object",
)

# The peak is the kernel's own figure, reset after the first calls; it needs a process of its own.
_PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from aikynetix import Aikynetix, AikynetixError, AsyncAikynetix

kind, url, *names = sys.argv[1:]

def peak():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)

def sync_calls(names):
    with Aikynetix(api_key="k" * 20, base_url=url, timeout=10, max_retries=0) as client:
        for name in names:
            try:
                client.analyzed_videos.get(name)
            except AikynetixError:
                pass

async def async_calls(names):
    async with AsyncAikynetix(api_key="k" * 20, base_url=url, timeout=10, max_retries=0) as client:
        for name in names:
            try:
                await client.analyzed_videos.get(name)
            except AikynetixError:
                pass

def calls(names):
    sync_calls(names) if kind == "sync" else asyncio.run(async_calls(names))

calls(["error-text", "body-gzip", "body-html"])
Path("/proc/self/clear_refs").write_text("5")
idle, peaks = peak(), {}
for name in names:
    calls([name])
    peaks[name] = peak() - idle
    Path("/proc/self/clear_refs").write_text("5")
print(json.dumps(peaks))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the kernel's peak figure is Linux's own")
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_no_answer_takes_more_than_64_mib(kind: str) -> None:
    """Bombs, endless bodies, and JSON that swells when parsed stay under 64 MiB above the idle process."""
    scripts = {scenario.name: scenario.script for scenario in (*BODIES, *ERRORS)}
    with FaultServer(scripts) as server:
        command = [sys.executable, "-c", _PROGRAM, kind, server.url, *_GREEDY]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    peaks: dict[str, int] = json.loads(told.stdout)
    assert set(peaks) == set(_GREEDY)
    assert {name: peak for name, peak in peaks.items() if peak > ALLOWED} == {}
