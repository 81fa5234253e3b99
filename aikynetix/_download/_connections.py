"""The connections of one download: opened, looked after, heard from, ended."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from ._rules import Failure, Kind
from ._types import Cancelled, Clock, Options
from ._worker import Ended, Opened, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ._answers import Asked
    from ._plan import Claim
    from ._storage import Answer, Lifeline, Storage

# Below this many bytes per second a connection counts as standing still.
_SLOWEST = 1024
_JOIN_SECONDS = 2.0


class Connections:
    """The connections of one download. What becomes of them, the thread that supervises it decides.

    Args:
        storage: Opens them, and has threads for them.
        options: What the caller asked for.
        clock: Time.

    Attributes:
        workers: Those that have not ended.
    """

    def __init__(self, storage: Storage, options: Options, clock: Clock) -> None:
        self.workers: list[Worker] = []
        self._storage, self._options, self._clock = storage, options, clock
        self._inbox: SimpleQueue[Opened | Ended] = SimpleQueue()
        self._error: BaseException | None = None

    @property
    def delivering(self) -> int:
        """How many of them fetch something."""
        return sum(worker.streaming for worker in self.workers)

    def open(
        self,
        asked: Asked,
        url: str,
        issue: int,
        claim: Claim | None = None,
        takes: Callable[[Worker, Answer], bool] | None = None,
    ) -> None:
        """Open one more, on a thread of its own; where the caller's may be kept waiting, on that one.

        For a small video another thread would be a good part of the work.

        Args:
            asked: What to ask for.
            url: Where.
            issue: Which of the URLs that the API gave it is.
            claim: What it is meant for; None for the first.
            takes: Takes the answer in the place of a report, and returns whether no other connection will be needed;
                None where there are others already.

        Raises:
            Cancelled: The caller wanted it so.
            BaseException: What ``takes`` raised, or what the caller was asked by.
        """
        worker = Worker(asked, url, issue, self._answer, self._storage.crew, self._inbox.put)
        worker.claim = claim
        self.workers.append(worker)
        leave = self._watched() if takes is not None else None
        if takes is None or leave is None:
            worker.start()
            return
        try:
            self._be(worker, takes)
        finally:
            leave()
        if self._error is not None:
            raise self._error
        if worker.stopped and self._options.cancelled():
            raise Cancelled

    def reports(self, seconds: float) -> Iterator[Opened | Ended]:
        """Yield what they have to report, after waiting at most so many seconds for the first of it."""
        try:
            yield self._inbox.get(timeout=seconds)
            while True:
                yield self._inbox.get_nowait()
        except Empty:
            return

    def end_the_stalled(self) -> None:
        """End those that bring next to nothing for as long as a reading may take."""
        patience = self._options.timeout.read
        now = self._clock.monotonic()
        for worker in list(self.workers) if patience else ():
            claim = worker.claim
            if claim is None or not worker.streaming or now - worker.looked_at < (patience or 0):
                continue
            if claim.rest and claim.position - worker.position_then < _SLOWEST * (now - worker.looked_at):
                worker.verdict = Failure(kind=Kind.STALLED, text="next to nothing came from the storage for too long")
                worker.stop()
            worker.looked_at, worker.position_then = now, claim.position

    def drop(self, worker: Worker) -> None:
        """Have done with one that has ended."""
        self.workers.remove(worker)
        worker.join(_JOIN_SECONDS)

    def end(self) -> None:
        """End all of them."""
        workers, self.workers = self.workers, []
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.join(_JOIN_SECONDS)

    def _answer(self, url: str, asked: Asked, lifeline: Lifeline) -> Answer:
        return self._storage.open(url, asked.headers(), timeout=self._options.timeout, lifeline=lifeline)

    def _be(self, worker: Worker, takes: Callable[[Worker, Answer], bool]) -> None:
        if self._options.cancelled():
            raise Cancelled
        answer = worker.open()
        if answer is None:
            return
        try:
            is_alone = takes(worker, answer)
        except BaseException:
            worker.stop()
            worker.serve(answer)
            raise
        if is_alone:
            worker.serve(answer)
        else:
            worker.start(answer)

    def _watched(self) -> Callable[[], object] | None:
        """Have this thread looked after by another one; return what ends that, None where it is not free to wait."""
        options = self._options
        if not options.on_calling_thread or options.progress is not None or not self._storage.is_own:
            return None
        try:
            return self._storage.crew.watch(self._look_after)
        except RuntimeError:  # the system has no thread left
            return None

    def _look_after(self) -> None:
        """Do from another thread what the supervisor cannot while it is a connection itself."""
        try:
            self.end_the_stalled()
            if not self._options.cancelled():
                return
        except BaseException as error:
            self._error = error
        for worker in list(self.workers):
            worker.stop()
