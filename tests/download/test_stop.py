"""Downloads that are told to stop, or whose process ends: prompt, quiet, and resumable."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trio

from aikynetix import (
    Aikynetix,
    AikynetixError,
    AnalyzedVideo,
    AsyncAikynetix,
    DownloadedVideo,
    DownloadInterruptedError,
)
from aikynetix._download import Cancelled, Options, Source, download
from aikynetix._download import Storage as Engine

from .calls import MIB, assert_right, fetch, wait_until
from .kills import journal
from .servers import Fault, Storage, serving, video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = "key-of-the-tests"


def settings(storage: Storage) -> dict[str, Any]:
    return {"api_key": KEY, "base_url": storage.base_url, "timeout": 10.0}


def noted(path: Path) -> int:
    return sum(stop - start for start, stop in journal(path))


def own_threads() -> list[str]:
    """The engine's threads that are alive."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("aikynetix")]


def later(ready: Callable[[], bool], do: Callable[[], object]) -> None:
    """Do something in another thread as soon as it is time."""

    def run() -> None:
        wait_until(ready)
        do()

    threading.Thread(target=run).start()


@pytest.mark.usefixtures("either_thread")
@pytest.mark.parametrize("connections", [1, 8])
def test_cancelling_is_prompt_and_resumable(connections: int, tmp_path: Path) -> None:
    """A cancelled download ends within a second, leaves no thread, and the next call goes on where it was."""
    path = tmp_path / "v.mp4"
    begun: list[float] = []

    def cancelled() -> bool:
        if noted(path) > MIB:
            begun.append(time.monotonic())
        return bool(begun)

    with serving(Storage(video(12 * MIB), rate=2 * MIB)) as storage:
        with pytest.raises(Cancelled):
            fetch(storage, path, connections=connections, cancelled=cancelled)
        assert time.monotonic() - begun[0] < 1
        assert own_threads() == []
        held = noted(path)
        storage.rate = 0
        result = fetch(storage, path)
    assert result.resumed_from == held > MIB
    assert_right(result, path, storage.body)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_cancelling_ends_a_connection_that_is_being_opened(scheme: str, either_thread: bool, tmp_path: Path) -> None:
    """A host that does not answer, neither TCP nor TLS, holds nobody who does not want to wait any more."""
    cancelled = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        address = deaf.getsockname()
        fillers = [socket.socket() for _ in range(2 if scheme == "http" else 0)]
        for filler in fillers:  # a full queue drops what else wants to connect
            filler.setblocking(False)
            filler.connect_ex(address)
        source = Source("s", lambda: AnalyzedVideo("s", f"{scheme}://127.0.0.1:{address[1]}/b/v.mp4"))
        storage = Engine(timeout=httpx.Timeout(20.0))
        threading.Timer(0.3, cancelled.set).start()
        options = Options(cancelled=cancelled.is_set, on_calling_thread=either_thread)
        began = time.monotonic()
        with pytest.raises(Cancelled):
            download(source, tmp_path / "v.mp4", storage, options)
        took = time.monotonic() - began
        storage.close()
        for filler in fillers:
            filler.close()
    assert 0.3 <= took < 1.5
    assert own_threads() == []


@pytest.mark.usefixtures("either_thread")
@pytest.mark.parametrize(
    "fault",
    [Fault(cut_after=0, stall=20), Fault(raw=b"HTTP/1.1 200 OK\r\n", stall=20), Fault(drip=0.05)],
    ids=str,
)
def test_a_silent_server_does_not_hold_up_a_stop(fault: Fault, tmp_path: Path) -> None:
    """Whatever a connection is waiting for, it is ended from outside."""
    stop = threading.Event()
    with serving(Storage(video(MIB), fault=lambda request: fault)) as storage:
        later(lambda: bool(storage.requests), stop.set)
        begun = time.monotonic()
        with pytest.raises(Cancelled):
            fetch(storage, tmp_path / "v.mp4", cancelled=stop.is_set, silence=30)
        assert time.monotonic() - begun < 5
    assert own_threads() == []


async def _cancelled_on_asyncio(client: AsyncAikynetix, path: Path, ready: Callable[[], bool]) -> None:
    task = asyncio.create_task(client.analyzed_videos.download("session", path))
    while not ready():  # noqa: ASYNC110 - what it waits for happens on a disk and in a server
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _cancelled_on_trio(client: AsyncAikynetix, path: Path, ready: Callable[[], bool]) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.analyzed_videos.download, "session", path)
        while not ready():  # noqa: ASYNC110 - what it waits for happens on a disk and in a server
            await trio.sleep(0.005)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("library", ["asyncio", "trio"])
