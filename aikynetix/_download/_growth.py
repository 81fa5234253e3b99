"""How many connections to use. Pure: it is told what was measured, and says a number.

More connections help where each is slowed down by itself: by a limit per connection, or by a window that is small for
the round trip. Where the client, the server or the line is the limit they cost without gain. Neither can be known
beforehand, so the number is found by trying: as long as a multiple of them fetches clearly more, it stays.
"""

from __future__ import annotations

from attrs import define, field

MOST_CONNECTIONS = 32
"""Most connections to one file where the caller sets no limit."""

SMALL = 4 * 1024 * 1024
"""Files below this many bytes are fetched over one connection."""

_FACTOR = 4
# Where much is left, each round of trying costs more than connections that turn out to be too many.
_FACTOR_FOR_LONG = 16
_LONG = 3.0
# What the larger number must fetch, relative to before, to be worth keeping.
_WORTHWHILE = 1.25
_SHORTEST_WINDOW = 0.02
_LONGEST_WINDOW = 0.5
# Below this many seconds left there is nothing to win.
_WORTHWHILE_REST = 0.15
_SETUPS_TO_WIN_BACK = 2.0
_BUSY = 0.75
_TRY_AGAIN_AFTER = 5.0


@define
class Sample:
    """What the connections have done up to now.

    Attributes:
        now: Seconds, monotonic.
        done: Bytes fetched.
        rest: Bytes to fetch.
        streaming: Connections that have begun to deliver.
        opening: Connections that have not.
        setup: Seconds from asking for a connection to the first byte of an answer: two round trips, or three with TLS.
        busy: Share of one processor, 0 to 1, that this process used lately: near 1 the client itself is the limit.
    """

    now: float
    done: int
    rest: int
    streaming: int
    opening: int
    setup: float
    busy: float


@define
class Growth:
    """Finds the number of connections for one file.

    Attributes:
        limit: Most connections; it falls when the server pushes back.
        wanted: Connections to have now.
        rate: Bytes per second in the last window; None before the first.
    """

    limit: int
    wanted: int = 1
    rate: float | None = None
    _before: tuple[int, float] | None = field(default=None, init=False)
    _settled: tuple[float, float] | None = field(default=None, init=False)
    _window: tuple[float, int, int] | None = field(default=None, init=False)

    def observe(self, sample: Sample) -> int:
        """Take a measurement in and return the number of connections to have.

        Args:
            sample: The state now; call this every few hundredths of a second.
        """
        if sample.streaming == 0 or (sample.opening and self._before is not None):
            # A window that spans the opening of connections would measure their absence.
            self._window = None
            return self.wanted
        if self._window is None or self._window[2] != sample.streaming:
            self._window = (sample.now, sample.done, sample.streaming)
            return self.wanted
        begun, done, streaming = self._window
        elapsed = sample.now - begun
        if elapsed < min(max(_SHORTEST_WINDOW, sample.setup / 2), _LONGEST_WINDOW):
            return self.wanted
        self.rate = (sample.done - done) / elapsed
        self._window = (sample.now, sample.done, streaming)
        return self._judge(sample, self.rate)

    def push_back(self, streaming: int) -> None:
        """Take in that the server refused a connection while ``streaming`` others were delivering."""
        self.limit = max(1, min(self.limit, streaming))
        self.wanted = min(self.wanted, self.limit)
        self._before = None

    def share(self, setup: float) -> int:
        """Return the least bytes worth a connection that takes ``setup`` seconds to open."""
        each = (self.rate or 0.0) / max(1, self.wanted)
        return max(SMALL // 8, int(each * setup * _SETUPS_TO_WIN_BACK))

    def _judge(self, sample: Sample, rate: float) -> int:
        if self._before is not None:
            number, before = self._before
            self._before = None
            if rate < before * _WORTHWHILE:
                self.wanted = number
                self._settled = (sample.now, max(rate, before))
                return self.wanted
        if self._may_grow(sample, rate):
            self._before = (self.wanted, rate)
            factor = _FACTOR_FOR_LONG if sample.rest > rate * _LONG else _FACTOR
            self.wanted = min(self.limit, self.wanted * factor)
        return self.wanted

    def _may_grow(self, sample: Sample, rate: float) -> bool:
        if self.wanted >= self.limit or sample.streaming < self.wanted or sample.busy > _BUSY:
            return False
        if sample.rest <= rate * max(_WORTHWHILE_REST, _SETUPS_TO_WIN_BACK * sample.setup):
            return False
        if self._settled is None:
            return True
        since, settled_rate = self._settled
        return sample.now - since > _TRY_AGAIN_AFTER or rate < settled_rate / 2
