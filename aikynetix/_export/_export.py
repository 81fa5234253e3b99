"""An export as the two clients run it, and the plan of one."""

from __future__ import annotations

import re
import warnings
import weakref
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from .._arguments import checked_count, checked_place
from ._folder import Folder
from ._index import Index
from ._record import ExportRecord, ExportStatus, shown_id
from ._run import Run, taken_apart
from ._workers import ExecutorWorkers, Options, Tasks, Threads

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Generator, Iterator
    from concurrent.futures import Executor

    from .._client import Aikynetix, AsyncAikynetix
    from ._workers import Factory, Observer, Workers

_URL = re.compile(r"[a-z][a-z0-9+.-]+(::[a-z][a-z0-9+.-]+)*://", re.IGNORECASE)


def export(
    client: Aikynetix,
    session_ids: Iterable[Any],
    to: str | os.PathLike[str],
    *,
    concurrency: int,
    wait: float,
    executor: Executor | None = None,
    make_client: Factory | None = None,
    observer: Observer | None = None,
    **rules: Any,
) -> Generator[ExportRecord]:
    """Return an iterator that exports as it is asked for records; see `AnalyzedVideos.export`.

    Args:
        client: Downloads the videos.
        session_ids: Session ids, or pairs of an id and an analysis, or a mapping from the one to the other.
        to: A folder or an fsspec URL.
        concurrency: Sessions at a time, 1 or more.
        wait: Seconds to wait for a video that is not there yet.
        executor: Where to work instead of in threads of this process.
        make_client: Makes the client of a worker of the executor; takes ``max_retries``, and pickles.
        observer: Told of session, bytes done and bytes in all, from any thread; not by an executor.
        **rules: ``analysis``, ``retry_failed`` and ``max_retries``, see `Run`.

    Raises:
        TypeError: ``session_ids`` is a single string, or no iterable; or ``executor`` is no executor.
        ValueError: ``concurrency`` is no whole number from 1 up, or ``to`` names no folder.
        ConfigurationError: ``to`` is a URL, and fsspec or what it needs for it is not installed; or the client's
            settings cannot be sent to an executor.
    """
    _check(session_ids, concurrency, executor)
    folder = folder_of(to)
    options = Options(folder.target, wait, observer)
    patient = client.with_options(max_retries=0)  # the export itself begins again what failed in passing
    threads = partial(Threads, patient, options, concurrency)
    workers = _workers(executor, make_client, options) or threads()
    run = Run(_listed(session_ids), folder, workers, threads, concurrency=concurrency, **rules)
    records = _records(run)
    weakref.finalize(records, _warn, run).atexit = False
    return records


def export_async(
    client: AsyncAikynetix,
    session_ids: Iterable[Any],
    to: str | os.PathLike[str],
    *,
    concurrency: int,
    wait: float,
    executor: Executor | None = None,
    make_client: Factory | None = None,
    observer: Observer | None = None,
    **rules: Any,
) -> AsyncGenerator[ExportRecord]:
    """Return an asynchronous iterator over the records; the arguments and errors are those of `export`."""
    _check(session_ids, concurrency, executor)
    folder = folder_of(to)
    options = Options(folder.target, wait, observer)
    tasks = Tasks(client.with_options(max_retries=0), options)
    workers = _workers(executor, make_client, options) or tasks
    run = Run(_listed(session_ids), folder, workers, lambda: tasks, concurrency=concurrency, **rules)
    records = _async_records(run, tasks)
    weakref.finalize(records, _warn, run).atexit = False
    return records


def _records(run: Run) -> Generator[ExportRecord]:
    try:
        while (record := run.next_record()) is not None:
            yield record
    finally:
        run.close()


async def _async_records(run: Run, tasks: Tasks) -> AsyncGenerator[ExportRecord]:
    import anyio.to_thread

    limiter = anyio.CapacityLimiter(1)  # of its own: downloads may have taken all of the loop's threads
    next_record = partial(anyio.to_thread.run_sync, run.next_record, abandon_on_cancel=True, limiter=limiter)
    tasks.attach()
    try:
        while (record := await next_record()) is not None:
            yield record
    finally:
        tasks.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(run.close, limiter=anyio.CapacityLimiter(1))


def _warn(run: Run) -> None:
    if not run.has_begun:
        run.close()
        text = "an export was dropped before it began; it works while its records are asked for, as in a for loop"
        warnings.warn(text, RuntimeWarning, stacklevel=2)


def _workers(executor: Executor | None, make_client: Factory | None, options: Options) -> Workers | None:
    if executor is None:
        return None
    assert make_client is not None, "the verbs give one"
    return ExecutorWorkers(executor, make_client, options)


def _check(session_ids: Iterable[Any], concurrency: int, executor: Executor | None) -> None:
    if isinstance(session_ids, str | bytes):
        raise TypeError("session_ids must be an iterable of session ids, not one string; put it in a list")
    if not isinstance(session_ids, Iterable):
        raise TypeError(f"session_ids must be an iterable of session ids, not {type(session_ids).__name__}")
    checked_count("concurrency", concurrency)
    if executor is not None and (isinstance(executor, type) or not callable(getattr(executor, "submit", None))):
        raise TypeError(f"executor must be a concurrent.futures.Executor, not {type(executor).__name__}")


def _listed(session_ids: Iterable[Any]) -> Iterable[Any]:
    return session_ids.items() if isinstance(session_ids, Mapping) else session_ids


def folder_of(to: str | os.PathLike[str]) -> Folder:
    """Return the folder that ``to`` names.

    Raises:
        TypeError: It is neither a string nor a path.
        ValueError: It is empty, or holds what no folder's name can.
        ConfigurationError: It is a URL, and fsspec or what it needs for it is not installed.
        DownloadError: It cannot be looked at.
    """
    place = checked_place(to)
    if place.lower().startswith("file:"):
        parts = urlsplit(place)
        if parts.netloc.lower() not in ("", "localhost") or parts.query or parts.fragment:
            raise ValueError(f"to is {place!r:.200}, no file of this machine (RFC 8089); write file:///folder")
        place = url2pathname(parts.path)
    elif _URL.match(place):
        from ._remote import RemoteFolder

        return RemoteFolder(place)
    # Absolute, because the workers of an executor may have another current folder.
    return Folder(Path(place).expanduser().absolute())


def plan(
    session_ids: Iterable[Any], to: str | os.PathLike[str], *, retry_failed: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield every session with what an export would do about it, without asking the API or writing anything.

    Args:
        session_ids: As for `export`.
        to: As for `export`.
        retry_failed: As for `export`.

    Yields:
        The session id and ``"fetch"``, ``"already_there"`` or ``"skip"``.

    Raises:
        DownloadError: The folder's manifest cannot be read.
    """
    folder, index = folder_of(to), Index()
    try:
        index.load(folder.manifest())
        for item in _listed(session_ids):
            shown = shown_id(taken_apart(item, None)[0])
            if index.add_seen(shown):
                yield shown, _planned(folder, index.last(shown), retry_failed)
    finally:
        index.close()
        folder.close()


def _planned(folder: Folder, last: ExportRecord | None, retry_failed: bool) -> str:
    if retry_failed and (last is None or last.status is not ExportStatus.FAILED):
        return "skip"
    if last is not None and last.path is not None and folder.size_of(str(last.path)) == last.size:
        return "already_there"
    return "fetch"
