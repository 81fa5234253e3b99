"""The synchronous transport: a pool of connections for any number of threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from time import monotonic

import httpx

from .._fork import in_child
from ._http1 import WRITE_SIZE, Protocol1, best
from ._lanes import KEEPALIVE, SIZE, Lanes, Origin, Ticket, origin_of
from ._limits import Limits
from ._wire import Lane, Trace

# What comes with a head goes through the parser, which copies it several times; behind that, `PooledBody.read_into` has
# the body go right to its place.
_HEAD_SIZE = 8 * 1024


class PooledTransport(httpx.BaseTransport):
    """Carries requests over at most ``size`` connections, each used by one request at a time.

    For any number of threads, and usable after a fork: the child opens connections of its own.

    Args:
        size: Most connections open at once; further requests wait their turn.
        keepalive: Seconds that an idle connection is kept.
        protocol: Speaks HTTP/1.1; None for the fastest that is installed.

    Attributes:
        protocol: What speaks HTTP/1.1.
    """

    def __init__(self, size: int = SIZE, keepalive: float = KEEPALIVE, protocol: type[Protocol1] | None = None) -> None:
        self.protocol = protocol or best()
        self._size, self._keepalive = size, keepalive
        self._lock = threading.Lock()
        self._lanes: Lanes[Lane] = Lanes(size, keepalive)
        self._returned: deque[Lane] = deque()
        in_child(self, PooledTransport.forget)

    def forget(self) -> None:
        """Begin anew in the child of a fork: what is open belongs to the parent, the lock to one of its threads."""
        inherited, was_closed = self._lanes, self._lanes.closed
        self._lock = threading.Lock()
        self._lanes = Lanes(self._size, self._keepalive)
        self._returned = deque()
        if was_closed:
            self._lanes.close()
        inherited.close()
        _close(inherited.dismiss())  # gives the child's descriptors back; the parent's connections stay as they are

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` and return its answer, the body unread.

        Raises:
            httpx.TransportError: No answer came.
            RuntimeError: The transport has been closed.
        """
        limits = Limits(request)
        trace: Trace | None = request.extensions.get("trace")
        lane = self._acquire(origin_of(request.url), limits, trace)
        if trace is not None:  # of the events of httpcore's extension, those that tell which connection it is
            trace("connection.connect_tcp.complete", {"return_value": lane})
        try:
            _send(lane, request, limits)
            http = lane.http
            while (head := http.head()) is None:
                http.receive(lane.read(limits, _HEAD_SIZE))
        except BaseException:
            self.release(lane)
            raise
        return httpx.Response(
            head.status,
            headers=head.headers,
            stream=PooledBody(self, lane, limits),
            extensions={
                "http_version": b"HTTP/" + head.version,
                "reason_phrase": head.reason,
                "network_stream": lane,
            },
        )

    def release(self, lane: Lane) -> None:
        """Give ``lane`` back, to be used again if its exchange is finished. A second time does nothing."""
        self._returned.append(lane)
        self._settle()

    def _settle(self) -> None:
        """Enter into the accounts what was given back, and close what is no longer in them.

        Never waits for the lock: the garbage collector may give back an answer that nobody closed, in a thread that is
        inside the accounts at that moment. Whoever holds the lock comes here once it is free again.
        """
        while self._returned and self._lock.acquire(blocking=False):
            try:
                while self._returned:
                    lane = self._returned.popleft()
                    if lane in self._lanes.active:
                        self._lanes.give_back(lane.origin, lane, lane.http.rewind(), monotonic())
                doomed = self._lanes.dismiss()
            finally:
                self._lock.release()
            _close(doomed)

    def close(self) -> None:
        """Close every connection, those in use as well."""
        with self._lock:
            self._lanes.close()
            for lane in self._lanes.active:
                lane.interrupt()
            doomed = self._lanes.dismiss()
        _close(doomed)
        self._settle()

    def _acquire(self, origin: Origin, limits: Limits, trace: Trace | None) -> Lane:
        turn = None
        with self._lock:
            ticket = self._lanes.take(origin, monotonic())
            if not ticket.granted:
                turn = threading.Lock()
                turn.acquire()
                ticket.wake = turn.release
            doomed = self._lanes.dismiss()
        _close(doomed)
        self._settle()
        if turn is not None:
            self._wait(ticket, turn, limits)
        lane = ticket.lane
        if lane is not None:
            if not lane.is_stale():
                return lane
            lane.close()
        return self._open(origin, lane, limits, trace)

    def _wait(self, ticket: Ticket[Lane], turn: threading.Lock, limits: Limits) -> None:
        came = False
        try:
            with suppress(TimeoutError):
                patience = limits.left(limits.pool)
                came = turn.acquire(timeout=-1 if patience is None else min(patience, threading.TIMEOUT_MAX))
        finally:
            if not came:
                with self._lock:
                    self._lanes.leave(ticket, monotonic())
                    doomed = self._lanes.dismiss()
                _close(doomed)
                self._settle()
        if not came:
            raise httpx.PoolTimeout(f"all of the {self._size} connections were in use until the timeout")
        if not ticket.granted:
            raise RuntimeError("the transport has been closed")

    def _open(self, origin: Origin, stale: Lane | None, limits: Limits, trace: Trace | None) -> Lane:
        lanes = self._lanes
        try:
            fresh = Lane(origin, limits, self.protocol(), trace)
        except BaseException:
            with self._lock:
                lanes.give_back(origin, stale, False, monotonic())
            self._settle()
            raise
        with self._lock:
            lanes.opened(fresh, stale)
            was_closed = lanes.closed
        self._settle()
        if was_closed:
            self.release(fresh)
            raise RuntimeError("the transport has been closed")
        return fresh


