"""The course of an export: what is begun, when, how often, and what is written down about it."""

from __future__ import annotations

import atexit
import heapq
import logging
import random
import time
from concurrent.futures import BrokenExecutor, CancelledError, Future, wait
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from attrs import evolve

from .._errors import AikynetixError, DownloadInterruptedError, RateLimitError
from . import _page
from ._index import Index
from ._limiter import PATIENCE, RateLimiter
from ._record import MANIFEST, ExportRecord, ExportStatus, dump, failed, is_fatal, is_passing, shown_id
from ._workers import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .._operations import Analysis
    from ._folder import Folder
    from ._workers import Workers

logger = logging.getLogger("aikynetix")

_MOST_REFUSALS, _MOST_LOSSES = 9, 2
_POLL = 0.1
_LONGEST_PAUSE = 8.0
# What is being worked on when an export is stopped may still end well within this time, in seconds, and is noted then.
_GRACE = 2.0


class Run:
    """One export. `next_record` may be called from different threads, one at a time, `close` from any at any time.

    Args:
        items: Session ids, or pairs of an id and an analysis; read from the thread that calls `next_record`.
        folder: Where the videos go.
        workers: Where the work is done.
        fallback: Makes the workers that take over where an executor has broken down.
        analysis: Which analysis to make where the session does not say it.
        concurrency: Sessions at a time.
        retry_failed: Whether to do only what failed in an earlier export.
        max_retries: How often a session that failed in passing is begun again.
    """

    def __init__(
        self,
        items: Iterable[Any],
        folder: Folder,
        workers: Workers,
        fallback: Callable[[], Workers],
        *,
        analysis: Analysis | str | None,
        concurrency: int,
        retry_failed: bool,
        max_retries: int,
    ) -> None:
        self._items, self._folder, self._workers, self._analysis = items, folder, workers, analysis
        self._concurrency, self._retry_failed = concurrency, retry_failed
        self._fallback: Callable[[], Workers] | None = fallback
        self._most = {"refusals": _MOST_REFUSALS, "failures": max_retries, "losses": _MOST_LOSSES}
        self._limiter = RateLimiter()
        self._turn = Lock()
        self._index: Index | None = None
        self._is_closed = self._has_failed = self._exhausted = False
        self._fault: Exception | None = None
        self._active: dict[Future[ExportRecord], Job] = {}
        self._again: list[tuple[float, int, Job]] = []  # a heap of what is to be begun again, by time
        self._numbers = count()
        self._done: SimpleQueue[Future[ExportRecord]] = SimpleQueue()

    @property
    def has_begun(self) -> bool:
        """Whether anybody has asked for a record."""
        return self._is_closed or self._index is not None or self._has_failed

    def next_record(self) -> ExportRecord | None:
        """Return the next record, which the manifest has; None when there is none left, or after `close`.

        Raises:
            AikynetixError: What stops the export as a whole.
            Exception: What reading the items raised, once there is no record left of those before.
        """
        with self._turn:
            if self._is_closed:
                return None
            try:
                if self._index is None:
                    self._open()
                return self._next_record()
            except BaseException:
                self._has_failed = True
                raise

    def close(self) -> None:
        """Stop what is going on, note what came of it, write the page. Closing twice is fine.

        Raises:
            DownloadError: The folder cannot be written to. Not after `next_record` has raised: what ended the export is
                what its caller has to hear of.
        """
        self._is_closed = self._exhausted = True
        _open_runs.discard(self)
        with ExitStack() as stack:
            # Who is inside sees it within a tenth of a second, unless the list of sessions keeps it waiting.
            if self._turn.acquire(timeout=_GRACE):
                stack.callback(self._turn.release)
            stack.callback(self._workers.close)
            index, self._index = self._index, None
            if index is None:
                return
            if self._has_failed:
                stack.enter_context(suppress(AikynetixError))
            stack.callback(index.close)
            stack.callback(self._folder.close)
            stack.callback(self._write_page, index)
            stack.callback(self._drain, index)

    def _open(self) -> None:
        index = Index()
        try:
            self._folder.open()
            if not index.load(self._folder.manifest()):
                raise self._folder.failure(f"{MANIFEST} there is not an export's; name another folder, or move it away")
        except BaseException:
            index.close()
            self._folder.close()
            raise
        self._items = iter(self._items)
        self._index = index
        _open_runs.add(self)

    def _next_record(self) -> ExportRecord | None:
        while not self._is_closed:
            begun = self._begin_next()
            record = begun if isinstance(begun, ExportRecord) else self._settle_next(may_wait=begun is None)
            if record is not None:
                return self._noted(record)
            if begun is None and self._exhausted and not self._active and not self._again:
                fault, self._fault = self._fault, None
                if fault is not None:
                    raise fault
                return None
        return None

    def _begin_next(self) -> Job | ExportRecord | None:
        """Begin a session, if one may be; return its record where nothing is to be done for it."""
        now = time.monotonic()
        if len(self._active) >= self._concurrency or self._limiter.delay(now) > 0:
            return None
        is_due = bool(self._again) and self._again[0][0] <= now
        found = heapq.heappop(self._again)[2] if is_due else self._next_listed()
        if isinstance(found, Job):
            self._limiter.start(now)
            future = self._submit(found)
            self._active[future] = found
            future.add_done_callback(self._done.put)
        return found

    def _next_listed(self) -> Job | ExportRecord | None:
        """Return the next session to begin, a record where it is done already, or None at the end of the list."""
        index = self._index
        while index is not None and not self._exhausted:
            try:
                item = next(self._items)  # type: ignore[call-overload]  # an iterator since `_open`
            except StopIteration:
                break
            except Exception as error:  # the caller's own: raised when what was begun has been handed out
                self._fault = error
                break
            session_id, analysis = taken_apart(item, self._analysis)
            shown = shown_id(session_id)
            # What is no text is a mistake, and must not stand in the way of the session that it looks like.
            last = index.last(shown) if isinstance(session_id, str) else None
            is_wanted = not self._retry_failed or (last is not None and last.status is ExportStatus.FAILED)
            if not is_wanted or not index.add_seen(shown if isinstance(session_id, str) else f"\0{shown}"):
                continue
            if last is None or not last.status.has_video:
                return Job(session_id, analysis)
            size = self._folder.size_of(str(last.path))
            if size == last.size:
                return evolve(last, status=ExportStatus.ALREADY_THERE, seconds=0.0, attempts=0)
            return Job(session_id, analysis, overwrite=size is not None)
        self._exhausted = True
        return None

    def _submit(self, job: Job) -> Future[ExportRecord]:
        try:
            try:
                return self._workers.submit(job)
            except BrokenExecutor:
                self._fall_back()
                return self._workers.submit(job)
        except AikynetixError:
            raise
        except Exception as error:
            text = f"the executor takes no work ({type(error).__name__}); is it, or the interpreter, shut down?"
            raise AikynetixError(text) from error

    def _settle_next(self, *, may_wait: bool) -> ExportRecord | None:
        """Return the record of a session that has ended, None where none has or it is to be begun again."""
        due = min([self._limiter.delay(time.monotonic()) or _POLL, _POLL]) if may_wait else 0.0
        try:
            future = self._done.get(timeout=due) if may_wait else self._done.get_nowait()
        except Empty:
            return None
        job = self._active.pop(future)
        error = CancelledError() if future.cancelled() else future.exception()
        if error is None:
            self._limiter.answered()
            return self._timed(future.result(), job)
        return self._settled(job, error)

    def _settled(self, job: Job, error: BaseException) -> ExportRecord | None:
        """Decide whether a session that ended in ``error`` is begun again, stops everything, or has failed."""
        now = time.monotonic()
        if isinstance(error, RateLimitError):
            self._limiter.refused(now, error.retry_after, random.random())
            if self._limiter.is_hopeless(now):
                raise error
            logger.info("too many requests; going on in %.1f s", self._limiter.delay(now))
            kind, pause, may_pass = "refusals", 0.0, (error.retry_after or 0.0) <= PATIENCE
        elif isinstance(error, AikynetixError | ValueError | TypeError):
            if is_fatal(error):
                raise error
            self._limiter.answered()
            wanted = getattr(error, "retry_after", None) or 0.0
            growth = min(_LONGEST_PAUSE, 2.0**job.failures) * random.random()
            kind, pause, may_pass = "failures", max(wanted, growth), is_passing(error) and wanted <= PATIENCE
        else:
            kind, pause, may_pass = "losses", 0.0, True
            error = self._lost(job, error)
        times = getattr(job, kind)
        if not may_pass or times >= self._most[kind]:
            return self._timed(failed(job.session_id, error), job)
        again = evolve(job, **{kind: times + 1})
        heapq.heappush(self._again, (now + pause, next(self._numbers), again))
        return None

    def _lost(self, job: Job, error: BaseException) -> DownloadInterruptedError:
        """Return what to say of a session whose worker went away with it."""
        why = type(error).__name__
        if isinstance(error, BrokenExecutor):
            self._fall_back()
        logger.warning("the worker of a session was lost (%s)", why)
        text = f"its worker was lost {_MOST_LOSSES + 1} times ({why}); a later export tries again"
        return DownloadInterruptedError(text, session_id=shown_id(job.session_id))

    def _fall_back(self) -> None:
        """Go on in this process: an executor that has broken down never takes work again."""
        if self._fallback is None:
            return
        self._workers.close()
        self._workers, self._fallback = self._fallback(), None
        logger.warning("the executor has broken down; the export goes on in this process")

    def _timed(self, record: ExportRecord, job: Job) -> ExportRecord:
        attempts = job.refusals + job.failures + job.losses + 1
        return evolve(record, seconds=time.monotonic() - job.begun, attempts=attempts)

    def _noted(self, record: ExportRecord) -> ExportRecord:
        """Write a record down, and return it with its path as this folder has it.

        A video that was there has its line, which tells how it came there: another would only hide that.
        """
        if record.status is ExportStatus.ALREADY_THERE:
            return evolve(record, path=self._folder.path_of(str(record.path)))
        name = None if record.path is None else Path(record.path).name
        line = dump(record, name)
        self._folder.append(line)
        if self._index is not None:
            self._index.keep(record, line)
        return record if name is None else evolve(record, path=self._folder.path_of(name))

    def _drain(self, index: Index) -> None:
        """Stop the workers, and note the videos that were complete before they heard of it."""
        running = [future for future in self._active if not future.cancel()]
        if running:
            self._workers.stop()
        self._index = index
        try:
            for future in wait(running, timeout=_GRACE).done:
                if not future.cancelled() and future.exception() is None:
                    self._noted(self._timed(future.result(), self._active[future]))
        finally:
            self._index = None
            self._active.clear()

    def _write_page(self, index: Index) -> None:
        """Write the page, once more if another export of the folder has noted something meanwhile."""
        is_new = True
        while is_new:
            index.load(self._folder.news())
            self._folder.write_page(_page.page(index))
            is_new = next(iter(self._folder.news()), None) is not None


_open_runs: WeakSet[Run] = WeakSet()


@atexit.register
def _close_runs() -> None:
    """Close what a program left half read, while modules and files can still be used."""
    for run in list(_open_runs):
        run.close()


def taken_apart(item: object, analysis: Analysis | str | None) -> tuple[Any, Any]:
    """Return the session id and the analysis of an element of the list, neither of them checked."""
    if isinstance(item, tuple) and len(item) == 2:
        return item[0], item[1] if item[1] is not None else analysis
    return item, analysis
