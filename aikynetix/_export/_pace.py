"""How a rate limit slows an export as a whole. Pure: the clock is given.

One session that is told "too many requests" (429) holds all of them: nothing new begins until the time that the API
asked for is over, and after that sessions begin one after the other at a distance that grows with every refusal and
shrinks with every answer. The distance settles where the API's limit is.
"""

from __future__ import annotations

from math import inf

from attrs import define, field

MOST_ATTEMPTS = 10
"""How often one session is begun while the API refuses it."""

PATIENCE = 300.0
"""Longest wait in seconds that a refusal may ask for; a session whose refusal asks for more has failed.

It holds the others as one that names no time: they are asked more and more slowly, and not put off for hours.
"""

_SHORTEST_PAUSE = 0.1
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 16.0
# Growing in large steps and shrinking in small ones finds the limit without running into it all the time.
_FIRST_GAP = 0.05
_SHRINKING = 0.93
_SMALLEST_GAP = 0.005
_LARGEST_GAP = 0.5
# After so many seconds of nothing but refusals, the rest is asked once each and not held up for long.
_HOPELESS = 60.0
_HOPELESS_PAUSE = 4.0


@define
class Pace:
    """When the next session may begin.

    Times are in seconds on any clock that does not go back.
    """

    _held_until: float = field(init=False, default=-inf)
    _next_start: float = field(init=False, default=-inf)
    _gap: float = field(init=False, default=0.0)
    _refusals: int = field(init=False, default=0)
    _refused_since: float | None = field(init=False, default=None)

    def delay(self, now: float) -> float:
        """Return the seconds until the next session may begin; 0 when it may now."""
        return max(0.0, self._held_until - now, self._next_start - now)

    def start(self, now: float) -> None:
        """Note that a session begins."""
        self._next_start = now + self._gap

    def answered(self) -> None:
        """Note that a session ended without a refusal."""
        self._refused_since = None
        self._refusals = 0
        self._gap = self._gap * _SHRINKING if self._gap > _SMALLEST_GAP else 0.0

    def refused(self, now: float, attempts: int, retry_after: float | None, draw: float) -> None:
        """Note that a session was refused.

        Args:
            now: The time.
            attempts: How often this session has been begun, 1 and up.
            retry_after: Seconds that the API asked to wait; None where it said nothing.
            draw: A random number from 0 to 1, so that several exports do not come back together.
        """
        if retry_after is not None and retry_after > PATIENCE:
            retry_after = None
        if self._refused_since is None:
            self._refused_since = now
        if now >= self._held_until:  # of those refused together, the first one counts
            self._refusals += 1
            self._gap = min(_LARGEST_GAP, max(_FIRST_GAP, self._gap * 2.0))
        if retry_after is None:
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self._refusals - 1, 8)) * (0.5 + draw / 2)
        else:  # what was asked for may have been rounded down, to nothing even
            pause = max(retry_after, _SHORTEST_PAUSE * 2.0 ** min(attempts - 1, 4))
        if self._is_hopeless(now):
            self._gap, pause = 0.0, min(pause, _HOPELESS_PAUSE)
        self._held_until = max(self._held_until, now + pause)

    def may_try_again(self, now: float, attempts: int, retry_after: float | None) -> bool:
        """Return whether a session that was refused is to be begun once more.

        Args:
            now: The time.
            attempts: How often it has been begun, 1 and up.
            retry_after: Seconds that the API asked to wait.
        """
        if retry_after is not None and retry_after > PATIENCE:
            return False
        return attempts < (1 if self._is_hopeless(now) else MOST_ATTEMPTS)

    def _is_hopeless(self, now: float) -> bool:
        return self._refused_since is not None and now - self._refused_since > _HOPELESS
