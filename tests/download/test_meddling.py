"""What other programs do to a partial file and its journal never gets a file its final name, or another one written."""

from __future__ import annotations

import os
import time
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from aikynetix import DownloadError, DownloadInterruptedError
from aikynetix._download._journal import Journal
from aikynetix._download._locks import Busy

from .calls import MIB, assert_right, fetch
from .servers import Fault, Storage, serving, video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BODY = video(MIB)


def during(meddle: Callable[[], object], after: int = MIB // 2) -> Callable[[int, int | None], None]:
    """Return a progress callable that calls ``meddle`` once, when ``after`` bytes are there."""
    done: list[bool] = []

    def progress(count: int, size: int | None) -> None:
        if count >= after and not done:
            done.append(True)
            meddle()

    return progress


def replace(path: Path, what: str, other: Path) -> None:
    """Put something else under the name ``path``."""
    path.rename(path.with_name("aside"))
    match what:
        case "link":
            path.symlink_to(other)
        case "link to itself":
            path.symlink_to(path.with_name("aside"))
        case "hard link":
            path.hardlink_to(other)
        case "folder":
            path.mkdir()
        case "file":
            path.write_bytes(video(MIB, seed=2))
        case _:
            pass


@pytest.mark.parametrize("what", ["link", "link to itself", "hard link", "folder", "file", "nothing"])
@pytest.mark.parametrize("name", ["v.mp4.part", "v.mp4.part.journal"])
@pytest.mark.parametrize("hashes", [(), ("md5",)], ids=["no checksum", "md5"])
def test_what_took_the_place_of_a_partial_file_is_not_published(
    name: str, what: str, hashes: tuple[str, ...], tmp_path: Path
) -> None:
    """The bytes that were checked are those of the open file: anything else under its name is an error and stays."""
    path, other = tmp_path / "v.mp4", tmp_path / "other"
    other.write_bytes(b"not ours")
    with serving(Storage(BODY, hashes, rate=4 * MIB)) as storage:
        meddle = during(lambda: replace(tmp_path / name, what, other))
        with pytest.raises(DownloadError, match="replaced by another program"):
            fetch(storage, path, progress=meddle)
    assert not os.path.lexists(path)
    assert other.read_bytes() == b"not ours"
    assert os.path.lexists(tmp_path / name) == (what != "nothing")
    if what == "file":
        assert (tmp_path / name).read_bytes() == video(MIB, seed=2)


def test_what_took_the_place_of_a_partial_file_is_not_gone_on_with(tmp_path: Path) -> None:
    """The journal was about the file that had the name before: the next download begins at the first byte."""
    path = tmp_path / "v.mp4"
    with serving(Storage(BODY, (), rate=4 * MIB)) as storage:
        with pytest.raises(DownloadError, match="replaced by another program"):
            fetch(storage, path, progress=during(lambda: replace(tmp_path / "v.mp4.part", "file", path)))
        (tmp_path / "aside").unlink()
        result = fetch(storage, path)
    assert result.resumed_from == 0
    assert_right(result, path, BODY)


def test_a_partial_file_that_gets_a_second_name_is_not_published(tmp_path: Path) -> None:
    """Whoever has the other name could change a file that was verified."""
    path = tmp_path / "v.mp4"
    with serving(Storage(BODY, rate=4 * MIB)) as storage:
        meddle = during(lambda: (tmp_path / "second").hardlink_to(tmp_path / "v.mp4.part"))
        with pytest.raises(DownloadError, match="replaced by another program"):
            fetch(storage, path, progress=meddle)
    assert not path.exists()


@pytest.mark.parametrize("hashes", [(), ("md5",)], ids=["no checksum", "md5"])
@pytest.mark.parametrize("left", [0, 1000])
@pytest.mark.parametrize("after", [MIB // 2, MIB], ids=["in the middle", "at the end"])
def test_a_partial_file_that_is_cut_off_is_not_filled_with_zeros(
    after: int, left: int, hashes: tuple[str, ...], tmp_path: Path
) -> None:
    """What was cut off while the download ran is lost: that is an error, and a later call fetches everything."""
    path = tmp_path / "v.mp4"
    with serving(Storage(BODY, hashes, rate=4 * MIB)) as storage:
        with pytest.raises(DownloadError, match="cut off by another program"):
            fetch(storage, path, progress=during(lambda: os.truncate(tmp_path / "v.mp4.part", left), after))
        assert list(tmp_path.iterdir()) == []
        assert_right(fetch(storage, path), path, BODY)


def test_what_lies_behind_the_end_is_cut_off(tmp_path: Path) -> None:
    """Bytes that somebody appended are not those of the object."""
    path = tmp_path / "v.mp4"

    def append() -> None:
        with (tmp_path / "v.mp4.part").open("ab") as file:
            file.write(bytes(MIB))

    with serving(Storage(BODY, rate=4 * MIB)) as storage:
        assert_right(fetch(storage, path, progress=during(append)), path, BODY)


@pytest.mark.parametrize("both", ["v.mp4.part", "v.mp4.part.journal"])
def test_a_file_that_also_has_another_name_is_not_written_to(both: str, tmp_path: Path) -> None:
    """A hard link under either name is taken away, and the file that it led to keeps its content."""
    folder, other = tmp_path / "in", tmp_path / "other"
    folder.mkdir()
    with serving(Storage(video(3 * MIB), (), rate=0)) as storage:
        storage.fault = lambda request: Fault(cut_after=MIB) if request.number == 0 else Fault(status=500)
        with pytest.raises(DownloadInterruptedError):
            fetch(storage, folder / "v.mp4", max_retries=0)
        other.hardlink_to(folder / both)
        content = other.read_bytes()
        storage.fault = lambda request: None
        result = fetch(storage, folder / "v.mp4")
    assert result.resumed_from == 0
    assert_right(result, folder / "v.mp4", storage.body)
    assert other.read_bytes() == content
    assert other.stat().st_nlink == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on Windows")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # it is what is tested
def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A child has the parent's files open: it neither keeps the lock when the parent is done nor takes it away."""
    journal = Journal(tmp_path / "v.mp4.part.journal")
    closing = get_context("fork").Process(target=journal.close)
    closing.start()
    closing.join()
    with pytest.raises(Busy):
        Journal(journal.path)
    idle = get_context("fork").Process(target=time.sleep, args=(30,))
    idle.start()
    try:
        journal.close()
        Journal(journal.path).close()
    finally:
        idle.kill()
        idle.join()
