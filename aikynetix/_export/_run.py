"""The course of an export: what is begun, when, how often, and what is written down about it."""

from __future__ import annotations

import logging
import random
import time
import warnings
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from math import inf
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

from .._errors import AikynetixError, DownloadInterruptedError, NotFoundError, RateLimitError
from .._redact import one_line, scrub
from ._record import ExportRecord, ExportStatus, failed, is_fatal, is_passing, is_starved, shown_id

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
    from concurrent.futures import Executor

    from .._operations import Analysis
    from ._folder import Folder

logger = logging.getLogger("aikynetix")

PATIENCE = 300.0
"""Longest wait in seconds that a refusal may ask for, and longest time that an API may do nothing but refuse."""

_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_BACKOFF = 1.0, 16.0, 8.0
_ANEW = {"overwrite": True, "exist_ok": False}
_POLL, _LOOK_EVERY, _TELL_EVERY = 0.1, 1.0, 60.0
_NO_WORKER = "ask for fewer sessions at a time, or see whether the executor is shut down"
_GRACE = 2.0  # seconds in which what is under way when an export is stopped may still end, and be noted


def sessions(
    items: Iterable[Any], folder: Folder, *, retry_failed: bool
) -> Iterator[tuple[Any, Any, ExportRecord | None, bool]]:
    """Yield the sessions of a list, each once: id, analysis (both unchecked), last record, and whether to do it."""
    for item in items:
        session_id, analysis = item if isinstance(item, tuple) and len(item) == 2 else (item, None)
        shown, is_text = shown_id(session_id), isinstance(session_id, str)
        # What is no text is a mistake, and must not stand in the way of the session that it looks like.
        if folder.add_seen(shown if is_text else f"\0{shown}", analysis):
            last = folder.last(shown) if is_text else None
            has_failed = last is not None and last.status is ExportStatus.FAILED
            yield session_id, analysis, last, has_failed or not retry_failed


@frozen(eq=False)
class Job:
    """What is done for one session: the arguments of its download, and how it went so far."""

    request: Mapping[str, Any]
    due: float = 0.0
    begun: float = field(factory=time.monotonic)
    attempts: int = 1
    failures: int = 0

    def again(self, due: float, **how: bool) -> Job:
        """Return the job that is begun again at ``due``, with arguments of the download that are others."""
        return evolve(self, due=due, attempts=self.attempts + 1, request={**self.request, **how})

    def settled(self, record: ExportRecord) -> ExportRecord:
        """Return what came of it, with the time that it took."""
        seconds = time.monotonic() - self.begun
        return evolve(record, seconds=seconds, attempts=self.attempts, finished_at=datetime.now(UTC))


class RateLimiter:
    """When the next session may begin. It looks at no clock: times are in seconds, and do not go back.

    One session that is refused (429, or too many files are open) holds all of them: nothing begins until the time that
    the API asked for, or a while, is over. Then half as many are under way at a time, with each success one more.
    """

    def __init__(self, most: int) -> None:
        self.window = self._most = most  # sessions that may be under way
        self._held_until, self._refusals, self._refused_since = -inf, 0, inf

    def delay(self, now: float) -> float:
        """Return the seconds until the next session may begin; 0 when it may now."""
        return max(0.0, self._held_until - now)

    def accepted(self) -> None:
        """Note that a session ended without a refusal."""
        self._refused_since, self._refusals = inf, 0
        self.window = min(self.window + 1, self._most)

    def refused(self, now: float, retry_after: float, draw: float) -> None:
        """Note a refusal, for ``retry_after`` seconds where that is not beyond `PATIENCE`; ``draw`` is from 0 to 1."""
        self._refused_since = min(self._refused_since, now)
        if now >= self._held_until:  # of those refused together, the first one counts
            self._refusals += 1
            self.window = max(1, self.window // 2)
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self._refusals - 1, 8)) * (0.5 + draw / 2)
        if retry_after <= PATIENCE:
            pause = max(pause, retry_after)  # which may have been rounded down, to nothing even
        self._held_until = max(self._held_until, now + pause)

    def is_hopeless(self, now: float) -> bool:
        """Return whether the API has done nothing but refuse for longer than `PATIENCE`."""
        return now - self._refused_since > PATIENCE


