"""Memory: the same for any size."""

from __future__ import annotations

import mmap
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aikynetix import DownloadInterruptedError

from .calls import fetch, once
from .servers import Fault, Storage, serving, video

if TYPE_CHECKING:
    from collections.abc import Iterator

needs_peak = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the kernel's peak figure is Linux's own"
)
ALLOWED = 60 * 1024
"""KiB that the whole process may take at its peak."""

SIZE = 256 << 20

PROGRAM = """
import re, sys, httpx
from pathlib import Path
from aikynetix._download import Options, Source, Storage, download
from aikynetix._models import AnalyzedVideo
url, to, connections = sys.argv[1:]
source = Source("session", lambda: AnalyzedVideo("session", url))
found = download(source, to, Storage(timeout=httpx.Timeout(20)), Options(connections=int(connections) or None))
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
    command = [sys.executable, "-c", PROGRAM, storage.url(), str(path), str(connections)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
    highest, size, resumed = map(int, told.stdout.split())
    return highest, size, resumed


@needs_peak
def test_a_large_file_takes_less_than_60_mib(folder: Path, large: Storage) -> None:
    """256 MiB from a fast server over as many connections as it likes, all in all and not above anything."""
    with serving(large):
        highest, size, _ = peak(large, folder / "v.mp4", 0)
    assert size == SIZE
    assert highest < ALLOWED


@needs_peak
def test_a_journal_of_very_many_lines_takes_no_more(tmp_path: Path) -> None:
    """A download that was slow for hours has noted every few bytes; going on with it is as cheap as any other."""
    path = tmp_path / "v.mp4"
    with serving(Storage(video(1 << 20), fault=once(Fault(cut_after=600_000)))) as storage:
        with pytest.raises(DownloadInterruptedError):
            fetch(storage, path, max_retries=0)
        with path.with_name("v.mp4.part.journal").open("ab") as journal:
            journal.writelines(b"+%d-%d;\n" % (start, start + 1) for start in range(600_000))
        highest, size, resumed = peak(storage, path, 1)
    assert (size, resumed) == (1 << 20, 600_000)
    assert highest < ALLOWED
