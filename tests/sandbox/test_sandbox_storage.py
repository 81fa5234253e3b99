"""The sandbox's storage over TCP: signed URLs, ranges, preconditions, and Cloud Storage's errors."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import google_crc32c
import pytest

from aikynetix.sandbox import Sandbox, SandboxSession

from .conftest import video_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from .conftest import Ask

VIDEO = bytes(index * 7 % 251 for index in range(10_000))
OTHER = b"the bytes of another session"
START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def clock() -> list[datetime]:
    """The moment in which the module's sandbox lives."""
    return [START]


@pytest.fixture(scope="module")
def running(clock: list[datetime]) -> Iterator[Sandbox]:
    """A sandbox with known bytes, a known clock and URLs that live ten minutes."""
    extra = SandboxSession("other", video=OTHER)
    with Sandbox(video=VIDEO, clock=lambda: clock[0], url_lifetime=600, extra_sessions=[extra]) as sandbox:
        yield sandbox


@pytest.fixture
def url(sandbox: Sandbox, clock: list[datetime]) -> str:
    """The signed URL of a video that is there."""
    clock[0] = START
    return sandbox.signed_url("session-jump")


def code_of(answer: httpx.Response) -> str | None:
    """Reads the error code from Cloud Storage's XML document."""
    assert answer.headers["content-type"] == "application/xml; charset=UTF-8"
    document = ElementTree.fromstring(answer.content)  # made by the sandbox itself
    assert document.tag == "Error"
    assert document.findtext("Message")
    return document.findtext("Code")


def test_the_whole_object_is_served_with_what_describes_it(http: httpx.Client, url: str) -> None:
    """A plain GET gives every byte, and the headers by which a client checks them."""
    answer = http.get(url)
    md5 = base64.b64encode(hashlib.md5(VIDEO, usedforsecurity=False).digest()).decode()
    crc = base64.b64encode(google_crc32c.value(VIDEO).to_bytes(4, "big")).decode()
    assert (answer.status_code, answer.content) == (200, VIDEO)
    assert answer.headers["content-length"] == "10000"
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-goog-hash"] == f"crc32c={crc},md5={md5}"
    assert answer.headers["etag"] == f'"{hashlib.md5(VIDEO, usedforsecurity=False).hexdigest()}"'
    assert answer.headers["x-goog-generation"].isdigit()
    assert answer.headers["x-goog-stored-content-length"] == "10000"
    assert answer.headers["last-modified"] == "Wed, 01 Jan 2025 00:00:00 GMT"
    assert answer.headers["date"] == "Sun, 01 Mar 2026 12:00:00 GMT"
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=100-199", (100, 200)),
        ("bytes=9990-", (9990, 10_000)),
        ("bytes=9990-99999999999999999999999", (9990, 10_000)),
        ("bytes=-10", (9990, 10_000)),
        ("Bytes=000005-0006", (5, 7)),
        *((ignored, None) for ignored in ("bytes=0-1,5-6", "bytes=5-2", "bytes=-", "bytes=a-b", "0-5", "bytes=1 -2")),
        *((beyond, ()) for beyond in ("bytes=10000-", "bytes=-0", "bytes=99999999999999999999999-")),
    ],
)
def test_a_range_gives_its_bytes(http: httpx.Client, url: str, header: str, span: tuple[int, int] | None) -> None:
    """One range is 206 with its bytes, or 416 where there are none; several, and what is no range, are ignored."""
    answer = http.get(url, headers={"Range": header})
    if span is None:
        assert (answer.status_code, answer.content) == (200, VIDEO)
    elif not span:
        assert (answer.status_code, code_of(answer)) == (416, "InvalidRange")
        assert answer.headers["content-range"] == "bytes */10000"
    else:
        start, stop = span
        assert (answer.status_code, answer.content) == (206, VIDEO[start:stop])
        assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/10000"
        assert answer.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize(
    ("validator", "status"),
    [
        ("{etag}", 206),
        ("Wed, 01 Jan 2025 00:00:00 GMT", 206),
        ('"another"', 200),
        ("W/{etag}", 200),
    ],
)
def test_if_range_gives_the_range_of_the_same_object_only(
    http: httpx.Client, url: str, validator: str, status: int
) -> None:
    """With If-Range the range is served when the validator matches strongly, else the whole object."""
    etag = http.head(url).headers["etag"]
    answer = http.get(url, headers={"Range": "bytes=5-9", "If-Range": validator.format(etag=etag)})
    assert answer.status_code == status
    assert answer.content == (VIDEO[5:10] if status == 206 else VIDEO)


