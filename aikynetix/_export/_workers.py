"""Where the sessions of an export are worked on: threads, an event loop, or any executor.

Each kind is given the arguments of a `download` (`submit`), and gives a future of the record or the error. `stop` tells
what is under way to end, and `close` gives up what belongs to the export.
"""

from __future__ import annotations

import pickle
import threading
import uuid
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from .._errors import AikynetixError, ConfigurationError, DownloadError
from ._record import ExportRecord, ExportStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from concurrent.futures import Executor

    import anyio

    from .. import Aikynetix, AsyncAikynetix
    from .._models import DownloadedVideo

    Request = Mapping[str, Any]
    Outcome = ExportRecord | Exception
    Factory = Callable[..., Aikynetix]


class Stop(threading.Event):
    """An event that is also set once the main thread has ended, because the interpreter then waits for the workers.

    Args:
        file: A file whose being there sets the event too, for processes that share nothing else.
    """

    def __init__(self, file: Path | None = None) -> None:
        super().__init__()
        self._file = file

    def is_set(self) -> bool:
        """Return whether to stop."""
        is_over = super().is_set() or not threading.main_thread().is_alive()
        return is_over or (self._file is not None and self._file.exists())


class Threads:
    """Threads of this process, by the synchronous client."""

    def __init__(self, client: Aikynetix, concurrency: int) -> None:
        self._download = client.analyzed_videos.download
        self._stop = Stop()
        self._pool = ThreadPoolExecutor(concurrency, "aikynetix-export")

    def submit(self, request: Request) -> Future[Outcome]:
        return self._pool.submit(partial(self._work, request))

    def _work(self, request: Request) -> Outcome:
        return record_of(self._download(**request, cancel=self._stop))

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class Tasks:
    """Tasks of the event loop in which the records are asked for, by the asynchronous client."""

    def __init__(self, client: AsyncAikynetix) -> None:
        self._download = client.analyzed_videos.download
        self._scopes: set[anyio.CancelScope] = set()
        self._tasks: set[object] = set()
        self._stop = Stop()

    def submit(self, request: Request) -> Future[Outcome]:
        import anyio.from_thread

        future: Future[Outcome] = Future()
        anyio.from_thread.run_sync(self._begin, partial(self._work, request, future))
        return future

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        """Do nothing: the loop is the caller's."""

    def cancel(self) -> None:
        """End every task; called in the loop."""
        self._stop.set()
        for scope in list(self._scopes):
            scope.cancel()

    def _begin(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin a task; not in a task group, because an asynchronous generator may not yield inside one."""
        import asyncio

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            import trio

            trio.lowlevel.spawn_system_task(work)
        else:
            task = asyncio.ensure_future(work())
            self._tasks.add(task)  # the loop itself holds it weakly
            task.add_done_callback(self._tasks.discard)

    async def _work(self, request: Request, future: Future[Outcome]) -> None:
        import anyio.to_thread

        future.set_running_or_notify_cancel()
        scope = anyio.CancelScope()
        self._scopes.add(scope)
        try:
            with scope:
                video = await self._download(**request, cancel=self._stop)
                future.set_result(await anyio.to_thread.run_sync(record_of, video))  # the SHA-256 takes its time
        except Exception as error:
            future.set_exception(error)
        finally:
            self._scopes.discard(scope)
            if not future.done():
                future.set_exception(CancelledError())


class ExecutorWorkers:
    """Workers of an executor, in other processes or on other machines; it is left open at the end."""

    def __init__(self, executor: Executor, make_client: Factory, to: str) -> None:
        file = None if "://" in to else Path(to, f".stop-{uuid.uuid4().hex}")
        self._executor, self._task = executor, Task(_pickled(make_client), file)

    def submit(self, request: Request) -> Future[Outcome]:
        return self._executor.submit(self._task, request)

    def stop(self) -> None:
        if self._task.stop_file is not None:
            with suppress(OSError):  # without it the workers end with the session that they are at
                self._task.stop_file.touch()

    def close(self) -> None:
        if self._task.stop_file is not None:
            with suppress(OSError):
                self._task.stop_file.unlink(missing_ok=True)


@frozen
class Task:
    """A download in this process, whichever it is.

    Attributes:
        factory: Makes a client, pickled; without a repr, because a scheduler may log the tasks that it runs.
        stop_file: A file that is there once the export has been stopped.
    """

    factory: bytes = field(repr=False)
    stop_file: Path | None

    def __call__(self, request: Request) -> Outcome:
        """Return the record of the video, or the error: raised, it would be in a scheduler's log."""
        download = _client(self.factory).analyzed_videos.download
        try:
            return record_of(download(**request, cancel=Stop(self.stop_file)))
        except (AikynetixError, ValueError, TypeError) as error:
            return error


@lru_cache(4)
def _client(factory: bytes) -> Aikynetix:
    """Return this process's client, so that connections are opened once; a worker may serve exports for weeks."""
    make_client: Factory = pickle.loads(factory)  # noqa: S301 -- a task is trusted
    return make_client(max_retries=0)


def _pickled(make_client: Factory) -> bytes:
    try:
        return pickle.dumps(make_client)
    except Exception as error:  # what cannot be pickled says so by any exception
        text = "executor= needs settings that can be sent to other processes: no lambda as token=, a path as verify="
        raise ConfigurationError(text) from error


Workers = Threads | Tasks | ExecutorWorkers


def record_of(video: DownloadedVideo) -> ExportRecord:
    """Return the record of a video that was downloaded."""
    try:
        sha256 = video.sha256
    except DownloadError:
        if not isinstance(video.path, str):
            raise
        sha256 = None  # a file that was in the store before is not read for it
    return ExportRecord(
        session_id=video.session_id, status=ExportStatus.DONE, path=video.path, size=video.size, sha256=sha256
    )
