"""Where the sessions of an export are worked on: threads of this process, or any executor."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from .. import _download
from .._errors import AikynetixError
from ._job import pause

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from concurrent.futures import Executor

    from .._config import Settings
    from ._job import Errand, Job, Outcome

T = TypeVar("T")


# A lookup waits for the API, a download for disk and wire; while some sessions do the one, a few more can do the other.
_MOST_AHEAD = 12
_POLL = 0.1


class Backend(ABC):
    """Takes jobs and gives futures of their outcomes; None as the outcome of one that was stopped.

    Attributes:
        window: How many jobs to give it at a time.
    """

    window: int

    @abstractmethod
    def submit(self, job: Job) -> Future[Outcome | None]:
        """Begin a job as soon as a worker is free.

        Raises:
            BrokenExecutor: No worker ever will be.
        """

    @abstractmethod
    def hold(self, until: float) -> None:
        """Keep lookups that have not begun from beginning before a time on the clock of ``time.monotonic``."""

    @abstractmethod
    def stop(self) -> None:
        """Tell the workers to stop."""

    @abstractmethod
    def close(self) -> None:
        """Give everything up that belongs to the export."""


class Threads:
    """Daemon threads, started as they are needed.

    `ThreadPoolExecutor` makes the interpreter wait for its threads at exit; a download may rather be cut off, because
    whatever has arrived is kept.

    Args:
        most: How many threads, 1 and up.
        name: Part of the threads' names.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._tasks: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []
        self._started = 0

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Run ``task`` in a thread."""
        future: Future[T] = Future()
        self._tasks.put((future, task))
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._most:
            self._start_one()
        return future

    def close(self) -> None:
        """Let every thread end when it has finished what it is doing; what none has begun is left undone."""
        self._keep(0)

    def _start_one(self) -> None:
        thread = threading.Thread(target=self._serve, name=f"{self._name}-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        self._started += 1  # first, because Ctrl-C may come while it starts
        try:
            thread.start()
        except RuntimeError:
            self._threads.pop()
            self._started -= 1
            if not self._threads:
                raise
            # The system gives no more. Half of those that there are do the work, which needs threads of its own.
            self._most = max(1, len(self._threads) // 2)
            self._keep(self._most)

    def _keep(self, count: int) -> None:
        del self._threads[count:]
        for _ in range(self._started):
            self._tasks.put(None)  # whoever gets it looks whether it is still wanted

    def _serve(self) -> None:
        me = threading.current_thread()
        while me in self._threads:
            found = self._tasks.get()
            if found is None:
                continue
            future, task = found
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(task())
                except BaseException as error:
                    future.set_exception(error)
            del found, future, task
            self._idle.release()


class Turnstile:
    """Lets so many lookups through at a time, and none while the API wants none.

    Args:
        most: How many, 1 and up.
    """

    def __init__(self, most: int) -> None:
        self._free = threading.Semaphore(most)
        self._held_until = 0.0

    def hold(self, until: float) -> None:
        """Let nobody through before a time on the clock of ``time.monotonic``."""
        self._held_until = max(self._held_until, until)

    @contextmanager
    def turn(self, cancelled: Callable[[], bool]) -> Generator[None]:
        """Wait for a turn, and keep it for the time of a ``with`` block.

        Raises:
            Cancelled: ``cancelled`` said so while waiting.
        """
        while not self._free.acquire(timeout=_POLL):
            if cancelled():
                raise _download.Cancelled
        try:
            pause(self._held_until - time.monotonic(), cancelled)
            yield
        finally:
            self._free.release()


class ThreadBackend(Backend):
    """Workers in this process.

    Args:
        begin: Returns what does a job; it is given the turnstile for lookups and a function that says whether to stop.
        concurrency: How many lookups at a time.
    """

    def __init__(
        self, begin: Callable[[Turnstile, Callable[[], bool]], Callable[[Job], Outcome]], concurrency: int
    ) -> None:
        self.window = concurrency + min(_MOST_AHEAD, concurrency * 3 // 4)
        self._threads = Threads(self.window, "aikynetix-export")
        self._turnstile = Turnstile(concurrency)
        self._stopped = threading.Event()
        self._maker = self._reader = threading.current_thread()
        self._run = begin(self._turnstile, self._is_cancelled)

    def hold(self, until: float) -> None:
        self._turnstile.hold(until)

    def submit(self, job: Job) -> Future[Outcome | None]:
        self._reader = threading.current_thread()
        try:
            return self._threads.submit(lambda: self._do(job))
        except RuntimeError:
            text = "the system starts no thread for the export; Python 3.12 does not once the main one has ended"
        raise AikynetixError(text)

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._threads.close()

    def _do(self, job: Job) -> Outcome | None:
        try:
            return None if self._is_cancelled() else self._run(job)
        except _download.Cancelled:
            return None

    def _is_cancelled(self) -> bool:
        # At the interpreter's exit the main thread is over before the others are asked to end; it waits for a thread
        # of the caller's that is still at its export.
        waiting = threading.main_thread(), self._maker, self._reader
        return self._stopped.is_set() or not any(thread.is_alive() for thread in waiting)


def backend_of(
    executor: Executor | None, threads: Callable[[], Backend], settings: Settings, errand: Errand, concurrency: int
) -> Backend:
    """Return where an export works: on its executor, or in ``threads`` of this process."""
    if executor is None:
        return threads()
    from ._executor import ExecutorBackend

    return ExecutorBackend(executor, settings, errand, concurrency)
