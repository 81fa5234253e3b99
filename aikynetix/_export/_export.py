"""An export as the two clients run it, and the plan of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import TYPE_CHECKING, Any

from .._arguments import checked_count, checked_place
from .._download._destination import local_path, remote_url
from .._errors import DownloadError
from ._folder import Folder
from ._record import shown_id
from ._run import Run, beside, close, sessions
from ._workers import LoopDownload, elsewhere, threads

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Callable, Generator, Iterator

    from .. import Aikynetix, AsyncAikynetix
    from .._models import DownloadedVideo
    from ._record import ExportRecord
    from ._workers import Factory


def export(
    client: Aikynetix, session_ids: Iterable[Any], to: str | os.PathLike[str], **how: Any
) -> Generator[ExportRecord]:
    """Return an iterator that exports as it is asked for records; see `AnalyzedVideos.export`.

    ``how`` has ``executor``, where to work instead of in threads of this process; ``make_client``, which makes the
    client of a worker of the executor, takes ``max_retries``, and pickles; and the arguments of `Run`.
    """
    # The export itself begins again what failed in passing.
    return _run(session_ids, to, client.with_options(max_retries=0).analyzed_videos.download, **how).records()


def export_async(
    client: AsyncAikynetix, session_ids: Iterable[Any], to: str | os.PathLike[str], **how: Any
) -> AsyncGenerator[ExportRecord]:
    """Return an asynchronous iterator over the records; the arguments and errors are those of `export`."""
    download = LoopDownload(client.with_options(max_retries=0).analyzed_videos.download)
    return _async_records(_run(session_ids, to, download, **how), download)


async def _async_records(run: Run, download: LoopDownload) -> AsyncGenerator[ExportRecord]:
    import anyio.to_thread

    download.enter()
    records = run.records()
    limiter = anyio.CapacityLimiter(2)  # of its own: downloads may have taken all of the loop's threads
    in_thread = partial(anyio.to_thread.run_sync, abandon_on_cancel=True, limiter=limiter)
    try:
        while (record := await in_thread(next, records, None)) is not None:
            yield record
    finally:
        run.stop()
        with anyio.CancelScope(shield=True):
            await in_thread(close, records)


def _run(
    session_ids: Iterable[Any],
    to: str | os.PathLike[str],
    download: Callable[..., DownloadedVideo],
    *,
    concurrency: int,
    executor: Executor | None,
    make_client: Factory | None,
    **how: Any,
) -> Run:
    if isinstance(session_ids, str | bytes) or not isinstance(session_ids, Iterable):
        kind = type(session_ids).__name__
        raise TypeError(f"session_ids must be an iterable of session ids, not {kind}; put it in a list if it is one")
    if not isinstance(executor, Executor | None):
        raise TypeError(f"executor must be a concurrent.futures.Executor, not {type(executor).__name__}")
    checked_count("concurrency", concurrency)
    items = session_ids.items() if isinstance(session_ids, Mapping) else session_ids
    folder = folder_of(to)
    if executor is None:
        workers = threads(download, concurrency + beside(concurrency))
        return Run(items, folder, workers, concurrency=concurrency, **how)
    assert make_client is not None, "the verbs give one"
    return Run(items, folder, elsewhere(executor, make_client, folder.target), concurrency=concurrency, **how)


def folder_of(to: str | os.PathLike[str]) -> Folder:
    """Return the folder that ``to`` names; a bad name is a `ValueError`, one without fsspec a `ConfigurationError`."""
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
    """
    folder = folder_of(to)
    try:
        folder.fetch()
        folder.read()
        for session in sessions(session_ids, folder):
            action = "fetch" if session.there is None else "already_there"
            yield shown_id(session.session_id), "skip" if retry_failed and not session.has_failed else action
    finally:
        folder.close()
