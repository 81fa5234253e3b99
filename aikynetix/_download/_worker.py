"""One connection: it opens, asks what to fetch, fetches, and tells how it ended. Mostly on a thread of its own.

It decides nothing. The thread that supervises the download answers every `Opened` with a claim or with None.
"""

from __future__ import annotations

import time
from functools import partial
from queue import SimpleQueue
from threading import Condition, Lock
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from ._body import BrokenBody
from ._digest import HEAD, Digest, why_no_video
from ._rules import Failure, Kind, disk_failure
from ._storage import Answer, Lifeline, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._answers import Asked
    from ._crew import Crew
    from ._plan import Claim, Ledger

# A slow connection's bytes go to the disk at least this often, so that a killed process loses little.
_FLUSH_EVERY = 0.1
# Of so many bytes no division among the most connections that there may be comes near what a large buffer holds.
_LARGE_BUFFER_FROM = 128 * 1024 * 1024


class Sink(Protocol):
    """Where the bytes go."""

    def write(self, offset: int, data: memoryview) -> None:
        """Write all of ``data`` at ``offset``."""
        ...


class Workplace:
    """What the connections of one download share: who fetches what, where it goes, how it is hashed."""

    def __init__(self, ledger: Ledger, sink: Sink, digest: Digest) -> None:
        self.ledger = ledger
        self.lock = Lock()
        self.digest = digest
        self._sink = sink
        self._idle = Condition(self.lock)
        self._writing = 0
        self._shut = False

    def store(self, claim: Claim, view: memoryview) -> None:
        """Write what has arrived of ``claim`` and move its position; nothing happens in a place that is shut."""
        with self.lock:
            if self._shut:
                return
            self._writing += 1
        written = 0
        try:
            self._sink.write(claim.position, view)
            written = len(view)
        finally:
            with self.lock:
                self._writing -= 1
                self.ledger.advance(claim, written)
                self._idle.notify_all()

    def shut(self) -> None:
        """Have nothing written any more; on return no write is under way, however long the disk took for it."""
        with self.lock:
            self._shut = True
            self._idle.wait_for(lambda: not self._writing)


@frozen
class Opened:
    """A connection has an answer and waits for its orders."""

    worker: Worker
    answer: Answer


@frozen
class Ended:
    """A connection is done: with its claim, or with a failure."""

    worker: Worker
    failure: Failure | None = None


