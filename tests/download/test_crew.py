"""The threads of connections: used again while downloads go on, gone after the last of them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aikynetix import DownloadInterruptedError
from aikynetix._download import Cancelled, _digest
from aikynetix._download import Storage as Pool
from aikynetix._download._crew import Crew

from .calls import MIB, assert_right, fetch, once, wait_until
from .servers import Fault, Storage, serving, video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FORKS = """
import os, sys, threading, time
from aikynetix import Aikynetix
folder = sys.argv[1]
client = Aikynetix(api_key="k" * 20, base_url=os.environ["AIKYNETIX_BASE_URL"], timeout=10)
fetch = client.analyzed_videos.download
first, *others = [threading.Thread(target=fetch, args=(f"s{n}", f"{folder}/{n}.mp4")) for n in range(4)]
first.start()
time.sleep(0.3)
for other in others:
    other.start()
first.join()  # its connection's thread waits for the next one now
child = os.fork()
if child:
    for other in others:
        other.join()
    sys.exit(os.waitpid(child, 0)[1])
fetch("child", f"{folder}/child.mp4")
os._exit(0)
"""


def test_a_thread_serves_one_connection_after_the_other() -> None:
    """While a download is under way; with the last of them it ends, before the last one returns."""
    crew, seen = Crew(), set[threading.Thread]()
    with crew:
        for _ in range(5):
            with crew:
                assert crew.run(lambda: seen.add(threading.current_thread())).acquire(timeout=5)
        assert len(seen) == 1
        assert all(thread.is_alive() for thread in seen)
    assert not any(thread.is_alive() for thread in seen)


def test_as_many_threads_as_connections() -> None:
    """No connection waits for another one."""
    crew, meeting = Crew(), threading.Barrier(8, timeout=5)
    with crew:
        overs = [crew.run(meeting.wait) for _ in range(8)]
        assert all(over.acquire(timeout=5) for over in overs)
    assert not meeting.broken


def test_who_is_still_busy_at_the_end_goes_when_it_is_done() -> None:
    """A connection that does not let go holds nobody up, and its thread is not used again."""
    crew, seen = Crew(), list[threading.Thread]()
    has_begun, may_end = threading.Event(), threading.Event()

    def busy() -> None:
        seen.append(threading.current_thread())
        has_begun.set()
        may_end.wait(5)

    with crew:
        over = crew.run(busy)
        assert has_begun.wait(5)
    assert seen[0].is_alive()
    may_end.set()
    assert over.acquire(timeout=5)
    seen[0].join(5)
    assert not seen[0].is_alive()
    with crew:
        assert crew.run(lambda: seen.append(threading.current_thread())).acquire(timeout=5)
    assert seen[0] is not seen[1]


def test_an_idle_thread_holds_on_to_nothing() -> None:
    """What a connection was about can go while its thread waits for the next one."""

    class Task:
        def __call__(self) -> None:
            pass

    crew = Crew()
    with crew:
        task = Task()
        gone = weakref.ref(task)
        assert crew.run(task).acquire(timeout=5)
        del task
        assert crew.run(lambda: None).acquire(timeout=5)
        assert gone() is None


def test_all_are_looked_after_by_one_thread_until_they_leave() -> None:
    """A download's own thread may be waiting for the storage: another looks whether it should, while there are any."""
    crew = Crew()
    seen: list[list[threading.Thread]] = [[], []]

    def look(number: int) -> Callable[[], object]:
        return lambda: seen[number].append(threading.current_thread())

    with crew:
        leave, _ = crew.watch(look(0)), crew.watch(look(1))
        wait_until(lambda: all(len(each) > 1 for each in seen))
        leave()
        before = len(seen[1])
        wait_until(lambda: len(seen[1]) > before + 1)  # a look was under way, perhaps
        left = len(seen[0])
        wait_until(lambda: len(seen[1]) > before + 3)
        assert len(seen[0]) == left
    watchers = {*seen[0], *seen[1]}
    assert len(watchers) == 1
    assert not any(thread.is_alive() for thread in watchers)
    with crew:
        crew.watch(look(0))
        wait_until(lambda: seen[0][-1] not in watchers)


@pytest.mark.parametrize(
    ("size", "options", "threads"),
    [
        (MIB, {}, {"aikynetix-watch"}),
        (MIB, {"progress": lambda done, size: None}, {"aikynetix-download"}),
        (MIB, {"transport": httpx.HTTPTransport()}, {"aikynetix-download"}),
        (8 * MIB, {"connections": 2}, {"aikynetix-watch", "aikynetix-download"}),
    ],
    ids=["small", "progress", "transport", "large"],
)
def test_who_may_be_kept_waiting_is_the_first_connection(
    size: int, options: dict[str, Any], threads: set[str], tmp_path: Path
) -> None:
    """Where that can be cut short, it is all that a small video needs; of a large one it takes the answer only."""
    seen, over = set[str](), threading.Event()

    def look() -> None:
        while not over.wait(0.005):
            seen.update(thread.name for thread in threading.enumerate() if thread.name.startswith("aikynetix"))

    looker = threading.Thread(target=look)
    looker.start()
    with serving(Storage(video(size), rate=size)) as storage:
        try:
            result = fetch(storage, tmp_path / "v.mp4", on_calling_thread=True, **options)
        finally:
            over.set()
            looker.join()
    assert_right(result, tmp_path / "v.mp4", storage.body)
    assert seen - {"aikynetix-digest"} == threads


