"""One client under load, cancelled, closed, and through a day: every answer right, nothing left over."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from aikynetix_api.api.analyzed_videos import get_analyzed_video

from aikynetix import Aikynetix, AikynetixError, AsyncAikynetix, SignedUrlExpiredError, VideoNotReadyError
from aikynetix.sandbox import Sandbox
from scripts.soak import KEY, Lottery, open_files, with_tasks, with_threads
from tests.faults.scenario import raw, response
from tests.faults.server import FaultServer, Keep, Script, Stall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LOOKUPS = 1_500


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


def assert_right(verdicts: Counter[str]) -> None:
    assert verdicts.total() == LOOKUPS
    assert set(verdicts) == {"found", "NotFoundError", "APIResponseValidationError"}


def test_64_threads_share_a_client(server: FaultServer) -> None:
    """One in twenty lookups is disturbed; each ends as it must, and no connection or thread is left over."""
    server.forget()
    files, threads = open_files(), threading.active_count()
    assert_right(with_threads(server.url, LOOKUPS))
    assert_settled(open_files, files)
    assert_settled(threading.active_count, threads)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_1000_tasks_share_a_client(server: FaultServer, backend: str) -> None:
    """The same for tasks, on both event loops."""
    server.forget()
    files, threads = open_files(), threading.active_count()
    assert_right(anyio.run(with_tasks, server.url, LOOKUPS, backend=backend))
    assert_settled(open_files, files)
    assert_settled(threading.active_count, threads)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
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


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("name", ["never", "stalls"])
def test_a_cancelled_download_ends_at_once(name: str, backend: str, tmp_path: Path) -> None:
    """Also while it polls for a video that is not there yet, or waits for an answer, in its worker thread."""
    pending = response(status=202), Keep()
    scripts = {"never": Script((response(status=404), Keep()), pending), "stalls": raw(Stall())}
    threads = threading.active_count()

    async def main(url: str) -> float:
        async with AsyncAikynetix(KEY, base_url=url) as client:
            with anyio.move_on_after(0.3):
                await client.analyzed_videos.download(name, tmp_path / "v.mp4", wait=300)
            began = time.monotonic()
        return time.monotonic() - began

    with FaultServer(scripts) as server:
        began = time.monotonic()
        anyio.run(main, server.url, backend=backend)
        assert time.monotonic() - began < 5
        assert list(tmp_path.iterdir()) == []
    assert threading.active_count() <= threads + 1  # anyio keeps its worker for a while


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
    """Threads that are in the middle of a call get a result or one of our exceptions, and nobody hangs."""
    client, outcomes = Aikynetix(KEY, base_url=server.url, max_retries=0), Counter[str]()

    def look() -> None:
        for _ in range(200):
            try:
                client.analyzed_videos.get("100")
            except AikynetixError:
                outcomes["ours"] += 1
                return
            except BaseException as error:
                outcomes[repr(error)] += 1
                return

    threads = [threading.Thread(target=look) for _ in range(16)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    client.close()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    assert set(outcomes) <= {"ours"}


class Day:
    """A clock that is moved by hand, an API behind a transport that lives by it, and tokens that last an hour."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 28, tzinfo=UTC)
        self.renewals = 0

    def token(self) -> str:
        self.renewals += 1
        return self._valid()

    def _valid(self) -> str:
        return f"token-of-hour-{self.now:%d-%H}"

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] != f"Bearer {self._valid()}":
            return httpx.Response(401, json={"error": "the token has expired"})
        url = f"https://h/v.mp4?X-Goog-Date={self.now:%Y%m%dT%H%M%SZ}&X-Goog-Expires=900&X-Goog-Signature=00"
        return httpx.Response(200, json={"analyzed_video_url": url})


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_day_of_expiring_tokens_and_urls(kind: str) -> None:
    """A lookup every ten minutes for a day, with a clock that jumps: a renewal an hour, URLs that know their end."""
    day = Day()
    steps = [timedelta(minutes=10)] * 144 + [timedelta(hours=-3), timedelta(days=2), timedelta(seconds=1)]
    transport = httpx.MockTransport(day.answer)
    patient = AsyncAikynetix(token=day.token, transport=transport)

    async def aget() -> Any:
        return await patient.analyzed_videos.get("s")

    with Aikynetix(token=day.token, transport=transport) as client, asyncio.Runner() as runner:
        for step in steps:
            video = client.analyzed_videos.get("s") if kind == "sync" else runner.run(aget())
            assert video.expires_at == day.now + timedelta(minutes=15)
            assert not video.is_expired(day.now + timedelta(minutes=14))
            assert video.is_expired(day.now + timedelta(minutes=15))
            day.now += step
    assert day.renewals == 24 + 3


