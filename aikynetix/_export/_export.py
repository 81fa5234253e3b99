"""An export as the two clients run it, and the plan of one."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve

from .._arguments import checked_count, checked_place
from .._download._destination import local_path, remote_url
from .._errors import DownloadError
from ._folder import Folder
from ._record import ExportRecord, ExportStatus, shown_id
from ._run import Rules, Run, close, split_item
from ._workers import ExecutorWorkers, Tasks, Threads

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Callable, Generator, Iterator
    from concurrent.futures import Executor

    from .. import Aikynetix, AsyncAikynetix
    from ._workers import Factory, Workers

T = TypeVar("T")


def export(
    client: Aikynetix,
    session_ids: Iterable[Any],
    to: str | os.PathLike[str],
    *,
    executor: Executor | None = None,
    make_client: Factory | None = None,
    **rules: Any,
) -> Generator[ExportRecord]:
    """Return an iterator that exports as it is asked for records; see `AnalyzedVideos.export`.

    Args:
        client: Downloads the videos.
        session_ids: Session ids, or pairs of an id and an analysis, or a mapping from the one to the other.
        to: A folder or an fsspec URL.
        executor: Where to work instead of in threads of this process.
        make_client: Makes the client of a worker of the executor; takes ``max_retries``, and pickles.
        **rules: See `Rules`.

    Raises:
        TypeError: ``session_ids`` is a single string, or no iterable; or ``executor`` is no executor.
        ValueError: ``concurrency`` is no whole number from 1 up, or ``to`` names no folder.
        ConfigurationError: ``to`` is a URL, and fsspec or what it needs for it is not installed; or the client's
            settings cannot be sent to an executor.
    """
    # The export itself begins again what failed in passing.
    threads = partial(Threads, client.with_options(max_retries=0))
    run = _run(session_ids, to, threads, executor, make_client, rules)
    return _watched(run.records(), run)


def export_async(
    client: AsyncAikynetix,
    session_ids: Iterable[Any],
    to: str | os.PathLike[str],
    *,
    executor: Executor | None = None,
    make_client: Factory | None = None,
    **rules: Any,
) -> AsyncGenerator[ExportRecord]:
    """Return an asynchronous iterator over the records; the arguments and errors are those of `export`."""
    tasks = Tasks(client.with_options(max_retries=0))
    run = _run(session_ids, to, lambda _: tasks, executor, make_client, rules)
    return _watched(_async_records(run, tasks), run)


async def _async_records(run: Run, tasks: Tasks) -> AsyncGenerator[ExportRecord]:
    import anyio.to_thread

    records = run.records()
    limiter = anyio.CapacityLimiter(1)  # of its own: downloads may have taken all of the loop's threads
    in_thread = partial(anyio.to_thread.run_sync, abandon_on_cancel=True, limiter=limiter)
    try:
        while (record := await in_thread(next, records, None)) is not None:
            yield record
    finally:
        run.stop()
        tasks.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(close, records, limiter=anyio.CapacityLimiter(1))


def _run(
    session_ids: Iterable[Any],
    to: str | os.PathLike[str],
    workers: Callable[[int], Workers],
    executor: Executor | None,
    make_client: Factory | None,
    rules: Mapping[str, Any],
) -> Run:
    if isinstance(session_ids, str | bytes):
        raise TypeError("session_ids must be an iterable of session ids, not one string; put it in a list")
    if not isinstance(session_ids, Iterable):
        raise TypeError(f"session_ids must be an iterable of session ids, not {type(session_ids).__name__}")
    if executor is not None and (isinstance(executor, type) or not callable(getattr(executor, "submit", None))):
        raise TypeError(f"executor must be a concurrent.futures.Executor, not {type(executor).__name__}")
    checked_count("concurrency", rules["concurrency"])
    items = session_ids.items() if isinstance(session_ids, Mapping) else session_ids
    folder, how = folder_of(to), Rules(**rules)
    if executor is None:
        return Run(items, folder, workers(how.concurrency), how)
    assert make_client is not None, "the verbs give one"
    elsewhere = ExecutorWorkers(executor, make_client, folder.target)
    return Run(items, folder, elsewhere, evolve(how, observer=None))


def _watched(records: T, run: Run) -> T:
    """Return ``records``, and have a warning given if nobody ever asks for one."""

    def warn() -> None:
        if not run.has_begun:
            text = "an export was dropped before it began; it works while its records are asked for, as in a for loop"
            warnings.warn(text, RuntimeWarning, stacklevel=2)

    weakref.finalize(records, warn).atexit = False
    return records


def folder_of(to: str | os.PathLike[str]) -> Folder:
    """Return the folder that ``to`` names.

    Raises:
        TypeError: It is neither a string nor a path.
        ValueError: It is empty, or holds what no folder's name can.
        ConfigurationError: It is a URL, and fsspec or what it needs for it is not installed.
        DownloadError: It cannot be looked at.
    """
    place = checked_place(to)
    if remote_url(place):
        from ._remote import RemoteFolder

        return RemoteFolder(place)
    try:
        # Absolute, because the workers of an executor may have another current folder.
        return Folder(local_path(place)[0].absolute())
    except OSError as error:
        text = f"the export's folder cannot be used: {error.strerror} ({place})"
        raise DownloadError(text, session_id="", path=place) from error


def plan(
    session_ids: Iterable[Any], to: str | os.PathLike[str], *, retry_failed: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield every session and what an export would do: ``"fetch"`` it, it is ``"already_there"``, or ``"skip"`` it.

    Nothing is asked of the API, and nothing written. The arguments are those of `export`.

    Raises:
        DownloadError: The folder's manifest cannot be read.
    """
    folder = folder_of(to)
    try:
        folder.read()
        for item in session_ids:
            shown = shown_id(split_item(item, None)[0])
            if folder.add_seen(shown):
                last = folder.last(shown)
                if retry_failed and (last is None or last.status is not ExportStatus.FAILED):
                    yield shown, "skip"
                else:
                    yield shown, "fetch" if folder.there(last) is None else "already_there"
    finally:
        folder.close()
