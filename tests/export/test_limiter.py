"""How a rate limit slows an export, on a clock of numbers."""

from __future__ import annotations

import pytest

from aikynetix._export._run import PATIENCE, RateLimiter


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [
        (7.0, [7.0, 7.0, 7.0, 8.0]),
        (None, [1.0, 2.0, 4.0, 8.0, 16.0, 16.0]),
        (PATIENCE + 1, [1.0, 2.0, 4.0, 8.0]),
        (0.0, [1.0, 2.0, 4.0]),
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
