"""How a rate limit slows an export, on a clock of numbers."""

from __future__ import annotations

import heapq
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aikynetix._export._pace import MOST_ATTEMPTS, PATIENCE, Pace


def test_nothing_is_held_up_while_nothing_is_refused() -> None:
    """An export without refusals begins sessions as fast as it can."""
    pace = Pace()
    for _ in range(50):
        assert pace.delay(100.0) == 0
        pace.start(100.0)
        pace.answered()


def test_one_refusal_holds_everything_for_as_long_as_the_api_asked() -> None:
    """No session begins before the time that Retry-After named, however many others are free."""
    pace = Pace()
    pace.refused(1.0, 1, 7.0, 0.5)
    assert pace.delay(1.0) == 7.0
    assert pace.delay(7.5) == pytest.approx(0.5)
    assert pace.delay(8.0) == 0


def test_sessions_refused_together_count_once() -> None:
    """Sixteen that were under way when the limit struck are one event, not sixteen doublings."""
    one, many = Pace(), Pace()
    one.refused(1.0, 1, None, 1.0)
    for _ in range(16):
        many.refused(1.0, 1, None, 1.0)
    assert many.delay(1.0) == one.delay(1.0) == 1.0


def test_refusals_without_a_time_wait_longer_and_longer() -> None:
    """The vendor's advice of 1, 2, 4 seconds, up to a bound."""
    pace, now, waits = Pace(), 0.0, []
    for _ in range(6):
        pace.refused(now, 1, None, 1.0)
        waits.append(pace.delay(now))
        now += waits[-1]
        pace.start(now)
        now += 0.01
    assert waits == pytest.approx([1.0, 2.0, 4.0, 8.0, 16.0, 16.0])


def test_after_a_refusal_sessions_begin_one_after_the_other() -> None:
    """They do not all come back in the same instant."""
    pace = Pace()
    pace.refused(0.0, 1, 1.0, 0.0)
    pace.start(1.0)
    assert 0 < pace.delay(1.0) <= 0.5


def test_a_session_that_is_refused_again_and_again_waits_longer_than_it_is_told() -> None:
    """A Retry-After of nothing does not use up all the tries of a session in an instant."""
    waits = []
    for attempts in range(1, 8):
        pace = Pace()
        pace.refused(0.0, attempts, 0.0, 0.5)
        waits.append(pace.delay(0.0))
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6])


def test_a_wish_beyond_all_patience_ends_the_session_and_holds_the_others_a_little() -> None:
    """One refusal that asks for an hour stops nobody for it; when all do, they are asked more and more slowly."""
    pace, now, waits = Pace(), 0.0, []
    for _ in range(4):
        pace.refused(now, 1, PATIENCE + 1, 1.0)
        assert not pace.may_try_again(now, 1, PATIENCE + 1)
        waits.append(pace.delay(now))
        now += waits[-1]
    assert waits == pytest.approx([1.0, 2.0, 4.0, 8.0])


def test_a_session_is_begun_a_bounded_number_of_times() -> None:
    """Refusals without end do end."""
    pace = Pace()
    assert pace.may_try_again(0.0, MOST_ATTEMPTS - 1, 1.0)
    assert not pace.may_try_again(0.0, MOST_ATTEMPTS, 1.0)


def test_a_refusal_after_a_long_silence_is_like_any_other() -> None:
    """Large videos take minutes; that nothing ended meanwhile says nothing against trying again."""
    pace = Pace()
    pace.start(0.0)
    pace.refused(600.0, 1, 1.0, 0.0)
    assert pace.may_try_again(600.0, 1, 1.0)
    assert pace.delay(600.0) == 1.0


def test_an_api_that_refuses_everything_is_asked_once_per_session_in_the_end() -> None:
    """After a minute without any other answer the rest of the list is not tried ten times each."""
    pace = Pace()
    pace.refused(0.0, 1, 30.0, 0.0)
    assert pace.may_try_again(30.0, 1, 30.0)
    pace.refused(61.0, 1, 30.0, 0.0)
    assert not pace.may_try_again(61.0, 1, 30.0)
    assert pace.delay(61.0) == 4.0


@given(limit=st.integers(2, 50), workers=st.integers(1, 64), told=st.booleans())
@settings(max_examples=40, deadline=None)
def test_every_session_gets_through_a_limit_per_second(limit: int, workers: int, told: bool) -> None:
    """Against an API that allows so many lookups per second, no session fails, and the limit is put to use."""
    pace, now, window, used = Pace(), 0.0, 0, 0
    queue, refused, active = deque([1] * 200), deque[int](), list[tuple[float, int, int]]()
    finished, order = 0, 0
    while queue or refused or active:
        while (queue or refused) and len(active) < workers and pace.delay(now) <= 0:
            attempts = (refused or queue).popleft()
            pace.start(now)
            if int(now) != window:
                window, used = int(now), 0
            used += 1
            order += 1
            heapq.heappush(active, (now + 0.05, order, attempts if used <= limit else -attempts))
        ends = active[0][0] if active else float("inf")
        may_begin = bool(queue or refused) and len(active) < workers
        now = min(ends, now + pace.delay(now)) if may_begin else ends
        while active and active[0][0] <= now:
            _, _, attempts = heapq.heappop(active)
            if attempts > 0:
                pace.answered()
                finished += 1
                continue
            wanted = 1.0 - now % 1.0 if told else None
            pace.refused(now, -attempts, wanted, 0.5)
            assert pace.may_try_again(now, -attempts, wanted)
            refused.append(1 - attempts)
    assert finished == 200
    assert now < 4 * (200 / limit) + 200 * 0.05 / workers + 5
