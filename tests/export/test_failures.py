"""What goes wrong in an export: with one session, which fails alone, or with all of them, which ends it or slows it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from aikynetix import Aikynetix, AikynetixError, AuthenticationError, ExportStatus
from aikynetix._export._run import PATIENCE, RateLimiter
from aikynetix.sandbox import Outcome, Sandbox, SandboxSession

from .servers import API_KEY, HANG_UP, SLOW, Service, manifest, reply, statuses, workers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.download.servers import Fault

GONE = reply(404, {"error": "Session data not found."})


def test_one_bad_session_never_stops_the_others(service: Service, folder: Path) -> None:
    """Errors of the API, the network and the list each fail one session, at once, with class and message."""
    replies = {
        "gone": (GONE, "NotFoundError"),
        "wrong": (reply(400, {"error": "bad"}), "BadRequestError"),
        "plan": (reply(403, {"error": "no plan"}), "PermissionDeniedError"),
        "twice": (reply(409), "ConflictError"),
        "odd": (reply(422, {"detail": [1]}), "UnprocessableEntityError"),
        "pot": (reply(418), "APIStatusError"),
        "broken": (reply(500, {"error": "oops"}), "InternalServerError"),
        "strange": (reply(599), "InternalServerError"),
        "busy": (reply(429, {}, {"Retry-After": "86400"}), "RateLimitError"),
        "elsewhere": (reply(302, {}, {"Location": "https://elsewhere.example/"}), "APIStatusError"),
        "cut": (HANG_UP, "APIConnectionError"),
        "slow": (SLOW, "APITimeoutError"),
        "ftp": (reply(200, {"analyzed_video_url": "ftp://x"}), "APIResponseValidationError"),
        "later": (reply(200), "VideoNotReadyError"),
    }
    lists: dict[object, str] = dict.fromkeys(["", "..", "a\nb", "\ud800", "x" * 2_000], "InvalidArgumentError")
    lists |= {None: "TypeError", 5: "TypeError", object: "TypeError"}
    ids: list[object] = ["ok1", *replies, *lists, "ok2"]
    service.replies |= {name: answer for name, (answer, _) in replies.items()}
    videos = service.videos(timeout=0.5)
    records = list(videos.export(ids, folder, concurrency=8))  # type: ignore[arg-type]  # bad on purpose
    expected = {name: error for name, (_, error) in replies.items()}
    expected |= {str(id_) if len(str(id_)) < 2_000 else "x" * 1_023 + "…": error for id_, error in lists.items()}
    assert {record.session_id: record.error for record in records if record.error} == expected
    others = {record.session_id: record.status.value for record in records if record.status != "failed"}
    assert others == {"ok1": "done", "ok2": "done", "later": "not_ready"}
    assert all(record.message and "\n" not in record.message for record in records if record.error)
    assert len(manifest(folder)) == len(ids)
    del service.seen.lookups[service.seen.lookups.index("cut")]  # once more where it was on a kept connection
    assert set(Counter(service.seen.lookups).values()) == {1}


def test_failed_sessions_can_be_retried_alone(service: Service, folder: Path) -> None:
    """`retry_failed` touches what failed, and nothing that is done, not ready, or was never tried."""
    videos = service.videos()
    service.replies |= {"bad": GONE, "late": reply(200)}
    list(videos.export(["ok", "bad", "late"], folder))
    service.replies.clear()
    service.seen.lookups.clear()
    retried = statuses(videos.export(["ok", "bad", "late", "new"], folder, retry_failed=True))
    assert service.seen.lookups == ["bad"]
    rest = statuses(videos.export(["ok", "bad", "late", "new"], folder))
    assert retried == {"bad": "done"}
    assert rest == {"ok": "already_there", "bad": "already_there", "late": "done", "new": "done"}


def test_a_credential_refused_midway_loses_nothing_that_was_done(service: Service, folder: Path) -> None:
    """One error and no failed session; videos that were complete are noted, and the next export goes on."""
    revoked, ids = threading.Event(), [f"s{number}" for number in range(40)]
    refusal = reply(401, {"error": "revoked"})
    service.store(100_000, rate=1e6)
    service.behave = lambda _, __: refusal if revoked.is_set() else None
    records = service.videos().export(ids, folder, concurrency=4)
    for _ in range(3):
        next(records)
    revoked.set()
    with pytest.raises(AuthenticationError, match="revoked"):
        list(records)
    lines = manifest(folder)
    assert {line["status"] for line in lines} == {"done"}
    assert sorted(line["path"] for line in lines) == sorted(path.name for path in folder.glob("*.mp4"))
    revoked.clear()
    found = statuses(service.videos().export(ids, folder))
    noted = {line["session_id"] for line in lines}
    assert found == {id_: "already_there" if id_ in noted else "done" for id_ in ids}
    assert all(path.read_bytes() == service.body for path in folder.glob("*.mp4"))


def test_an_input_that_raises_ends_the_export_with_its_error(service: Service, folder: Path) -> None:
    """What the caller's own iterable raises reaches the caller once what was begun has a record and a line."""

    def broken() -> Iterator[str]:
        yield from ("a", "b")
        raise LookupError("the database is gone")

    service.latency = 0.1
    records = service.videos().export(broken(), folder)
    assert {next(records).session_id, next(records).session_id} == {"a", "b"}
    with pytest.raises(LookupError, match="database"):
        next(records)
    assert {line["session_id"] for line in manifest(folder)} == {"a", "b"}
    assert workers() == []


