"""The disk begins early with what arrives, and what it says of it is not lost."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from aikynetix import DownloadError
from aikynetix._download._part import LocalPart
from aikynetix._download._writeback import Writeback

from .calls import MIB, assert_right, fetch
from .servers import Storage, serving, video

needs_fdatasync = pytest.mark.skipif(not hasattr(os, "fdatasync"), reason="this system writes at the end only")


def threads() -> int:
    return sum(thread.name == "aikynetix-writeback" for thread in threading.enumerate())


@needs_fdatasync
def test_it_starts_with_sixteen_megabytes_and_ends_with_the_file(tmp_path: Path) -> None:
    """A small file gets by without the thread; a larger one has it to its end, and no longer."""
    with (tmp_path / "file").open("wb") as file:
        writeback = Writeback()
        writeback.note(file.fileno(), 16 * MIB - 1)
        assert threads() == 0
        writeback.note(file.fileno(), 1)
        assert threads() == 1
    writeback.finish()
    assert threads() == 0


@needs_fdatasync
def test_a_file_that_was_closed_meanwhile_is_not_mistaken_for_another(tmp_path: Path) -> None:
    """The thread has a descriptor of its own; what the number stands for later is never touched."""
    before = len(list(Path("/dev/fd").iterdir()))
    with (tmp_path / "file").open("wb") as file:
        writeback = Writeback()
        writeback.note(file.fileno(), 16 * MIB)
    reader, writer = os.pipe()  # on which fdatasync would fail
    for _ in range(3):
        writeback.note(writer, 16 * MIB)
    writeback.finish()
    os.close(reader)
    os.close(writer)
    assert len(list(Path("/dev/fd").iterdir())) == before


@needs_fdatasync
def test_what_the_disk_refused_early_is_an_error_at_the_end(tmp_path: Path) -> None:
    """The system reports a lost write once; the file gets no final name though the last sync finds nothing wrong."""
    reader, writer = os.pipe()  # which no disk takes
    part = LocalPart(tmp_path / "v.mp4")
    part._writeback.note(writer, 16 * MIB)
    until = time.monotonic() + 10
    while threads() and time.monotonic() < until:  # it ends with its error
        time.sleep(0.01)
    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        part.commit(0)
    part.close()
    os.close(reader)
    os.close(writer)
    assert not (tmp_path / "v.mp4").exists()


def test_a_large_file_arrives_whole(tmp_path: Path) -> None:
    """Written behind the back of its connections, it is the same file."""
    with serving(Storage(video(40 * MIB))) as storage:
        assert_right(fetch(storage, tmp_path / "v.mp4"), tmp_path / "v.mp4", storage.body)
        with pytest.raises(DownloadError, match="exists already"):
            fetch(storage, tmp_path / "v.mp4", overwrite=False)
    assert threads() == 0
