"""What an earlier download left is resumed, if it is of the same object, and only then."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import DownloadError

from .calls import MIB, fetch, interrupt, start, wait_until
from .kills import asked_again, journal, noted, torment
from .servers import Fault, Storage, serving, video

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.mark.parametrize(
    ("etag", "generation", "hashes", "if_range"),
    [
        ('"one"', "1", ("md5", "crc32c"), '"one"'),
        ('"one"', None, (), '"one"'),
        (None, "1", (), None),
        (None, None, ("md5",), None),
        (None, None, ("crc32c",), None),
        ('W/"one"', "1", (), None),
        ('"é"', "1", (), None),
    ],
    ids=["all", "etag", "generation", "md5", "crc32c", "weak-etag", "an etag that cannot be sent back"],
)
def test_a_later_call_resumes(
    etag: str | None, generation: str | None, hashes: tuple[str, ...], if_range: str | None, tmp_path: Path
) -> None:
    """Whatever identifies the object, what is there is not fetched again, and the result says how much that was."""
    body = video(3 * MIB)
    with serving(Storage(body, hashes, etag=etag, generation=generation)) as storage:
        interrupt(storage, tmp_path / "v.mp4")
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["v.mp4.part", "v.mp4.part.journal"]
        result = fetch(storage, tmp_path / "v.mp4")
        (request,) = storage.requests
        assert storage.sent == len(body) - result.resumed_from
    assert request.headers["range"] == f"bytes={result.resumed_from}-{len(body) - 1}"
    assert request.headers.get("if-range") == if_range
    assert result.resumed_from == 2 * MIB


NAMELESS: dict[str, Any] = {"etag": None, "generation": None, "hashes": ()}


@pytest.mark.parametrize(
    ("old", "new", "size"),
    [
        ({"etag": '"one"', "generation": "1", "hashes": ("md5",)}, {"etag": '"two"', "generation": "2"}, 3 * MIB),
        ({"generation": "1"}, {"generation": "2"}, 3 * MIB),
        ({"etag": '"one"'}, {"etag": '"two"'}, 3 * MIB),
        *(({"hashes": (name,)}, {}, 3 * MIB) for name in ("md5", "crc32c")),
        ({"etag": '"one"', "generation": "1"}, {"path": "/another/v.mp4"}, 3 * MIB),
        *(({"etag": '"one"'}, {}, size) for size in (MIB, 2 * MIB, 4 * MIB)),
    ],
    ids=["all", "generation", "etag", "md5", "crc32c", "path", "shorter", "as long as what is there", "longer"],
)
def test_a_changed_object_is_fetched_anew(
    old: dict[str, Any], new: dict[str, Any], size: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Bytes of two versions are never mixed, whatever tells them apart: the download starts over, and says so."""
    with serving(Storage(video(3 * MIB), **NAMELESS | old)) as storage:
        interrupt(storage, tmp_path / "v.mp4")
        vars(storage).update(new, body=video(size, seed=2))
        assert fetch(storage, tmp_path / "v.mp4").resumed_from == 0
    assert "starts over" in caplog.text
    assert "topsecret" not in caplog.text


@pytest.mark.parametrize("told", ["first", "later"])
@pytest.mark.parametrize("name", ["md5", "crc32c"])
def test_what_was_damaged_meanwhile_is_fetched_anew(told: str, name: str, tmp_path: Path) -> None:
    """Whichever response announced the checksum: where it does not match, what is old is suspected first."""
    path = tmp_path / "v.mp4"
    with serving(Storage(video(3 * MIB), (name,))) as storage:
        if told == "first":
            interrupt(storage, path)
        else:
            interrupt(storage, path, x_goog_hash=None)
        storage.fault = lambda request: (
            Fault(headers={"x-goog-hash": None}) if told == "first" and request.span else None
        )
        with (tmp_path / "v.mp4.part").open("r+b") as file:
            file.seek(MIB)
            file.write(b"damage")
        result = fetch(storage, path)
        assert [request.span for request in storage.requests] == [(2 * MIB, 3 * MIB), None]
    assert (result.verified, result.resumed_from) == (name, 0)


@pytest.mark.parametrize("loss", ["no part", "short part", "no journal", "empty journal", "noise", "half a line"])
def test_leftovers_that_do_not_fit_each_other_do_no_harm(loss: str, tmp_path: Path) -> None:
    """Part and journal may each be missing, cut off or nonsense; the file is right in the end."""
    path, part, notes = (tmp_path / f"v.mp4{end}" for end in ("", ".part", ".part.journal"))
    with serving(Storage(video(3 * MIB))) as storage:
        interrupt(storage, path)
        match loss:
            case "no part":
                part.unlink()
            case "short part":
                os.truncate(part, MIB)
            case "no journal":
                notes.unlink()
            case "empty journal":
                os.truncate(notes, 0)
            case "noise":
                notes.write_bytes(bytes(range(256)) * 10)
            case _:
                os.truncate(notes, notes.stat().st_size - 4)
        result = fetch(storage, path)
    assert (0 < result.resumed_from < 2 * MIB) == (loss == "half a line")


