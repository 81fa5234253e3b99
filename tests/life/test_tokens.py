"""Tokens that a callable gives: how often it is asked, by whom, and what comes of one that fails."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from aikynetix import (
    Aikynetix,
    AikynetixError,
    APIConnectionError,
    APITimeoutError,
    AsyncAikynetix,
    ConfigurationError,
)
from tests.contract.callers import CLIENTS, KINDS, ask, in_a_row
from tests.faults.scenario import FOUND
from tests.faults.server import FaultServer, Keep, Script

if TYPE_CHECKING:
    from collections.abc import Callable

NOWHERE = "http://127.0.0.1:9"


class Hours:
    """An API behind a transport, and tokens of an hour: the clock is moved by hand."""

    def __init__(self) -> None:
        self.hour, self.renewals = 0, 0

    def token(self) -> str:
        self.renewals += 1
        return f"token-of-hour-{self.hour}"

    def answer(self, request: httpx.Request) -> httpx.Response:
        is_valid = request.headers["authorization"] == f"Bearer token-of-hour-{self.hour}"
        return httpx.Response(200 if is_valid else 401, json={"analyzed_video_url": "https://h/v.mp4"})


def test_threads_refused_at_once_renew_a_token_once() -> None:
    """32 threads with an expired token ask the callable one time between them."""
    hours = Hours()

    def answer_late(request: httpx.Request) -> httpx.Response:
        time.sleep(0.01)
        return hours.answer(request)

    with Aikynetix(token=hours.token, transport=httpx.MockTransport(answer_late)) as client:
        for _ in range(2):
            threads = [threading.Thread(target=client.analyzed_videos.get, args=("s",)) for _ in range(32)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            hours.hour += 1
    assert hours.renewals == 2


def test_tasks_on_one_event_loop_after_another_renew_a_token_once_each_time() -> None:
    """Fifty tasks at once on asyncio, trio and asyncio again: of each fifty, one asks, an hour later."""
    hours = Hours()

    async def token() -> str:
        await anyio.sleep(0.01)
        return hours.token()

    client = AsyncAikynetix(token=token, transport=httpx.MockTransport(hours.answer))

    async def fifty() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(client.analyzed_videos.get, "s")

    for number, backend in enumerate(("asyncio", "trio", "asyncio"), 1):
        anyio.run(fifty, backend=backend)
        assert hours.renewals == number
        hours.hour += 1


@pytest.mark.parametrize(
    "raised",
    [ConnectionError("no route"), httpx.ConnectError("no route"), ValueError("no route"), KeyError("no route")],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_callable_that_raises_fails_that_call_alone(kind: str, raised: Exception) -> None:
    """An error that may pass, with its exception as the cause; nothing is sent, and the next call asks again."""
    ways = iter([raised, raised])

    def token() -> str:
        for error in ways:
            raise error
        return "token-1234567890"

    with FaultServer({"s": Script((FOUND, Keep()))}) as server:
        settings = {"token": token, "base_url": server.url, "max_retries": 0}
        outcomes = in_a_row(kind, settings, *[lambda videos: videos.get("s")] * 3)
        assert len(server.seen) == 1
    assert outcomes[2].session_id == "s"
    for error in outcomes[:2]:
        assert isinstance(error, APIConnectionError)
        assert not error.is_permanent
        assert "token callable" in str(error)
        assert type(raised).__name__ in str(error)
        links = [error.__cause__, getattr(error.__cause__, "__cause__", None)]
        assert raised in links


@pytest.mark.parametrize("bad", [None, 17, "", "with space", "line\nend"])
@pytest.mark.parametrize("kind", CLIENTS)
def test_a_callable_that_returns_nonsense_is_said_to(kind: str, bad: Any) -> None:
    """The error names the callable, and no request is made."""
    with pytest.raises(AikynetixError, match="callable"):
        ask(kind, "get", "s", token=lambda: bad, base_url=NOWHERE, max_retries=0)


def test_a_coroutine_function_is_for_the_asynchronous_client() -> None:
    """The synchronous client cannot run it, and says so when it is made, or when it sees what the callable returned."""

    async def token() -> str:
        return "token-1234567890"

    with pytest.raises(ConfigurationError, match="AsyncAikynetix"):
        Aikynetix(token=token)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # bad on purpose
    hidden: Callable[[], Any] = lambda: token()  # noqa: E731, PLW0108 -- neither Python nor a type checker sees what it returns
    with pytest.raises(AikynetixError, match="must be a string, not coroutine"):
        ask("sync", "get", "s", token=hidden, base_url=NOWHERE)


def test_a_callable_that_needs_its_own_token_is_said_to() -> None:
    """It would wait for itself for ever."""
    told: list[AikynetixError] = []

    def ask_itself() -> str:
        return client.analyzed_videos.get("s").url

    def run() -> None:
        with pytest.raises(AikynetixError) as caught:
            client.analyzed_videos.get("s")
        told.append(caught.value)

    with Aikynetix(token=ask_itself, base_url=NOWHERE) as client:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(10)
    assert "recursively" in f"{told[0]} {told[0].__cause__} {getattr(told[0].__cause__, '__cause__', '')}"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_token_coroutine_is_held_to_the_time_of_an_attempt(backend: str) -> None:
    """One that takes longer is cancelled, and the call ends as late."""

    async def slow() -> str:
        await anyio.sleep(60)
        return "token-1234567890"

    async def main() -> None:
        async with AsyncAikynetix(token=slow, base_url=NOWHERE, timeout=0.25, max_retries=0) as client:
            began = time.monotonic()
            with pytest.raises(APITimeoutError):
                await client.analyzed_videos.get("s")
            assert time.monotonic() - began < 2

    anyio.run(main, backend=backend)
