"""Downloads that are told to stop, or whose process ends: prompt, quiet, and resumable."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from aikynetix import Aikynetix, AsyncAikynetix, DownloadInterruptedError
from tests.faults.scenario import response
from tests.faults.server import FaultServer, Keep, Script

from .calls import KEY, MIB, fetch, wait_until
from .kills import journal, noted
from .servers import Fault, Storage, serving, video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def assert_no_thread() -> None:
    """The engine's threads have ended, but for the last instructions of a thread."""
    wait_until(lambda: not any(thread.name.startswith("aikynetix") for thread in threading.enumerate()), 0.1)


def later(ready: Callable[[], bool], do: Callable[[], object]) -> None:
    """Do something in another thread as soon as it is time."""

    def run() -> None:
        wait_until(ready)
        do()

    threading.Thread(target=run).start()


@pytest.mark.parametrize("connections", [1, 8])
def test_cancelling_is_prompt_and_resumable(connections: int, tmp_path: Path) -> None:
    """Once the event is set the call ends within a second, leaves no thread, and the next one resumes."""
    path, cancel = tmp_path / "v.mp4", threading.Event()
    begun: list[float] = []
    with serving(Storage(video(12 * MIB), rate=2 * MIB)) as storage:

        def stop() -> None:
            begun.append(time.monotonic())
            cancel.set()

        later(lambda: noted(path) > MIB, stop)
        with pytest.raises(DownloadInterruptedError, match="cancelled") as caught:
            fetch(storage, path, connections=connections, cancel=cancel)
        assert time.monotonic() - begun[0] < 1
        assert caught.value.reason == "cancelled"
        assert_no_thread()
        held = noted(path)
        storage.rate = 0
        assert fetch(storage, path).resumed_from == held > MIB


@pytest.mark.parametrize(
    "fault",
    [
        Fault(cut_after=0, stall=20),
        Fault(cut_after=2 * MIB, stall=20),
        Fault(headers={"Content-Length": None}, cut_after=MIB, stall=20),
        Fault(headers={"Content-Encoding": "gzip"}, cut_after=0, stall=20),
        Fault(drip=0.05),
    ],
    ids=str,
)
def test_a_silent_server_does_not_hold_up_a_stop(fault: Fault, tmp_path: Path) -> None:
    """Whatever a body is waiting for, right from the socket or through the parser, it is ended."""
    cancel = threading.Event()
    with serving(Storage(video(3 * MIB), fault=lambda request: fault)) as storage:
        later(lambda: bool(storage.requests), threading.Timer(0.3, cancel.set).start)
        begun = time.monotonic()
        with pytest.raises(DownloadInterruptedError, match="cancelled"):
            fetch(storage, tmp_path / "v.mp4", cancel=cancel, silence=30)
        assert time.monotonic() - begun < 3
    assert_no_thread()


def test_a_request_that_waits_to_be_sent_again_is_not_sent_after_a_stop(tmp_path: Path) -> None:
    """Not even the one that would have the video made."""
    cancel, later_on = threading.Event(), (response(status=503, headers="Retry-After: 9\r\n"),)
    script = Script((response(status=404), Keep()), later_on)
    with FaultServer({"s": script}) as server, Aikynetix(KEY, base_url=server.url) as client:
        later(lambda: len(server.seen) == 2, cancel.set)
        with pytest.raises(DownloadInterruptedError, match="cancelled"):
            client.analyzed_videos.download("s", tmp_path / "v.mp4", wait=60, cancel=cancel)
        assert [request.method for request in server.seen] == ["GET", "POST"]


def test_waiting_for_another_download_can_be_cancelled(tmp_path: Path) -> None:
    """With exist_ok=True too: whoever waits for the file of another one is not stuck with it."""
    cancel, path = threading.Event(), tmp_path / "v.mp4"
    with serving(Storage(video(2 * MIB), rate=MIB)) as storage:
        first = threading.Thread(target=fetch, args=(storage, path))
        first.start()
        wait_until(lambda: bool(journal(path)))
        threading.Timer(0.2, cancel.set).start()
        with pytest.raises(DownloadInterruptedError) as caught:
            fetch(storage, path, exist_ok=True, cancel=cancel)
        assert caught.value.reason == "cancelled"
        storage.rate = 0
        first.join()
    assert path.read_bytes() == storage.body


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_cancelling_the_async_download_leaves_a_resumable_state_and_no_thread(library: str, tmp_path: Path) -> None:
    """Cancelled in the middle: at rest on return, and resumed later."""
    path = tmp_path / "v.mp4"

    async def scenario() -> None:
        async with AsyncAikynetix(api_key=KEY, base_url=storage.base_url, timeout=10.0) as client:
            with anyio.fail_after(8):
                async with anyio.create_task_group() as group:
                    group.start_soon(client.analyzed_videos.download, "session", path)
                    while noted(path) <= MIB:  # noqa: ASYNC110 - what it waits for happens on a disk
                        await anyio.sleep(0.005)
                    group.cancel_scope.cancel()
            assert_no_thread()

    with serving(Storage(video(8 * MIB), rate=2 * MIB)) as storage:
        anyio.run(scenario, backend=library)
        held = noted(path)
        storage.rate = 0
        assert fetch(storage, path).resumed_from == held > MIB


class Hanging(httpx.AsyncBaseTransport):
    """A caller's transport whose storage never answers."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "api.example":
            return httpx.Response(200, json={"analyzed_video_url": "https://storage.example/v.mp4"})
        await asyncio.sleep(60)
        raise AssertionError


def test_an_async_transport_is_left_as_soon_as_nobody_wants_the_video(tmp_path: Path) -> None:
    """Whatever it is at, a handshake or a wait, it is cancelled with the download."""

    async def scenario() -> float:
        settings: dict[str, Any] = {"api_key": KEY, "base_url": "https://api.example", "transport": Hanging()}
        async with AsyncAikynetix(**settings) as client:
            begun = time.monotonic()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.analyzed_videos.download("session", tmp_path / "v.mp4"), 0.3)
            return time.monotonic() - begun

    assert asyncio.run(scenario()) < 2
    assert_no_thread()
