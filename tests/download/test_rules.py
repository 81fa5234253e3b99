"""What decides, from made-up figures: about a failure, which bytes next, what a response brings."""

from __future__ import annotations

import random
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aikynetix import DownloadError, DownloadInterruptedError, IntegrityError, SignedUrlExpiredError
from aikynetix._download._failures import Failure, FailureTracker, Kind, Step
from aikynetix._download._object import ObjectVersion, RangeResponse, validate_response
from aikynetix._download._partial import STEP, Segment, SegmentTable

FRESH: dict[str, Any] = {"failures": 1, "fresh": True}
BROKE = FRESH | {"fresh": False}
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
        (of(Kind.BROKEN), FRESH | {"failures": 4}, (Step.GIVE_UP, DownloadInterruptedError)),
        (of(Kind.BROKEN), FRESH | {"failures": 2}, (Step.WAIT, 1.0)),
        (of(Kind.BROKEN), BROKE | {"others": True}, (Step.WAIT, 0.0)),
        (of(Kind.FINAL), BESIDE, (Step.FEWER, 0.0)),
        (of(Kind.FINAL), KEPT, (Step.GIVE_UP, DownloadError)),
        (of(Kind.CONTENT), KEPT, (Step.GIVE_UP, IntegrityError)),
        (status(503), FRESH, (Step.WAIT, 0.5)),
        (status(503, retry_after=7.0), FRESH, (Step.WAIT, 7.0)),
        (status(503, retry_after=31.0), FRESH, (Step.GIVE_UP, DownloadInterruptedError)),
        (status(404), FRESH, (Step.REFRESH_URL, 0.0)),
        (status(403), FRESH | {"renewals": 2}, (Step.GIVE_UP, SignedUrlExpiredError)),
        (status(404), FRESH | {"renewals": 2}, (Step.GIVE_UP, DownloadError)),
        (status(405), FRESH, (Step.GIVE_UP, DownloadError)),
        (status(501), FRESH, (Step.GIVE_UP, DownloadError)),
    ],
    ids=lambda value: f"{value.kind.name}{value.status or ''}" if isinstance(value, Failure) else None,
)
def test_every_failure_has_its_step(failure: Failure, state: dict[str, Any], expected: tuple[Step, object]) -> None:
    """Wait, ask for a fresh URL, use fewer connections, ask for the whole, start over, or give up with a class."""
    how = {"others": False, "may_drop": False} | state
    counts = not (how["others"] and how["fresh"]) and failure.status not in (400, 401, 403, 404, 410)
    had = how.pop("failures") - counts
    failures = FailureTracker(max_retries=how.pop("max_retries", 3), failures=had, renewals=how.pop("renewals", 0))
    step, wait = failures.decide(failure, done=0, draw=0.5, **how)
    assert (step, failure.error if step is Step.GIVE_UP else wait) == expected


def test_a_storage_may_ask_for_half_a_minute_in_all() -> None:
    """Retry-After is honoured while the waits fit into the budget together; with progress it begins anew."""
    failures, busy = FailureTracker(max_retries=9), status(503, retry_after=20.0)
    how: dict[str, Any] = {"others": False, "fresh": True, "may_drop": False, "draw": 0.5}
    steps = [failures.decide(busy, done=done, **how)[0] for done in (0, 0, 1 << 20)]
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


URL = "https://user:pw@storage.example:444/bucket/v.mp4?X-Goog-Signature=topsecret#f"
PATH = "storage.example:444/bucket/v.mp4"
KNOWN = ObjectVersion(path=PATH, size=9, etag='"one"')


def validated(known: ObjectVersion | None, status: int, headers: Any) -> RangeResponse | Kind:
    """Return the response, or the kind of the failure."""
    try:
        return validate_response(known, 3 if known else 0, status, httpx.Headers(headers), URL)
    except Failure as error:
        failure = error
    assert failure.text.startswith(("the storage ", "the video "))
    assert "topsecret" not in failure.text
    return failure.kind


@pytest.mark.parametrize(
    ("known", "status", "headers", "expected"),
    [
        (None, 200, {"Content-Length": "9", "Accept-Ranges": "Bytes"}, (0, 9, 9, True, "")),
        (None, 200, {"Content-Length": "9", "Content-Encoding": "identity"}, (0, 9, 9, False, "")),
        (None, 200, {"Content-Length": "9", "Content-Encoding": "GZIP"}, (0, None, None, False, "gzip")),
        (None, 200, {"Content-Length": "9, 8"}, (0, None, None, False, "")),
        (KNOWN, 206, {"ETag": '"one"', "Content-Range": "bytes 3-7/9"}, (3, 8, 9, True, "")),
        (KNOWN, 200, {"Content-Length": "9", "ETag": '"one"'}, (0, 9, 9, False, "")),
        (None, 200, {"Content-Length": "9", "x-goog-stored-content-length": "8"}, Kind.BROKEN),
        (None, 206, {"Content-Range": "bytes 1-8/9"}, Kind.BROKEN),
        (KNOWN, 206, {"Content-Range": "bytes 3-8/10"}, Kind.CHANGED),
        (KNOWN, 206, {"Content-Range": "bytes 3-9/*"}, Kind.CHANGED),
        (KNOWN, 206, {"Content-Range": "bytes 3-8/*", "ETag": '"two"'}, Kind.CHANGED),
        (KNOWN, 206, {"Content-Range": "bytes 2-8/9"}, Kind.BROKEN),
    ],
    ids=str,
)
def test_what_a_response_brings(
    known: ObjectVersion | None, status: int, headers: dict[str, str], expected: object
) -> None:
    """First byte, byte behind the last, size, whether there are ranges, the encoding; or what is wrong with it."""
    found = validated(known, status, headers)
    if isinstance(found, RangeResponse):
        assert (found.start, found.stop, found.version.size, found.ranges, found.encoding) == expected
    else:
        assert found is expected