@define(eq=False, repr=False, slots=False)
class Run:
    """One export; see `AnalyzedVideos.export`. All is decided in the thread that asks for the records."""

    _items: Iterable[Any]  # session ids, or pairs of an id and an analysis
    _folder: Folder
    _executor: Executor  # where the sessions are worked on
    _task: Callable[[Mapping[str, Any]], ExportRecord | Exception]  # what is done there, with a `download`'s arguments
    _stop: threading.Event | None  # ends what is under way in threads of this process; None for other executors
    _analysis: Analysis | str | None
    _wait: float
    _concurrency: int
    _retry_failed: bool
    _max_retries: int
    _observer: Callable[[str, int, int | None], object] | None
    is_stopped: bool = field(default=False, init=False)  # any thread may set it: `records` then ends within 0.1 s

    def __attrs_post_init__(self) -> None:
        self._sessions = sessions(self._items, self._folder, retry_failed=self._retry_failed)
        self._limiter = RateLimiter(self._concurrency)
        self._has_begun = self._exhausted = False
        self._fault: Exception | None = None  # the caller's own
        self._quiet_until = -inf  # one warning for all sessions that wait
        self._active: dict[Future[ExportRecord | Exception], Job] = {}
        self._downloading: set[str] = set()  # ids of sessions whose videos are on their way
        self._again: list[Job] = []
        self._done: SimpleQueue[Future[ExportRecord | Exception] | None] = SimpleQueue()  # None: a download has begun

    def __del__(self) -> None:
        if not self._has_begun:
            text = "an export was dropped before it began; it works while its records are asked for, as in a for loop"
            warnings.warn(text, RuntimeWarning, stacklevel=2)

    def records(self) -> Generator[ExportRecord]:
        """Yield the records as the sessions end; each is in the manifest by then. See `AnalyzedVideos.export`."""
        self._has_begun = True
        try:
            self._folder.open()
            try:
                while (record := self._next_record()) is not None:
                    yield record
            except BaseException:  # the loop was left, too
                with suppress(AikynetixError):
                    self._finish()
                raise
            self._finish()
        finally:
            if self._stop is not None:
                self._executor.shutdown(wait=False, cancel_futures=True)
            self._folder.close()

    def _next_record(self) -> ExportRecord | None:
        while not self.is_stopped:
            begun = self._begin_next()
            if begun is None and self._exhausted and not self._active and not self._again:
                break
            record = begun if isinstance(begun, ExportRecord) else self._settle_next(may_wait=begun is None)
            if record is not None:
                return record
        if self._fault is not None:
            raise self._fault
        return None

    def _begin_next(self) -> Job | ExportRecord | None:
        """Begin a session, if one may be; return its record where nothing is to be done for it."""
        now = time.monotonic()
        waiting = len(self._active) - min(len(self._downloading), extra_downloads(self._limiter.window))
        if waiting >= self._limiter.window or self._limiter.delay(now) > 0:
            return None
        found: Job | ExportRecord | None = next((job for job in self._again if job.due <= now), None)
        if found is None or len(self._again) < 4 * self._concurrency:  # new ones first: perhaps only a few are refused
            found = self._next_listed() or found
        if isinstance(found, Job):
            self._again = [job for job in self._again if job is not found]
            try:
                future = self._executor.submit(self._task, found.request)
            except Exception as error:
                why = one_line(scrub(f"{type(error).__name__}: {error}"), limit=200).removesuffix(":")
                raise AikynetixError(f"no worker can be had ({why}): {_NO_WORKER}") from error
            self._active[future] = found
            future.add_done_callback(self._done.put)
        return found

    def _next_listed(self) -> Job | ExportRecord | None:
        """Return the next session to begin, a record where it is done already, or None at the end of the list."""
        try:
            for session_id, analysis, last, is_wanted in self._sessions:
                if self.is_stopped:
                    return None
                if is_wanted:  # what is there has its line, which tells how it came
                    return self._folder.there(last) or self._job(session_id, analysis)
        except Exception as error:  # raised when what was begun has been handed out
            self._fault = error
        self._exhausted = True
        return None

    def _job(self, session_id: Any, analysis: Any) -> Job:
        analysis = self._analysis if analysis is None else analysis
        request: dict[str, Any] = {"session_id": session_id, "analysis": analysis, "wait": self._wait}
        request |= {"to": self._folder.target, "exist_ok": True}
        if self._stop is not None:
            request["progress"] = partial(self._observe, session_id)
        return Job(request)

    def _observe(self, session_id: str, done: int, size: int | None) -> None:
        """Take in how far a video is; from any thread."""
        if session_id not in self._downloading:
            self._downloading.add(session_id)
            self._done.put(None)
        try:
            if self._observer is not None:
                self._observer(session_id, done, size)
        except Exception as error:
            self._fault, self.is_stopped = error, True
            raise

    def _settle_next(self, *, may_wait: bool) -> ExportRecord | None:
        """Return the record of a session that has ended, None where none has or it is to be begun again."""
        timeout = min(self._limiter.delay(time.monotonic()) or _POLL, _POLL)
        future = None
        with suppress(Empty):
            future = self._done.get(may_wait, timeout)
        if future is None:
            return None
        job = self._active.pop(future)
        self._downloading.discard(shown_id(job.request["session_id"]))
        outcome = CancelledError() if future.cancelled() else future.exception() or future.result()
        if not isinstance(outcome, ExportRecord):
            if self.is_stopped:
                return None
            if not isinstance(outcome, AikynetixError | ValueError | TypeError):
                why = f"its worker was lost {job.attempts} times ({type(outcome).__name__}); a later export tries again"
                logger.warning("%s", why)
                outcome = DownloadInterruptedError(why, session_id=shown_id(job.request["session_id"]))
            return self._settle_error(job, outcome)
        self._limiter.accepted()
        record = self._noted(job, outcome)
        if record is None:
            self._again.append(job.again(0.0, **_ANEW))
        return record

    def _noted(self, job: Job, outcome: ExportRecord) -> ExportRecord | None:
        """Write down the record of a video; None for a file that was there, and that no export has made."""
        record = outcome if outcome.sha256 else self._folder.found(outcome)
        return None if record is None else self._folder.note(job.settled(record))

    def _settle_error(self, job: Job, error: BaseException) -> ExportRecord | None:
        """Begin a session again that ended in ``error``, or return its record."""
        if is_fatal(error):
            raise error
        now, retry_after = time.monotonic(), getattr(error, "retry_after", None) or 0.0
        if isinstance(error, RateLimitError) or is_starved(error):
            self._limiter.refused(now, retry_after, random.random())
            if self._limiter.is_hopeless(now):
                raise error
            # A file that is there, but could not be opened to be hashed, is fetched once more.
            may_retry, next_job = True, job.again(now, **({} if isinstance(error, RateLimitError) else _ANEW))
        elif getattr(error, "reason", None) == "locked":  # another export replaces the same file
            may_retry, next_job = True, job.again(now + _LOOK_EVERY, overwrite=False, exist_ok=True)
        else:
            self._limiter.accepted()
            may_retry = is_passing(error) and job.failures < self._max_retries
            backoff = min(_LONGEST_BACKOFF, 2.0**job.failures) * random.random()
            next_job = evolve(job.again(now + max(retry_after, backoff)), failures=job.failures + 1)
        if may_retry and retry_after <= PATIENCE:
            self._again.append(next_job)
            held = max(retry_after, self._limiter.delay(now))
            if held >= 1.0 and now >= self._quiet_until:
                self._quiet_until = now + max(held, _TELL_EVERY)
                logger.warning("waiting %.0f s before trying again (%s)", held, type(error).__name__)
            return None
        session_id = job.request["session_id"]
        last = self._folder.last(shown_id(session_id)) if isinstance(error, NotFoundError) else None
        if last is None or last.status is not ExportStatus.NOT_READY or self._wait:
            last = failed(session_id, error)  # else it is still being made
        return self._folder.note(job.settled(last))

    def _finish(self) -> None:
        """Stop the workers, note the videos that were complete before they heard of it, and write the page."""
        running = [future for future in self._active if not future.cancel()]
        if running and self._stop is not None:
            self._stop.set()
        for future in wait(running, timeout=_GRACE).done:
            outcome = None if future.cancelled() or future.exception() else future.result()
            if isinstance(outcome, ExportRecord):
                self._noted(self._active[future], outcome)
        self._folder.write_page()


def extra_downloads(concurrency: int) -> int:
    """Return how many running downloads are allowed in addition to ``concurrency`` sessions.

    A lookup is mostly waiting, a download mostly work: one would wait for the other. Of many sessions some do either.
    """
    return max(0, min(concurrency * 3 // 4, 28 - concurrency))


def close(records: Generator[ExportRecord]) -> None:
    """Close a generator in which another thread may still be."""
    for _ in range(200):
        with suppress(ValueError):  # it is executing
            return records.close()
        time.sleep(0.01)
    return None