def test_a_part_that_only_lacked_its_name_is_proved_with_one_byte(tmp_path: Path) -> None:
    """Killed between the last byte and the renaming: one byte shows that it is the same object, and is all it takes."""
    body, path = video(3 * MIB), tmp_path / "v.mp4"
    with serving(Storage(body)) as storage:
        fetch(storage, path)
        interrupt(storage, tmp_path / "w.mp4")
        path.rename(tmp_path / "w.mp4.part")
        with (tmp_path / "w.mp4.part.journal").open("a") as file:
            file.write(f"\n+0-{len(body)};")
        result = fetch(storage, tmp_path / "w.mp4")
        assert storage.sent == 1
    assert result.resumed_from == len(body) - 1


def test_two_processes_on_one_file_do_not_mix(tmp_path: Path) -> None:
    """The second ends with a clear error, or waits if asked to; when the first dies, its lock dies with it."""
    path = tmp_path / "v.mp4"
    with serving(Storage(video(6 * MIB), rate=MIB)) as storage, start(storage, path, connections=1) as first:
        wait_until(lambda: bool(journal(path)))
        with start(storage, path) as second:
            assert second.wait(20) == 1
            assert second.communicate()[0].startswith("DownloadError locked")
        with start(storage, path, "exist_ok") as third:
            with pytest.raises(subprocess.TimeoutExpired):
                third.wait(0.5)
            assert first.poll() is None
            storage.rate = 0
            first.kill()
            assert third.wait(20) == 0
            assert int(third.communicate()[0].split()[0]) > 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["v.mp4"]
    assert path.read_bytes() == storage.body


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send to a process")
@pytest.mark.parametrize("connections", [1, 8])
def test_ctrl_c_leaves_what_has_arrived(connections: int, tmp_path: Path) -> None:
    """A process that is interrupted ends at once, as Python does, and the next one resumes."""
    path = tmp_path / "v.mp4"
    with serving(Storage(video(12 * MIB), rate=MIB)) as storage:
        with start(storage, path, connections=connections) as process:
            wait_until(lambda: noted(path) > 400_000)
            process.send_signal(signal.SIGINT)
            try:
                assert process.wait(5) == -signal.SIGINT
            finally:
                process.kill()
            errors = process.communicate()[1].splitlines()
        assert errors[-1] == "KeyboardInterrupt"
        assert not [line for line in errors if "Exception in thread" in line]
        held = noted(path)
        storage.rate = 0
        assert fetch(storage, path).resumed_from == held >= 400_000


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


@pytest.mark.parametrize("connections", [1, 8])
def test_a_disk_that_fills_up_meanwhile_is_no_loss(connections: int, small_disk: Path) -> None:
    """No space in the middle is a DownloadError that says what to do; with room again the next call resumes."""
    path, filler = small_disk / "v.mp4", small_disk / "filler"

    def fill(done: int, size: int | None) -> None:
        if done > MIB and not filler.exists():
            with pytest.raises(OSError, match="No space"):
                filler.write_bytes(bytes(6 * MIB))

    with serving(Storage(video(5 * MIB), rate=2 * MIB)) as storage:
        with pytest.raises(DownloadError, match=r"no space is left .*a later call resumes") as caught:
            fetch(storage, path, connections=connections, progress=fill)
        assert (type(caught.value), caught.value.reason) == (DownloadError, "no_space")
        assert not path.exists()
        held = journal(path)
        filler.unlink()
        storage.rate = 0
        since = len(storage.requests)
        result = fetch(storage, path)
        assert asked_again(storage, since, held) == 0
    assert result.resumed_from == sum(stop - begin for begin, stop in held) > MIB // 2


@pytest.mark.parametrize(
    ("number", "is_taken"), [(errno.EINVAL, True), (errno.ENOTSUP, True), (errno.ENOSYS, True), (errno.EIO, False)]
)
def test_a_file_system_without_fsync_still_gets_its_file(
    number: int, is_taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems have no such call; a disk that did not take the bytes is another matter."""

    def fsync(fd: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    with serving(Storage(video(MIB))) as storage:
        if is_taken:
            fetch(storage, tmp_path / "v.mp4")
            return
        with pytest.raises(DownloadError, match=os.strerror(number)) as caught:
            fetch(storage, tmp_path / "v.mp4")
    assert caught.value.reason == "place"
    assert not (tmp_path / "v.mp4").exists()


def test_a_killed_download_goes_on_where_it_was(tmp_path: Path) -> None:
    """After SIGKILLs at random moments the file is right, and nothing that the journal held was asked for again."""
    files = torment(seed=3, kills=6, size=24 << 20, folder=tmp_path)
    journaled = [held for file in files for held in file.journaled]
    assert len(journaled) == 6
    assert all(file.right for file in files)
    assert sum(file.asked_again for file in files) == 0
    assert max(journaled) > 1 << 20
