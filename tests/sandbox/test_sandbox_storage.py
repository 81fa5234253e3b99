"""The sandbox's storage over TCP: signed URLs, ranges, preconditions, and Cloud Storage's errors."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import google_crc32c
import httpx
import pytest

from aikynetix.sandbox import Outcome, Sandbox, SandboxSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VIDEO = bytes(index * 7 % 251 for index in range(10_000))
OTHER = b"the bytes of another session"
START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """Gives the moment that was set."""
        return self.now


@pytest.fixture(scope="module")
def clock() -> Clock:
    """The clock of the module's sandbox."""
    return Clock()


@pytest.fixture(scope="module")
def shared(clock: Clock) -> Iterator[Sandbox]:
    """A sandbox with known bytes, a known clock and URLs that live ten minutes."""
    extra = SandboxSession("other", video=OTHER)
    with Sandbox(video=VIDEO, clock=clock, url_lifetime=600, extra_sessions=[extra]) as sandbox:
        yield sandbox


@pytest.fixture
def url(sandbox: Sandbox, clock: Clock) -> str:
    """The signed URL of a video that is there."""
    clock.now = START
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


def test_head_describes_the_object_without_its_bytes(http: httpx.Client, url: str) -> None:
    """A HEAD request answers what GET would, a range being defined for GET only."""
    answer = http.head(url, headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "10000"
    assert answer.headers["etag"] == http.get(url).headers["etag"]


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-9999", 0, 10_000),
        ("bytes=100-199", 100, 200),
        ("bytes=9990-", 9990, 10_000),
        ("bytes=9990-99999999999999999999999", 9990, 10_000),
        ("bytes=-10", 9990, 10_000),
        ("bytes=-20000", 0, 10_000),
        ("Bytes=000005-0006", 5, 7),
    ],
)
def test_a_range_gives_its_bytes(http: httpx.Client, url: str, header: str, start: int, stop: int) -> None:
    """A single satisfiable range is 206 with exactly those bytes and says which they are."""
    answer = http.get(url, headers={"Range": header})
    assert (answer.status_code, answer.content) == (206, VIDEO[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/10000"
    assert answer.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize(
    "header", ["bytes=0-1,5-6", "bytes=5-2", "bytes=-", "bytes=a-b", "items=0-5", "0-5", "", "bytes=1 -2", "bytes=٣-٤"]
)
def test_a_range_that_is_several_or_none_is_ignored(http: httpx.Client, url: str, header: str) -> None:
    """Several ranges, and what is no range at all, give the whole object."""
    answer = http.get(url, headers=[(b"Range", header.encode())])
    assert (answer.status_code, answer.content) == (200, VIDEO)


@pytest.mark.parametrize("header", ["bytes=10000-", "bytes=10000-10001", "bytes=-0", "bytes=99999999999999999999999-"])
def test_a_range_beyond_the_object_cannot_be_satisfied(http: httpx.Client, url: str, header: str) -> None:
    """A range without a byte of the object is 416 and tells the object's size."""
    answer = http.get(url, headers={"Range": header})
    assert (answer.status_code, code_of(answer)) == (416, "InvalidRange")
    assert answer.headers["content-range"] == "bytes */10000"


@pytest.mark.parametrize(
    ("validator", "status"),
    [
        ("{etag}", 206),
        ("Wed, 01 Jan 2025 00:00:00 GMT", 206),
        ('"another"', 200),
        ("W/{etag}", 200),
        ("Thu, 02 Jan 2025 00:00:00 GMT", 200),
        ("nonsense", 200),
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


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("If-Match", "{etag}", 200),
        ("If-Match", "*", 200),
        ("If-Match", '"another", {etag}', 200),
        ("If-Match", "W/{etag}", 412),
        ("If-Match", '"another"', 412),
        ("If-None-Match", "{etag}", 304),
        ("If-None-Match", "W/{etag}", 304),
        ("If-None-Match", '"another"', 200),
        ("If-Modified-Since", "Wed, 01 Jan 2025 00:00:00 GMT", 304),
        ("If-Modified-Since", "Tue, 31 Dec 2024 00:00:00 GMT", 200),
        ("If-Modified-Since", "nonsense", 200),
        ("If-Unmodified-Since", "Tue, 31 Dec 2024 00:00:00 GMT", 412),
        ("If-Unmodified-Since", "Wed, 01 Jan 2025 00:00:00 GMT", 200),
        ("x-goog-if-generation-match", "{generation}", 200),
        ("x-goog-if-generation-match", "1", 412),
    ],
)
def test_preconditions_are_kept(http: httpx.Client, url: str, name: str, value: str, status: int) -> None:
    """Conditional requests are answered as RFC 9110 and Cloud Storage document them."""
    known = http.head(url).headers
    value = value.format(etag=known["etag"], generation=known["x-goog-generation"])
    answer = http.get(url, headers={name: value})
    assert answer.status_code == status
    if status == 304:
        assert answer.headers["etag"] == known["etag"]
    if status == 412:
        assert code_of(answer) == "PreconditionFailed"


def test_download_urls_are_served_as_attachments(http: httpx.Client, sandbox: Sandbox, api: httpx.Client) -> None:
    """The URL that ``download=true`` gives has the storage tell a browser to save the file."""
    path = f"/session-management/sessions/{sandbox.sessions['jump']}/analyzed-video/"
    plain, saved = (api.get(path, params=query).json()["analyzed_video_url"] for query in ({}, {"download": "true"}))
    assert "content-disposition" not in http.get(plain).headers
    assert http.get(saved).headers["content-disposition"] == "attachment; filename=analyzed_video.mp4"
    assert http.get(saved).content == VIDEO


def test_urls_have_the_shape_of_v4_signatures(url: str) -> None:
    """A signed URL names algorithm, credential, date, lifetime and signed headers, and ends in the video's name."""
    parsed = httpx.URL(url)
    assert parsed.path.endswith("/analyzed_video.mp4")
    query = dict(parsed.params)
    assert query.pop("X-Goog-Credential").endswith("/20260301/auto/storage/goog4_request")
    assert len(bytes.fromhex(query.pop("X-Goog-Signature"))) == 32
    assert query == {
        "X-Goog-Algorithm": "GOOG4-HMAC-SHA256",
        "X-Goog-Date": "20260301T120000Z",
        "X-Goog-Expires": "600",
        "X-Goog-SignedHeaders": "host",
    }


def test_a_url_lives_as_long_as_it_says_and_not_longer(http: httpx.Client, clock: Clock, url: str) -> None:
    """At the last second of its life a URL is served; after it the storage answers 400 ExpiredToken."""
    clock.now = START + timedelta(seconds=600)
    assert http.get(url).status_code == 200
    clock.now = START + timedelta(seconds=601)
    answer = http.get(url)
    assert (answer.status_code, code_of(answer)) == (400, "ExpiredToken")
    assert "2026-03-01T12:10:00+00:00" in answer.text


@pytest.mark.parametrize(
    "tamper",
    [
        lambda url: url.replace("session-jump", "other"),
        lambda url: url.replace("X-Goog-Expires=600", "X-Goog-Expires=601"),
        lambda url: url.replace("T120000Z", "T120001Z"),
        lambda url: url.replace("GOOG1ESANDBOX", "GOOG1EANOTHER"),
        lambda url: url.replace("20260301%2Fauto", "20260302%2Fauto"),
        lambda url: url + "&response-content-disposition=inline",
        lambda url: url[:-1] + ("0" if url[-1] != "0" else "1"),
        lambda url: url[:-2],
        lambda url: url.replace("127.0.0.1", "localhost"),
    ],
    ids=["path", "lifetime", "date", "access id", "scope", "parameter added", "signature", "signature cut", "host"],
)
def test_a_tampered_url_is_refused(http: httpx.Client, url: str, tamper: Callable[[str], str]) -> None:
    """Whatever is changed in a signed URL, the storage answers 403 SignatureDoesNotMatch and no byte of the video."""
    assert tamper(url) != url
    answer = http.get(tamper(url))
    assert (answer.status_code, code_of(answer)) == (403, "SignatureDoesNotMatch")
    assert httpx.URL(url).params["X-Goog-Signature"] not in answer.text


@pytest.mark.parametrize(
    ("old", "new", "parameter"),
    [
        ("X-Goog-Date=20260301T120000Z", "X-Goog-Date=yesterday", "X-Goog-Date"),
        ("X-Goog-Date=20260301T120000Z", "X-Goog-Date=99991231T235959Z", "X-Goog-Date"),
        ("X-Goog-Expires=600", "X-Goog-Expires=604801", "X-Goog-Expires"),
        ("X-Goog-Expires=600", "X-Goog-Expires=-1", "X-Goog-Expires"),
        ("X-Goog-Expires=600", f"X-Goog-Expires={'9' * 5000}", "X-Goog-Expires"),
        ("X-Goog-Expires=600", "X-Goog-Expires=600&X-Goog-Expires=700", "X-Goog-Expires"),
        ("&X-Goog-Expires=600", "", "X-Goog-Expires"),
        ("GOOG4-HMAC-SHA256", "GOOG4-NONE", "X-Goog-Algorithm"),
        ("SignedHeaders=host", "SignedHeaders=", "X-Goog-SignedHeaders"),
    ],
)
def test_a_malformed_url_is_refused_by_name(http: httpx.Client, url: str, old: str, new: str, parameter: str) -> None:
    """A signing parameter that cannot be read is 400 MalformedSecurityHeader, which names it."""
    assert old in url
    answer = http.get(url.replace(old, new))
    assert (answer.status_code, code_of(answer)) == (400, "MalformedSecurityHeader")
    assert f"<ParameterName>{parameter}</ParameterName>" in answer.text


def test_without_a_signature_access_is_denied(http: httpx.Client, url: str) -> None:
    """An object is private: its bare path is 403 AccessDenied."""
    answer = http.get(url.partition("?")[0])
    assert (answer.status_code, code_of(answer)) == (403, "AccessDenied")


def test_a_credential_of_the_api_opens_nothing_here(http: httpx.Client, sandbox: Sandbox, url: str) -> None:
    """The storage does not know the API's key."""
    answer = http.get(url.partition("?")[0], headers={"API-KEY": sandbox.api_key})
    assert answer.status_code == 403


def test_an_object_that_is_not_there_has_no_key(http: httpx.Client, sandbox: Sandbox) -> None:
    """A good signature for a video that does not exist is 404 NoSuchKey, with the name escaped."""
    answer = http.get(sandbox.signed_url("<nobody>"))
    assert (answer.status_code, code_of(answer)) == (404, "NoSuchKey")
    assert "<nobody>" not in answer.text


def test_the_video_of_a_session_is_there_when_the_session_is_ready(http: httpx.Client, sandbox: Sandbox) -> None:
    """A video that is not generated yet, or never will be, is not on the storage either."""
    assert http.get(sandbox.signed_url(sandbox.sessions["new"])).status_code == 404
    assert http.get(sandbox.signed_url(sandbox.sessions["forbidden"])).status_code == 404
    path = f"{sandbox.base_url}/session-management/sessions/{sandbox.sessions['new']}/analyzed-video/"
    http.post(path, json={}, headers={"API-KEY": sandbox.api_key})
    assert http.get(sandbox.signed_url(sandbox.sessions["new"])).content == VIDEO


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "OPTIONS"])
def test_the_storage_is_for_reading(http: httpx.Client, url: str, method: str) -> None:
    """Other methods are 405 and told which there are."""
    answer = http.request(method, url)
    assert (answer.status_code, code_of(answer)) == (405, "MethodNotAllowed")
    assert answer.headers["allow"] == "GET, HEAD"


