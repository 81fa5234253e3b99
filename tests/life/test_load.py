"""One client under load, cancelled and closed: every response right, nothing left over, no growth."""

from __future__ import annotations

import asyncio
import gc
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from aikynetix_api.api.analyzed_videos import get_analyzed_video

from aikynetix import Aikynetix, AikynetixError, AsyncAikynetix, DownloadInterruptedError, VideoNotReadyError
from aikynetix.sandbox import Sandbox
from scripts.soak import KEY, Lottery, open_files, with_tasks, with_threads
from tests.contract.callers import CLIENTS, KINDS, ask
from tests.faults.scenario import response
from tests.faults.server import FaultServer, Keep, Script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LOOKUPS = 1_500
BACKENDS = ("asyncio", "trio")


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer(Lottery()) as running:
        with_threads(running.url, 50, 4)
        yield running


def assert_settled(count: Callable[[], int], before: int) -> None:
    """The server's side of a connection may close a moment after ours."""
    end = time.monotonic() + 5
    while count() > before and time.monotonic() < end:
        gc.collect()
        time.sleep(0.02)
    assert count() <= before


@pytest.mark.parametrize("kind", KINDS)
def test_many_callers_share_a_client(server: FaultServer, kind: str) -> None:
    """64 threads, or 1,000 tasks, one in twenty lookups disturbed: each ends as it must, and nothing is left over."""
    server.forget()
    files, threads = open_files(), threading.active_count()
    if kind == "sync":
        verdicts = with_threads(server.url, LOOKUPS)
    else:
        verdicts = anyio.run(with_tasks, server.url, LOOKUPS, backend="trio" if kind == "trio" else "asyncio")
    assert verdicts.total() == LOOKUPS
    assert set(verdicts) == {"found", "NotFoundError", "APIResponseValidationError"}
    assert_settled(open_files, files)
    assert_settled(threading.active_count, threads)


@pytest.mark.parametrize("backend", BACKENDS)
def test_cancellation_at_random_leaves_the_client_usable(server: FaultServer, backend: str) -> None:
    """Lookups cancelled at any point, then as many that must succeed; no task or connection stays behind."""
    dice = random.Random(7)
    server.forget()

    async def main() -> None:
        async with AsyncAikynetix(KEY, base_url=server.url) as client:

            async def hasty() -> None:
                with anyio.move_on_after(dice.random() * 0.03):
                    await client.analyzed_videos.get("100")

            for _ in range(5):
                async with anyio.create_task_group() as group:
                    for _ in range(60):
                        group.start_soon(hasty)
            async with anyio.create_task_group() as group:
                for _ in range(300):
                    group.start_soon(client.analyzed_videos.get, "100")
            if backend == "asyncio":
                assert len(asyncio.all_tasks()) == 1

    files = open_files()
    anyio.run(main, backend=backend)
    assert_settled(open_files, files)


_USES: dict[str, Callable[[Any, Path], Any]] = {
    "get": lambda client, _: client.analyzed_videos.get("s"),
    "generate": lambda client, _: client.analyzed_videos.generate("s"),
    "ensure": lambda client, _: client.analyzed_videos.ensure("s"),
    "download": lambda client, folder: client.analyzed_videos.download("s", folder / "v.mp4"),
    "call": lambda client, _: client.call(get_analyzed_video, "s"),
    "copy": lambda client, _: client.with_options(max_retries=0).analyzed_videos.get("s"),
}


@pytest.mark.parametrize("use", _USES)
def test_a_closed_client_says_so(use: str, tmp_path: Path) -> None:
    """Whatever is asked of it, on both clients; closing twice is fine."""
    client = Aikynetix(KEY)
    client.close()
    client.close()
    with pytest.raises(AikynetixError, match="this client has been closed"):
        _USES[use](client, tmp_path)

    async def main() -> None:
        patient = AsyncAikynetix(KEY)
        await patient.aclose()
        await patient.close()
        await _USES[use](patient, tmp_path)

    with pytest.raises(AikynetixError, match="this client has been closed"):
        asyncio.run(main())