class PooledBody(httpx.SyncByteStream):
    """The body of an answer, as it came over the wire."""

    def __init__(self, transport: PooledTransport, lane: Lane, limits: Limits) -> None:
        self._transport, self._lane, self._limits = transport, lane, limits
        self._is_open = True
        self._pending = memoryview(b"")

    def __iter__(self) -> Iterator[bytes]:
        lane, http = self._lane, self._lane.http
        try:
            while self._is_open:
                chunk = http.chunk()
                if chunk is None:
                    http.receive(lane.read(self._limits))
                elif chunk:
                    yield chunk
                else:
                    return
        except BaseException:
            self.close()
            raise

    def read_into(self, view: memoryview) -> int:
        """Fill the beginning of ``view`` with what is there and return how many bytes; 0 at the end.

        A body that its length alone delimits goes past the parser, right from the socket to where it is wanted, which
        costs half the processor time. Not to be mixed with iterating.

        Raises:
            httpx.TransportError: The connection broke, was silent for too long, or ended before the body did.
        """
        lane, http = self._lane, self._lane.http
        while self._is_open and not self._pending:
            chunk = http.chunk()
            if chunk is not None:
                self._pending = memoryview(chunk)
                if not chunk:
                    return 0
            elif rest := http.rest():
                count = lane.read_into(view[:rest], self._limits)
                http.skip(count)
                if not count:
                    raise httpx.RemoteProtocolError("the server closed the connection in the middle of the answer")
                return count
            else:
                http.receive(lane.read(self._limits))
        count = min(len(view), len(self._pending))
        view[:count] = self._pending[:count]
        self._pending = self._pending[count:]
        return count

    def close(self) -> None:
        """Give the connection back, to be used again if the body was read to its end."""
        if self._is_open:
            self._is_open = False
            self._transport.release(self._lane)

    def __del__(self) -> None:
        self.close()


def _send(lane: Lane, request: httpx.Request, limits: Limits) -> None:
    http, data = lane.http, lane.http.start(request)
    assert isinstance(request.stream, Iterable)  # a synchronous client gives nothing else
    try:
        for chunk in request.stream:
            data += http.data(chunk)
            if len(data) > WRITE_SIZE:
                lane.write(data, limits)
                data = b""
        lane.write(data + http.end(), limits)
    except httpx.WriteError:
        pass  # a server may turn a request away before it has read all of it: its answer says why


def _close(lanes: list[Lane]) -> None:
    for lane in lanes:
        lane.close()
