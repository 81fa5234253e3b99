"""Where the file goes, what it is called, and that nobody ever sees half of it."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aikynetix import AnalyzedVideo, DownloadError
from aikynetix._download import file_name

from .calls import MIB, assert_right, client_of, fetch, interrupt
from .servers import Fault, Storage, serving, video


def test_progress_is_told_from_beginning_to_end(tmp_path: Path) -> None:
    """Any callable of (done, total): it rises to the total, in the caller's thread; None while the size is unknown."""
    seen: list[tuple[int, int | None]] = []
    threads: set[str] = set()

    def progress(done: int, size: int | None) -> None:
        seen.append((done, size))
        threads.add(threading.current_thread().name)

    with serving(Storage(video(2 * MIB), rate=8 * MIB)) as storage:
        fetch(storage, tmp_path / "v.mp4", progress=progress)
        assert [done for done, _ in seen] == sorted({done for done, _ in seen})
        assert {size for _, size in seen} == {2 * MIB}
        assert seen[-1][0] == 2 * MIB
        seen.clear()
        storage.fault = lambda request: Fault(chunked=True)
        fetch(storage, tmp_path / "w.mp4", progress=progress)
    assert seen[-1] == (2 * MIB, 2 * MIB)
    assert {size for _, size in seen[:-1]} <= {None}
    assert threads == {threading.current_thread().name}


