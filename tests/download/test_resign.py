"""Signed URLs that run out: before the first byte, in the middle, by the storage's word or by their own date."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from aikynetix import NotFoundError, SignedUrlExpiredError
from aikynetix._download._types import Clock

from .calls import EXPIRED, MIB, assert_right, fetch
from .servers import Fault, Request, Storage, serving, video

if TYPE_CHECKING:
    from pathlib import Path

REFUSED = b"<?xml version='1.0'?><Error><Code>SignatureDoesNotMatch</Code></Error>"


def signature(request: Request) -> str:
    return parse_qs(urlsplit(request.target).query)["X-Goog-Signature"][0]


@pytest.mark.parametrize(("status", "body"), [(400, EXPIRED), (403, REFUSED), (403, b""), (401, b"")])
def test_a_url_that_has_expired_before_is_replaced(status: int, body: bytes, tmp_path: Path) -> None:
    """What Cloud Storage says about an old URL makes the API be asked for another one, once."""
    fault = Fault(status=status, body=body)
    with serving(
        Storage(video(MIB), fault=lambda request: fault if signature(request) == "topsecret0" else None)
    ) as storage:
        result = fetch(storage, tmp_path / "v.mp4")
        assert [signature(request) for request in storage.requests] == ["topsecret0", "topsecret1"]
    assert_right(result, tmp_path / "v.mp4", storage.body)


@pytest.mark.parametrize("connections", [1, 8])
def test_a_url_that_expires_in_the_middle_is_replaced(connections: int, tmp_path: Path) -> None:
    """Every connection breaks and the URL works no more: a fresh one goes on, and what is finished stays."""
    body = video(8 * MIB)
    expired: list[int] = []

    def fault(request: Request) -> Fault | None:
        return Fault(status=400, body=EXPIRED) if expired and signature(request) == "topsecret0" else None

    def cut(done: int, size: int | None) -> None:
        if done > 4 * MIB and not expired:
            expired.append(done)
            storage.sent = 0
            storage.sever()

    with serving(Storage(body, rate=4 * MIB, fault=fault)) as storage:
        result = fetch(storage, tmp_path / "v.mp4", connections=connections, progress=cut)
        assert {signature(request) for request in storage.requests} == {"topsecret0", "topsecret1"}
        assert storage.sent < 6 * MIB
    assert_right(result, tmp_path / "v.mp4", body)


def test_further_connections_refused_by_an_old_url_get_a_fresh_one(tmp_path: Path) -> None:
    """While one connection delivers, the others learn that the URL has expired; one lookup serves them all."""
    body = video(8 * MIB)
    refused = Fault(status=403, body=REFUSED)

    def fault(request: Request) -> Fault | None:
        return refused if request.number and signature(request) == "topsecret0" else None

    with serving(Storage(body, rate=4 * MIB, fault=fault)) as storage:
        result = fetch(storage, tmp_path / "v.mp4")
        assert {signature(request) for request in storage.requests} == {"topsecret0", "topsecret1"}
    assert_right(result, tmp_path / "v.mp4", body)


@pytest.mark.parametrize("fresh", [True, False], ids=["fresh URLs", "always the same"])
def test_a_refusal_that_a_fresh_url_does_not_end_is_not_about_the_url(fresh: bool, tmp_path: Path) -> None:
    """A server that takes one connection and answers 403 to all others is asked over with one fresh URL, no more."""
    body = video(6 * MIB)
    asked: list[int] = []

    def url(number: int) -> str:
        asked.append(number)
        return storage.url(f"X-Goog-Signature={number if fresh else 0}")

    refused = Fault(status=403, body=REFUSED)
    with serving(Storage(body, rate=4 * MIB, fault=lambda _: refused if storage.streaming else None)) as storage:
        result = fetch(storage, tmp_path / "v.mp4", urls=url)
        assert len(storage.requests) > 2
    assert asked == [0, 1]
    assert_right(result, tmp_path / "v.mp4", body)


def test_urls_that_work_once_are_enough(tmp_path: Path) -> None:
    """Where each URL serves a single request, every further connection is refused until it has one of its own."""
    body = video(6 * MIB)
    used: set[str] = set()

    def fault(request: Request) -> Fault | None:
        with storage.lock:
            if request.target in used:
                return Fault(status=403, body=REFUSED)
            used.add(request.target)
        return None

    with serving(Storage(body, rate=4 * MIB, fault=fault)) as storage:
        result = fetch(storage, tmp_path / "v.mp4")
        assert len(storage.requests) < 100
    assert_right(result, tmp_path / "v.mp4", body)


@pytest.mark.parametrize("expired", ["by the storage's word", "by its own date"])
def test_an_api_that_fails_does_not_end_what_delivers(expired: str, tmp_path: Path) -> None:
    """The URL has expired for further connections and no other one is to be had: the first one goes on alone."""
    body, leap = video(6 * MIB), Leap()
    asked: list[int] = []

    def url(number: int) -> str:
        asked.append(number)
        if number:
            raise NotFoundError("there is no such session", status_code=404)
        return storage.url("X-Goog-Date=20261101T000000Z&X-Goog-Expires=15&X-Goog-Signature=old")

    def fault(request: Request) -> Fault | None:
        return Fault(status=400, body=EXPIRED) if request.number else None

    def progress(done: int, size: int | None) -> None:
        if expired == "by its own date":
            leap.ahead = 11

    with serving(Storage(body, rate=4 * MIB, fault=fault)) as storage:
        result = fetch(storage, tmp_path / "v.mp4", urls=url, clock=leap.clock(), silence=2000, progress=progress)
        assert (len(storage.requests) > 1) == (expired == "by the storage's word")
    assert len(asked) > 1
    assert_right(result, tmp_path / "v.mp4", body)


@pytest.mark.parametrize("hashes", [(), ("md5",)], ids=["by place", "by checksum"])
def test_a_fresh_url_of_another_object_starts_over_unless_it_is_the_same(
    hashes: tuple[str, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The API may have moved the video meanwhile: only a checksum can say that the bytes at hand are still its own."""
    body = video(2 * MIB)

    def fault(request: Request) -> Fault | None:
        if signature(request) == "old":
            return Fault(cut_after=MIB) if request.number == 0 else Fault(status=400, body=EXPIRED)
        return None

    with serving(Storage(body, hashes, fault=fault)) as storage:
        base = storage.url("X-Goog-Signature=")
        urls = [f"{base}old", f"{base.replace('analyzed_video', 'other')}new"]
        result = fetch(storage, tmp_path / "v.mp4", urls=urls.__getitem__)
        kept = bool(hashes)
        assert [request.span for request in storage.requests][2] == (MIB, 2 * MIB)
        assert len(storage.requests) == (3 if kept else 4)
    assert ("starts over" in caplog.text) != kept
    assert_right(result, tmp_path / "v.mp4", body)


