"""Who may use which connection: the accounts of a pool, in constant time per request and without any I/O.

httpcore's pool walks all of its connections and waiting requests for every request. Here idle connections are a stack
for each origin (the one used last is the least likely to have been closed by the server), and those who wait for one
stand in a queue that they can leave at any point.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Generic, TypeVar

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

L = TypeVar("L")
Origin = tuple[str, bytes, int]

SIZE = 100
"""Connections that a synchronous pool opens at most, as in httpx."""
ASYNC_SIZE = 256
"""Connections that an asynchronous pool opens at most: enough to keep one core busy with a server 60 ms away."""
KEEPALIVE = 5.0
"""Seconds that an idle connection is kept, as in httpx; many servers close theirs after as long."""

_PORTS = {"http": 80, "https": 443}


def origin_of(url: httpx.URL) -> Origin:
    """Return where to connect to for ``url``: scheme, host and port.

    Raises:
        httpx.UnsupportedProtocol: It is no http(s) URL.
    """
    scheme = url.scheme
    port = _PORTS.get(scheme)
    if port is None or not url.raw_host:
        raise httpx.UnsupportedProtocol("only http:// and https:// URLs with a host can be asked for")
    return scheme, url.raw_host, url.port or port


class Ticket(Generic[L]):
    """A caller's turn, or its place in the queue.

    Args:
        origin: Where the caller wants to connect to.

    Attributes:
        granted: Whether its turn has come.
        lane: The connection to use in its turn; None to open one.
        wake: Set by a caller that waits: called when its turn has come, or when the pool was closed.
    """

    __slots__ = ("granted", "lane", "origin", "wake")

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.granted = False
        self.lane: L | None = None
        self.wake: Callable[[], object] | None = None


class Lanes(Generic[L]):
    """The accounts. Not locked: its owner does that, and closes what `dismiss` returns.

    Args:
        size: Most connections open at once.
        keepalive: Seconds that an idle connection is kept.

    Attributes:
        active: The connections in use.
        closed: Whether `close` was called.
    """

    def __init__(self, size: int, keepalive: float) -> None:
        self._size, self._keepalive = size, keepalive
        self._idle: dict[Origin, deque[tuple[float, L]]] = {}
        self._idling = 0
        self._taken = 0
        self._queue: OrderedDict[Ticket[L], None] = OrderedDict()
        self._doomed: list[L] = []
        self.active: set[L] = set()
        self.closed = False

    def take(self, origin: Origin, now: float) -> Ticket[L]:
        """Begin a turn, or stand in the queue for one.

        Args:
            origin: Where the caller wants to connect to.
            now: Seconds on a clock that does not go back.

        Raises:
            RuntimeError: The pool has been closed.
        """
        if self.closed:
            raise RuntimeError("the transport has been closed")
        ticket: Ticket[L] = Ticket(origin)
        idle = self._idle.get(origin)
        if idle:
            self._expire(idle, now)
        if idle:
            ticket.lane = idle.pop()[1]
            self._idling -= 1
            self.active.add(ticket.lane)
        elif self._taken + self._idling >= self._size and not self._evict():
            self._queue[ticket] = None
            return ticket
        self._taken += 1
        ticket.granted = True
        return ticket

    def leave(self, ticket: Ticket[L], now: float) -> None:
        """Leave the queue; a turn that came in the meantime passes to the next."""
        if ticket.granted:
            self.give_back(ticket.origin, ticket.lane, True, now)
        else:
            self._queue.pop(ticket, None)

    def opened(self, lane: L, instead_of: L | None) -> None:
        """Enter a connection that the caller has opened in its turn, in place of a stale one or of none."""
        if instead_of is not None:
            self.active.discard(instead_of)
        self.active.add(lane)

    def give_back(self, origin: Origin, lane: L | None, reusable: bool, now: float) -> None:
        """End a turn.

        Args:
            origin: Where the connection leads.
            lane: The connection, or None when none could be opened.
            reusable: Whether it can carry another request; else it is closed.
            now: Seconds on the clock of `take`.
        """
        if lane is not None:
            if lane not in self.active:
                return
            self.active.discard(lane)
        reusable = reusable and not self.closed
        if not reusable and lane is not None:
            self._doomed.append(lane)
        if self._queue:
            self._hand_on(origin, lane if reusable else None)
            return
        self._taken -= 1
        if reusable and lane is not None:
            idle = self._idle.setdefault(origin, deque())
            idle.append((now, lane))
            self._idling += 1
            self._expire(idle, now)

    def close(self) -> None:
        """Dismiss what is idle, and wake everyone who waits."""
        self.closed = True
        for idle in self._idle.values():
            self._doomed.extend(lane for _, lane in idle)
        self._idle.clear()
        self._idling = 0
        waiting, self._queue = list(self._queue), OrderedDict()
        for ticket in waiting:
            if ticket.wake is not None:
                ticket.wake()

    def dismiss(self) -> list[L]:
        """Return the connections that are out of the accounts since the last time, for its owner to close."""
        doomed = self._doomed
        if doomed:
            self._doomed = []
        return doomed

    def _hand_on(self, origin: Origin, lane: L | None) -> None:
        ticket, _ = self._queue.popitem(last=False)
        if lane is not None:
            if ticket.origin == origin:
                ticket.lane = lane
                self.active.add(lane)
            else:
                self._doomed.append(lane)
        ticket.granted = True
        if ticket.wake is not None:
            ticket.wake()

    def _expire(self, idle: deque[tuple[float, L]], now: float) -> None:
        """Every connection is looked at once, when it has become the oldest of its origin."""
        while idle and now - idle[0][0] > self._keepalive:
            self._doomed.append(idle.popleft()[1])
            self._idling -= 1

    def _evict(self) -> bool:
        """Make room by giving up an idle connection of another origin."""
        for origin, idle in list(self._idle.items()):
            if idle:
                self._doomed.append(idle.popleft()[1])
                self._idling -= 1
                return True
            del self._idle[origin]
        return False