def test_closing_under_load_ends_in_our_errors(server: FaultServer) -> None:
    """Threads that are in the middle of a call get a result or one of our exceptions; no connection stays behind."""
    files = open_files()
    client, outcomes = Aikynetix(KEY, base_url=server.url, max_retries=0), Counter[str]()

    def look() -> None:
        try:
            for _ in range(200):
                client.analyzed_videos.get("100")
        except AikynetixError:
            outcomes["ours"] += 1
        except BaseException as error:
            outcomes[repr(error)] += 1

    threads = [threading.Thread(target=look, daemon=True) for _ in range(16)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    client.close()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    assert set(outcomes) <= {"ours"}
    assert_settled(open_files, files)


def test_a_restarted_server_is_found_again() -> None:
    """Connections that a restart closed are not used, or the lookup is made again: no call fails."""
    with Sandbox() as first:
        port = int(first.base_url.rpartition(":")[2])
    with Aikynetix(first.api_key, base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(3):
            with Sandbox(api_port=port) as sandbox:
                assert client.analyzed_videos.get(sandbox.sessions["jump"]).session_id == sandbox.sessions["jump"]


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_wait_that_runs_out_is_told(kind: str) -> None:
    """Ensure stops when its time is over, although the API goes on promising."""
    with FaultServer({"s": Script((response(status=202), Keep()))}) as server:
        with pytest.raises(VideoNotReadyError) as caught:
            ask(kind, "ensure", "s", options={"wait": 0.2}, api_key=KEY, base_url=server.url)
        assert 0.2 <= caught.value.waited < 5


# The resident size of a process that does nothing else: ten times as many lookups must not make it larger.
_GROWTH = """
import sys
from pathlib import Path
import anyio
from scripts.soak import KEY
from aikynetix import Aikynetix, AikynetixError, AsyncAikynetix

kind, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])

def resident():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line)

def sync():
    with Aikynetix(KEY, base_url=url) as client:
        for number in range(count):
            try:
                client.analyzed_videos.get("100" if number % 10 else "missing")
            except AikynetixError:
                pass
            if number == count // 3:
                before = resident()
    return before

async def patiently():
    async with AsyncAikynetix(KEY, base_url=url) as client:
        for number in range(count):
            try:
                await client.analyzed_videos.get("100" if number % 10 else "missing")
            except AikynetixError:
                pass
            if number == count // 3:
                before = resident()
    return before

before = sync() if kind == "sync" else anyio.run(patiently)
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the resident size is read from /proc")
@pytest.mark.parametrize("kind", CLIENTS)
def test_thousands_of_lookups_make_a_process_no_larger(server: FaultServer, kind: str) -> None:
    """Of 3,000 lookups, one in ten of them an error, the last two thirds take under half a MiB."""
    server.forget()
    command = [sys.executable, "-c", _GROWTH, kind, server.url, "3000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 512  # KiB


@pytest.mark.parametrize("wait", [0, 60])
@pytest.mark.parametrize("kind", KINDS)
def test_a_download_is_cancelled_while_the_api_says_nothing(kind: str, wait: float, tmp_path: Path) -> None:
    """The event ends the call within a second, also before there is a URL, and the error says so for code."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url, cancel, began = f"http://127.0.0.1:{silent.getsockname()[1]}", threading.Event(), time.monotonic()
        threading.Timer(0.2, cancel.set).start()
        options = {"cancel": cancel, "wait": wait}
        with pytest.raises(DownloadInterruptedError) as caught:
            ask(kind, "download", "s", tmp_path / "v.mp4", options=options, api_key=KEY, base_url=url)
    assert caught.value.reason == "cancelled"
    assert time.monotonic() - began < 5
    assert list(tmp_path.iterdir()) == []
