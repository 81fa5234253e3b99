"""The course of an export: what is begun, when, how often, and what is written down about it."""

from __future__ import annotations

import atexit
import logging
import random
import time
from collections import deque
from concurrent.futures import BrokenExecutor, Future, wait
from contextlib import ExitStack, suppress
from importlib import import_module
from queue import Empty, SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from attrs import evolve, frozen

from .._errors import AikynetixError, DownloadInterruptedError
from . import _manifest
from ._backend import Threads
from ._job import Job, Outcome, again
from ._ledger import Ledger
from ._pace import Pace
from ._record import ExportRecord, ExportStatus, failed, shown_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .._operations import Analysis
    from ._backend import Backend
    from ._folder import Folder

logger = logging.getLogger("aikynetix")

_MOST_LOSSES = 3
_POLL = 0.1
# What is being worked on when an export is stopped may still end well within this time, in seconds, and is noted then.
_GRACE = 2.0
_LOOKERS = 16
# Reading the list may take this long, in seconds, while there are records to hand out.
_LONGEST_READING = 0.05
# What is loaded while the first sessions wait for the API: they need it next.
_NEXT = ("aikynetix._download._engine", "aikynetix._export._page")
_PRESENT = (ExportStatus.DONE, ExportStatus.ALREADY_THERE)


@frozen(kw_only=True)
class Rules:
    """How an export goes about it.

    Attributes:
        analysis: Which analysis to make where the session does not say it.
        retry_failed: Whether to do only what failed in an earlier export.
    """

    analysis: Analysis | str | None = None
    retry_failed: bool = False


def never() -> bool:
    """Return False."""
    return False


