"""Where the sessions of an export are worked on: threads of this process, or any executor."""

from __future__ import annotations

import threading
import uuid
from abc import ABC, abstractmethod
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from .. import _download
from . import _worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from .._config import Settings
    from ._job import Errand, Job, Outcome

T = TypeVar("T")


class Backend(ABC):
    """Takes jobs and gives futures of their outcomes; None as the outcome of one that was stopped."""

    @abstractmethod
    def submit(self, job: Job) -> Future[Outcome | None]:
        """Begin a job as soon as a worker is free.

        Raises:
            BrokenExecutor: No worker ever will be.
        """

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

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Run ``task`` in a thread."""
        future: Future[T] = Future()
        self._tasks.put((future, task))
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._most:
            thread = threading.Thread(target=self._serve, name=f"{self._name}-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def close(self) -> None:
        """Let every thread end when it has finished what it is doing."""
        for _ in self._threads:
            self._tasks.put(None)

    def _serve(self) -> None:
        while True:
            found = self._tasks.get()
            if found is None:
                return
            future, task = found
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(task())
                except BaseException as error:
                    future.set_exception(error)
            del found, future, task
            self._idle.release()


class ThreadBackend(Backend):
    """Workers in this process.

    Args:
        run: Does a job; it is given a function that says whether to stop.
        concurrency: How many jobs at a time.
    """

    def __init__(self, run: Callable[[Job, Callable[[], bool]], Outcome], concurrency: int) -> None:
        self._run = run
        self._threads = Threads(concurrency, "aikynetix-export")
        self._stopped = threading.Event()

    def submit(self, job: Job) -> Future[Outcome | None]:
        return self._threads.submit(lambda: self._do(job))

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._threads.close()

    def _do(self, job: Job) -> Outcome | None:
        try:
            return None if self._is_cancelled() else self._run(job, self._is_cancelled)
        except _download.Cancelled:
            return None

    def _is_cancelled(self) -> bool:
        # At the interpreter's exit the main thread is over before the others are asked to end.
        return self._stopped.is_set() or not threading.main_thread().is_alive()


class ExecutorBackend(Backend):
    """Workers of an executor, in other processes or on other machines.

    Args:
        executor: Left open at the end.
        settings: The client's.
        errand: What is the same for all jobs.
    """

    def __init__(self, executor: Executor, settings: Settings, errand: Errand) -> None:
        self._executor = executor
        self._run_id = uuid.uuid4().hex
        self._settings = _worker.settings_for_workers(settings, self._run_id)
        self._errand = errand

    def submit(self, job: Job) -> Future[Outcome | None]:
        return self._executor.submit(_worker.work, self._settings, job, self._errand)

    def stop(self) -> None:
        _worker.stop(self._run_id)

    def close(self) -> None:
        _worker.forget(self._run_id)
