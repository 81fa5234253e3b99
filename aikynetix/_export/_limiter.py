"""How a rate limit slows an export as a whole. Pure: the clock is given.

One session that is told "too many requests" (429) holds all of them: nothing begins until the time that the API asked
for is over. Then half as many are under way at a time, and with each success one more.
"""

from __future__ import annotations

from math import inf

PATIENCE = 300.0
"""Longest wait in seconds that a refusal may ask for, and longest time that an API may do nothing but refuse."""

_SHORTEST_PAUSE, _FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0, 16.0


class RateLimiter:
    """When the next session may begin; times are in seconds on any clock that does not go back.

    Attributes:
        window: How many sessions may be under way.

    Args:
        most: How many may be while nothing is refused.
    """

    def __init__(self, most: int) -> None:
        self.window = self._most = most
        self._held_until, self._refusals, self._refused_since = -inf, 0, inf

    def delay(self, now: float) -> float:
        """Return the seconds until the next session may begin; 0 when it may now."""
        return max(0.0, self._held_until - now)

    def answered(self) -> None:
        """Note that a session ended without a refusal."""
        self._refused_since, self._refusals = inf, 0
        self.window = min(self.window + 1, self._most)

    def refused(self, now: float, retry_after: float | None, draw: float) -> None:
        """Note that a session was refused, for ``retry_after`` seconds where that is not beyond `PATIENCE`.

        ``draw`` is a random number from 0 to 1, so that several exports do not come back together.
        """
        self._refused_since = min(self._refused_since, now)
        if now >= self._held_until:  # of those refused together, the first one counts
            self._refusals += 1
            self.window = max(1, self.window // 2)
        growth = 2.0 ** min(self._refusals - 1, 8)
        if retry_after is None or retry_after > PATIENCE:
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * growth) * (0.5 + draw / 2)
        else:  # what was asked for may have been rounded down, to nothing even
            pause = max(retry_after, min(_LONGEST_PAUSE, _SHORTEST_PAUSE * growth))
        self._held_until = max(self._held_until, now + pause)

    def is_hopeless(self, now: float) -> bool:
        """Return whether the API has done nothing but refuse for longer than `PATIENCE`."""
        return now - self._refused_since > PATIENCE
