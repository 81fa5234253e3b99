"""An export as the two clients run it, where its sessions are worked on, and the plan of one."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from .._download._destination import local_path, remote_url
from .._errors import AikynetixError, ConfigurationError, DownloadError
from .._operations import checked_count, checked_destination
from ._folder import Folder, RemoteFolder
from ._record import ExportRecord, ExportStatus, shown_id
from ._run import Run, close, extra_downloads, sessions

# A client has 256 connections to each host, of which parts of large videos may take 64.
_MAX_AT_A_TIME = 192

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator

    from .._models import DownloadedVideo


def new_run(
    download: Callable[..., DownloadedVideo],
    session_ids: Iterable[Any],
    to: str | os.PathLike[str],
    *,
    concurrency: int,
    executor: Executor | None,
    make_client: Callable[..., Any] | None,
    **how: Any,
) -> Run:
    """Return an export that begins when it is asked for records; see `AnalyzedVideos.export`.

    ``download`` is that of a client without retries, for the export itself begins again what failed in passing;
    ``make_client`` makes the client of an executor's worker, takes ``max_retries``, and pickles.
    """
    if isinstance(session_ids, str | bytes) or not isinstance(session_ids, Iterable):
        text = f"session_ids must be an iterable of session ids, not {type(session_ids).__name__}"
        raise TypeError(f"{text}; put it in a list if it is one")
    if not isinstance(executor, Executor | None):
        raise TypeError(f"executor must be a concurrent.futures.Executor, not {type(executor).__name__}")
    concurrency = min(checked_count("concurrency", concurrency), _MAX_AT_A_TIME)
    items = session_ids.items() if isinstance(session_ids, Mapping) else session_ids
    run: Callable[..., Run] = partial(Run, items, folder_of(to), concurrency=concurrency, **how)
    if executor is None:
        stop, pool = Stop(), ThreadPoolExecutor(concurrency + extra_downloads(concurrency), "aikynetix-export")
        return run(pool, lambda request: record_of(download(**request, cancel=stop)), stop)
    try:
        task = Task(pickle.dumps(make_client))
    except Exception as error:  # what cannot be pickled says so by any exception
        text = "no lambda as token=, a path as verify="
        raise ConfigurationError(f"executor= needs settings that can be sent to other processes: {text}") from error
    return run(executor, task, None)


def export_async(
    download: Callable[..., Coroutine[Any, Any, DownloadedVideo]],
    session_ids: Iterable[Any],
    to: str | os.PathLike[str],
    **how: Any,
) -> AsyncGenerator[ExportRecord]:
    """Return an asynchronous iterator over the records; the arguments and errors are those of `new_run`."""
    call: Future[Callable[..., DownloadedVideo]] = Future()  # for the event loop that will ask for the records
    run = new_run(lambda **request: call.result()(partial(download, **request)), session_ids, to, **how)
    return _async_records(run, call)


async def _async_records(run: Run, call: Future[Callable[..., DownloadedVideo]]) -> AsyncGenerator[ExportRecord]:
    import anyio.to_thread

    call.set_result(_into_loop())
    records = run.records()
    limiter = anyio.CapacityLimiter(2)  # of its own: downloads may have taken all of the loop's threads
    in_thread = partial(anyio.to_thread.run_sync, abandon_on_cancel=True, limiter=limiter)
    try:
        while (record := await in_thread(next, records, None)) is not None:
            yield record
    finally:
        run.is_stopped = True
        with anyio.CancelScope(shield=True):
            await in_thread(close, records)


def folder_of(to: str | os.PathLike[str]) -> Folder:
    """Return the folder that ``to`` names; a bad name is a `ValueError`, one without fsspec a `ConfigurationError`."""
    named = checked_destination(to)
    if remote_url(named):
        return RemoteFolder(named)
    try:
        # Absolute, because the workers of an executor may have another current folder.
        return Folder(local_path(named)[0].absolute())
    except OSError as error:
        raise DownloadError(f"the export's folder cannot be used: {error.strerror} ({named})", path=named) from error


def plan(
    session_ids: Iterable[Any], to: str | os.PathLike[str], *, retry_failed: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield each session and what an export would do: fetch, already_there or skip; nothing is asked or written."""
    folder = folder_of(to)
    try:
        folder.open(is_dry=True)
        for session_id, _, last, is_wanted in sessions(session_ids, folder, retry_failed=retry_failed):
            action = "fetch" if folder.there(last) is None else "already_there"
            yield shown_id(session_id), action if is_wanted else "skip"
    finally:
        folder.close()


class Stop(threading.Event):
    """Ends the downloads of an export once it is set, or the main thread has ended: the interpreter waits for them."""

    def is_set(self) -> bool:
        """Return whether to stop."""
        return super().is_set() or not threading.main_thread().is_alive()


@frozen
class Task:
    """A download by a client of this process, whichever it is; ``factory``, pickled, makes one."""

    factory: bytes = field(repr=False)  # a scheduler may log the tasks that it runs

    def __call__(self, request: Mapping[str, Any]) -> ExportRecord | Exception:
        """Return the record of the video, or the error: raised, it would be in a scheduler's log."""
        try:
            return record_of(_client(self.factory).analyzed_videos.download(**request))
        except (AikynetixError, ValueError, TypeError) as error:
            return error


@lru_cache(4)
def _client(factory: bytes) -> Any:
    """Return this process's client, so that connections are opened once; a worker may serve exports for weeks."""
    make_client: Callable[..., Any] = pickle.loads(factory)  # noqa: S301 -- a task is trusted
    return make_client(max_retries=0)


def _into_loop() -> Callable[..., DownloadedVideo]:
    """Return what calls an asynchronous function from threads, in the event loop that is running now."""
    import asyncio

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio

        return partial(trio.from_thread.run, trio_token=trio.lowlevel.current_trio_token())
    return lambda function: asyncio.run_coroutine_threadsafe(function(), loop).result()


def record_of(video: DownloadedVideo) -> ExportRecord:
    """Return the record of a video that was downloaded, or without a hash that of a file that was there."""
    status, sha256 = ExportStatus.DONE, None if video.verified == "exists" else video.sha256
    return ExportRecord(session_id=video.session_id, status=status, path=video.path, size=video.size, sha256=sha256)
