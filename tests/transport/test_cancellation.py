"""A request that is cancelled at any point leaves the pool as it was."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from .servers import Connection, Server
from .wires import Wire, body_of

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 4


def slow_echo(connection: Connection) -> None:
    """Answer in small pieces, so that a cancellation can strike everywhere."""
    while head := connection.request():
        path = head.split(b" ", 2)[1]
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path)
        for start in range(0, len(answer), 16):
            connection.send(answer[start : start + 16])
            time.sleep(0.001)


@pytest.mark.parametrize("seed", range(3))
def test_cancelled_requests_leave_the_pool_whole(run_async: Callable[..., None], seed: int) -> None:
    """After 60 requests cut short at random moments every connection can be used, and gives true answers."""
    draw = random.Random(seed)

    async def scenario(wire: Wire) -> None:
        async def cut_short(number: int, after: float) -> None:
            with anyio.move_on_after(after):
                assert await wire.get(f"{server.url}/cut/{number}") == b"/cut/%d" % number

        async with anyio.create_task_group() as group:
            for number in range(60):
                group.start_soon(cut_short, number, draw.choice([0.0, draw.random() * 0.01, draw.random() * 0.05]))

        held = [await wire.open(f"{server.url}/held/{number}", pool=1.0) for number in range(SIZE)]
        with pytest.raises(httpx.PoolTimeout):
            await wire.open(server.url, pool=0.02)
        for number, response in enumerate(held):
            assert await body_of(response) == b"/held/%d" % number

    with Server(slow_echo) as server:
        run_async(scenario, size=SIZE)


def test_a_cancelled_wait_passes_its_turn_on(run_async: Callable[..., None]) -> None:
    """When the one who waits first gives up, the next one gets the connection."""

    async def scenario(wire: Wire) -> None:
        first = await wire.open(f"{server.url}/first")
        answers: list[bytes] = []

        async def wait_for(name: str) -> None:
            answers.append(await wire.get(f"{server.url}/{name}"))

        async with anyio.create_task_group() as group:
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as doomed:
                    doomed.start_soon(wait_for, "doomed")
                    await anyio.sleep(0.01)
                    group.start_soon(wait_for, "patient")
                    await anyio.sleep(0.01)
                    scope.cancel()
            await body_of(first)
        assert answers == [b"/patient"]

    with Server(slow_echo) as server:
        run_async(scenario, size=1)


def test_a_turn_that_comes_together_with_the_cancellation_is_not_lost(run_async: Callable[..., None]) -> None:
    """A task that is cancelled in the moment in which it gets the connection passes it on."""

    async def scenario(wire: Wire) -> None:
        scope = anyio.CancelScope()

        async def doomed() -> None:
            with scope:
                await wire.get(f"{server.url}/doomed")

        first = await wire.open(f"{server.url}/first")
        async with anyio.create_task_group() as group:
            group.start_soon(doomed)
            await anyio.sleep(0.01)
            await body_of(first)  # its end wakes the one who waits
            scope.cancel()  # before that one has run
        assert await wire.get(f"{server.url}/next", pool=1.0) == b"/next"

    with Server(slow_echo) as server:
        run_async(scenario, size=1)
