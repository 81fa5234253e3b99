"""Where the sessions of an export are worked on: threads, an event loop, or any executor.

Each kind takes jobs (`submit`) and gives futures: of the record of a video that was downloaded, or of the error. `stop`
tells the jobs that are under way to end, and `close` gives up what belongs to the export.
"""

from __future__ import annotations

import pickle
import threading
import time
import uuid
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, field, frozen

from .._errors import ConfigurationError
from ._record import ExportRecord, ExportStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Executor

    import anyio

    from .._client import Aikynetix, AsyncAikynetix
    from .._models import DownloadedVideo
    from .._operations import Analysis

    Observer = Callable[[str, int, int | None], object]
    Factory = Callable[..., Aikynetix]

T = TypeVar("T")


@frozen
class Job:
    """What to do for one session.

    Attributes:
        session_id: The session.
        analysis: Which analysis to make if there is none yet.
        overwrite: Whether an earlier export's file is there and not as it was left.
        begun: When it was begun for the first time, on the clock of ``time.monotonic``.
        refusals: How often the API refused it as one of too many.
        failures: How often it failed in passing.
        losses: How often its worker went away with it.
    """

    session_id: str
    analysis: Analysis | str | None
    overwrite: bool = False
    begun: float = field(factory=time.monotonic)
    refusals: int = 0
    failures: int = 0
    losses: int = 0


@frozen
class Options:
    """What is the same for all sessions of an export.

    Attributes:
        to: The folder.
        wait: Seconds to wait for a video that is not there yet.
        observer: Told of the bytes of each session, from any thread.
    """

    to: str
    wait: float
    observer: Observer | None = None

    def of(self, job: Job) -> dict[str, Any]:
        """Return the arguments of `download` for a job."""
        return {
            "session_id": job.session_id,
            "to": self.to,
            "analysis": job.analysis,
            "wait": self.wait,
            "progress": None if self.observer is None else partial(self.observer, job.session_id),
            "overwrite": job.overwrite,
            "exist_ok": not job.overwrite,
        }


class Stop(threading.Event):
    """An event that is also set once the main thread has ended, and the interpreter waits for the workers to end.

    Args:
        file: A file whose being there sets the event, for processes that share nothing else.
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

    def __init__(self, client: Aikynetix, options: Options, concurrency: int) -> None:
        self._download, self._options = client.analyzed_videos.download, options
        self._stop = Stop()
        self._pool = ThreadPoolExecutor(concurrency, "aikynetix-export")

    def submit(self, job: Job) -> Future[ExportRecord]:
        return self._pool.submit(lambda: record_of(self._download(**self._options.of(job), cancel=self._stop)))

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class Tasks:
    """Tasks of the event loop that is running now, by the asynchronous client; jobs come from another thread."""

    def __init__(self, client: AsyncAikynetix, options: Options) -> None:
        self._download, self._options = client.analyzed_videos.download, options
        self._scopes: set[anyio.CancelScope] = set()
        self._stop = Stop()

    def attach(self) -> None:
        """Work in the event loop that is running now; not in a task group, in which a generator may not yield."""
        import asyncio

        try:
            self._begin = partial(_in_asyncio, asyncio.get_running_loop())
        except RuntimeError:
            import trio

            self._begin = partial(_in_trio, trio.lowlevel.current_trio_token())

    def submit(self, job: Job) -> Future[ExportRecord]:
        return self._begin(partial(self._work, job))

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        """Do nothing: the loop is the caller's."""

    def cancel(self) -> None:
        """End every job; called in the loop."""
        self._stop.set()
        for scope in list(self._scopes):
            scope.cancel()

    async def _work(self, job: Job) -> ExportRecord:
        import anyio.to_thread

        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                if self._stop.is_set():
                    scope.cancel()
                video = await self._download(**self._options.of(job), cancel=self._stop)
                return await anyio.to_thread.run_sync(record_of, video)  # the SHA-256 takes its time
            finally:
                self._scopes.discard(scope)
        raise CancelledError


def _in_asyncio(loop: Any, function: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
    import asyncio

    return asyncio.run_coroutine_threadsafe(function(), loop)


def _in_trio(token: Any, function: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
    import trio

    future: Future[T] = Future()

    async def fulfil() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(await function())
        except Exception as error:  # a system task may not raise
            future.set_exception(error)
        except BaseException:
            future.set_exception(CancelledError())
            raise

    token.run_sync_soon(trio.lowlevel.spawn_system_task, fulfil)
    return future


class ExecutorWorkers:
    """Workers of an executor, in other processes or on other machines; it is left open at the end."""

    def __init__(self, executor: Executor, make_client: Factory, options: Options) -> None:
        self._executor = executor
        file = None if "://" in options.to else Path(options.to, f".stop-{uuid.uuid4().hex}")
        self._task = Task(_pickled(make_client), evolve(options, observer=None), file)

    def submit(self, job: Job) -> Future[ExportRecord]:
        return self._executor.submit(self._task, job)

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
    """What a worker elsewhere does with a job.

    Attributes:
        factory: Makes a client, pickled; without a repr, because a scheduler may log the tasks that it runs.
        options: The same for all jobs.
        stop_file: A file that is there once the export has been stopped.
    """

    factory: bytes = field(repr=False)
    options: Options
    stop_file: Path | None

    def __call__(self, job: Job) -> ExportRecord:
        """Download the video in this process, whichever it is."""
        download = _client(self.factory).analyzed_videos.download
        return record_of(download(**self.options.of(job), cancel=Stop(self.stop_file)))


@lru_cache(4)
def _client(factory: bytes) -> Aikynetix:
    """Return this process's client, so that connections are opened once; a worker may serve exports for weeks."""
    try:
        make_client: Factory = pickle.loads(factory)  # noqa: S301 -- a task is trusted
    except Exception as error:  # a module may be missing here, and a class of the caller's raises what it likes
        text = f"the client's settings cannot be made again in a worker ({type(error).__name__})"
        raise ConfigurationError(text) from None
    try:
        return make_client(max_retries=0)
    except ConfigurationError as error:
        raise ConfigurationError(f"a worker cannot make a client of its own: {error}") from None


def _pickled(make_client: Factory) -> bytes:
    """Return what makes the client, pickled; a credential that cannot be, such as a lambda, stays behind."""
    with suppress(Exception):  # what cannot be pickled says so by any exception
        return pickle.dumps(make_client)
    settings = {name: value for name, value in getattr(make_client, "keywords", {}).items() if name != "auth"}
    try:
        return pickle.dumps(partial(getattr(make_client, "func", make_client), **settings))
    except Exception as error:
        text = "executor= needs settings that can be sent to other processes, such as the path of a file for verify="
        raise ConfigurationError(text) from error


Workers = Threads | Tasks | ExecutorWorkers


def record_of(video: DownloadedVideo) -> ExportRecord:
    """Return the record of a video that was downloaded."""
    return ExportRecord(
        session_id=video.session_id,
        status=ExportStatus.DONE,
        path=video.path,
        size=video.size,
        sha256=video.sha256,
    )
