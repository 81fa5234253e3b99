"""One client under load, cancelled and closed: every response right, nothing left over, no growth."""

from __future__ import annotations

import asyncio
import gc
import random
import socket
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from aikynetix_api.api.analyzed_videos import get_analyzed_video

from aikynetix import Aikynetix, AikynetixError, AsyncAikynetix, DownloadInterruptedError
from scripts.soak import KEY, Lottery, open_files, with_tasks, with_threads
from tests.contract.callers import KINDS, ask
from tests.faults.server import FaultServer

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

    async def main() -> None:
        patient = AsyncAikynetix(KEY)
        await patient.aclose()
        await patient.close()
        await _USES[use](patient, tmp_path)

    for call in (lambda: _USES[use](client, tmp_path), lambda: asyncio.run(main())):
        with pytest.raises(AikynetixError, match="this client has been closed"):
            call()


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


@pytest.mark.parametrize(("scheme", "wait"), [("http", 0), ("http", 60), ("https", 0)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_download_is_cancelled_while_the_api_says_nothing(
    kind: str, scheme: str, wait: float, tmp_path: Path
) -> None:
    """The event ends the call soon, before there is a URL or a handshake too, and the error says so for code."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url, cancel, began = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}", threading.Event(), time.monotonic()
        threading.Timer(0.2, cancel.set).start()
        options = {"cancel": cancel, "wait": wait}
        with pytest.raises(DownloadInterruptedError) as caught:
            ask(kind, "download", "s", tmp_path / "v.mp4", options=options, api_key=KEY, base_url=url)
    assert caught.value.reason == "cancelled"
    assert time.monotonic() - began < 5
    assert list(tmp_path.iterdir()) == []