@pytest.mark.parametrize("moment", ["lookup", "first byte", "middle"])
def test_cancelling_the_async_download_leaves_a_resumable_state_and_no_thread(
    library: str, moment: str, tmp_path: Path
) -> None:
    """Cancelled while the API is asked, or the storage, or in the middle: at rest on return, and gone on with later."""
    path = tmp_path / "v.mp4"

    async def scenario(storage: Storage) -> float:
        ready = {
            "lookup": lambda: bool(storage.lookups),
            "first byte": lambda: bool(storage.requests),
            "middle": lambda: noted(path) > MIB,
        }[moment]
        async with AsyncAikynetix(**settings(storage)) as client:
            begun = time.monotonic()
            await (_cancelled_on_asyncio if library == "asyncio" else _cancelled_on_trio)(client, path, ready)
            took = time.monotonic() - begun
            assert own_threads() == []
            return took

    with serving(Storage(video(8 * MIB), rate=2 * MIB)) as storage:
        if moment == "lookup":
            storage.round_trip = 0.4
        run: Any = asyncio.run if library == "asyncio" else lambda made: trio.run(lambda: made)
        assert run(scenario(storage)) < 8
        held = noted(path)
        assert (held > MIB) == (moment == "middle")
        storage.rate = storage.round_trip = 0
        with Aikynetix(**settings(storage)) as client:
            result = client.analyzed_videos.download("session", path)
    assert result.resumed_from == held
    assert_right(result, path, storage.body)


def test_the_async_download_itself(tmp_path: Path) -> None:
    """Awaited, it gives what the synchronous one gives, over many connections, with progress from another thread."""
    seen: list[int] = []

    async def main(storage: Storage) -> DownloadedVideo:
        async with AsyncAikynetix(**settings(storage)) as client:
            videos = client.analyzed_videos
            return await videos.download("session", tmp_path / "v.mp4", progress=lambda done, size: seen.append(done))

    with serving(Storage(video(8 * MIB), rate=4 * MIB)) as storage:
        result = asyncio.run(main(storage))
        assert len(storage.requests) > 1
    assert_right(result, tmp_path / "v.mp4", storage.body)
    assert seen[-1] == len(storage.body)
    assert own_threads() == []


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send to a process")
def test_ctrl_c_ends_the_command_at_once(tmp_path: Path) -> None:
    """Exit code 130, no traceback; run again it goes on."""
    path = tmp_path / "v.mp4"
    with serving(Storage(video(8 * MIB), rate=MIB)) as storage:
        environment = dict(os.environ) | {"AIKYNETIX_API_KEY": KEY, "AIKYNETIX_BASE_URL": storage.base_url}
        command = [sys.executable, "-m", "aikynetix", "download", "session", "-o", str(path)]
        with subprocess.Popen(command, env=environment, stdout=-1, stderr=-1, text=True) as process:
            wait_until(lambda: noted(path) > 300_000)
            process.send_signal(signal.SIGINT)
            begun = time.monotonic()
            _, errors = process.communicate(timeout=10)
            assert time.monotonic() - begun < 5
        assert process.returncode == 130
        assert "Traceback" not in errors
        storage.rate = 0
        again = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert (again.returncode, again.stdout.strip()) == (0, str(path))
    assert path.read_bytes() == storage.body


ENDS = """
import sys, threading
from aikynetix import Aikynetix
client, enough = Aikynetix(), threading.Event()
wanted = {"progress": lambda done, size: done > 500_000 and enough.set()}
download = client.analyzed_videos.download
threading.Thread(target=download, args=("session", sys.argv[1]), kwargs=wanted, daemon=True).start()
enough.wait()
"""


def test_a_program_may_end_in_the_middle_of_a_download(tmp_path: Path) -> None:
    """The interpreter neither waits for the connections nor says anything, and a later call goes on."""
    path = tmp_path / "v.mp4"
    with serving(Storage(video(8 * MIB), rate=MIB)) as storage:
        environment = dict(os.environ) | {"AIKYNETIX_API_KEY": KEY, "AIKYNETIX_BASE_URL": storage.base_url}
        command = [sys.executable, "-W", "error", "-c", ENDS, str(path)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, check=False)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
        storage.rate = 0
        result = fetch(storage, path)
    assert result.resumed_from > 500_000
    assert_right(result, path, storage.body)


def test_closing_the_client_ends_its_downloads(tmp_path: Path) -> None:
    """Closed from another thread in the middle, the client leaves an error of ours, no thread, and what has arrived."""
    path = tmp_path / "v.mp4"
    with serving(Storage(video(8 * MIB), rate=MIB)) as storage:
        client = Aikynetix(**settings(storage), max_retries=0)
        later(lambda: noted(path) > 300_000, client.close)
        with pytest.raises(AikynetixError, match="this client has been closed"):
            client.analyzed_videos.download("session", path)
        assert own_threads() == []
        storage.rate = 0
        result = fetch(storage, path)
    assert result.resumed_from > 300_000
    assert_right(result, path, storage.body)


class Odd(httpx.BaseTransport):
    """A caller's own transport, with errors of its own."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise LookupError("topsecret")


class OddBody(httpx.SyncByteStream):
    """A body with errors of its own."""

    def __iter__(self) -> Any:
        yield video(1000)
        raise LookupError("topsecret")


class OddLater(httpx.BaseTransport):
    """A caller's own transport, whose bodies break in ways of their own."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Length": "2000"}, stream=OddBody())


@pytest.mark.parametrize("transport", [Odd(), OddLater()], ids=["at once", "in the body"])
def test_a_transport_with_errors_of_its_own_is_an_error_of_ours(transport: httpx.BaseTransport, tmp_path: Path) -> None:
    """Whatever a foreign transport raises ends the download in time, with our own exception."""
    with (
        serving(Storage(video(1000))) as storage,
        pytest.raises(DownloadInterruptedError, match="LookupError") as caught,
    ):
        fetch(storage, tmp_path / "v.mp4", transport=transport, max_retries=1)
    assert "topsecret" not in str(caught.value)
