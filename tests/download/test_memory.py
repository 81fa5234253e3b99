"""Memory: the same for any size."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from .servers import Storage, serving, video

SIZE = 256 << 20
PROGRAM = """
import re, sys
from pathlib import Path
from aikynetix import Aikynetix
base_url, to, connections = sys.argv[1:]
client = Aikynetix(api_key="key-of-the-tests", base_url=base_url, timeout=20)
found = client.analyzed_videos.download("session", to, connections=int(connections) or None)
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1], found.size)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel's peak figure is Linux's own")
@pytest.mark.parametrize("connections", [0, 24])
def test_a_large_file_takes_less_than_60_mib(connections: int, tmp_path: Path) -> None:
    """256 MiB from a fast server over as many connections as it likes, all in all and not above anything."""
    body = mmap.mmap(-1, SIZE)  # takes no memory to speak of: all of it but the beginning is one page of zeros
    body[:1000] = video(1000)
    storage = Storage(body, ())  # type: ignore[arg-type]  # all that matters is that it can be sliced
    with serving(storage):
        command = [sys.executable, "-c", PROGRAM, storage.base_url, str(tmp_path / "v.mp4"), str(connections)]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
    highest, size = map(int, told.stdout.split())
    (tmp_path / "v.mp4").unlink()
    assert size == SIZE
    assert highest < 60 * 1024
