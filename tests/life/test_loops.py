"""Time limits and cancellation of asynchronous calls, whatever stands around them and whatever they wait for."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
import trio

from aikynetix import AikynetixError, APITimeoutError, AsyncAikynetix, NotFoundError
from aikynetix.sandbox import Sandbox
from tests.faults.scenario import KEY, answer
from tests.faults.server import FaultServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

_BACKENDS = ("asyncio", "trio")
_NOWHERE = "http://127.0.0.1:9"


async def _stubborn() -> str:
    """A token that is worth more to it than being told to stop, once."""
    try:
        await anyio.sleep(60)
    except BaseException:
        await anyio.sleep(4)
    return "token-1234567890"


@pytest.mark.parametrize("backend", _BACKENDS)
def test_a_token_coroutine_that_does_not_stop_when_told_to_is_told_again(backend: str) -> None:
    """The limit of an attempt holds all the same."""

    async def main() -> None:
        async with AsyncAikynetix(token=_stubborn, base_url=_NOWHERE, timeout=0.25, max_retries=0) as client:
            began = time.monotonic()
            with pytest.raises(APITimeoutError):
                await client.analyzed_videos.get("s")
            assert time.monotonic() - began < 2

    anyio.run(main, backend=backend)


async def _grouped() -> str:
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(60))
    return "token-1234567890"


@pytest.mark.parametrize("later", [0.0, 0.0005, 0.001])
def test_a_scope_that_ends_with_the_call_is_left_as_any_other(later: float) -> None:
    """Limits within and without that are up at the same moment end in one of the two, never in a stray cancellation."""
    limit = 0.05

    async def main() -> None:
        async with AsyncAikynetix(token=_grouped, base_url=_NOWHERE, timeout=limit, max_retries=0) as client:
            for _ in range(12):
                try:
                    with anyio.move_on_after(limit + later):
                        await client.analyzed_videos.get("s")
                except APITimeoutError:
                    pass
                assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]  # inside a task

    asyncio.run(main())


@pytest.mark.parametrize("backend", _BACKENDS)
@pytest.mark.filterwarnings("error")
def test_a_large_error_leaves_nothing_to_the_garbage_collector(backend: str) -> None:
    """Of a body that is larger than what is read, the rest is closed there and then: trio would complain."""

    async def main(url: str) -> None:
        async with AsyncAikynetix(KEY, base_url=url) as client:
            with pytest.raises(NotFoundError):
                await client.analyzed_videos.get("large")

    with FaultServer({"large": answer(b"x" * 300_000, status=404)}) as server:
        anyio.run(main, server.url, backend=backend)
        gc.collect()


def test_trio_may_be_a_guest_of_asyncio(tmp_path: Path) -> None:
    """There is a loop of asyncio then, but it is not the one that the call is in."""

    async def work(sandbox: Sandbox) -> list[object]:
        with trio.fail_after(30):
            async with AsyncAikynetix(sandbox.api_key, base_url=sandbox.base_url) as client:
                await client.analyzed_videos.get("session-jump")
                video = await client.analyzed_videos.download("session-jump", tmp_path / "v.mp4")
                records = [each async for each in client.analyzed_videos.export(["session-jump"], tmp_path / "all")]
                return [video.size, *(each.status for each in records)]

    async def main(sandbox: Sandbox) -> list[object]:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Any] = loop.create_future()
        guest: Callable[[Sandbox], Awaitable[list[object]]] = work
        trio.lowlevel.start_guest_run(
            guest, sandbox, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=ended.set_result
        )
        found: list[object] = (await ended).unwrap()
        return found

    with Sandbox() as sandbox:
        assert asyncio.run(main(sandbox)) == [len(sandbox.video), "done"]


@pytest.mark.parametrize("backend", _BACKENDS)
def test_an_authentication_that_yields_nothing_is_told(backend: str) -> None:
    """Untyped code may do it; what comes of it is an error of ours."""

    class Nothing(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Any:
            yield None

    async def main() -> None:
        async with AsyncAikynetix(auth=Nothing(), base_url=_NOWHERE, max_retries=0) as client:
            with pytest.raises(AikynetixError, match="yielded no request"):
                await client.analyzed_videos.get("s")

    anyio.run(main, backend=backend)