@pytest.mark.parametrize("error", [LookupError, ValueError, AikynetixError])
def test_an_observer_that_raises_ends_the_export_with_its_error(
    service: Service, folder: Path, error: type[Exception]
) -> None:
    """It fails no session, and is not tried again: the caller gets what the caller's own function raised."""

    def observe(session_id: str, *_: object) -> None:
        if session_id == "b":
            raise error("the bar broke")

    records = service.videos(max_retries=3).export(list("abc"), folder, concurrency=1, progress=observe)
    with pytest.raises(error, match="the bar broke"):
        list(records)
    assert {line["status"] for line in manifest(folder)} == {"done"}
    assert workers() == []


@pytest.mark.parametrize(
    ("headers", "silence"),
    [({"Retry-After": "1"}, 0.98), ({}, 0.48), ({"Retry-After": "9" * 400}, 0.48), ({"Retry-After": "soon"}, 0.48)],
)
def test_too_many_requests_hold_all_workers_together(
    service: Service, folder: Path, headers: dict[str, str], silence: float, caplog: pytest.LogCaptureFixture
) -> None:
    """After one 429 no worker asks before the time the API named, or a while, and every session is done in the end."""
    refused_at: list[float] = []

    def limited(session_id: str, asked: int) -> Fault | None:
        if session_id == "s5" and asked == 1:
            refused_at.append(time.monotonic())
            return reply(429, {"error": "Too many requests."}, headers)
        return None

    ids = [f"s{n}" for n in range(40)]
    service.latency = 0.01
    service.behave = limited
    records = list(service.videos(max_retries=3).export(ids, folder, concurrency=4))
    assert {record.status for record in records} == {ExportStatus.DONE}
    assert {record.session_id: record.attempts for record in records if record.attempts > 1} == {"s5": 2}
    # Those that were under way when the response came may still arrive; then there is silence.
    assert not [moment for moment in service.seen.lookup_times if 0.25 < moment - refused_at[0] < silence]
    assert caplog.messages == (["waiting 1 s before trying again (RateLimitError)"] if silence > 0.9 else [])


