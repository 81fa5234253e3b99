"""From a worker thread back into the event loop, on asyncio and on trio alike."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

from ._event_loop import is_asyncio

T = TypeVar("T")

Await = Callable[[Callable[[], Awaitable[T]]], T]

_LOOK_EVERY = 0.005


def loop_caller() -> Callable[[Callable[[], Awaitable[T]]], T]:
    """Return a function by which any thread runs a coroutine function in the loop that is running now.

    It needs no task group around it, so that it also serves inside an asynchronous generator.
    """
    if not is_asyncio():
        return _trio_caller()
    loop = asyncio.get_running_loop()

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


class _Blocking(Generic[T]):
    """Blocking work: done once, and not begun any more once it was told to stop.

    Args:
        work: Gets a function that says whether it is to stop.
    """

    def __init__(self, work: Callable[[Callable[[], bool]], T]) -> None:
        self._work = work
        self._turn = threading.Lock()
        self._stop, self._ended = threading.Event(), threading.Event()
        self._is_begun = False
        self._done: list[T] = []
        self._failed: list[BaseException] = []

    @property
    def is_under_way(self) -> bool:
        """Whether it has begun and not ended."""
        return self._is_begun and not self._ended.is_set()

    def run(self) -> None:
        """Do the work and keep what came of it."""
        with self._turn:
            if self._stop.is_set():
                return
            self._is_begun = True
        try:
            self._done.append(self._work(self._stop.is_set))
        except BaseException as error:
            self._failed.append(error)
        finally:
            self._ended.set()

    def stop(self) -> None:
        """Tell the work to stop."""
        with self._turn:
            self._stop.set()

    def result(self) -> T:
        """Return what the work returned, or raise what it raised."""
        if self._failed:
            raise self._failed[0]
        return self._done[0]


async def in_thread(work: Callable[[Callable[[], bool]], T], on_stop: Callable[[], object] = lambda: None) -> T:
    """Run blocking ``work`` in a worker thread; on cancellation tell it to stop, and wait until it has.

    Args:
        work: Gets a function that says whether it is to stop.
        on_stop: Called in the loop when it is over or to stop, for what the thread may be waiting for.
    """
    blocking = _Blocking(work)

    def stop() -> None:
        blocking.stop()
        on_stop()

    async def watch() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            stop()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        try:
            await anyio.to_thread.run_sync(blocking.run)  # not abandoned: what it writes must be at rest in the end
        except BaseException:
            # The cancel() of an asyncio task passes every shield, and leaves the thread alone.
            stop()
            with anyio.CancelScope(shield=True):
                while blocking.is_under_way:  # noqa: ASYNC110 - a thread ends it, not the loop
                    await anyio.sleep(_LOOK_EVERY)
            raise
        # asyncio's shield may end without the cancellation having struck.
        await anyio.lowlevel.checkpoint_if_cancelled()
        group.cancel_scope.cancel()
    return blocking.result()
