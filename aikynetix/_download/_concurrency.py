"""How many connections to use. Pure: it is told what was measured, and says a number.

More connections help where each is slowed down by itself: by a limit per connection, or by a window that is small for
the round trip. Where the client, the server or the line is the limit they cost without gain. Neither can be known
beforehand, so the rule is: begin with four where there is enough for each, and if those fetch a quarter more than the
first did alone while the others were being opened, have all.
"""

from __future__ import annotations

from attrs import define, field

MAX_CONNECTIONS = 24
"""Most connections to one file where the caller sets no limit."""

SMALL = 4 * 1024 * 1024
"""Bytes for which a connection is worth opening at the beginning."""

_FIRST = 4
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

    limit: int  # most connections; falls when the server pushes back, and where more have not helped
    setup: float = 0.0  # seconds from asking for a connection to its response
    rest: int = 0  # bytes to fetch
    wanted: int = field(init=False)  # connections to have now
    _rate_of_fewer: float = field(default=0.0, init=False)  # bytes per second
    _window: tuple[float, float, int, int] = field(default=(0.0, 0.0, 0, 0), init=False)

    def __attrs_post_init__(self) -> None:
        self.wanted = max(1, min(self.limit, _FIRST, self.rest // SMALL))

    def observe(self, now: float, cpu: float, done: int, rest: int, streaming: int) -> None:
        """Take a measurement in; call this every few hundredths of a second.

        ``now`` and ``cpu`` are seconds, the latter of processor time that this process has used: where that grows by
        nearly one a second the client is the limit. ``done`` and ``rest`` are bytes; ``streaming`` connections deliver.
        """
        if self._window[3] != streaming:
            self._window = now, cpu, done, streaming
        begun, cpu_then, done_then, _ = self._window
        elapsed, shortest = now - begun, max(_SHORTEST_WINDOW, self.setup)
        if self.wanted >= self.limit or elapsed < (shortest if streaming == self.wanted else shortest / 2):
            return
        rate, is_busy = (done - done_then) / elapsed, cpu - cpu_then > _BUSY * elapsed
        if streaming < self.wanted:
            self._rate_of_fewer = rate
        elif rate < self._rate_of_fewer * _WORTHWHILE or is_busy:
            if elapsed > _DOUBT * shortest:
                self.limit = self.wanted
        elif rest > rate * max(_SHORTEST_REST, 2 * self.setup):
            self.wanted = self.limit

    def push_back(self, streaming: int) -> None:
        """Take in that the server refused a connection while ``streaming`` others were there."""
        self.limit = self.wanted = max(1, min(self.limit, streaming))
