"""An export as the asynchronous client runs it: the lookups on its own pool, in its own event loop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from .. import _download
from .._trial import Policy
from . import _job
from ._backend import ThreadBackend, backend_of
from ._run import Rules, Run
from ._sync import check, folder_of

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
    from concurrent.futures import Executor

    import anyio

    from .._client import AsyncAikynetix
    from .._models import AnalyzedVideo, DownloadedVideo
    from .._operations import Analysis
    from ._backend import Backend, Turnstile
    from ._folder import Folder
    from ._job import Errand, Job, Outcome
    from ._record import ExportRecord


def export_async(
    client: AsyncAikynetix,
    session_ids: Iterable[Any],
    to: str | os.PathLike[str],
    *,
    analysis: Analysis | str | None,
    concurrency: int,
    retry_failed: bool,
    wait: float,
    executor: Executor | None,
) -> AsyncGenerator[ExportRecord]:
    """Return an asynchronous iterator over the records; the arguments and errors are those of `export`."""
    check(session_ids, concurrency, executor)
    rules = Rules(analysis=analysis, retry_failed=bool(retry_failed))
    return _records(client, session_ids, folder_of(to), rules, concurrency, wait, executor)


async def _records(
    client: AsyncAikynetix,
    items: Iterable[Any],
    folder: Folder,
    rules: Rules,
    concurrency: int,
    wait: float,
    executor: Executor | None,
) -> AsyncGenerator[ExportRecord]:
    import anyio
    import anyio.to_thread

    from .. import _bridge  # here and below, because the synchronous client does without anyio

    lookups = _Lookups()
    errand = _job.Errand(folder.target, folder.is_local, wait)
    threads = partial(_threads, client, errand, concurrency, lookups)
    backend = backend_of(executor, threads, client._settings, errand, concurrency)
    run = Run(items, folder, backend, threads, rules)
    try:
        while (record := await _bridge.in_thread(run.advance)) is not None:
            yield record
    finally:
        lookups.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(run.close)


def _threads(client: AsyncAikynetix, errand: Errand, concurrency: int, lookups: _Lookups) -> Backend:
    settings = client._settings
    patient = client._sharing(settings, Policy(settings.deadline, settings.max_retries, handled=frozenset({429})))

    def begin(turnstile: Turnstile, cancelled: Callable[[], bool]) -> Callable[[Job], Outcome]:
        turn = partial(turnstile.turn, cancelled)
        options = _download.Options(
            timeout=settings.timeout,
            max_retries=settings.max_retries,
            cancelled=cancelled,
            overwrite=True,
        )

        def work(job: Job) -> Outcome:
            def lookup() -> _job.Resolve:
                return partial(lookups.call, patient.analyzed_videos._lookup(job.session_id, job.analysis, errand.wait))

            def fetch(resolve: Callable[[], AnalyzedVideo]) -> DownloadedVideo:
                open_url = client._storage.get().opener(settings.timeout)
                return _download.download(
                    job.session_id, errand.target, lookup=resolve, open_url=open_url, options=options
                )

            return _job.outcome_of(job, lookup, fetch, turn)

        return work

    return ThreadBackend(begin, concurrency)


class _Lookups:
    """Runs coroutine functions for threads in the event loop that is running now, until it is cancelled."""

    def __init__(self) -> None:
        from .. import _bridge

        self._in_loop: Callable[[Callable[[], Awaitable[AnalyzedVideo | None]]], AnalyzedVideo | None]
        self._in_loop = _bridge.loop_caller()
        self._scopes: set[anyio.CancelScope] = set()
        self._is_cancelled = False

    def call(self, function: Callable[[], Awaitable[AnalyzedVideo | None]]) -> AnalyzedVideo | None:
        """Return what ``function`` does in the loop; called from a worker thread.

        Raises:
            Cancelled: The export was.
        """
        ended = False

        async def scoped() -> AnalyzedVideo | None:
            nonlocal ended
            import anyio

            with anyio.CancelScope() as scope:
                self._scopes.add(scope)
                if self._is_cancelled:
                    scope.cancel()
                try:
                    video = await function()
                    ended = True
                    return video
                finally:
                    self._scopes.discard(scope)
            return None

        try:
            video = self._in_loop(scoped)
        except RuntimeError:  # the loop is closed: nobody is left to tell
            raise _download.Cancelled from None
        if not ended:
            raise _download.Cancelled
        return video

    def cancel(self) -> None:
        """End every lookup; called in the loop."""
        self._is_cancelled = True
        for scope in list(self._scopes):
            scope.cancel()