def test_threads_refused_at_once_renew_a_token_once() -> None:
    """32 threads with an expired token ask the callable one time between them; so do 200 tasks."""
    day = Day()

    def answer_late(request: httpx.Request) -> httpx.Response:
        time.sleep(0.01)
        return day.answer(request)

    async def answer_async(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(0.01)
        return day.answer(request)

    with Aikynetix(token=day.token, transport=httpx.MockTransport(answer_late)) as client:
        client.analyzed_videos.get("s")
        day.now += timedelta(hours=1)
        threads = [threading.Thread(target=client.analyzed_videos.get, args=("s",)) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert day.renewals == 2

    async def token() -> str:
        await anyio.sleep(0.01)
        return day.token()

    async def main() -> None:
        patient = AsyncAikynetix(token=token, transport=httpx.MockTransport(answer_async))
        async with patient, anyio.create_task_group() as group:
            for _ in range(200):
                group.start_soon(patient.analyzed_videos.get, "s")

    day.renewals = 0
    anyio.run(main)
    assert day.renewals == 1


def client_of(sandbox: Sandbox) -> Aikynetix:
    return Aikynetix(sandbox.api_key, base_url=sandbox.base_url)


def test_a_restarted_server_is_found_again() -> None:
    """Connections that a restart closed are not used, or the lookup is made again: no call fails."""
    with Sandbox() as first, Aikynetix(first.api_key, base_url=first.base_url) as client:
        name, port = first.sessions["jump"], int(first.base_url.rpartition(":")[2])
        for _ in range(3):
            assert client.analyzed_videos.get(name).session_id == name
            first.stop()
            first._ports = (port, 0)
            first.start()


def test_a_url_that_expires_before_its_use_is_signed_again(tmp_path: Path) -> None:
    """The storage's clock is past the URL's end once: a fresh URL helps. When it always is, the error says so."""
    hours = iter([0, 2, 2, 2, 2, 2, 2, 2, 2, 2])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    with Sandbox(clock=lambda: begin + timedelta(hours=next(hours, 2))) as sandbox, client_of(sandbox) as client:
        done = client.analyzed_videos.download(sandbox.sessions["jump"], tmp_path / "v.mp4")
    assert done.size == len(sandbox.video)
    ticks = iter(range(0, 10_000, 2))
    with (
        Sandbox(clock=lambda: begin + timedelta(hours=next(ticks))) as sandbox,
        client_of(sandbox) as client,
        pytest.raises(SignedUrlExpiredError),
    ):
        client.analyzed_videos.download(sandbox.sessions["jump"], tmp_path / "w.mp4")
    assert not (tmp_path / "w.mp4").exists()


def test_a_wait_that_runs_out_is_told() -> None:
    """Ensure stops when its time is over, although the API goes on promising."""
    pending = response(status=202), Keep()
    with FaultServer({"s": Script(pending)}) as server, Aikynetix(KEY, base_url=server.url) as client:
        with pytest.raises(VideoNotReadyError) as caught:
            client.analyzed_videos.ensure("s", wait=0.2)
        assert 0.2 <= caught.value.waited < 5
