"""How many connections to use. Pure: it is told what was measured, and says a number.

More connections help where each is slowed down by itself: by a limit per connection, or by a window that is small for
the round trip. Where the client, the server or the line is the limit they cost without gain. Neither can be known
beforehand, so the rule is: as long as a multiple of them fetches a quarter more, have that multiple.
"""

from __future__ import annotations

from attrs import define, field

MAX_CONNECTIONS = 24
"""Most connections to one file where the caller sets no limit."""

SMALL = 4 * 1024 * 1024
"""Files below this many bytes are fetched over one connection."""

_FACTOR = 4
_WORTHWHILE = 1.25
_SHORTEST_WINDOW = 0.03
# Bytes are counted as they are written, in bursts: that more connections do not help shows in so many windows only.
_DOUBT = 5
# Below this many seconds left there is nothing to win.
_SHORTEST_REST = 0.15
_BUSY = 0.75


@define
class ConcurrencyController:
    """Finds the number of connections for one file."""

    limit: int  # most connections; falls when the server pushes back, and to what was enough where more did not help
    setup: float = 0.0  # seconds from asking for a connection to its response
    wanted: int = 1  # connections to have now
    _rate: float = field(default=0.0, init=False)
    _enough: int = field(default=1, init=False)
    _window: tuple[float, float, int] | None = field(default=None, init=False)

    def observe(self, now: float, cpu: float, done: int, rest: int, streaming: int) -> None:
        """Take a measurement in; call this every few hundredths of a second.

        ``now`` and ``cpu`` are seconds, the latter of processor time that this process has used: where that grows by
        nearly one a second the client is the limit. ``done`` and ``rest`` are bytes; ``streaming`` connections deliver.
        """
        if self.wanted >= self.limit or streaming < self.wanted:
            self._window = None  # a window that spans the opening of connections would measure their absence
            return
        begun, cpu_then, done_then = self._window = self._window or (now, cpu, done)
        elapsed = now - begun
        if elapsed < max(_SHORTEST_WINDOW, self.setup):
            return
        rate, busy = (done - done_then) / elapsed, (cpu - cpu_then) / elapsed
        if rate < self._rate * _WORTHWHILE:
            if elapsed > _DOUBT * max(_SHORTEST_WINDOW, self.setup):
                self.limit = self.wanted = self._enough
            return
        self._window = None
        if busy < _BUSY and rest > rate * max(_SHORTEST_REST, 2 * self.setup):
            self._rate, self._enough = rate, self.wanted
            self.wanted = min(self.limit, self.wanted * _FACTOR)

    def push_back(self, streaming: int) -> None:
        """Take in that the server refused a connection while ``streaming`` others were there."""
        self.limit = self.wanted = max(1, min(self.limit, streaming))