def test_download_urls_are_served_as_attachments(http: httpx.Client, sandbox: Sandbox, ask: Ask) -> None:
    """The URL that the vendor's download flag gives has the storage tell a browser to save the file."""
    plain, saved = (video_url(ask(sandbox, "GET", sandbox.sessions["jump"], download=flag)) for flag in (False, True))
    assert "content-disposition" not in http.get(plain).headers
    assert http.get(saved).headers["content-disposition"] == "attachment; filename=analyzed_video.mp4"
    assert http.get(saved).content == VIDEO


def test_a_url_lives_as_long_as_it_says_and_not_longer(http: httpx.Client, clock: list[datetime], url: str) -> None:
    """At the last second of its life a URL is served; after it the storage answers 400 ExpiredToken."""
    clock[0] = START + timedelta(seconds=600)
    assert http.get(url).status_code == 200
    clock[0] = START + timedelta(seconds=601)
    answer = http.get(url)
    assert (answer.status_code, code_of(answer)) == (400, "ExpiredToken")
    assert "2026-03-01T12:10:00+00:00" in answer.text


@pytest.mark.parametrize(
    ("old", "new", "status", "code"),
    [
        ("session-jump", "other", 403, "SignatureDoesNotMatch"),
        ("X-Goog-Expires=600", "X-Goog-Expires=601", 403, "SignatureDoesNotMatch"),
        ("Signature=", "Signature=0", 403, "SignatureDoesNotMatch"),
        ("&X-Goog-Signature", "&x=y&X-Goog-Signature", 403, "SignatureDoesNotMatch"),
        ("127.0.0.1", "localhost", 403, "SignatureDoesNotMatch"),
        ("X-Goog-Signature", "Signature", 403, "AccessDenied"),
        ("X-Goog-Date=20260301T120000Z", "X-Goog-Date=yesterday", 400, "MalformedSecurityHeader"),
        ("X-Goog-Date=20260301T120000Z", "X-Goog-Date=99991231T235959Z", 400, "MalformedSecurityHeader"),
        ("X-Goog-Expires=600", "X-Goog-Expires=604801", 400, "MalformedSecurityHeader"),
        ("X-Goog-Expires=600", f"X-Goog-Expires={'9' * 5000}", 400, "MalformedSecurityHeader"),
        ("&X-Goog-Expires=600", "", 400, "MalformedSecurityHeader"),
        ("GOOG4-HMAC-SHA256", "GOOG4-NONE", 400, "MalformedSecurityHeader"),
    ],
)
def test_a_changed_url_gives_no_byte(http: httpx.Client, url: str, old: str, new: str, status: int, code: str) -> None:
    """Whatever is changed in a signed URL, the storage refuses it with the code that Cloud Storage has for that."""
    assert old in url
    answer = http.get(url.replace(old, new))
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert VIDEO not in answer.content


def test_only_reading_is_served_and_what_is_not_there_has_no_key(
    http: httpx.Client, sandbox: Sandbox, url: str
) -> None:
    """HEAD is GET without the bytes, other methods are 405, a video that does not exist is 404, its name escaped."""
    head = http.head(url, headers={"Range": "bytes=0-9"})
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "10000")
    for method in ("PUT", "POST", "DELETE"):
        answer = http.request(method, url)
        assert (answer.status_code, code_of(answer), answer.headers["allow"]) == (405, "MethodNotAllowed", "GET, HEAD")
    absent = http.get(sandbox.signed_url("<nobody>"))
    assert (absent.status_code, code_of(absent)) == (404, "NoSuchKey")
    assert "<nobody>" not in absent.text


def test_the_video_of_a_session_is_there_when_the_session_is_ready(
    http: httpx.Client, sandbox: Sandbox, ask: Ask
) -> None:
    """A video that is not generated yet, or never will be, is not on the storage either."""
    assert http.get(sandbox.signed_url(sandbox.sessions["new"])).status_code == 404
    assert http.get(sandbox.signed_url(sandbox.sessions["forbidden"])).status_code == 404
    ask(sandbox, "POST", sandbox.sessions["new"])
    assert http.get(sandbox.signed_url(sandbox.sessions["new"])).content == VIDEO


def test_a_restarted_sandbox_serves_the_same_object_under_new_signatures(http: httpx.Client) -> None:
    """Entity tag and generation follow from the bytes, so a download can resume; the URLs of another are refused."""
    heads = []
    for video in (VIDEO, VIDEO, VIDEO + b"!"):
        with Sandbox(video=video) as sandbox, Sandbox() as other:
            url = sandbox.signed_url("session-jump")
            heads.append(http.head(url).headers)
            assert http.get(url.replace(sandbox.storage_url, other.storage_url)).status_code == 403
    for name in ("etag", "x-goog-generation"):
        assert heads[0][name] == heads[1][name] != heads[2][name]
