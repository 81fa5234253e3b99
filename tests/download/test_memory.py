"""Memory: the same for any size."""

from __future__ import annotations

import mmap
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .servers import Storage, serving, video

if TYPE_CHECKING:
    from collections.abc import Iterator

needs_peak = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the kernel's peak figure is Linux's own"
)
ALLOWED = 60 * 1024
"""KiB that the whole process may take at its peak."""

SIZE = 256 << 20

PROGRAM = """
import re, sys
from pathlib import Path
from aikynetix import Aikynetix
base_url, to, connections = sys.argv[1:]
client = Aikynetix(api_key="key-of-the-tests", base_url=base_url, timeout=20)
found = client.analyzed_videos.download("session", to, connections=int(connections) or None)
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1], found.size, found.resumed_from)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A place for large files, in memory where there is one: what they cost there is not the process's own."""
    shared = Path("/dev/shm")
    if not shared.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shared, prefix="aikynetix-tests-") as name:
        yield Path(name)


@pytest.fixture
def large() -> Storage:
    """A large object that takes no memory to speak of: all of it but the beginning is one page of zeros."""
    body = mmap.mmap(-1, SIZE)
    body[:1000] = video(1000)
    return Storage(body, ())  # type: ignore[arg-type]  # all that matters is that it can be sliced


def peak(storage: Storage, path: Path, connections: int) -> tuple[int, int, int]:
    command = [sys.executable, "-c", PROGRAM, storage.base_url, str(path), str(connections)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
    highest, size, resumed = map(int, told.stdout.split())
    return highest, size, resumed


@needs_peak
@pytest.mark.parametrize("connections", [0, 24])
def test_a_large_file_takes_less_than_60_mib(connections: int, folder: Path, large: Storage) -> None:
    """256 MiB from a fast server over as many connections as it likes, all in all and not above anything."""
    with serving(large):
        highest, size, _ = peak(large, folder / "v.mp4", connections)
    assert size == SIZE
    assert highest < ALLOWED
