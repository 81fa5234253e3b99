"""Where the sessions of an export are worked on: threads of this process, or any executor.

Each kind takes the arguments of a `download` (`submit`), and returns a future of the record or the error. `stop` tells
what is under way to end, and `close` gives up what belongs to the export.
"""

from __future__ import annotations

import pickle
import threading
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from .._errors import AikynetixError, ConfigurationError
from ._record import ExportRecord, ExportStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from concurrent.futures import Executor

    from .. import Aikynetix
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
    """Threads of this process, which call ``download``."""

    def __init__(self, download: Callable[..., DownloadedVideo], concurrency: int) -> None:
        self._download, self._stop = download, Stop()
        self._pool = ThreadPoolExecutor(concurrency, "aikynetix-export")

    def submit(self, request: Request) -> Future[Outcome]:
        return self._pool.submit(lambda: record_of(self._download(**request, cancel=self._stop)))

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class LoopDownload:
    """Calls the asynchronous client's ``download`` from the threads of an export.

    It runs in the event loop in which the records are asked for, which calls `enter` first.
    """

    def __init__(self, download: Callable[..., Coroutine[Any, Any, DownloadedVideo]]) -> None:
        self._download = download
        self._call: Callable[[Callable[[], Coroutine[Any, Any, DownloadedVideo]]], DownloadedVideo]

    def enter(self) -> None:
        import asyncio

        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            import trio

            self._call = partial(trio.from_thread.run, trio_token=trio.lowlevel.current_trio_token())
        else:
            self._call = lambda download: asyncio.run_coroutine_threadsafe(download(), loop).result()

    def __call__(self, **request: Any) -> DownloadedVideo:
        return self._call(partial(self._download, **request))


class ExecutorWorkers:
    """Workers of an executor, in other processes or on other machines; it is left open at the end."""

    def __init__(self, executor: Executor, make_client: Factory, to: str) -> None:
        self._executor = executor
        self._stop_file = None if "://" in to else Path(to, f".stop-{uuid.uuid4().hex}")
        self._task = Task(_pickled(make_client), self._stop_file)

    def submit(self, request: Request) -> Future[Outcome]:
        return self._executor.submit(self._task, request)

    def stop(self) -> None:
        if self._stop_file is not None:
            with suppress(OSError):  # without it the workers end with the session that they are at
                self._stop_file.touch()

    def close(self) -> None:
        if self._stop_file is not None:
            with suppress(OSError):
                self._stop_file.unlink(missing_ok=True)


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


def record_of(video: DownloadedVideo) -> ExportRecord:
    """Return the record of a video that was downloaded."""
    is_unread = isinstance(video.path, str) and video.verified == "exists"  # it was in the store before
    return ExportRecord(
        session_id=video.session_id,
        status=ExportStatus.DONE,
        path=video.path,
        size=video.size,
        sha256=None if is_unread else video.sha256,
    )
