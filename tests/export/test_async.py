"""An export by the asynchronous client, on asyncio and on trio."""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from aikynetix import AsyncAikynetix

from .conftest import manifest, workers
from .servers import API_KEY, Reply, Service

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

pytestmark = pytest.mark.parametrize("loop", ["asyncio", "trio"])


def run(loop: str, main: Callable[[], Awaitable[Any]]) -> Any:
    return anyio.run(main, backend=loop)


def client_of(service: Service, **options: Any) -> AsyncAikynetix:
    fields: dict[str, Any] = {"api_key": API_KEY, "timeout": 5.0, "max_retries": 0}
    return AsyncAikynetix(base_url=service.base_url, **fields | options)


def test_the_records_are_those_of_the_synchronous_client(loop: str, folder: Path) -> None:
    """Videos, failures and duplicates come out the same, and a second run finds what is there."""
    gone = Reply(404, {"error": "none"})

    async def main() -> list[dict[str, str]]:
        found = []
        async with client_of(service) as client:
            for _ in range(2):
                records = client.analyzed_videos.export(["a", "b", "gone", "a", ".."], folder, concurrency=2)
                found.append({record.session_id: record.status.value async for record in records})
        return found

    with Service(behave=lambda session_id, _: gone if session_id == "gone" else None) as service:
        first, second = run(loop, main)
    assert first == {"a": "done", "b": "done", "gone": "failed", "..": "failed"}
    assert second == first | {"a": "already_there", "b": "already_there"}
    assert sorted(line["session_id"] for line in manifest(folder)) == ["..", "..", "a", "b", "gone", "gone"]
    assert (folder / "index.html").read_text("utf-8").count(".mp4") >= 2


def test_the_loop_stays_free_and_the_lookups_use_the_clients_own_pool(loop: str, folder: Path) -> None:
    """Nothing of an export blocks the event loop, and no second pool towards the API is opened."""
    ticks = 0

    async def main() -> None:
        nonlocal ticks

        async def tick() -> None:
            nonlocal ticks
            while True:
                await anyio.sleep(0.01)
                ticks += 1

        async with client_of(service) as client, anyio.create_task_group() as group:
            group.start_soon(tick)
            async for _ in client.analyzed_videos.export([f"s{n}" for n in range(8)], folder, concurrency=4):
                pass
            group.cancel_scope.cancel()

    with Service(latency=0.1) as service:
        run(loop, main)
    assert service.seen.most_at_once == 4
    assert ticks >= 8


def test_a_cancelled_export_ends_promptly(loop: str, folder: Path) -> None:
    """Cancellation reaches the lookups that are under way; what is done is noted, and no thread stays."""

    async def main() -> float:
        async with client_of(service, timeout=30.0) as client:
            began = 0.0
            with anyio.CancelScope() as scope:
                async for record in client.analyzed_videos.export(["a", "slow", "slow2"], folder, concurrency=3):
                    assert record.session_id == "a"
                    began = time.monotonic()
                    scope.deadline = anyio.current_time() + 0.1
            assert scope.cancelled_caught
            return time.monotonic() - began

    with Service(behave=lambda id_, _: Reply(delay=20.0) if id_.startswith("slow") else None) as service:
        assert run(loop, main) < 2.0
    assert workers() == []
    assert [line["session_id"] for line in manifest(folder)] == ["a"]


def test_leaving_the_loop_early_stops_the_workers(loop: str, folder: Path) -> None:
    """A generator that is closed tells its workers, and its lookups end with it."""

    async def main() -> None:
        async with client_of(service, timeout=30.0) as client:
            ids = ["a", *(f"slow{n}" for n in range(20))]
            async with aclosing(client.analyzed_videos.export(ids, folder, concurrency=4)) as records:
                async for _ in records:
                    break

    with Service(behave=lambda id_, _: Reply(delay=20.0) if id_.startswith("slow") else None) as service:
        began = time.monotonic()
        run(loop, main)
        assert time.monotonic() - began < 3
    assert workers() == []
    assert len(service.seen.lookups) <= 5


def test_what_the_call_itself_says(loop: str, folder: Path) -> None:
    """As for the synchronous client: a wrong argument is refused, and an export that nobody iterates is warned of."""

    async def main() -> None:
        async with client_of(service) as client:
            with pytest.raises(ValueError, match="concurrency"):
                client.analyzed_videos.export(list("a"), folder, concurrency=0)
            with pytest.warns(RuntimeWarning, match="dropped before it began"):
                client.analyzed_videos.export(list("a"), folder)

    with Service() as service:
        run(loop, main)
    assert not folder.exists()
