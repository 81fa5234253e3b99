"""Fetching all bytes of one object: first request, segments, connections, retries.

The thread that calls is the one that decides: it makes the first request itself, and looks after the connections, which
receive the bytes in a thread each.
"""

from __future__ import annotations

import logging
import random
import time
from concurrent.futures import CancelledError
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread
from typing import IO, TYPE_CHECKING

from .._errors import AikynetixError, DownloadError, DownloadInterruptedError, IntegrityError
from .._redact import scrub_exception
from ._connection import Connection
from ._failures import Errors, Failure, FailureTracker, Kind, Step
from ._object import Checksums, ObjectVersion, RangeResponse, mismatch
from ._partial import SegmentTable, gaps, total

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._models import AnalyzedVideo
    from . import OpenUrl, Options
    from ._partial import PartialFile

_log = logging.getLogger("aikynetix")
_TICK = 0.02
_HASH_AT_ONCE = 16 * 1024 * 1024
_MAX_RESTARTS = 4  # how often an object may change before it is given up
# More connections help where each is slowed down by itself, by a limit or by a window that is small for the round trip.
# Which is the case cannot be known beforehand, so there is one for each 2 MiB of what is to be fetched, up to a bound.
_BYTES_PER_CONNECTION = 2 * 1024 * 1024
_MAX_CONNECTIONS = 24  # where the caller sets no limit
# Connections of all downloads of this process beyond the first of each.
_more_connections = BoundedSemaphore(64)


class SignedUrl:
    """The signed URL in use; ``lookup`` asks the API for it when it is needed first, and where it is refused."""

    def __init__(self, lookup: Callable[[], AnalyzedVideo], errors: Errors) -> None:
        self._lookup, self._errors = lookup, errors
        self._video: AnalyzedVideo | None = None

    def video(self, *, fresh: bool = False) -> AnalyzedVideo:
        """Return the video with its URL."""
        if self._video is None or fresh:
            try:
                self._video = self._lookup()
            except (AikynetixError, CancelledError):
                self._errors.require_wanted()
                raise
        return self._video