class Worker:
    """One connection.

    Args:
        asked: What to ask for.
        url: Where.
        issue: Which of the URLs that the API gave it is.
        open_answer: Opens it.
        crew: Has a thread for it.
        report: Takes `Opened`, then `Ended`; or only `Ended`.

    Attributes:
        claim: What it is meant for; None for a first connection, whose answer tells the size.
        verdict: Why the supervisor ended it, None if it did not or needed no reason.
        streaming: Whether it fetches a claim.
        begun: When it was made, in monotonic seconds.
        first_byte: When its first bytes came, None before.
        looked_at: When the supervisor last judged its speed.
        position_then: Where its claim stood at that time.
    """

    def __init__(
        self,
        asked: Asked,
        url: str,
        issue: int,
        open_answer: Callable[[str, Asked, Lifeline], Answer],
        crew: Crew,
        report: Callable[[Opened | Ended], None],
    ) -> None:
        self.asked = asked
        self.url, self.issue = url, issue
        self.claim: Claim | None = None
        self.verdict: Failure | None = None
        self.streaming = False
        self.begun = self.looked_at = time.monotonic()
        self.position_then = 0
        self.first_byte: float | None = None
        self._open_answer = open_answer
        self._crew = crew
        self._over: Lock | None = None
        self._report = report
        self._lifeline = Lifeline()
        self._orders: SimpleQueue[tuple[Claim, Workplace] | None] = SimpleQueue()

    @property
    def stopped(self) -> bool:
        """Whether the connection was told to end."""
        return self._lifeline.cut

    def start(self, answer: Answer | None = None) -> None:
        """Begin on a thread of the crew; where the system has none left, that is how the connection ended.

        Args:
            answer: What `open` returned, if that has been called already: then this thread can go on as well.
        """
        try:
            self._over = self._crew.run(self._run if answer is None else partial(self.serve, answer))
        except RuntimeError as error:
            if answer is not None:
                self.serve(answer)
                return
            text = "the system gives no more threads"
            self._report(Ended(self, Failure(kind=Kind.CONNECT, text=text, cause=error)))

    def proceed(self, claim: Claim, place: Workplace) -> None:
        """Have the claim fetched."""
        self.claim = claim
        self._orders.put((claim, place))

    def stop(self) -> None:
        """Have the connection end, wherever it is."""
        self._lifeline.pull()
        self._orders.put(None)

    def join(self, seconds: float) -> None:
        """Wait for the connection to end."""
        if self._over is not None and self._over.acquire(timeout=seconds):
            self._over = None

    def open(self) -> Answer | None:
        """Open the connection and return its answer; without one it has ended."""
        try:
            return self._open_answer(self.url, self.asked, self._lifeline)
        except Refused as refused:
            self._report(Ended(self, refused.failure))
        except BaseException as error:  # a caller's own transport raises what it likes, and the supervisor waits
            self._report(Ended(self, _unforeseen(error)))
        return None

    def serve(self, answer: Answer) -> None:
        """Do what the orders say, which may still have to come, and end."""
        failure: Failure | None = None
        try:
            orders = self._orders.get()
            if orders is not None:
                failure = self._fetch(answer, *orders)
            self._lifeline.release()
        except BaseException as error:
            failure = _unforeseen(error)
        try:
            answer.close()
        except BaseException as error:
            failure = failure or _unforeseen(error)
        self._report(Ended(self, failure))

    def _run(self) -> None:
        answer = self.open()
        if answer is not None:
            self._report(Opened(self, answer))
            self.serve(answer)

    def _fetch(self, answer: Answer, claim: Claim, place: Workplace) -> Failure | None:
        self.streaming = True
        failure: Failure | None = None
        while failure is None and claim.rest and not self.stopped:
            alone = len(place.ledger.claims) == 1
            buffer = place.digest.buffer(large=alone and claim.rest >= _LARGE_BUFFER_FROM)
            # The worker alone moves the position; the end may come nearer meanwhile, but never past what is under way.
            offset = claim.position
            count, failure = self._fill(answer, memoryview(buffer)[: claim.rest])
            if count:
                failure = self._store(place, claim, memoryview(buffer)[:count]) or failure
            place.digest.offer(offset, buffer, count, alone=len(place.ledger.claims) == 1)
            if count == 0:
                break
        return failure

    def _fill(self, answer: Answer, view: memoryview) -> tuple[int, Failure | None]:
        filled, begun = 0, time.monotonic()
        try:
            while filled < len(view):
                count = answer.body.read_into(view[filled:])
                now = time.monotonic()
                if self.first_byte is None:
                    self.first_byte = now
                filled += count
                if count == 0 or self.stopped or now - begun > _FLUSH_EVERY:
                    break
        except BrokenBody as broken:
            return filled, broken.failure
        return filled, None

    def _store(self, place: Workplace, claim: Claim, view: memoryview) -> Failure | None:
        if claim.position == 0 and len(view) >= HEAD:
            reason = why_no_video(bytes(view[:HEAD]))
            if reason is not None:
                return Failure(kind=Kind.CONTENT, text=reason)
        try:
            place.store(claim, view)
        except Exception as error:  # a remote file system raises what its own library raises
            return disk_failure(error)
        return None


def _unforeseen(error: BaseException) -> Failure:
    return Failure(kind=Kind.BROKEN, text=f"the connection failed ({type(error).__name__})", cause=error)
