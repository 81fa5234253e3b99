"""An export as the synchronous client runs it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._arguments import checked_count, checked_place
from .._download._target import local_path, remote_url
from . import _job
from ._backend import ThreadBackend, backend_of
from ._folder import Folder, LocalFolder, failing
from ._ledger import Ledger
from ._record import ExportRecord, ExportStatus, shown_id
from ._run import Rules, Run, taken_apart

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Iterator
    from concurrent.futures import Executor

    from .._client import Aikynetix
    from .._operations import Analysis
    from ._backend import Backend, Turnstile
    from ._job import Errand, Job, Outcome


def export(
    client: Aikynetix,
    session_ids: Iterable[Any],
    to: str | os.PathLike[str],
    *,
    analysis: Analysis | str | None,
    concurrency: int,
    retry_failed: bool,
    wait: float,
    executor: Executor | None,
    observer: Callable[[str, int, int | None], object] | None = None,
) -> Generator[ExportRecord]:
    """Return an iterator that exports as it is asked for records; see `AnalyzedVideos.export`.

    Args:
        client: Looks the videos up.
        session_ids: Session ids, or pairs of an id and an analysis.
        to: A folder or an fsspec URL.
        analysis: Which analysis to make where a session does not say it.
        concurrency: Lookups at a time, 1 or more.
        retry_failed: Do only what failed in an earlier export.
        wait: Seconds to wait for a video that is not there yet.
        executor: Where to work instead of in threads of this process.
        observer: Told of the bytes of each session, from any thread; not by an executor.

    Raises:
        TypeError: ``session_ids`` is a single string, or no iterable; or ``executor`` is no executor.
        ValueError: ``concurrency`` is no whole number from 1 up, or ``to`` names no folder.
        ConfigurationError: ``to`` is a URL, and fsspec or what it needs for it is not installed.
    """
    check(session_ids, concurrency, executor)
    rules = Rules(analysis=analysis, retry_failed=bool(retry_failed))
    folder = folder_of(to)
    errand = _job.Errand(folder.target, folder.is_local, wait)
    threads = partial(_threads, client, errand, concurrency, observer)
    backend = backend_of(executor, threads, client._settings, errand, concurrency)
    return _records(Run(session_ids, folder, backend, threads, rules))


def _records(run: Run) -> Generator[ExportRecord]:
    try:
        while (record := run.advance()) is not None:
            yield record
    finally:
        run.close()


def _threads(
    client: Aikynetix,
    errand: Errand,
    concurrency: int,
    observer: Callable[[str, int, int | None], object] | None,
) -> Backend:
    def begin(turnstile: Turnstile, cancelled: Callable[[], bool]) -> Callable[[Job], Outcome]:
        patient, turn = _job.patient(client, cancelled), partial(turnstile.turn, cancelled)

        def work(job: Job) -> Outcome:
            progress = None if observer is None else partial(observer, job.session_id)
            return _job.run(patient, job, errand, cancelled, turn=turn, progress=progress, may_be_left=True)

        return work

    return ThreadBackend(begin, concurrency)


def check(session_ids: Iterable[Any], concurrency: int, executor: Executor | None) -> None:
    """Refuse arguments that cannot be meant.

    Raises:
        TypeError: ``session_ids`` is a single string, whose characters would be taken for ids, or no iterable; or
            ``executor`` takes no work.
        ValueError: ``concurrency`` is no whole number from 1 up.
    """
    if isinstance(session_ids, str | bytes):
        raise TypeError("session_ids must be an iterable of session ids, not one string; put it in a list")
    if not isinstance(session_ids, Iterable):
        raise TypeError(f"session_ids must be an iterable of session ids, not {type(session_ids).__name__}")
    checked_count("concurrency", concurrency)
    if executor is not None and (isinstance(executor, type) or not callable(getattr(executor, "submit", None))):
        raise TypeError(f"executor must be a concurrent.futures.Executor, not {type(executor).__name__}")


def folder_of(to: str | os.PathLike[str]) -> Folder:
    """Return the folder that ``to`` names.

    Raises:
        TypeError: It is neither a string nor a path.
        ValueError: It is empty, or holds what no file's name can.
        ConfigurationError: It is a URL, and fsspec or what it needs for it is not installed.
        DownloadError: Its name is too long, or it cannot be looked at.
    """
    place = checked_place(to)
    if remote_url(place):
        from ._remote import RemoteFolder

        return RemoteFolder(place)
    with failing("the export's folder cannot be used", Path(place)):
        # Absolute, because the workers of an executor may have another current folder.
        return LocalFolder(local_path(place)[0].absolute())


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
    folder, ledger = folder_of(to), Ledger()
    try:
        ledger.load(folder.manifest())
        for item in session_ids:
            shown = shown_id(taken_apart(item, None)[0])
            if ledger.meet(shown):
                yield shown, _planned(folder, ledger.last(shown), retry_failed)
    finally:
        ledger.close()


def _planned(folder: Folder, last: ExportRecord | None, retry_failed: bool) -> str:
    if retry_failed and (last is None or last.status is not ExportStatus.FAILED):
        return "skip"
    if last is not None and last.path is not None and folder.size_of(str(last.path)) == last.size:
        return "already_there"
    return "fetch"
