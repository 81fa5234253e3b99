"""What goes wrong in an export: with one session, which fails alone, or with all of them, which ends it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from aikynetix import AikynetixError, AuthenticationError, DownloadError

from .conftest import Connect, manifest
from .servers import Reply, Service
from .test_export import GONE, settle, statuses, workers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_one_bad_session_never_stops_the_others(connect: Connect, folder: Path) -> None:
    """Errors of the API, the storage, the network and the list each fail one session, with class and message."""
    replies = {
        "gone": (GONE, "NotFoundError"),
        "wrong": (Reply(400, {"error": "bad"}), "BadRequestError"),
        "plan": (Reply(403, {"error": "no plan"}), "PermissionDeniedError"),
        "twice": (Reply(409, {}), "ConflictError"),
        "odd": (Reply(422, {"detail": [1]}), "UnprocessableEntityError"),
        "pot": (Reply(418, {}), "APIStatusError"),
        "broken": (Reply(500, {"error": "oops"}), "InternalServerError"),
        "strange": (Reply(599, {}), "InternalServerError"),
        "busy": (Reply(429, {}, {"Retry-After": "86400"}), "RateLimitError"),
        "elsewhere": (Reply(302, {}, {"Location": "https://elsewhere.example/"}), "APIStatusError"),
        "cut": (Reply(hang_up=True), "APIConnectionError"),
        "slow": (Reply(delay=20.0), "APITimeoutError"),
        "ftp": (Reply(200, {"analyzed_video_url": "ftp://x"}), "APIResponseValidationError"),
        "later": (Reply(200, {}), "VideoNotReadyError"),
    }
    refusals = {
        "unsigned": (Reply(403, {}), "SignedUrlExpiredError"),
        "lost": (Reply(404, {}), "DownloadError"),
        "down": (Reply(503, {}), "DownloadInterruptedError"),
        "torn": (Reply(hang_up=True), "DownloadInterruptedError"),
        "page": (Reply(200, {"an": "answer that is no video"}), "IntegrityError"),
    }
    lists: dict[object, str] = {"": "ValueError", "..": "ValueError", "a\nb": "ValueError", "\ud800": "ValueError"}
    lists |= {"x" * 2_000: "ValueError", None: "TypeError", 5: "TypeError"}
    ids: list[object] = ["ok1", *replies, *refusals, *lists, "ok2"]
    with Service(
        behave=lambda id_, _: replies[id_][0] if id_ in replies else None,
        store=lambda id_, _: refusals[id_][0] if id_ in refusals else None,
    ) as service:
        videos = connect(service, timeout=0.5).analyzed_videos
        records = list(videos.export(ids, folder, concurrency=8))  # type: ignore[arg-type]  # bad on purpose
    expected = {name: error for name, (_, error) in (replies | refusals).items()}
    expected |= {str(id_) if len(str(id_)) < 2_000 else "x" * 1_023 + "…": error for id_, error in lists.items()}
    assert {record.session_id: record.error for record in records if record.error} == expected
    others = {record.session_id: record.status.value for record in records if record.status != "failed"}
    assert others == {"ok1": "done", "ok2": "done", "later": "not_ready"}
    assert all(record.message and "\n" not in record.message for record in records if record.error)
    assert len(manifest(folder)) == len(ids)


def test_failed_sessions_can_be_retried_alone(connect: Connect, folder: Path) -> None:
    """`retry_failed` touches what failed, and nothing that is done, not ready, or was never tried."""
    replies: dict[str, Reply] = {"bad": GONE, "late": Reply(200, {})}
    with Service(behave=lambda session_id, _: replies.get(session_id)) as service:
        videos = connect(service).analyzed_videos
        list(videos.export(["ok", "bad", "late"], folder))
        replies.clear()
        service.seen.lookups.clear()
        retried = statuses(videos.export(["ok", "bad", "late", "new"], folder, retry_failed=True))
        assert service.seen.lookups == ["bad"]
        rest = statuses(videos.export(["ok", "bad", "late", "new"], folder))
    assert retried == {"bad": "done"}
    assert rest == {"ok": "already_there", "bad": "already_there", "late": "done", "new": "done"}


def test_a_refused_credential_stops_everything_at_once(connect: Connect, folder: Path) -> None:
    """401 is about the key and not about a session: one error, few requests, nothing marked as failed."""
    with Service(latency=0.02) as service, pytest.raises(AuthenticationError):
        list(connect(service, api_key="wrong").analyzed_videos.export((f"s{n}" for n in range(500)), folder))
    assert len(service.seen.lookups) <= 32
    assert manifest(folder) == []


def test_a_credential_refused_midway_loses_nothing_that_was_done(connect: Connect, folder: Path) -> None:
    """One error and no failed session; videos that were complete are noted, and the next export goes on with parts."""
    revoked = threading.Event()

    def behave(session_id: str, asked: int) -> Reply | None:
        return Reply(401, {"error": "revoked"}) if revoked.is_set() else None

    ids = [f"s{number}" for number in range(40)]
    with Service(size=400_000, rate=1_000_000, behave=behave) as service:
        videos = connect(service).analyzed_videos
        records = videos.export(ids, folder, concurrency=4)
        for _ in range(3):
            next(records)
        revoked.set()
        with pytest.raises(AuthenticationError) as caught:
            list(records)
        assert caught.value.message == "revoked"
        lines = manifest(folder)
        assert {line["status"] for line in lines} == {"done"}
        assert sorted(line["path"] for line in lines) == sorted(path.name for path in folder.glob("*.mp4"))
        begun = {path.name.removesuffix(".part") for path in folder.glob("*.part") if path.stat().st_size > 16_384}
        revoked.clear()
        service.rate = None
        service.seen.ranges.clear()
        found = statuses(videos.export(ids, folder))
        assert len(service.seen.ranges) >= len(begun)
    noted = {line["session_id"] for line in lines}
    assert found == {id_: "already_there" if id_ in noted else "done" for id_ in ids}
    assert all(path.read_bytes() == service.video for path in folder.glob("*.mp4"))


def test_what_ended_an_export_is_what_is_raised(connect: Connect, folder: Path) -> None:
    """That the page cannot be written either does not hide a refused credential; by itself it is an error."""
    (folder / "index.html").mkdir(parents=True)
    with Service() as service:
        with pytest.raises(AuthenticationError):
            list(connect(service, api_key="wrong").analyzed_videos.export(["a"], folder))
        with pytest.raises(DownloadError, match=r"index\.html"):
            list(connect(service).analyzed_videos.export(["a"], folder))
    assert [line["status"] for line in manifest(folder)] == ["done"]


def test_a_client_that_was_closed_stops_everything(connect: Connect, folder: Path) -> None:
    """A mistake of the program is raised, and not noted against hundreds of sessions."""
    with Service() as service:
        client = connect(service)
        records = client.analyzed_videos.export((f"s{n}" for n in range(500)), folder, concurrency=2)
        next(records)
        client.close()
        with pytest.raises(AikynetixError, match="closed"):
            list(records)
    assert all(line["status"] == "done" for line in manifest(folder))


def test_an_input_that_raises_ends_the_export_with_its_error(connect: Connect, folder: Path) -> None:
    """What the caller's own iterable raises reaches the caller once what was begun has a record and a line."""

    def broken() -> Iterator[str]:
        yield from ("a", "b")
        raise LookupError("the database is gone")

    with Service(latency=0.1) as service:
        records = connect(service).analyzed_videos.export(broken(), folder)
        assert {next(records).session_id, next(records).session_id} == {"a", "b"}
        with pytest.raises(LookupError, match="database"):
            next(records)
        settle()
    assert {line["session_id"] for line in manifest(folder)} == {"a", "b"}
    assert workers() == []


def test_no_secret_reaches_the_folder(connect: Connect, folder: Path) -> None:
    """Neither the key nor any part of a signed URL is in the manifest or on the page."""
    echo = Reply(400, {"error": "bad https://storage.example/x?X-Goog-Signature=feedfacecafebeef key export-test-key"})
    with Service(behave=lambda id_, _: echo if id_ == "bad" else None) as service:
        list(connect(service).analyzed_videos.export(["ok", "bad"], folder))
    for name in ("manifest.jsonl", "index.html"):
        text = (folder / name).read_text("utf-8")
        assert "feedface" not in text
        assert "export-test-key" not in text
        assert "X-Goog" not in text
