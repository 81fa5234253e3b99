"""No answer, however large it is or unpacks to, costs more memory than the bounds allow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .bodies import BODIES
from .scenario import answer
from .server import FaultServer
from .statuses import ERRORS
from .storage import STORAGE, lookup_of

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
_SWELLING = (b"[" + b"[]," * (10 << 20) + b"[]]", ("text/plain", None, "application/JSON"))
"""A body, under the limit of what is no JSON, that takes 25 times its size parsed; and the types it may come under."""
_GREEDY_STORAGE = ("storage-bomb", "storage-endless", "storage-endless-headers")

# The peak is the kernel's own figure, reset after the first calls; it needs a process of its own.
_PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from aikynetix import Aikynetix, AikynetixError, AsyncAikynetix
from aikynetix_api.api.analyzed_videos import get_analyzed_video
from tests.faults.test_faults import settings_for

kind, url, folder, *names = sys.argv[1:]

def peak():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)

def begun(client, name):
    if name.startswith("call:"):
        return client.call(get_analyzed_video, name)
    videos = client.analyzed_videos
    if name.startswith("export:"):
        return videos.export([name[7:]], folder)
    if name.startswith("storage-"):
        return videos.download(name, Path(folder, name), max_bytes=1 << 24)
    return videos.get(name)

async def do(client, name):
    try:
        work = begun(client, name)
        if hasattr(work, "__aiter__"):
            kept = [record async for record in work]
        elif hasattr(work, "__await__"):
            await work
        elif hasattr(work, "__iter__"):
            kept = list(work)
    except AikynetixError:
        pass

async def calls(names):
    for name in names:
        settings = settings_for(kind, url, 10, 0)
        if kind.startswith("sync"):
            with Aikynetix(**settings) as client:
                await do(client, name)
        else:
            async with AsyncAikynetix(**settings) as client:
                await do(client, name)

asyncio.run(calls(["error-text", "body-gzip", "body-html", "storage-whole", "export:storage-whole"]))
Path("/proc/self/clear_refs").write_text("5")
idle, peaks = peak(), {}
for name in names:
    asyncio.run(calls([name]))
    peaks[name] = peak() - idle
    Path("/proc/self/clear_refs").write_text("5")
print(json.dumps(peaks))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the kernel's peak figure is Linux's own")
@pytest.mark.parametrize("kind", ["sync", "sync-h11", "asyncio", "asyncio-h11"])
def test_no_answer_takes_more_than_64_mib(kind: str, tmp_path: Path) -> None:
    """Bombs, endless bodies, and JSON that swells when parsed, for lookups, downloads and exports."""
    names: tuple[str, ...] = (*_GREEDY, *_GREEDY_STORAGE, "export:storage-bomb", "export:storage-endless-headers")
    body, types = _SWELLING
    calls = {f"call:{number}": answer(body, type_=type_) for number, type_ in enumerate(types)}
    names += (*calls,)
    scripts = {scenario.name: scenario.script for scenario in (*BODIES, *ERRORS)} | calls
    scripts |= {scenario.name: lookup_of(scenario.name) for scenario in STORAGE}
    scripts |= {f"{scenario.name}-video": scenario.script for scenario in STORAGE}
    with FaultServer(scripts) as server:
        command = [sys.executable, "-c", _PROGRAM, kind, server.url, str(tmp_path), *names]
        told = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert told.returncode == 0, told.stderr
    peaks: dict[str, int] = json.loads(told.stdout)
    assert set(peaks) == set(names)
    assert {name: peak for name, peak in peaks.items() if peak > ALLOWED} == {}