def test_sessions_that_are_refused_for_ever_keep_no_other_from_being_done(
    service: Service, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """They may fill every place at first; then those behind them are asked for, and the log says what is waited for."""
    service.behave = lambda session_id, _: reply(429) if session_id.startswith("busy") else None
    records = service.videos().export(["busy1", "busy2", "busy3", "a", "b"], folder, concurrency=2)
    assert statuses([next(records), next(records)]) == {"a": "done", "b": "done"}
    records.close()
    assert "before trying again (RateLimitError)" in caplog.text


def test_a_passing_failure_is_met_with_another_try(service: Service, folder: Path) -> None:
    """As often as the client's max_retries says, for the API and the storage alike, and no more."""
    broken = {"api": 1, "lost": 1, "storage": 1, "never": 9}

    def passing(session_id: str, asked: int) -> Fault | None:
        if session_id == "storage" or asked > broken.get(session_id, 0):
            return None
        return HANG_UP if session_id == "lost" else reply(503, {"error": "busy"}, {"Retry-After": "0"})

    once = [reply(503)]
    service.behave = passing
    service.fault = lambda request: once.pop() if once and "/storage/" in request.target else None
    records = list(service.videos(max_retries=2).export(["ok", *broken], folder))
    assert statuses(records) == dict.fromkeys(["ok", *broken], "done") | {"never": "failed"}
    attempts = {record.session_id: record.attempts for record in records}
    assert attempts.pop("lost") <= 2  # one, where it was lost on a kept connection
    assert attempts == {"ok": 1, "api": 2, "storage": 2, "never": 3}


_FEW_FILES = """
import resource, sys
from aikynetix import Aikynetix
url, folder, key = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))
with Aikynetix(key, base_url=url, max_retries=0) as client:
    records = list(client.analyzed_videos.export([f"s{n}" for n in range(40)], folder))
    print({record.status.value for record in records}, all(record.sha256 for record in records))
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_where_few_files_may_be_open_fewer_sessions_are_under_way(service: Service, folder: Path) -> None:
    """MacOS gives a process 256, sockets included: what is too much for it is begun again, whatever the retries."""
    service.store(300_000, rate=3_000_000)
    command = [sys.executable, "-c", _FEW_FILES, service.base_url, str(folder), API_KEY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "{'done'} True\n", done.stderr
    assert len(manifest(folder)) == 40


@pytest.mark.parametrize("wait", [0.1, 0.0])
def test_a_video_in_the_making_is_not_ready_however_often_it_is_asked_for(folder: Path, wait: float) -> None:
    """One verdict for one state: the run that has it made, and the next ones, which find it in the making, agree."""
    slow = SandboxSession("slow", Outcome.NOT_GENERATED, polls=10_000)
    with (
        Sandbox(extra_sessions=[slow]) as sandbox,
        Aikynetix(api_key=sandbox.api_key, base_url=sandbox.base_url) as client,
    ):
        runs = [list(client.analyzed_videos.export(["slow"], folder, wait=each)) for each in (0.1, wait, wait)]
    assert [statuses(records) for records in runs] == [{"slow": "not_ready"}] * 3
    assert {record.error for records in runs for record in records} == {"VideoNotReadyError"}


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [
        (7.0, [7.0, 7.0, 7.0, 8.0]),
        (0.0, [1.0, 2.0, 4.0, 8.0, 16.0, 16.0]),
        (PATIENCE + 1, [1.0, 2.0, 4.0, 8.0]),
    ],
)
def test_a_refusal_holds_everything(retry_after: float, expected: list[float]) -> None:
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
        limiter.accepted()
    assert limiter.window == 8


def test_an_api_that_only_refuses_is_hopeless_in_the_end() -> None:
    """After five minutes without any other response; a single success begins the count anew."""
    limiter = RateLimiter(4)
    limiter.refused(0.0, 30.0, 0.0)
    assert not limiter.is_hopeless(PATIENCE)
    limiter.refused(PATIENCE + 1, 30.0, 0.0)
    assert limiter.is_hopeless(PATIENCE + 1)
    limiter.accepted()
    limiter.refused(PATIENCE + 2, 30.0, 0.0)
    assert not limiter.is_hopeless(PATIENCE + 2)