class Leap:
    """A clock that leaps ahead when it is told to."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def clock(self) -> Clock:
        begun = datetime(2026, 11, 1, tzinfo=UTC)
        return Clock(
            monotonic=lambda: time.monotonic() + self.ahead,
            now=lambda: begun + timedelta(seconds=self.ahead),
            draw=lambda: 0.0,
        )


@pytest.mark.parametrize(("passed", "asked_again"), [(100, False), (880, False), (891, True), (1000, True)])
def test_a_url_that_is_about_to_expire_is_not_used_again(passed: float, asked_again: bool, tmp_path: Path) -> None:
    """By its own date the URL ends 900 s after the start: within the last 10 s a new connection gets a fresh one."""
    body = video(2 * MIB)
    leap = Leap()

    def fault(request: Request) -> Fault | None:
        if request.number == 0:
            leap.ahead = passed
            return Fault(cut_after=MIB)
        return None

    def url(number: int) -> str:
        started = f"202611{'01T000000' if number == 0 else '02T000000'}Z"
        return storage.url(f"X-Goog-Date={started}&X-Goog-Expires=900&X-Goog-Signature={number}")

    with serving(Storage(body, fault=fault)) as storage:
        result = fetch(storage, tmp_path / "v.mp4", urls=url, clock=leap.clock(), silence=2000)
        assert [signature(request) for request in storage.requests] == ["0", "1" if asked_again else "0"]
        assert storage.sent == len(body)
    assert_right(result, tmp_path / "v.mp4", body)


def test_a_clock_that_is_wrong_does_not_keep_a_video_away(tmp_path: Path) -> None:
    """A URL that looks expired as it comes is used nevertheless: the storage's clock decides, not ours."""
    with serving(Storage(video(1000))) as storage:
        url = storage.url("X-Goog-Date=20200101T000000Z&X-Goog-Expires=60&X-Goog-Signature=x")
        result = fetch(storage, tmp_path / "v.mp4", urls=lambda number: url)
        assert len(storage.requests) == 1
    assert_right(result, tmp_path / "v.mp4", storage.body)


def test_urls_that_never_work_are_given_up(tmp_path: Path) -> None:
    """Two fresh URLs that do not help are enough, even if each answer takes long and each URL is new."""
    asked: list[int] = []

    def url(number: int) -> str:
        asked.append(number)
        return storage.url(f"X-Goog-Signature=topsecret{number}")

    with serving(Storage(video(1000), fault=lambda request: Fault(status=400, body=EXPIRED))) as storage:
        with pytest.raises(SignedUrlExpiredError, match="ExpiredToken"):
            fetch(storage, tmp_path / "v.mp4", urls=url)
        assert [signature(request) for request in storage.requests] == ["topsecret0", "topsecret1", "topsecret2"]
    assert asked == [0, 1, 2]
    assert list(tmp_path.iterdir()) == []


def test_urls_that_expire_while_the_storage_hesitates_are_given_up(tmp_path: Path) -> None:
    """An answer that takes longer than a URL lives is a refusal like any other, not a reason to go on for ever."""
    leap = Leap()

    def fault(request: Request) -> Fault:
        leap.ahead += 60
        return Fault(status=403, body=REFUSED)

    def url(number: int) -> str:
        return storage.url(f"X-Goog-Date=20261101T000000Z&X-Goog-Expires=1&X-Goog-Signature={number}")

    with serving(Storage(video(1000), fault=fault)) as storage:
        with pytest.raises(SignedUrlExpiredError):
            fetch(storage, tmp_path / "v.mp4", urls=url, clock=leap.clock(), silence=2000)
        assert len(storage.requests) <= 6


def test_what_the_api_says_to_a_second_lookup_reaches_the_caller(tmp_path: Path) -> None:
    """The session may be gone when a fresh URL is asked for; its bytes stay for a later call."""

    def url(number: int) -> str:
        if number:
            raise NotFoundError("there is no such session", status_code=404)
        return storage.url("X-Goog-Signature=old")

    def fault(request: Request) -> Fault:
        return Fault(cut_after=MIB) if request.number == 0 else Fault(status=400, body=EXPIRED)

    with serving(Storage(video(2 * MIB), fault=fault)) as storage:
        with pytest.raises(NotFoundError):
            fetch(storage, tmp_path / "v.mp4", urls=url)
        storage.fault = lambda request: None
        result = fetch(storage, tmp_path / "v.mp4")
    assert result.resumed_from == MIB
    assert_right(result, tmp_path / "v.mp4", storage.body)
