"""From a worker thread back into the event loop, on asyncio and on trio alike."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import anyio.to_thread

T = TypeVar("T")

Await = Callable[[Callable[[], Awaitable[T]]], T]


def loop_caller() -> Callable[[Callable[[], Awaitable[T]]], T]:
    """Return a function by which any thread runs a coroutine function in the loop that is running now.

    It needs no task group around it, so that it also serves inside an asynchronous generator.
    """
    try:
        import asyncio

        loop = asyncio.get_running_loop()
    except RuntimeError:
        return _trio_caller()

    def call(function: Callable[[], Awaitable[T]]) -> T:
        async def run() -> T:
            return await function()

        return asyncio.run_coroutine_threadsafe(run(), loop).result()

    return call


def _trio_caller() -> Callable[[Callable[[], Awaitable[T]]], T]:
    import trio

    token = trio.lowlevel.current_trio_token()

    def call(function: Callable[[], Awaitable[T]]) -> T:
        return trio.from_thread.run(function, trio_token=token)

    return call


async def in_thread(work: Callable[[Callable[[], bool]], T]) -> T:
    """Run blocking ``work`` in a worker thread; on cancellation tell it to stop, and wait until it has.

    Args:
        work: Gets a function that says whether it is to stop.
    """
    stop = threading.Event()
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work(stop.is_set))
        except BaseException as error:
            failed.append(error)

    async def watch() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            stop.set()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        await anyio.to_thread.run_sync(run)  # not abandoned: what it writes must be at rest when this returns
        group.cancel_scope.cancel()
    if failed:
        raise failed[0]
    return done[0]
