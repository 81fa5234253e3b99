"""From a signed URL to all bytes of the object, over one connection or many, through whatever happens on the way.

One thread supervises: it takes the reports of the connections, has the pure rules decide, and acts. The connections
themselves decide nothing. Where one is all that a video needs, the supervisor may be it (see `Connections.open`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NoReturn

from .._causes import detached
from .._errors import AikynetixError, DownloadError, IntegrityError
from ._answers import Asked, Offer, judge
from ._connections import Connections
from ._digest import Digest
from ._growth import MOST_CONNECTIONS, SMALL, Growth, Sample
from ._load import Load
from ._plan import Ledger, Span, gaps, total
from ._rules import MOST_STARTS, Failure, Kind, Setbacks, Standing, Step, decide, disk_failure, is_about_url, may_pass
from ._types import Cancelled, Clock, Fetched, Options, Part
from ._worker import Ended, Opened, Worker, Workplace

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._identity import Identity
    from ._storage import Answer, Storage
    from ._urls import Urls

_log = logging.getLogger("aikynetix")
_TICK = 0.05
_TICK_WHILE_GROWING = 0.01


class _StartOver(Exception):
    """What has arrived is of no use; `changed` says that the object is another one now."""

    def __init__(self, text: str, *, changed: bool) -> None:
        super().__init__(text)
        self.changed = changed


class Transfer:
    """Fetches one object into a part.

    Args:
        urls: Gives signed URLs.
        storage: Gives connections.
        part: Takes the bytes.
        options: What the caller asked for.
        clock: Time and chance.
        error: Makes an exception from a class and a text.
    """

    def __init__(
        self,
        urls: Urls,
        storage: Storage,
        part: Part,
        options: Options,
        clock: Clock,
        error: Callable[[type[DownloadError], str], DownloadError],
    ) -> None:
        self._urls, self._storage, self._part = urls, storage, part
        self._options, self._clock, self._error = options, clock, error
        self._known: Identity | None = None
        self._finished: list[Span] = []
        self._resumed_from = 0
        self._connections = Connections(storage, options, clock)
        self._place: Workplace | None = None
        self._ended = False
        self._proven = 0  # the newest of the URLs that the storage has taken
        self._growth = Growth(limit=1)
        self._setup = 0.0
        self._load = Load(clock.monotonic())
        self._setbacks = Setbacks(since=clock.monotonic())
        self._not_before = 0.0
        self._reported: int | None = None
        self._single = False

    def run(self, *, resume: bool = True) -> Fetched:
        """Fetch the object.

        Args:
            resume: Whether to go on from what an earlier download left.

        Raises:
            DownloadError: Or one of its subclasses: it cannot be had. What has arrived stays in the part.
            Cancelled: The caller wanted it so. What has arrived stays in the part.
        """
        if resume:
            self._take_up_earlier()
        changes = 0
        while changes < MOST_STARTS:
            try:
                return self._round()
            except _StartOver as why:
                _log.warning("the download starts over: %s", why)
                changes += why.changed
                # Where the versions differ from answer to answer, or ranges do not work, one answer must do.
                self._single = not why.changed or changes > 1
                self.forget(changed=why.changed)
            finally:
                self._clear_away()
        raise self._error(DownloadError, "the video keeps changing on the storage")

    def forget(self, *, changed: bool = True) -> None:
        """Have the next `run` begin at the first byte.

        Args:
            changed: Whether bytes count as gained that were there before. If it is the same object that is fetched
                again and again, they do not: a server that always breaks off at the same place would never be given up.
        """
        self._known, self._finished, self._resumed_from = None, [], 0
        if changed:
            self._setbacks.best = 0

    def _take_up_earlier(self) -> None:
        try:
            earlier = self._part.earlier()
        except OSError as error:
            self._give_up(disk_failure(error), DownloadError)
        if earlier is None or not earlier[0].provable or not earlier[0].size:
            return
        self._known, spans = earlier
        if total(spans) >= earlier[0].size:
            # One byte is fetched once more, because its answer proves that the object is still the same.
            spans = [(0, earlier[0].size - 1)] if earlier[0].size > 1 else []
        self._finished, self._resumed_from = spans, total(spans)

    def _round(self) -> Fetched:
        while not self._complete():
            self._look_around()
            self._staff()
            for report in self._connections.reports(_TICK_WHILE_GROWING if self._growth.limit > 1 else _TICK):
                self._take(report)
        return self._settle()

    def _complete(self) -> bool:
        if self._place is None or self._connections.workers:
            return False
        return self._ended or self._place.ledger.complete

    def _look_around(self) -> None:
        if self._options.cancelled():
            raise Cancelled
        if self._place is None:
            return
        with self._place.lock:
            ledger = self._place.ledger
            done, prefix = ledger.done, ledger.prefix
        if self._part.parallel:  # another cannot be read back; there all bytes are offered in order
            self._place.digest.available(prefix)
        if self._options.progress is not None and done != self._reported:
            self._reported = done
            self._options.progress(done, self._known.size if self._known else None)
        self._connections.end_the_stalled()
        self._measure(done, ledger.size - done)

    def _measure(self, done: int, rest: int) -> None:
        if self._growth.limit == 1:
            return
        now, workers = self._clock.monotonic(), self._connections.workers
        streaming = [worker for worker in workers if worker.first_byte is not None]
        sample = Sample(
            now=now,
            done=done,
            rest=rest,
            streaming=len(streaming),
            opening=len(workers) - len(streaming),
            setup=self._setup,
            busy=self._load.at(now),
        )
        self._growth.observe(sample)

    def _staff(self) -> None:
        if self._clock.monotonic() < self._not_before:
            return
        workers = self._connections.workers
        if self._place is None:
            if not workers:
                asked, url = self._first_question(), self._urls.video().url
                self._connections.open(asked, url, self._urls.count, takes=self._takes)
            return
        wanted = min(self._growth.wanted, len(workers) + self._storage.room())
        if self._setbacks.failures and not any(worker.first_byte for worker in workers):
            wanted = 1  # who was thrown out comes back alone
        while len(workers) < max(1, wanted) and not self._ended and self._has_url(self._urls.video):
            with self._place.lock:
                claim = self._place.ledger.claim(share=self._growth.share(self._setup))
            if claim is None:
                return
            asked, url = Asked(start=claim.start, stop=claim.stop, known=self._known), self._urls.video().url
            takes = None if workers or self._growth.limit > 1 else self._takes
            self._connections.open(asked, url, self._urls.count, claim, takes)

    def _first_question(self) -> Asked:
        if self._known is None or not self._known.size:
            return Asked()
        start, stop = gaps(self._finished, self._known.size)[0]
        return Asked(start=start, stop=stop, known=self._known)

    def _takes(self, worker: Worker, answer: Answer) -> bool:
        self._take_answer(worker, answer)
        return self._growth.limit == 1

    def _take(self, report: Opened | Ended) -> None:
        if report.worker not in self._connections.workers:
            return
        if isinstance(report, Opened):
            self._take_answer(report.worker, report.answer)
        else:
            self._take_end(report.worker, report.failure)

    def _take_answer(self, worker: Worker, answer: Answer) -> None:
        self._setup = self._clock.monotonic() - worker.begun
        offer = judge(worker.asked, answer.status, answer.headers, answer.url)
        if isinstance(offer, Failure):
            worker.verdict = offer
            worker.stop()
            return
        self._proven = max(self._proven, worker.issue)
        if self._place is None:
            self._begin(offer)
        assert self._place is not None
        with self._place.lock:
            claim = worker.claim or self._place.ledger.claim(share=1)
            assert claim is not None
            claim.reach = offer.stop if offer.stop is not None else claim.stop
        worker.looked_at, worker.position_then = self._clock.monotonic(), claim.position
        if offer.encoding and not answer.body.decode(offer.encoding):
            worker.verdict = Failure(kind=Kind.TOO_LARGE, text="the storage sent the video in an unknown encoding")
            worker.claim = claim
            worker.stop()
            return
        worker.proceed(claim, self._place)

    def _begin(self, offer: Offer) -> None:
        fresh, known, size = self._known is None, offer.identity, offer.identity.size
        if size == 0:
            raise self._error(IntegrityError, "the storage sent an empty file")
        try:
            if fresh:
                self._part.begin(known)  # first, because what it replaces takes room as well
        except Exception as error:  # a remote file system raises what its own library raises
            self._give_up(disk_failure(error), DownloadError)
        if size is not None and self._part.lacks_space(size - total(self._finished)):
            raise self._error(DownloadError, f"the disk has no room for {size} bytes")
        self._known = known
        bound = self._options.max_bytes + 1 if size is None else size
        digest = Digest(known, self._part, sha256=self._options.sha256 or not self._part.parallel)
        self._place = Workplace(Ledger(bound, self._finished), self._part, digest)
        small = size is None or size < SMALL or not offer.ranges or not known.provable or not self._part.parallel
        self._growth = Growth(limit=1 if small or self._single else self._options.connections or MOST_CONNECTIONS)

    def _take_end(self, worker: Worker, failure: Failure | None) -> None:
        self._connections.drop(worker)
        rest = 0
        if worker.claim is not None and self._place is not None:
            with self._place.lock:
                rest = worker.claim.rest
                self._place.ledger.release(worker.claim)
                self._finished = list(self._place.ledger.finished)
        failure = worker.verdict or failure
        if failure is None and self._known is not None and self._known.size is None:
            self._ended = True
            if not rest:
                failure = Failure(kind=Kind.TOO_LARGE, text=f"the video has more than {self._options.max_bytes} bytes")
        elif failure is None and rest:
            failure = Failure(kind=Kind.BROKEN, text=f"the storage hung up with {rest} bytes to come")
        if failure is not None:
            self._recover(worker, failure)

    def _recover(self, worker: Worker, failure: Failure) -> None:
        self._note_progress()
        is_known = False
        if is_about_url(failure):
            if worker.issue != self._urls.count:
                return  # another URL has been asked for since
        else:
            is_known = not self._setbacks.strike(worker, self._connections.workers) and may_pass(failure)
        action = decide(failure, self._standing(worker))
        if is_known and action.step is not Step.FEWER:
            return  # it was struck by what struck another, and that is being dealt with
        _log.info("a connection ended: %s; next: %s", failure.text, action.step.name.lower())
        match action.step:
            case Step.GIVE_UP:
                self._give_up(failure, action.error)
            case Step.START_OVER:
                if failure.kind is Kind.STATUS and worker.asked.known is None:
                    self._give_up(failure, DownloadError)
                raise _StartOver(failure.text, changed=failure.kind is not Kind.NO_RANGES)
            case Step.FEWER:
                self._growth.push_back(len(self._connections.workers))
                return
            case Step.RESIGN:
                self._setbacks.resigns += 1
                if not self._has_url(self._urls.renew):
                    return
            case Step.WAIT:
                self._not_before = self._clock.monotonic() + action.wait
        if self._place is not None and not self._resumable():
            raise _StartOver(failure.text, changed=False)

    def _has_url(self, get: Callable[[], object]) -> bool:
        """Have a URL by ``get``; without one, return False if somebody delivers who needs none."""
        try:
            get()
        except AikynetixError:
            if not self._connections.delivering:
                raise
            self._growth.push_back(len(self._connections.workers))
            return False
        return True

    def _resumable(self) -> bool:
        assert self._known is not None
        return self._known.provable and bool(self._known.size)

    def _standing(self, worker: Worker) -> Standing:
        return Standing(
            failures=self._setbacks.failures,
            resigns=self._setbacks.resigns,
            max_retries=self._options.max_retries,
            waited=self._clock.monotonic() - self._setbacks.since,
            others=self._connections.delivering,
            fresh=worker.first_byte is None,
            proven=worker.issue == self._proven,
            draw=self._clock.draw(),
        )

    def _note_progress(self) -> None:
        if self._place is not None:
            with self._place.lock:
                done = self._place.ledger.done
            self._setbacks.note(done, self._clock.monotonic())

    def _give_up(self, failure: Failure, error: type[DownloadError]) -> NoReturn:
        raised = self._error(error, failure.text)
        if failure.cause is not None:
            raise raised from detached(failure.cause)
        raise raised

    def _settle(self) -> Fetched:
        place, known = self._place, self._known
        assert place is not None
        assert known is not None
        size = place.ledger.done if known.size is None else known.size
        try:
            while not place.digest.wait(size, _TICK):
                if self._options.cancelled():
                    raise Cancelled
        except OSError as error:
            self._give_up(disk_failure(error), DownloadError)
        if self._options.progress is not None and self._reported != size:
            self._options.progress(size, size)
        return Fetched(
            identity=known,
            size=size,
            digests=place.digest.result(),
            head=place.digest.head,
            resumed_from=self._resumed_from,
        )

    def _clear_away(self) -> None:
        self._connections.end()
        if self._place is not None:
            self._place.shut()
            self._place.digest.close()
        self._place, self._ended = None, False
        self._growth = Growth(limit=1)