class Transfer:
    """Fetches one object into a partial file, and hashes it; by SHA-256 too where that is asked for."""

    def __init__(
        self, url: SignedUrl, open_url: OpenUrl, part: PartialFile, options: Options, errors: Errors, *, sha256: bool
    ) -> None:
        self._url, self._open_url, self._part = url, open_url, part
        self._options, self._errors, self._sha256 = options, errors, sha256
        self.size = self.resumed_from = 0  # bytes that came, and how many of them an earlier download had left
        self.sha256: str | None = None
        self.verified = ""  # by what there was to check the file by, as `DownloadedVideo.verified` has it
        self._version = ObjectVersion(path="")
        self._is_framed, self._has_ended = True, False
        self._table: SegmentTable | None = None  # None: nothing is known, and the whole is to be asked for
        self._checksums: Checksums | None = None
        self._reader: IO[bytes]
        # How many connections, and which.
        self._wanted: int | None = None  # None for a new object
        self._running: dict[Connection, Thread] = {}
        self._ended: SimpleQueue[tuple[Connection, BaseException | None]] = SimpleQueue()
        # What has gone wrong.
        self._failures, self._restarts = FailureTracker(max_retries=options.max_retries), 0
        self._unless_whole: DownloadError | None = None  # raised if the whole cannot be had either
        self._has_dropped = False
        self._not_before = self._ticked_at = 0.0
        self._reported: tuple[int, int | None] | None = None

    def run(self) -> None:
        """Fetch the object, or what an earlier download left of it, and verify it."""
        with self._errors.mapped():
            reader = self._part.reader()
        with reader as self._reader:
            digests, wrong = self._fetch(resume=True)
            if wrong and self.resumed_from:
                digests, wrong = self._fetch(resume=False)  # the fault may lie in what an earlier process left behind
        if wrong:
            self._part.discard()
            raise self._errors.make(IntegrityError, wrong, None)
        checked = self._version.checksums.keys() & digests.keys()
        self.verified = "+".join(sorted(checked)) or ("size" if self._version.size else "container")
        self.sha256 = digests.get("sha256")

    def _fetch(self, *, resume: bool) -> tuple[dict[str, str], str | None]:
        """Fetch what is missing, and return the checksums by name, and what is wrong with the file."""
        self._table, self._checksums, self.resumed_from, self._has_ended = None, None, 0, False
        with self._errors.mapped():
            kept = self._part.kept() if resume else None
        if kept is not None:
            self._version, spans = kept
            size = self._version.size or 0
            if total(spans) >= size:
                # One byte is fetched once more, because its response proves that the object is still the same.
                spans = [(0, size - 1)]
            self._table, self.resumed_from = SegmentTable(size, spans), total(spans)
        while not self._has_ended:
            self._receive(self._connect())
        assert self._table is not None
        assert self._checksums is not None
        self.size = self._table.done
        while self._checksums.position < self.size:
            self._tick(force=True)
        self._report(self.size, self.size)
        digests = self._checksums.digests()
        with self._errors.mapped():
            wrong = mismatch(self._version, self.size, digests, self._checksums.file, framed=self._is_framed)
        return digests, wrong

    # The first connection.

    def _connect(self) -> Connection:
        """Open one connection, as often as the rules allow, and return it with a segment to fetch."""
        while True:
            self._tick(force=True)
            while time.monotonic() < self._not_before:
                time.sleep(_TICK)
                self._tick()
            known, gap = None, (0, 0)
            if self._table is not None and self._unless_whole is None:
                known, gap = self._version, gaps(self._table.arrived, self._table.size)[0]
            connection = Connection(self._url.video().url, known, *gap)
            try:
                self._accept(connection, connection.open(self._open_url, self._options))
            except Failure as failure:
                self._recover(connection, failure)
            except BaseException:
                connection.close()
                raise
            else:
                return connection

    def _accept(self, connection: Connection, response: RangeResponse) -> None:
        """Take the response of a first connection in: a part of what is known, or the whole of whatever it is."""
        known, size = self._version, response.version.size
        if size == 0:
            raise self._errors.make(IntegrityError, "the storage sent an empty file", None)
        if not response.is_known or response.start != connection.start:
            self._begin(response)
        assert self._table is not None
        self._version, self._is_framed = response.version, connection.is_framed
        if self._checksums is None or known.checksums != self._version.checksums:
            self._checksums = Checksums(self._version, self._reader, sha256=self._sha256)
        segment = self._table.begin()
        assert segment is not None
        segment.limit(response.stop)
        connection.segment = segment
        if not self._version.is_resumable or not response.ranges or self._restarts > 1:
            self._wanted = 1
        elif self._wanted is None:
            most = self._options.connections or _MAX_CONNECTIONS
            self._wanted = max(1, min(most, (self._table.size - self._table.done) // _BYTES_PER_CONNECTION))

    def _begin(self, response: RangeResponse) -> None:
        """Start on the whole object, and drop what is kept."""
        if self._unless_whole is not None:
            _log.warning("the download starts over: %s", self._unless_whole)
        elif self._table is not None:
            self._start_over("the storage sends the whole", changed=not response.is_known)
        self._unless_whole = None
        with self._errors.mapped():
            self._part.begin(response.version)
        size = response.version.size
        self._table = SegmentTable(self._options.max_bytes + 1 if size is None else size)
        self._checksums, self.resumed_from, self._wanted = None, 0, None

    def _start_over(self, why: str, *, changed: bool) -> None:
        """Forget what has arrived; where that happens again, one response must do."""
        _log.warning("the download starts over: %s", why)
        self._table = None
        self._restarts += 1
        if changed and self._restarts >= _MAX_RESTARTS:
            raise self._errors.make(DownloadError, "the video keeps changing on the storage", "storage")

    # All connections.

    def _receive(self, connection: Connection) -> None:
        """Have the bytes fetched over ``connection``, and over more of them if that is faster."""
        table = self._table
        assert table is not None
        try:
            self._start(connection, connection.deliver, table, self._part)
            self._tick(force=True)
            while self._running and self._table is table:
                with suppress(Empty):
                    ended, error = self._ended.get(timeout=_TICK)
                    del self._running[ended]
                    self._finish(table, ended, error)
                self._tick()
                if self._running and self._table is table and time.monotonic() >= self._not_before:
                    self._spawn(table)
        finally:
            for each in self._running:
                each.abort()
            for thread in filter(Thread.is_alive, self._running.values()):
                thread.join()  # who still writes would write into whatever is opened next
            self._running, self._ended = {}, SimpleQueue()

    def _spawn(self, table: SegmentTable) -> None:
        """Open as many connections as are wanted now."""
        wanted = self._wanted or 1
        while len(self._running) < wanted and (segment := table.begin(wanted)):
            if not _more_connections.acquire(blocking=False):
                table.release(segment)
                return
            connection = Connection(self._url.video().url, self._version, segment.start, segment.reach)
            connection.segment = segment
            try:
                self._start(connection, self._run_more, connection, table)
            except DownloadInterruptedError:  # those that are there will do
                _more_connections.release()
                table.release(segment)
                return

    def _start(self, connection: Connection, function: Callable[..., None], *args: object) -> None:
        """Run a function in a thread of its own; a daemon, for a program may end in the middle of a download."""

        def run() -> None:
            error: BaseException | None = None
            try:
                function(*args)
            except BaseException as raised:
                error = raised
            self._ended.put((connection, error))

        self._running[connection] = thread = Thread(target=run, name="aikynetix-download", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # or the interpreter is about to end
            del self._running[connection]
            raise self._errors.make(DownloadInterruptedError, "the system gives no more threads", None) from error

    def _run_more(self, connection: Connection, table: SegmentTable) -> None:
        """Open one more connection and deliver; runs in a thread."""
        try:
            response = connection.open(self._open_url, self._options)
            if response.start != connection.start or not response.is_known:
                connection.close()
                kind = Kind.BROKEN if response.is_known else Kind.CHANGED
                raise Failure(kind, "the storage sent the whole where a part was asked for")
            connection.segment.limit(response.stop)
            connection.deliver(table, self._part)
        finally:
            _more_connections.release()

    def _finish(self, table: SegmentTable, connection: Connection, error: BaseException | None) -> None:
        """Take in that a connection has ended."""
        segment = connection.segment
        table.release(segment)
        if error is not None and not isinstance(error, Failure):
            with self._errors.mapped():
                raise error
        if error is None and self._version.size is None:
            self._has_ended = True
            if table.done == table.size:
                raise self._errors.make(DownloadError, f"the video has more than {table.size - 1} bytes", "storage")
        elif error is None and segment.rest:
            error = Failure(Kind.BROKEN, f"the storage hung up with {segment.rest} bytes to come")
        if table.done == self._version.size:
            self._has_ended = True
        elif error is not None and self._table is table:
            self._recover(connection, error)

    # What goes wrong.

    def _recover(self, connection: Connection, failure: Failure) -> None:
        """Do what the rules say about a failed connection."""
        self._errors.require_wanted()
        scrub_exception(failure.__cause__)
        if self._unless_whole is not None and connection.known is None:
            raise self._unless_whole
        step, wait = self._failures.decide(
            failure,
            done=0 if self._table is None else self._table.done,
            others=len(self._running),
            fresh=not connection.received,
            may_drop=connection.known is not None and not self._has_dropped and not self._running,
            draw=random.random(),
        )
        _log.info("a connection ended: %s; next: %s", failure.text, step.name.lower())
        match step:
            case Step.GIVE_UP:
                raise self._errors.of(failure)
            case Step.ASK_WHOLE:
                self._has_dropped, self._unless_whole = True, self._errors.of(failure)
            case Step.START_OVER:
                self._start_over(failure.text, changed=True)
            case Step.FEWER:
                self._wanted = len(self._running)
            case Step.REFRESH_URL:
                self._url.video(fresh=True)
            case Step.WAIT:
                self._not_before = time.monotonic() + wait
        if not self._version.is_resumable:
            self._table = None

    # Beside the bytes.

    def _tick(self, *, force: bool = False) -> None:
        """Do what is due several times a second: look whether to stop, tell the progress, hash what has arrived."""
        if time.monotonic() - self._ticked_at < _TICK and not force:
            return
        self._errors.require_wanted()
        if self._table is not None and self._checksums is not None:
            arrived = self._table.arrived
            self._report(total(arrived), self._version.size)
            prefix = arrived[0][1] if arrived and arrived[0][0] == 0 else 0
            with self._errors.mapped():
                self._checksums.advance(min(prefix, self._checksums.position + _HASH_AT_ONCE))
        self._ticked_at = time.monotonic()

    def _report(self, done: int, size: int | None) -> None:
        if self._options.progress is not None and (done, size) != self._reported:
            self._reported = done, size
            self._options.progress(done, size)
