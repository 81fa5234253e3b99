"""How a rate limit slows an export, on a clock of numbers."""

from __future__ import annotations

import heapq
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aikynetix._export._limiter import PATIENCE, RateLimiter


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [
        (7.0, [7.0] * 3),
        (None, [1.0, 2.0, 4.0, 8.0, 16.0, 16.0]),
        (PATIENCE + 1, [1.0, 2.0, 4.0, 8.0]),
        (0.0, [0.1, 0.2, 0.4, 0.8, 1.6]),
    ],
)
def test_a_refusal_holds_everything(retry_after: float | None, expected: list[float]) -> None:
    """For as long as the API asked, where that is not beyond all patience; else longer and longer, up to a bound."""
    limiter, now, waits = RateLimiter(8), 0.0, []
    for _ in expected:
        for _ in range(16):  # those that were under way together count once
            limiter.refused(now, retry_after, 1.0)
        waits.append(limiter.delay(now))
        now += waits[-1]
    assert waits == pytest.approx(expected)
    assert limiter.window == max(1, 8 // 2 ** len(expected))  # they do not all come back in the same instant
    for _ in range(9):
        limiter.answered()
    assert limiter.window == 8


def test_an_api_that_only_refuses_is_hopeless_in_the_end() -> None:
    """After five minutes without any other response; a single success begins the count anew."""
    limiter = RateLimiter(4)
    limiter.refused(0.0, 30.0, 0.0)
    assert not limiter.is_hopeless(PATIENCE)
    limiter.refused(PATIENCE + 1, 30.0, 0.0)
    assert limiter.is_hopeless(PATIENCE + 1)
    limiter.answered()
    limiter.refused(PATIENCE + 2, 30.0, 0.0)
    assert not limiter.is_hopeless(PATIENCE + 2)


@given(limit=st.integers(2, 50), workers=st.integers(1, 64), told=st.booleans())
@settings(max_examples=40, deadline=None)
def test_every_session_gets_through_a_limit_per_second(limit: int, workers: int, told: bool) -> None:
    """Against an API that allows so many lookups per second, no session fails, and the limit is put to use."""
    limiter, now, window, used = RateLimiter(workers), 0.0, 0, 0
    queue, refused, active = deque([1] * 200), deque[int](), list[tuple[float, int, int]]()
    finished, order = 0, 0
    while queue or refused or active:
        while (queue or refused) and len(active) < limiter.window and limiter.delay(now) <= 0:
            attempts = (refused or queue).popleft()
            if int(now) != window:
                window, used = int(now), 0
            used += 1
            order += 1
            heapq.heappush(active, (now + 0.05, order, attempts if used <= limit else -attempts))
        ends = active[0][0] if active else float("inf")
        may_begin = bool(queue or refused) and len(active) < limiter.window
        now = min(ends, now + limiter.delay(now)) if may_begin else ends
        while active and active[0][0] <= now:
            _, _, attempts = heapq.heappop(active)
            if attempts > 0:
                limiter.answered()
                finished += 1
                continue
            limiter.refused(now, 1.0 - now % 1.0 if told else None, 0.5)
            assert not limiter.is_hopeless(now)
            refused.append(1 - attempts)
    assert finished == 200
    assert now < 4 * (200 / limit) + 200 * 0.05 / workers + 5