class Run:
    """One export. `advance` may be called from different threads, one at a time, and `close` from any at any time.

    Args:
        items: Session ids, or pairs of an id and an analysis; read from the thread that calls `advance`.
        folder: Where the videos go.
        backend: Where the work is done.
        fallback: Makes the backend that takes over from one that has broken down.
        rules: How to go about it.
    """

    def __init__(
        self, items: Iterable[Any], folder: Folder, backend: Backend, fallback: Callable[[], Backend], rules: Rules
    ) -> None:
        self._items = iter(items)
        self._folder = folder
        self._backend = backend
        self._fallback = fallback
        self._rules = rules
        self._pace = Pace()
        self._ledger: Ledger | None = None
        self._lookers: Threads | None = None
        self._turn = Lock()
        self._is_closed = False
        self._exhausted = False
        self._fault: Exception | None = None
        self._has_fallen_back = False
        self._has_failed = False
        self._active: dict[Future[Outcome | None], Job] = {}
        self._waiting: deque[Job] = deque()
        self._done: SimpleQueue[Future[Outcome | None]] = SimpleQueue()

    def advance(self, interrupted: Callable[[], bool] = never) -> ExportRecord | None:
        """Return the next record, which the manifest has; None when there is none left, or after `close`.

        Args:
            interrupted: Asked several times a second; when it returns True, None is returned early.

        Raises:
            AikynetixError: What stops the export as a whole.
            Exception: What reading the items raised, once there is no record left of those before.
        """
        with self._turn:
            if self._is_closed:
                return None
            ledger = self._ledger = self._ledger or self._opened()
            try:
                return self._next_record(ledger, interrupted)
            except BaseException:
                self._has_failed = True
                raise

    def close(self) -> None:
        """Stop what is going on, note what came of it, write the page. Closing twice is fine.

        Raises:
            DownloadError: The folder cannot be written to. Not after `advance` has raised: what ended the export is
                what its caller has to hear of.
        """
        self._is_closed = self._exhausted = True
        _open_runs.discard(self)
        with ExitStack() as stack:
            # Who is inside sees it within a tenth of a second, unless the list of sessions keeps it waiting.
            if self._turn.acquire(timeout=_GRACE):
                stack.callback(self._turn.release)
            ledger, self._ledger = self._ledger, None
            if ledger is None:
                return
            if self._has_failed:
                stack.enter_context(suppress(AikynetixError))
            stack.callback(ledger.close)
            stack.callback(self._folder.close)
            stack.callback(self._write_page, ledger)
            stack.callback(self._drain, ledger)

    def _next_record(self, ledger: Ledger, interrupted: Callable[[], bool]) -> ExportRecord | None:
        while not (self._is_closed or interrupted()):
            record = self._fill(ledger)
            if self._active:
                for name in _NEXT:
                    import_module(name)
            if record is None:
                if self._exhausted and not self._active and not self._waiting:
                    fault, self._fault = self._fault, None
                    if fault is not None:
                        raise fault
                    return None
                record = self._settle_next()
            if record is not None:
                return self._noted(ledger, record)
        return None

    def _opened(self) -> Ledger:
        ledger = Ledger()
        try:
            self._folder.open()
            ledger.load(self._folder.manifest())
        except BaseException:
            ledger.close()
            self._folder.close()
            raise
        _open_runs.add(self)
        return ledger

    def _fill(self, ledger: Ledger) -> ExportRecord | None:
        """Begin as much as may be begun; return early with the record of a session for which nothing is to be done."""
        began = time.monotonic()
        while len(self._active) < self._backend.window:
            now = time.monotonic()
            is_slow = now - began > _LONGEST_READING  # a list that takes its time holds nothing back that is done
            if self._pace.delay(now) > 0 or (is_slow and not self._done.empty()):
                return None
            found = self._waiting.popleft() if self._waiting else self._next_job(ledger)
            if not isinstance(found, Job):
                return found
            self._begin(found, now)
        return None

    def _next_job(self, ledger: Ledger) -> Job | ExportRecord | None:
        """Return the next session to begin, a record where it is done already, or None at the end of the input."""
        while not self._exhausted:
            try:
                item = next(self._items)
            except StopIteration:
                break
            except Exception as error:  # the caller's own: raised when what was begun has been handed out
                self._fault = error
                break
            if self._is_closed:
                break
            session_id, analysis = taken_apart(item, self._rules.analysis)
            shown = shown_id(session_id)
            last = ledger.last(shown)
            is_wanted = not self._rules.retry_failed or (last is not None and last.status is ExportStatus.FAILED)
            # What is no text is a mistake, and must not stand in the way of the session that it looks like.
            met_as = shown if isinstance(session_id, str) else f"\0{shown}"
            if not is_wanted or not ledger.meet(met_as):
                continue
            if last is None or last.status not in _PRESENT or not isinstance(session_id, str):
                return Job(session_id, analysis)
            if not self._folder.is_local:
                return Job(session_id, analysis, known=last)
            return self._there(last) or Job(session_id, analysis)
        self._exhausted = True
        return None

    def _there(self, last: ExportRecord) -> ExportRecord | None:
        """Return the record of a session whose file is there as it was left, None where it is not."""
        name = str(last.path)
        if self._folder.size_of(name) != last.size:
            return None
        path = self._folder.path_of(name)
        return evolve(last, status=ExportStatus.ALREADY_THERE, path=path, seconds=0.0, attempts=0)

    def _begin(self, job: Job, now: float) -> None:
        if job.known is not None:
            future = self._look(job.known)
        else:
            self._pace.start(now)
            future = self._submit(job)
        self._active[future] = job
        future.add_done_callback(self._done.put)

    def _look(self, known: ExportRecord) -> Future[Outcome | None]:
        """Look in a thread whether a file is there: in a store far away that takes its time."""
        if self._lookers is None:
            self._lookers = Threads(_LOOKERS, "aikynetix-look")

        def look() -> Outcome | None:
            record = self._there(known)
            return None if record is None else Outcome(record)

        return self._lookers.submit(look)

    def _submit(self, job: Job) -> Future[Outcome | None]:
        try:
            try:
                return self._backend.submit(job)
            except BrokenExecutor:
                self._replace_backend()
                return self._backend.submit(job)
        except AikynetixError:
            raise
        except Exception as error:
            text = f"the executor takes no work ({type(error).__name__}); is it shut down?"
        raise AikynetixError(text)

    def _settle_next(self) -> ExportRecord | None:
        """Wait a little for something to end; return its record, None where nothing did or it is to be begun again."""
        may_begin = len(self._active) < self._backend.window and not (self._exhausted and not self._waiting)
        patience = min(_POLL, self._pace.delay(time.monotonic())) if may_begin else _POLL
        try:
            future = self._done.get(timeout=patience)
        except Empty:
            return None
        job = self._active.pop(future)
        error = None if future.cancelled() else future.exception()
        outcome = None if error is not None or future.cancelled() else future.result()
        if job.known is not None:
            if outcome is not None:
                return outcome.record
            self._waiting.append(evolve(job, known=None))
            return None
        if outcome is None:
            return self._lost(job, error, was_cancelled=future.cancelled())
        return self._ended(job, outcome)

    def _ended(self, job: Job, outcome: Outcome) -> ExportRecord | None:
        now = time.monotonic()
        if outcome.fatal is not None:
            raise outcome.fatal
        if not outcome.refused:
            self._pace.answered()
            return outcome.record
        self._pace.refused(now, job.attempts, outcome.retry_after, random.random())
        if not self._pace.may_try_again(now, job.attempts, outcome.retry_after):
            return outcome.record
        self._backend.hold(now + self._pace.delay(now))
        logger.info("too many requests; going on in %.1f s", self._pace.delay(now))
        self._waiting.append(again(job, outcome.record))
        return None

    def _lost(self, job: Job, error: BaseException | None, *, was_cancelled: bool) -> ExportRecord | None:
        """Begin a session again whose worker went away with it, a bounded number of times."""
        if isinstance(error, BrokenExecutor) and not was_cancelled:
            self._replace_backend()
        why = "cancelled" if was_cancelled else type(error).__name__ if error is not None else "stopped"
        logger.warning("the worker of a session was lost (%s)", why)
        if job.losses + 1 < _MOST_LOSSES:
            self._waiting.append(evolve(job, losses=job.losses + 1, attempts=job.attempts + 1))
            return None
        text = f"its worker was lost {_MOST_LOSSES} times ({why}); a later export tries again"
        lost = DownloadInterruptedError(text, session_id=job.session_id)
        return failed(job.session_id, lost, seconds=job.spent, attempts=job.attempts)

    def _replace_backend(self) -> None:
        """Go on in threads of this process: an executor that has broken down never takes work again."""
        if self._has_fallen_back:
            return
        self._has_fallen_back = True
        self._backend.close()
        self._backend = self._fallback()
        logger.warning("the executor has broken down; the export goes on in threads of this process")

    def _noted(self, ledger: Ledger, record: ExportRecord) -> ExportRecord:
        """Write a record down, and return it with its path as this folder has it.

        A video that was there has its line, which tells how it came there: another would only hide that.
        """
        name = None if record.path is None else self._folder.name_of(record.path)
        if record.status is not ExportStatus.ALREADY_THERE:
            line = _manifest.dump(record, name)
            self._folder.append(line)
            ledger.keep(record, line)
        return record if name is None else evolve(record, path=self._folder.path_of(name))

    def _drain(self, ledger: Ledger) -> None:
        """Stop the workers, and note the videos that were complete before they heard of it."""
        running = [future for future in self._active if not future.cancel()]
        if running:
            self._backend.stop()
        try:
            wait(running, timeout=_GRACE)
            for future in running:
                outcome = (
                    future.result() if future.done() and not future.cancelled() and not future.exception() else None
                )
                if outcome is not None and outcome.record.status is ExportStatus.DONE:
                    self._noted(ledger, outcome.record)
        finally:
            self._active.clear()
            self._backend.close()
            if self._lookers is not None:
                self._lookers.close()

    def _write_page(self, ledger: Ledger) -> None:
        from . import _page

        # Of two exports that end together, the last to write its page knows of all that both have done.
        with self._folder.page_turn():
            ledger.load(self._folder.news())
            self._folder.write_page(_page.page(ledger))


_open_runs: WeakSet[Run] = WeakSet()


@atexit.register
def _close_runs() -> None:
    """Close what a program left half read, while modules and files can still be used."""
    for run in list(_open_runs):
        run.close()


def taken_apart(item: object, analysis: Analysis | str | None) -> tuple[Any, Any]:
    """Return the session id and the analysis of an element of the input, neither of them checked."""
    if isinstance(item, tuple) and len(item) == 2:
        return item[0], item[1] if item[1] is not None else analysis
    return item, analysis
