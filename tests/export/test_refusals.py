"""An export against an API that says "not now": rate limits, passing failures, videos still in the making."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from aikynetix import ExportStatus

from .servers import Reply, Service
from .test_export import GONE, statuses

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Connect

TOO_MANY = {"error": "Too many requests."}


@pytest.mark.parametrize(
    ("headers", "silence"),
    [
        ({"Retry-After": "1"}, 0.98),
        ({}, 0.48),
        ({"Retry-After": "9" * 400}, 0.48),
        ({"Retry-After": "in a while"}, 0.48),
    ],
)
def test_too_many_requests_hold_all_workers_together(
    connect: Connect, folder: Path, headers: dict[str, str], silence: float
) -> None:
    """After one 429 no worker asks before the time the API named, or a while, and every session is done in the end."""
    refused_at: list[float] = []

    def limited(session_id: str, asked: int) -> Reply | None:
        if session_id == "s5" and asked == 1:
            refused_at.append(time.monotonic())
            return Reply(429, TOO_MANY, headers)
        return None

    with Service(latency=0.01, behave=limited) as service:
        records = list(connect(service).analyzed_videos.export([f"s{n}" for n in range(40)], folder, concurrency=4))
    assert {record.status for record in records} == {ExportStatus.DONE}
    assert {record.session_id: record.attempts for record in records if record.attempts > 1} == {"s5": 2}
    # Those that were under way when the answer came may still arrive; then there is silence.
    early = [moment for moment in service.seen.lookup_times if 0.1 < moment - refused_at[0] < silence]
    assert early == []


def test_refusals_without_end_fail_the_session_alone(connect: Connect, folder: Path) -> None:
    """A session that the API turns away for an hour has failed at once, and the others are held up for a moment."""

    def closed(session_id: str, asked: int) -> Reply | None:
        return Reply(429, TOO_MANY, {"Retry-After": "3600"}) if session_id == "bad" else None

    with Service(behave=closed) as service:
        began = time.monotonic()
        records = list(connect(service).analyzed_videos.export(["a", "bad", "b", "c"], folder, concurrency=2))
    assert time.monotonic() - began < 5
    assert statuses(iter(records)) == {"a": "done", "b": "done", "c": "done", "bad": "failed"}
    assert service.seen.counts["bad"] == 1


def test_a_passing_failure_is_retried_as_for_a_single_call(connect: Connect, folder: Path) -> None:
    """503 with Retry-After and a broken connection are mended by the client's own retries."""

    def passing(session_id: str, asked: int) -> Reply | None:
        if asked > 1:
            return None
        return Reply(503, {"error": "busy"}, {"Retry-After": "0"}) if session_id == "a" else Reply(hang_up=True)

    with Service(behave=passing) as service:
        records = connect(service, max_retries=2).analyzed_videos.export(["a", "b"], folder)
        assert statuses(records) == {"a": "done", "b": "done"}
    assert service.seen.counts == {"a": 2, "b": 2}


def test_waiting_for_videos_can_be_cut_short(connect: Connect, folder: Path) -> None:
    """`wait` has videos made and polls for them; leaving does not sit the wait out."""

    def slow(session_id: str, asked: int) -> Reply | None:
        if asked == 1:
            return GONE
        return Reply(200, {}) if session_id == "never" or asked == 2 else None

    with Service(behave=slow) as service:
        records = connect(service).analyzed_videos.export(["soon", "never"], folder, wait=60)
        assert next(records).session_id == "soon"
        began = time.monotonic()
        del records
        assert time.monotonic() - began < 3