@pytest.mark.parametrize(
    ("size", "fault"),
    [(MIB, Fault(cut_after=300_000)), (MIB, Fault(raw=b"")), (5 * MIB, None), (8 * MIB, None)],
    ids=["cut off", "no answer", "large", "larger"],
)
@pytest.mark.parametrize("most", [0, 1, 2])
def test_few_threads_are_enough(
    size: int, fault: Fault | None, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one that looks after it, or is it, a video comes over the thread that asks for it, again if need be."""
    start, started = threading.Thread.start, list[str]()

    def scarce(thread: threading.Thread) -> None:
        if thread.name.startswith("aikynetix"):
            if len(started) >= most:
                raise RuntimeError("can't start new thread")
            started.append(thread.name)
        start(thread)

    monkeypatch.setattr(_digest, "_processors", lambda: 1)
    monkeypatch.setattr(threading.Thread, "start", scarce)
    with serving(Storage(video(size), fault=once(fault) if fault else lambda request: None)) as storage:
        if most == 0:
            with pytest.raises(DownloadInterruptedError, match="no more threads"):
                fetch(storage, tmp_path / "v.mp4", on_calling_thread=True)
        else:
            result = fetch(storage, tmp_path / "v.mp4", on_calling_thread=True)
            assert_right(result, tmp_path / "v.mp4", storage.body)
            assert len(started) <= most


def test_who_cannot_be_asked_whether_to_stop_stops_alone(tmp_path: Path) -> None:
    """What that raises is raised by the download; those that are looked after by the same thread go on."""
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        if asked > 4:
            raise ValueError("nobody knows")
        return False

    pool = Pool(timeout=httpx.Timeout(10.0))
    with serving(Storage(video(MIB), rate=MIB)) as storage, ThreadPoolExecutor() as others:
        other = others.submit(fetch, storage, tmp_path / "a.mp4", pool=pool, on_calling_thread=True)
        with pytest.raises(ValueError, match="nobody knows"):
            fetch(storage, tmp_path / "b.mp4", pool=pool, on_calling_thread=True, cancelled=cancelled)
        assert other.result().size == MIB
        stop = threading.Event()
        threading.Timer(0.3, stop.set).start()
        with pytest.raises(Cancelled):  # there would be no time for that, were nobody looking
            fetch(storage, tmp_path / "c.mp4", pool=pool, on_calling_thread=True, cancelled=stop.is_set)
    pool.close()


def test_who_is_cancelled_while_the_api_is_asked_asks_no_storage(tmp_path: Path) -> None:
    """No connection is opened for a video that nobody wants any more."""
    stop = threading.Event()
    with serving(Storage(video(MIB))) as storage:

        def urls(number: int) -> str:
            stop.set()
            return storage.url()

        with pytest.raises(Cancelled):
            fetch(storage, tmp_path / "v.mp4", urls=urls, on_calling_thread=True, cancelled=stop.is_set)
        assert storage.requests == []


def test_what_was_looked_after_can_go() -> None:
    """The thread that looks holds on to nothing that has left."""

    class Look:
        def __call__(self) -> None:
            seen.set()

    crew, seen = Crew(), threading.Event()
    with crew:
        look = Look()
        leave, gone = crew.watch(look), weakref.ref(look)
        assert seen.wait(5)
        leave()
        del look, leave
        wait_until(lambda: gone() is None)


def test_without_a_thread_to_look_after_it_the_caller_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no thread left for that, it may have one for a connection a moment later."""

    def refuse(crew: Crew, look: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Crew, "watch", refuse)
    with serving(Storage(video(MIB))) as storage:
        result = fetch(storage, tmp_path / "v.mp4", on_calling_thread=True)
    assert_right(result, tmp_path / "v.mp4", storage.body)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_in_the_middle_of_downloads(tmp_path: Path) -> None:
    """The child has none of the parent's threads; both end with their videos."""
    with serving(Storage(video(MIB), rate=2 * MIB)) as storage:
        environment = dict(os.environ) | {"AIKYNETIX_BASE_URL": storage.base_url}
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS, str(tmp_path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.mp4" for name in ("child", 0, 1, 2, 3)}
    assert all(path.read_bytes() == storage.body for path in tmp_path.iterdir())


def test_ctrl_c_while_a_thread_starts_leaves_none_behind(interrupted_starts: list[threading.Thread]) -> None:
    """The main thread waits for the start of another one, and may be interrupted there."""
    crew = Crew()
    with pytest.raises(KeyboardInterrupt), crew:
        crew.run(lambda: None)
    interrupted_starts[0].join(5)
    assert not interrupted_starts[0].is_alive()