def test_a_restarted_sandbox_serves_the_same_object_under_new_signatures(http: httpx.Client) -> None:
    """Entity tag and generation follow from the bytes, so a download can resume; old URLs are refused."""
    sandbox = Sandbox(video=VIDEO)
    with sandbox:
        first = http.head(sandbox.signed_url("session-jump")).headers
    with Sandbox(video=VIDEO) as again:
        second = http.head(again.signed_url("session-jump")).headers
    with Sandbox(video=VIDEO + b"!") as changed:
        third = http.head(changed.signed_url("session-jump")).headers
    assert first["etag"] == second["etag"] != third["etag"]
    assert first["x-goog-generation"] == second["x-goog-generation"] != third["x-goog-generation"]


def test_a_large_video_arrives_whole(http: httpx.Client) -> None:
    """A body of many chunks is the same bytes at the other end, as a whole and in ranges."""
    video = hashlib.shake_128(b"large").digest(3_000_001)
    with Sandbox(video=video) as sandbox:
        url = sandbox.signed_url("session-jump")
        assert http.get(url).content == video
        assert http.get(url, headers={"Range": "bytes=1000000-2500000"}).content == video[1_000_000:2_500_001]


def test_an_empty_video_can_be_served(http: httpx.Client) -> None:
    """An object of no bytes is 200 with none, and has no satisfiable range."""
    with Sandbox(extra_sessions=[SandboxSession("empty", Outcome.READY, video=b"")]) as sandbox:
        url = sandbox.signed_url("empty")
        assert (http.get(url).status_code, http.get(url).content) == (200, b"")
        assert http.get(url, headers={"Range": "bytes=0-"}).status_code == 416
