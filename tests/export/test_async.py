"""An export by the asynchronous client, on asyncio and on trio."""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from aikynetix import AsyncAikynetix

from .servers import API_KEY, SLOW, Service, manifest, reply, workers

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.parametrize("loop", ["asyncio", "trio"])
REPLIES = {"gone": reply(404, {"error": "none"}), "slow": SLOW, "slow2": SLOW}


def client_of(service: Service, **options: Any) -> AsyncAikynetix:
    fields: dict[str, Any] = {"api_key": API_KEY, "timeout": 30.0, "max_retries": 0}
    return AsyncAikynetix(base_url=service.base_url, **fields | options)


def test_the_records_are_those_of_the_synchronous_client(loop: str, folder: Path, service: Service) -> None:
    """Videos, failures and duplicates come out the same, the loop stays free, and a second run finds what is there."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await anyio.sleep(0.01)
            ticks += 1

    async def main() -> list[dict[str, str]]:
        found = []
        async with client_of(service) as client, anyio.create_task_group() as group:
            group.start_soon(tick)
            for _ in range(2):
                records = client.analyzed_videos.export(["a", "b", "gone", "a", ".."], folder, concurrency=2)
                found.append({record.session_id: record.status.value async for record in records})
            group.cancel_scope.cancel()
        return found

    service.latency = 0.1
    service.replies |= REPLIES
    first, second = anyio.run(main, backend=loop)
    assert first == {"a": "done", "b": "done", "gone": "failed", "..": "failed"}
    assert second == first | {"a": "already_there", "b": "already_there"}
    assert sorted(line["session_id"] for line in manifest(folder)) == ["..", "..", "a", "b", "gone", "gone"]
    assert (folder / "index.html").read_text("utf-8").count(".mp4") >= 2
    assert service.seen.most_at_once == 2
    assert ticks >= 8


@pytest.mark.parametrize("way", ["cancelled", "left"])
def test_an_export_that_is_cut_short_ends_promptly(loop: str, way: str, folder: Path, service: Service) -> None:
    """Cancelled, or its loop left: it reaches the lookups under way; what is done is noted, and no thread stays."""

    async def main() -> float:
        async with (
            client_of(service) as client,
            aclosing(client.analyzed_videos.export(["a", "slow", "slow2"], folder, concurrency=3)) as records,
        ):
            began = 0.0
            with anyio.CancelScope() as scope:
                async for record in records:
                    assert record.session_id == "a"
                    began = time.monotonic()
                    if way == "left":
                        break
                    scope.deadline = anyio.current_time() + 0.1
            assert scope.cancelled_caught is (way == "cancelled")
            await records.aclose()
            return time.monotonic() - began

    service.replies |= REPLIES
    assert anyio.run(main, backend=loop) < 2.5
    assert workers() == []
    assert [line["session_id"] for line in manifest(folder)] == ["a"]