@pytest.mark.parametrize("connections", [1, 4])
def test_what_a_progress_callable_raises_reaches_the_caller(connections: int, tmp_path: Path) -> None:
    """Its exception ends the download and is not dressed up; what has arrived stays for a later call."""
    with serving(Storage(video(4 * MIB), rate=8 * MIB)) as storage:
        with pytest.raises(ZeroDivisionError):
            fetch(storage, tmp_path / "v.mp4", connections=connections, progress=lambda done, size: done and 1 // 0)
        storage.rate = 0
        fetch(storage, tmp_path / "v.mp4")


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("{home}/a b/v.mp4", "a b/v.mp4"),
        ("{home}/a b", "a b/session-analyzed_video.mp4"),
        ("{home}/a b/x/y/", "a b/x/y/session-analyzed_video.mp4"),
        ("file://{home}/a%20b/v%23%3F.mp4", "a b/v#?.mp4"),
        ("file://localhost{home}/a%20b/", "a b/session-analyzed_video.mp4"),
        ("~/a b/v.mp4", "a b/v.mp4"),
    ],
)
@pytest.mark.parametrize("kind", [str, Path])
def test_a_target_is_a_file_or_a_folder(
    kind: type[Path | str], to: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path or its text, a folder that is there, one that ends with a slash and is made, a file: URL, ~ for home."""
    if kind is Path and (to.endswith("/") or to.startswith("file")):
        return
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a b").mkdir()
    with serving(Storage(video(1000), ("md5", "crc32c"))) as storage:
        result = fetch(storage, kind(to.format(home=tmp_path)))
    assert (result.session_id, result.path, result.resumed_from) == ("session", tmp_path / expected, 0)
    assert result.verified == "crc32c+md5"
    assert 0 < result.elapsed < 20


@pytest.mark.parametrize(
    ("to", "text"),
    [
        ("file://videos/x.mp4", "file://videos/ is another machine"),
        ("file://videos", "another machine"),
        ("file:///tmp/x.mp4?a=b", "no \\? and no #"),
        ("file:///tmp/x.mp4#part", "no \\? and no #"),
        ("/nowhere/v.mp4", "there is no folder /nowhere"),
        ("/proc/v.mp4", "cannot be written"),
    ],
)
def test_a_place_that_cannot_be_is_refused_before_anything_is_asked(to: str, text: str) -> None:
    """RFC 8089 knows hosts, but no query; a mistyped folder is not made; the system's reason stands in the message."""
    with serving(Storage(video(1000))) as storage:
        with pytest.raises(DownloadError, match=text) as caught:
            fetch(storage, to)
        assert storage.requests == []
    assert caught.value.reason == "place"


@pytest.mark.parametrize(
    "session_id", ["foo/", "..", "a:b", "x" * 200, "e\u0301", "aB3dE", "Ab3De", "STRASSE", "straße"]
)
def test_no_session_has_the_name_that_another_got(session_id: str) -> None:
    """An id that cannot be a name, or has capitals, gets a mark; so does one that looks like what came of that."""
    url = "https://storage.googleapis.com/b/v.mp4"
    name = file_name(session_id, AnalyzedVideo(session_id, url))
    twin = name.removesuffix("-v.mp4")
    assert twin != session_id
    assert file_name(twin, AnalyzedVideo(twin, url)) != name
    other = session_id.swapcase()
    assert other == session_id or file_name(other, AnalyzedVideo(other, url)).casefold() != name.casefold()


def test_a_file_in_the_way_stays_or_is_replaced_or_taken(tmp_path: Path) -> None:
    """Without overwrite=True a file is an error and untouched; with exist_ok=True it is the result, unasked for."""
    path = tmp_path / "v.mp4"
    path.write_bytes(b"mine")
    with serving(Storage(video(1000))) as storage:
        with pytest.raises(DownloadError, match="overwrite") as caught:
            fetch(storage, path)
        assert caught.value.reason == "exists"
        result = fetch(storage, path, exist_ok=True)
        assert (result.size, result.verified, result.sha256) == (4, "exists", hashlib.sha256(b"mine").hexdigest())
        assert storage.requests == storage.lookups == []
        assert path.read_bytes() == b"mine"
        fetch(storage, path, overwrite=True)


@pytest.mark.parametrize("what", ["folder", "dangling link", "pipe"])
@pytest.mark.parametrize("name", ["v.mp4", "v.mp4.part", "v.mp4.part.journal"])
def test_what_is_no_regular_file_is_neither_followed_nor_replaced(what: str, name: str, tmp_path: Path) -> None:
    """Links, folders and pipes under any of the three names are an error; nothing is written through them."""
    obstacle, to = tmp_path / name, tmp_path / "v.mp4"
    if what == "folder":
        obstacle.mkdir()
        (obstacle / "session-analyzed_video.mp4").write_bytes(b"x")  # in case the folder is taken as the target
    elif what == "pipe":
        os.mkfifo(obstacle)
    else:
        obstacle.symlink_to(tmp_path / "elsewhere")
    with serving(Storage(video(1000))) as storage, pytest.raises(DownloadError):
        fetch(storage, to, overwrite=what != "folder", silence=1)
    assert not (tmp_path / "elsewhere").exists()
    assert obstacle.is_symlink() or obstacle.is_dir() or obstacle.is_fifo()


def test_many_that_ask_for_the_same_file_get_it_fetched_once(tmp_path: Path) -> None:
    """exist_ok=True for web requests: one thread fetches, the others wait for it and get the same file."""
    path = tmp_path / "v.mp4"
    with serving(Storage(video(2 * MIB), rate=8 * MIB)) as storage, client_of(storage) as client:
        with ThreadPoolExecutor(8) as pool:
            calls = [pool.submit(client.analyzed_videos.download, "s", path, exist_ok=True) for _ in range(8)]
            results = [call.result(20) for call in calls]
        assert len(storage.requests) == 1
    assert sorted({result.verified for result in results}) == ["exists", "md5"]
    for result in results:
        assert_right(result, storage.body)


def test_a_name_as_long_as_the_file_system_takes_works(tmp_path: Path) -> None:
    """The helpers beside the file get a shortened name, each its own, and a later call finds them."""
    names = [("v" * 250) + end for end in ("a.mp4", "b.mp4")] + [("\u00e9" * 125) + ".mp4"]
    with serving(Storage(video(3 * MIB))) as storage:
        for name in names:
            interrupt(storage, tmp_path / name)
        assert len(list(tmp_path.iterdir())) == 6
        for name in names:
            assert fetch(storage, tmp_path / name).resumed_from == 2 * MIB
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(names)
