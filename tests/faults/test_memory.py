"""No response, however large it is or unpacks to, costs more memory than the bounds allow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.callers import CLIENTS

from .api import SCENARIOS
from .calls import scripts_of
from .server import FaultServer
from .storage import STORAGE

ALLOWED = 96 * 1024
"""KiB above what the process had after its first calls; an unbounded read of any of these takes ten times that."""
_GREEDY = (
    *("error-bomb", "error-200-mb", "body-bomb", "body-endless", "body-endless-chunks", "body-too-large"),
    *("storage-bomb", "storage-endless", "storage-endless-headers", "export:storage-endless-headers"),
)

# The peak is the kernel's own figure, reset after the first calls; it needs a process of its own.
_PROGRAM = """
import json, sys
from pathlib import Path
from aikynetix import AikynetixError
from tests.contract.callers import ask

kind, url, folder, *names = sys.argv[1:]
settings = {"api_key": "key-0123456789", "base_url": url, "timeout": 10, "max_retries": 0}

def peak():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)

def call(name):
    try:
        if name.startswith("export:"):
            ask(kind, "export", [name[7:]], folder, **settings)
        elif name.startswith("storage-"):
            ask(kind, "download", name, Path(folder, name), options={"max_bytes": 1 << 24}, **settings)
        else:
            ask(kind, "get", name, **settings)
    except AikynetixError:
        pass

for name in ("error-html", "body-gzip", "body-html", "storage-whole", "export:storage-whole"):
    call(name)
idle, peaks = 0, {}
for name in (None, *names):
    Path("/proc/self/clear_refs").write_text("5")
    idle = idle or peak()
    if name is not None:
        call(name)
        peaks[name] = peak() - idle
print(json.dumps(peaks))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the kernel's peak figure is Linux's own")
@pytest.mark.parametrize("kind", CLIENTS)
def test_no_response_takes_more_memory_than_its_bound(kind: str, tmp_path: Path) -> None:
    """Bombs and endless bodies, for lookups, downloads and exports."""
    with FaultServer(scripts_of((each.name, each) for each in (*SCENARIOS, *STORAGE))) as server:
        command = [sys.executable, "-c", _PROGRAM, kind, server.url, str(tmp_path), *_GREEDY]
        told = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert told.returncode == 0, told.stderr
    peaks: dict[str, int] = json.loads(told.stdout)
    assert set(peaks) == set(_GREEDY)
    assert {name: peak for name, peak in peaks.items() if peak > ALLOWED} == {}
