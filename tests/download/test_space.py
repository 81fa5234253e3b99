"""Room on the disk: looked at before, run out of in the middle, and there again later."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from aikynetix import DownloadError

from .calls import MIB, assert_right, fetch
from .kills import asked_again, journal
from .servers import Fault, Storage, serving, video

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 6 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("a disk can be mounted by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_without_room_is_said_so_before_the_first_byte(small_disk: Path) -> None:
    """A file that surely does not fit is refused with its size, and nothing of it is left on the disk."""
    with serving(Storage(video(7 * MIB), rate=MIB)) as storage:
        with pytest.raises(DownloadError, match=f"no room for {7 * MIB} bytes"):
            fetch(storage, small_disk / "v.mp4")
        assert storage.sent < MIB
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("connections", [1, 8])
def test_a_disk_that_fills_up_meanwhile_is_gone_on_with_later(connections: int, small_disk: Path) -> None:
    """No space in the middle is a DownloadError that says what to do; with room again the next call resumes."""
    path, filler = small_disk / "v.mp4", small_disk / "filler"

    def fill(done: int, size: int | None) -> None:
        if done > MIB and not filler.exists():
            with pytest.raises(OSError, match="No space"):
                filler.write_bytes(bytes(6 * MIB))

    with serving(Storage(video(5 * MIB), rate=2 * MIB)) as storage:
        with pytest.raises(DownloadError, match=r"no space is left .*a later call goes on") as caught:
            fetch(storage, path, connections=connections, progress=fill)
        assert type(caught.value) is DownloadError
        assert not path.exists()
        held = journal(path)
        noted = sum(stop - start for start, stop in held)
        with pytest.raises(DownloadError, match="no room"):
            fetch(storage, path)
        filler.unlink()
        storage.rate = 0
        since = len(storage.requests)
        result = fetch(storage, path)
        assert asked_again(storage, since, held) == 0
    assert result.resumed_from == noted
    assert noted > MIB // 2
    assert_right(result, path, storage.body)


def test_a_body_of_unknown_size_that_fills_the_disk_is_an_error_of_ours(small_disk: Path) -> None:
    """Where nothing is announced the disk itself is the bound; such bytes cannot be gone on with, but do no harm."""
    with serving(Storage(video(7 * MIB), fault=lambda request: Fault(chunked=True))) as storage:
        with pytest.raises(DownloadError, match="no space is left"):
            fetch(storage, small_disk / "v.mp4")
        storage.body, storage.fault = video(MIB), lambda request: None
        assert_right(fetch(storage, small_disk / "v.mp4"), small_disk / "v.mp4", storage.body)


LIMITED = """
import resource, sys, httpx
from aikynetix import DownloadError
from aikynetix._download import Options, Source, Storage, download
from aikynetix._models import AnalyzedVideo
resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, resource.RLIM_INFINITY))
pool = Storage(timeout=httpx.Timeout(5))
try:
    download(Source("s", lambda: AnalyzedVideo("s", sys.argv[1])), sys.argv[2], pool, Options())
except DownloadError as error:
    print(type(error).__name__, error)
"""


def test_a_file_that_may_not_grow_is_gone_on_with_later(tmp_path: Path) -> None:
    """A limit of the process on the size of files is like a full disk."""
    pytest.importorskip("resource")
    with serving(Storage(video(3 * MIB))) as storage:
        command = [sys.executable, "-c", LIMITED, storage.url(), str(tmp_path / "v.mp4")]
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
        result = fetch(storage, tmp_path / "v.mp4")
    assert told.startswith("DownloadError")
    assert "no space" in told
    assert result.resumed_from > MIB
    assert_right(result, tmp_path / "v.mp4", storage.body)


def test_a_folder_that_may_not_be_written_to_is_said_so(tmp_path: Path) -> None:
    """The system's reason stands in the message, in one line."""
    with serving(Storage(video(1000))) as storage, pytest.raises(DownloadError, match="cannot be written"):
        fetch(storage, "/proc/v.mp4")
