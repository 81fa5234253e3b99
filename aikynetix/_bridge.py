"""From a worker thread back into the event loop, on asyncio and on trio alike."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

T = TypeVar("T")

Await = Callable[[Callable[[], Awaitable[T]]], T]

_LOOK_EVERY = 0.005


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


class Lookup(Generic[T]):
    """A coroutine function that a worker thread may run in this event loop, until it is cancelled here.

    Args:
        function: What to run.
        stopped: The exception that ends the worker when the lookup is cancelled.
    """

    def __init__(self, function: Callable[[], Awaitable[T]], stopped: type[BaseException]) -> None:
        self._function, self._stopped = function, stopped
        self._in_loop: Callable[[Callable[[], Awaitable[list[T]]]], list[T]] = loop_caller()
        self._scope: anyio.CancelScope | None = None
        self._is_cancelled = False

    def __call__(self) -> T:
        """Return what the function does in the loop; called from a worker thread."""
        try:
            found = self._in_loop(self._scoped)
        except RuntimeError:  # the loop is closed: nobody is left to tell
            raise self._stopped from None
        if not found:
            raise self._stopped
        return found[0]

    async def _scoped(self) -> list[T]:
        found: list[T] = []
        with anyio.CancelScope() as self._scope:
            if not self._is_cancelled:
                found.append(await self._function())
        return found

    def cancel(self) -> None:
        """End the lookup, and every later one; called in the loop."""
        self._is_cancelled = True
        if self._scope is not None:
            self._scope.cancel()


async def in_thread(work: Callable[[Callable[[], bool]], T], on_stop: Callable[[], object] = lambda: None) -> T:
    """Run blocking ``work`` in a worker thread; on cancellation tell it to stop, and wait until it has.

    Args:
        work: Gets a function that says whether it is to stop.
        on_stop: Called in the loop when it is over or to stop, for what the thread may be waiting for.
    """
    stop, started, ended = threading.Event(), threading.Event(), threading.Event()
    turn = threading.Lock()
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        with turn:
            if stop.is_set():
                return
            started.set()
        try:
            done.append(work(stop.is_set))
        except BaseException as error:
            failed.append(error)
        finally:
            ended.set()

    def end() -> None:
        with turn:
            stop.set()
        on_stop()

    async def watch() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            end()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        try:
            await anyio.to_thread.run_sync(run)  # not abandoned: what it writes must be at rest when this returns
        except BaseException:
            # The cancel() of an asyncio task passes every shield, and leaves the thread alone.
            end()
            with anyio.CancelScope(shield=True):
                while started.is_set() and not ended.is_set():  # noqa: ASYNC110 - a thread sets it, not the loop
                    await anyio.sleep(_LOOK_EVERY)
            raise
        await (
            anyio.lowlevel.checkpoint_if_cancelled()
        )  # asyncio's shield may end without the cancellation having struck
        group.cancel_scope.cancel()
    if failed:
        raise failed[0]
    return done[0]
