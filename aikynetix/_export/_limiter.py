"""How a rate limit slows an export as a whole. Pure: the clock is given.

One session that is told "too many requests" (429) holds all of them: nothing begins until the time that the API asked
for is over, and after that sessions begin at a distance that grows with every refusal and shrinks with every success,
until it settles where the API's limit is.
"""

from __future__ import annotations

from math import inf

from attrs import define, field

PATIENCE = 300.0
"""Longest wait in seconds that a refusal may ask for, and longest time that an API may do nothing but refuse."""

_SHORTEST_PAUSE = 0.1
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 16.0
# Growing in large steps and shrinking in small ones finds the limit without running into it all the time.
_SMALLEST_GAP, _FIRST_GAP, _LARGEST_GAP = 0.005, 0.05, 0.5
_SHRINKING = 0.93


@define
class RateLimiter:
    """When the next session may begin; times are in seconds on any clock that does not go back."""

    _held_until: float = field(init=False, default=-inf)
    _next_start: float = field(init=False, default=-inf)
    _gap: float = field(init=False, default=0.0)
    _refusals: int = field(init=False, default=0)
    _refused_since: float = field(init=False, default=inf)

    def delay(self, now: float) -> float:
        """Return the seconds until the next session may begin; 0 when it may now."""
        return max(0.0, self._held_until - now, self._next_start - now)

    def start(self, now: float) -> None:
        """Note that a session begins."""
        self._next_start = now + self._gap

    def answered(self) -> None:
        """Note that a session ended without a refusal."""
        self._refused_since, self._refusals = inf, 0
        self._gap = self._gap * _SHRINKING if self._gap > _SMALLEST_GAP else 0.0

    def refused(self, now: float, retry_after: float | None, draw: float) -> None:
        """Note that a session was refused.

        Args:
            now: The time.
            retry_after: Seconds that the API asked to wait; None, or more than `PATIENCE`, for as long as seems fit.
            draw: A random number from 0 to 1, so that several exports do not come back together.
        """
        self._refused_since = min(self._refused_since, now)
        if now >= self._held_until:  # of those refused together, the first one counts
            self._refusals += 1
            self._gap = min(_LARGEST_GAP, max(_FIRST_GAP, self._gap * 2.0))
        growth = 2.0 ** min(self._refusals - 1, 8)
        if retry_after is None or retry_after > PATIENCE:
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * growth) * (0.5 + draw / 2)
        else:  # what was asked for may have been rounded down, to nothing even
            pause = max(retry_after, min(_LONGEST_PAUSE, _SHORTEST_PAUSE * growth))
        self._held_until = max(self._held_until, now + pause)

    def is_hopeless(self, now: float) -> bool:
        """Return whether the API has done nothing but refuse for longer than `PATIENCE`."""
        return now - self._refused_since > PATIENCE
