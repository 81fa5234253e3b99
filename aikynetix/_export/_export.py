"""An export as the two clients run it, and the plan of one."""

from __future__ import annotations

import atexit
import re
import time
import warnings
import weakref
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname
from weakref import WeakSet

from .._arguments import checked_count, checked_place
from ._folder import Folder
from ._record import ExportRecord, ExportStatus, shown_id
from ._run import Rules, Run, taken_apart
from ._workers import ExecutorWorkers, Tasks, Threads

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Callable, Generator, Iterator
    from concurrent.futures import Executor

    from .. import Aikynetix, AsyncAikynetix
    from ._workers import Factory, Workers

T = TypeVar("T")
_CLOSING_TRIES = 200
_URL = re.compile(r"[a-z][a-z0-9+.-]+(::[a-z][a-z0-9+.-]+)*://", re.IGNORECASE)


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
    records = run.records()
    _half_read.add(records)
    return _watched(records, run)


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

    tasks.attach()
    records = run.records()
    _half_read.add(records)
    limiter = anyio.CapacityLimiter(1)  # of its own: downloads may have taken all of the loop's threads
    in_thread = partial(anyio.to_thread.run_sync, abandon_on_cancel=True, limiter=limiter)
    try:
        while (record := await in_thread(next, records, None)) is not None:
            yield record
    finally:
        run.stop()
        tasks.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(_close, records, limiter=anyio.CapacityLimiter(1))


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
    concurrency, folder = checked_count("concurrency", rules["concurrency"]), folder_of(to)
    if executor is None:
        return Run(_listed(session_ids), folder, workers(concurrency), Rules(**rules))
    assert make_client is not None, "the verbs give one"
    elsewhere = ExecutorWorkers(executor, make_client, folder.target)
    return Run(_listed(session_ids), folder, elsewhere, Rules(**{**rules, "observer": None}))


def _watched(records: T, run: Run) -> T:
    """Return ``records``, and have a warning given if nobody ever asks for one."""

    def warn() -> None:
        if not run.has_begun:
            text = "an export was dropped before it began; it works while its records are asked for, as in a for loop"
            warnings.warn(text, RuntimeWarning, stacklevel=2)

    weakref.finalize(records, warn).atexit = False
    return records


def _close(records: Generator[ExportRecord]) -> None:
    """Close a generator in which another thread may still be."""
    for _ in range(_CLOSING_TRIES):
        with suppress(ValueError):  # it is executing
            records.close()
            break
        time.sleep(0.01)


_half_read: WeakSet[Generator[ExportRecord]] = WeakSet()


@atexit.register
def _close_half_read() -> None:
    for records in list(_half_read):
        _close(records)


def _listed(session_ids: Iterable[Any]) -> Iterable[Any]:
    return session_ids.items() if isinstance(session_ids, Mapping) else session_ids


def folder_of(to: str | os.PathLike[str]) -> Folder:
    """Return the folder that ``to`` names.

    Raises:
        TypeError: It is neither a string nor a path.
        ValueError: It is empty, or holds what no folder's name can.
        ConfigurationError: It is a URL, and fsspec or what it needs for it is not installed.
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
    """Yield every session and what an export would do: ``"fetch"`` it, it is ``"already_there"``, or ``"skip"`` it.

    Nothing is asked of the API, and nothing written. The arguments are those of `export`.

    Raises:
        DownloadError: The folder's manifest cannot be read.
    """
    folder = folder_of(to)
    try:
        folder.read()
        for item in _listed(session_ids):
            shown = shown_id(taken_apart(item, None)[0])
            if folder.add_seen(shown):
                yield shown, _planned(folder, folder.last(shown), retry_failed)
    finally:
        folder.close()


def _planned(folder: Folder, last: ExportRecord | None, retry_failed: bool) -> str:
    if retry_failed and (last is None or last.status is not ExportStatus.FAILED):
        return "skip"
    if last is not None and last.path is not None and folder.size_of(str(last.path)) == last.size:
        return "already_there"
    return "fetch"
