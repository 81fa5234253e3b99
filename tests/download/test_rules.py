"""What to do about a failure, how many connections, which bytes next: pure, from made-up figures."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aikynetix import DownloadError, DownloadInterruptedError, SignedUrlExpiredError
from aikynetix._download._failures import URL_STATUSES, Failure, Kind, Setbacks, Step
from aikynetix._download._partial import STEP, Segment, SegmentTable

FRESH: dict[str, Any] = {"failures": 1, "fresh": True}
BROKE = FRESH | {"fresh": False}
LATER = FRESH | {"failures": 2}
LAST = FRESH | {"failures": 4}
BESIDE = FRESH | {"others": True}
KEPT = FRESH | {"may_drop": True}


def status(number: int, code: str = "", **more: Any) -> Failure:
    return Failure(Kind.STATUS, "x", status=number, code=code, **more)


def of(kind: Kind) -> Failure:
    return Failure(kind, "x")


@pytest.mark.parametrize(
    ("failure", "state", "expected"),
    [
        (of(Kind.FINAL), FRESH, (Step.GIVE_UP, DownloadError)),
        (of(Kind.BROKEN), BROKE, (Step.WAIT, 0.0)),
        (of(Kind.BROKEN), BROKE | {"max_retries": 0}, (Step.GIVE_UP, DownloadInterruptedError)),
        (of(Kind.BROKEN), LAST, (Step.GIVE_UP, DownloadInterruptedError)),
        (of(Kind.BROKEN), LATER, (Step.WAIT, 1.0)),
        (of(Kind.BROKEN), BESIDE, (Step.FEWER, 0.0)),
        (of(Kind.BROKEN), BROKE | {"others": True}, (Step.WAIT, 0.0)),
        (of(Kind.CHANGED), FRESH, (Step.START_OVER, 0.0)),
        (of(Kind.FINAL), BESIDE, (Step.FEWER, 0.0)),
        (of(Kind.FINAL), KEPT, (Step.GIVE_UP, DownloadError)),
        (status(503), FRESH, (Step.WAIT, 0.5)),
        (status(503, retry_after=7.0), FRESH, (Step.WAIT, 7.0)),
        (status(503, retry_after=31.0), FRESH, (Step.GIVE_UP, DownloadInterruptedError)),
        (status(429, retry_after=70.0), BESIDE, (Step.FEWER, 0.0)),
        (status(400, "ExpiredToken"), FRESH, (Step.REFRESH_URL, 0.0)),
        (status(404), FRESH, (Step.REFRESH_URL, 0.0)),
        (status(403), FRESH | {"renewals": 2}, (Step.GIVE_UP, SignedUrlExpiredError)),
        (status(404), FRESH | {"renewals": 2}, (Step.GIVE_UP, DownloadError)),
        (status(400, "InvalidArgument"), FRESH | {"renewals": 2}, (Step.GIVE_UP, DownloadError)),
        (status(403), BESIDE, (Step.FEWER, 0.0)),
        (status(405), FRESH, (Step.GIVE_UP, DownloadError)),
        (status(501), FRESH, (Step.GIVE_UP, DownloadError)),
        *((status(number), KEPT, (Step.ASK_WHOLE, 0.0)) for number in (405, 412, 416, 501)),
        (of(Kind.BROKEN), KEPT | {"failures": 4}, (Step.ASK_WHOLE, 0.0)),
        (status(500), KEPT | {"failures": 4}, (Step.ASK_WHOLE, 0.0)),
        (status(400), KEPT | {"renewals": 2}, (Step.ASK_WHOLE, 0.0)),
    ],
    ids=lambda value: f"{value.kind.name}{value.status or ''}" if isinstance(value, Failure) else None,
)
def test_every_failure_has_its_step(failure: Failure, state: dict[str, Any], expected: tuple[Step, object]) -> None:
    """Wait, ask for a fresh URL, use fewer connections, ask for the whole, start over, or give up with a class."""
    how: dict[str, Any] = {
        "done": 0,
        "others": False,
        "may_drop": False,
        "draw": 0.5,
        "max_retries": 3,
        "renewals": 0,
    } | state
    had = how.pop("failures") - (not how["others"] and failure.status not in URL_STATUSES)
    setbacks = Setbacks(max_retries=how.pop("max_retries"), failures=had, renewals=how.pop("renewals"))
    step, wait = setbacks.decide(failure, **how)
    assert (step, failure.error if step is Step.GIVE_UP else wait) == expected


def test_a_storage_may_ask_for_half_a_minute_in_all() -> None:
    """Retry-After is honoured while the waits fit into the budget together; with progress it begins anew."""
    setbacks, busy = Setbacks(max_retries=9), status(503, retry_after=20.0)
    how: dict[str, Any] = {"others": False, "fresh": True, "may_drop": False, "draw": 0.5}
    steps = [setbacks.decide(busy, done=done, **how)[0] for done in (0, 0, 1 << 20)]
    assert steps == [Step.WAIT, Step.GIVE_UP, Step.WAIT]


@settings(max_examples=100, deadline=None)
@given(size=st.integers(1, 20 * STEP), seed=st.integers(0, 1 << 32))
def test_every_byte_is_fetched_once(size: int, seed: int) -> None:
    """Connections come, fetch a while, break or end: together they bring every byte, and none of them twice."""
    table, fetched, draw = SegmentTable(size), 0, random.Random(seed)
    open_: list[Segment] = []
    for _ in range(10_000):
        if table.done == size:
            break
        if len(open_) < 5 and (begun := table.begin(draw.randrange(1, 30))):
            if draw.random() < 0.2:
                begun.limit(draw.randrange(begun.start + 1, begun.reach + 1))
            open_.append(begun)
        segment = draw.choice(open_)
        room = table.room(segment)
        if not room or draw.random() < 0.05:
            table.release(segment)
            open_.remove(segment)
            continue
        count = draw.randrange(1, room + 1)
        table.advance(segment, count)
        fetched += count
    assert fetched == table.done == size
    assert table.arrived == [(0, size)]
