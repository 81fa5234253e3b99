"""Where the sessions of an export are worked on: threads of this process, or any executor."""

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

    Outcome = ExportRecord | Exception
    Factory = Callable[..., Aikynetix]


class Stop(threading.Event):
    """Ends the downloads of an export once it is set, or the main thread has ended: the interpreter waits for them.

    Args:
        file: A file whose being there sets the event too, for processes that share nothing else.
    """

    def __init__(self, file: Path | None = None) -> None:
        super().__init__()
        self.file = file

    def __reduce__(self) -> tuple[type[Stop], tuple[Path | None]]:
        return Stop, (self.file,)

    def is_set(self) -> bool:
        """Return whether to stop."""
        is_over = super().is_set() or not threading.main_thread().is_alive()
        return is_over or (self.file is not None and self.file.exists())


class Workers:
    """Begins downloads in an executor.

    Args:
        executor: Where.
        task: Given the arguments of a `download`, returns the record or the error.
        stop: Ends what is under way.
        is_ours: Whether to shut the executor down at the end.
    """

    def __init__(self, executor: Executor, task: Callable[..., Outcome], stop: Stop, *, is_ours: bool) -> None:
        self._executor, self._task, self._stop, self.is_ours = executor, task, stop, is_ours

    def submit(self, request: Mapping[str, Any]) -> Future[Outcome]:
        """Begin a download."""
        return self._executor.submit(self._task, {**request, "cancel": self._stop})

    def stop(self) -> None:
        """Tell what is under way to end."""
        self._stop.set()
        if self._stop.file is not None:
            with suppress(OSError):  # without it the workers end with the session that they are at
                self._stop.file.touch()

    def close(self) -> None:
        """Give up what belongs to the export."""
        if self.is_ours:
            self._executor.shutdown(wait=False, cancel_futures=True)
        if self._stop.file is not None:
            with suppress(OSError):
                self._stop.file.unlink(missing_ok=True)


def threads(download: Callable[..., DownloadedVideo], count: int) -> Workers:
    """Return workers in threads of this process, which call ``download``."""
    pool = ThreadPoolExecutor(count, "aikynetix-export")
    return Workers(pool, lambda request: record_of(download(**request)), Stop(), is_ours=True)


def elsewhere(executor: Executor, make_client: Factory, to: str) -> Workers:
    """Return workers in other processes or on other machines, which share the folder ``to`` or its URL."""
    file = None if "://" in to else Path(to, f".stop-{uuid.uuid4().hex}")
    try:
        task = Task(pickle.dumps(make_client))
    except Exception as error:  # what cannot be pickled says so by any exception
        text = "executor= needs settings that can be sent to other processes: no lambda as token=, a path as verify="
        raise ConfigurationError(text) from error
    return Workers(executor, task, Stop(file), is_ours=False)


@frozen
class Task:
    """A download by a client of this process, whichever it is.

    Attributes:
        factory: Makes the client, pickled; without a repr, because a scheduler may log the tasks that it runs.
    """

    factory: bytes = field(repr=False)

    def __call__(self, request: Mapping[str, Any]) -> Outcome:
        """Return the record of the video, or the error: raised, it would be in a scheduler's log."""
        try:
            return record_of(_client(self.factory).analyzed_videos.download(**request))
        except (AikynetixError, ValueError, TypeError) as error:
            return error


@lru_cache(4)
def _client(factory: bytes) -> Aikynetix:
    """Return this process's client, so that connections are opened once; a worker may serve exports for weeks."""
    make_client: Factory = pickle.loads(factory)  # noqa: S301 -- a task is trusted
    return make_client(max_retries=0)


class LoopDownload:
    """Calls the ``download`` of an asynchronous client from threads, in the event loop that has called `enter`."""

    def __init__(self, download: Callable[..., Coroutine[Any, Any, DownloadedVideo]]) -> None:
        self._download = download
        self._call: Callable[[Callable[[], Coroutine[Any, Any, DownloadedVideo]]], DownloadedVideo]

    def enter(self) -> None:
        """Take the event loop that is running."""
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


def record_of(video: DownloadedVideo) -> ExportRecord:
    """Return the record of a video that was downloaded."""
    is_unread = isinstance(video.path, str) and video.verified == "exists"  # it was in the store before
    sha256 = None if is_unread else video.sha256
    status = ExportStatus.DONE
    return ExportRecord(session_id=video.session_id, status=status, path=video.path, size=video.size, sha256=sha256)
