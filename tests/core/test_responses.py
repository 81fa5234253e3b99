"""What an error says and what a success gives: exact values at and around every limit."""

from __future__ import annotations

import json
import time
import zlib
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

from aikynetix import AnalyzedVideo, APIResponseValidationError, APIStatusError
from aikynetix._reading import Decoder
from aikynetix._responses import retry_after
from tests.contract.callers import Replies, ask
from tests.secrets.hunt import KEY

if TYPE_CHECKING:
    from collections.abc import Callable

BASE = "https://api.example"
ASKED = f"{BASE}/session-management/sessions/s/analyzed-video/"
DATE = "Thu, 01 Jan 2026 00:00:00 GMT"


def answered(status: int, body: Any, headers: dict[str, str] | None = None, verb: str = "get", key: str = KEY) -> Any:
    """What a lookup returns that is answered with this; what is not bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    transport = Replies(httpx.Response(status, content=content, headers=headers))
    return ask(
        "sync", verb, "s", api_key=key, base_url=BASE, transport=transport, max_retries=0, options={"analysis": "jump"}
    )


def error(status: int = 400, body: Any = b"", headers: dict[str, str] | None = None, **settings: str) -> APIStatusError:
    with pytest.raises(APIStatusError) as caught:
        answered(status, body, headers, **settings)
    return caught.value


# --- what an error says


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "a", "detail": "b"}, "a"),
        ({"message": "d"}, "d"),
        *(({"error": {key: "inner"}}, "inner") for key in ("message", "detail", "error", "msg", "description")),
        *(({"error": {key: "inner"}}, "inner") for key in ("reason", "title", "error_description")),
        ({"error": [1, 2, "third"]}, "third"),
        ({"error": {"error": {"error": {"error": {"error": "deep"}}}}}, "deep"),
        (["x"], "x"),
        ("quota exceeded", "quota exceeded"),
        ([{"message": "y"}], "y"),
        (None, "Bad Request"),
        (b"", "Bad Request"),
        ({"status": 400, "type": "about:blank", "code": "E1"}, "Bad Request"),
        ({"error": " a \t b\x00c "}, "a b c"),
        ({"error": "x" * 500}, "x" * 500),
        ({"error": "x" * 501}, "x" * 499 + "…"),
        ({"is_jump": ["Must be a valid boolean."]}, "is_jump: Must be a valid boolean."),
        ({"a": ["One.", "Two."], "b": "Three."}, "a: One. Two.; b: Three."),
        ({"non_field_errors": ["Only one flag."]}, "Only one flag."),
        ({"athlete": {"age": ["Too low."], "non_field_errors": ["Odd."]}}, "athlete.age: Too low.; athlete: Odd."),
        ({"errors": {"session_id": ["Bad."]}, "status": 400}, "errors.session_id: Bad."),
        ({"detail": "b", "is_jump": ["x"]}, "b"),
        # What grants access is taken out, whosever it is; ordinary prose stays.
        ({"error": "X-Goog-Signature=ab&x=1"}, "X-Goog-Signature=***&x=1"),
        ({"error": "SIGNATURE%3Dab"}, "SIGNATURE%3D***"),
        ({"error": "Security-Token=ab"}, "Security-Token=***"),
        ({"error": "TOKEN=ab;x"}, "TOKEN=***;x"),
        ({"error": "broken=ab"}, "broken=ab"),
        ({"error": "see https://h/p?x=1 there"}, "see https://h/p?... there"),
        *(({"error": prose}, prose) for prose in ("why?no", "see https://docs.example/#errors, token expired")),
    ],
)
def test_the_message_is_the_most_telling_text(body: Any, message: str) -> None:
    """The vendor's error, then DRF's detail, a problem's title, DRF's fields; one line of at most 500 characters."""
    assert error(400, body).message == message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error": {"code": "E1"}}, "E1"),
        ({"error": {"error_code": "E2"}}, "E2"),
        ({"error": {"errorCode": "E3"}, "code": "outer"}, "E3"),
        ({"code": True}, None),
        ({"code": None, "error_code": "E4"}, "E4"),
        ({"code": "x" * 200}, "x" * 99 + "…"),
        (["code"], None),
    ],
)
def test_the_code_is_found_inside_and_outside(body: Any, code: str | None) -> None:
    """In the error object first, then beside it; text or number."""
    assert error(400, body).code == code


@pytest.mark.parametrize(
    "name",
    ["x-request-id", "request-id", "x-correlation-id", "x-cloud-trace-context", "x-amzn-requestid", "cf-ray"],
)
def test_a_request_id_is_read_from_every_header_known_for_it(name: str) -> None:
    """The first one that says something, one line of at most 200 characters."""
    assert error(headers={name: "abc"}).request_id == "abc"
    assert error(headers={name: "x" * 300}).request_id == "x" * 199 + "…"
    assert error(headers={name: ""}).request_id is None


def test_an_error_carries_what_was_asked_and_answered() -> None:
    """Method, URL without its query, headers, body, status phrase, and how long to wait."""
    told = error(503, b"<html>", {"Retry-After": "7", "X-Other": "y"})
    assert (told.request_method, told.request_url) == ("GET", f"{ASKED}?...")
    assert (told.status_code, told.message, told.body, told.retry_after) == (503, "Service Unavailable", "<html>", 7.0)
    assert told.headers["x-other"] == "y"
    assert error(799).message == "HTTP status 799"
    assert error(400).body is None
    masked = error(400, {f"k {KEY}": [KEY, 1234, 12.5, True, None, {"x": f"a{KEY}"}]}).body
    assert masked == {"k ***": ["***", 1234, 12.5, True, None, {"x": "a***"}]}
    assert error(400, {"error": "abc"}, key="abc").message == "abc"  # a key too short to be told from prose
    assert "aikynetix doctor" in str(error(401))


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://h/" + "p" * 300 + "?secret=1", "https://h/" + "p" * 190 + ","),
        ("https://u:p@h:8443/p?q=1#f", "https://h:8443/p?...,"),
        ("https://[::1]:80/", "https://[::1]:80/,"),
        ("/p?q", "/p?...,"),
        ("//h/p", "//h/p,"),
        ("https://[h", "<unreadable URL>,"),
        (f"https://h/{quote(KEY)}/p", "https://h/***/p,"),
    ],
)
def test_a_redirect_that_is_not_followed_tells_where_it_leads(location: str, shown: str) -> None:
    """Scheme, host, port and path: what grants nothing, and at most 200 characters of it."""
    for status in (300, 302, 399):
        told = error(status, b"", {"Location": location}, verb="generate").message
        assert f"redirected to {shown} which is not followed" in told
    assert "redirected" not in error(400, b"", {"Location": location}).message + error(302).message


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *(("", None), ("0", 0.0), (" 12 ", 12.0), ("1.5", 1.5), ("1.5.5", None), ("-1", None), ("soon", None)),
        *((wish, None) for wish in ("30s", "10 s", "5m", "Mon", "2 minutes", "10:30")),
        *(("9" * 64, float("9" * 64)), ("9" * 65, None)),
        ("Thu, 01 Jan 2026 00:00:10 GMT", 10.0),
        ("Thu, 01 Jan 2026 00:00:10 -0000", 10.0),
        ("Thu, 01 Jan 2026 01:00:10 +0100", 10.0),
        ("Thursday, 01-Jan-26 00:00:10 GMT", 10.0),
        ("Thu Jan  1 00:00:10 2026", 10.0),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0.0),
        ("Thu, 32 Jan 2026 00:00:10 GMT", None),
        (f"10:01h1{'9' * 40}Feb-5", None),
    ],
)
def test_a_retry_after_is_read_in_both_forms(header: str, seconds: float | None) -> None:
    """RFC 9110, sections 10.2.3 and 5.6.7: seconds, or one of three forms of a date, by the server's own clock."""
    assert error(429, b"", {"Retry-After": header, "Date": DATE}).retry_after == seconds


def test_of_a_retry_after_that_is_sent_twice_the_first_counts() -> None:
    """Servers behind others that add one: together the two are neither seconds nor a date."""
    assert retry_after(httpx.Headers([("Retry-After", "2"), ("retry-after", "9")]), 0.0) == 2.0


@pytest.mark.parametrize("date", ["rubbish", ""])
def test_a_retry_after_date_is_measured_by_our_clock_where_the_server_tells_no_time(date: str) -> None:
    """Where it sends no `Date` that can be read."""
    told = error(429, b"", {"Retry-After": formatdate(time.time() + 3_600, usegmt=True), "Date": date}).retry_after
    assert told == pytest.approx(3_600, abs=30)


# --- what a success gives


@pytest.mark.parametrize(
    ("status", "body"), [(202, b""), (204, b" "), (200, b"{}"), (200, b'{"analyzed_video_url": null}')]
)
@pytest.mark.parametrize("verb", ["get", "generate"])
def test_no_url_yet_is_refused_where_a_url_is_needed(status: int, body: bytes, verb: str) -> None:
    """An empty 202 or 204, and an object with nothing in the field."""
    with pytest.raises(APIResponseValidationError, match=f"status {status} but no analyzed_video_url in it"):
        answered(status, body, verb=verb)


@pytest.mark.parametrize(
    "url",
    [
        "https://h/" + "x" * (16_384 - 10),
        "HTTPS://H/v",
        "http://h/v",
        "https://h:65535/v",
        "https://h/é.mp4",
        "https://h/v@x",
    ],
)
def test_a_url_that_can_be_used_is_given_as_it_came(url: str) -> None:
    """16,384 characters, http or https, a host, a port that exists."""
    assert answered(200, {"analyzed_video_url": url}).url == url


_NO_PLACE = "the video's URL is too long or has spaces, control characters or backslashes in it"
_NO_URL = r"the video's URL is not an absolute http\(s\) URL"


@pytest.mark.parametrize(
    ("body", "type_", "why"),
    [
        (b"<html>", "text/html", r"not JSON \(text/html\); a proxy or login page may have"),
        (b"<html>", "", r"not JSON \(no content type\)"),
        (b"<", "x" * 90, rf"not JSON \({'x' * 79}…\)"),
        (b" " * 100, "", "status 200 but an empty body"),
        ([], "", "a JSON array where an object"),
        *(("x", "", "a JSON string"), (1, "", "a JSON number"), (1.5, "", "a JSON number")),
        *((True, "", "a JSON boolean"), (None, "", "a JSON null")),
        ({"analyzed_video_url": 7}, "", "the video's URL is a JSON number, not a string"),
        ({"analyzed_video_url": {}}, "", "the video's URL is a JSON object, not a string"),
        *(({"analyzed_video_url": url}, "", _NO_PLACE) for url in ("https://h/a b", "https://h/" + "x" * 16_375)),
        *(
            ({"analyzed_video_url": url}, "", _NO_URL)
            for url in ("/v.mp4", "http://[/", "https://h:0/", "https://h:65536/")
        ),
        ({"analyzed_video_url": "https://u@h/"}, "", "the video's URL has user info in it"),
        ({"error": 7}, "", "says: error"),
        ({"error": ["a", "b"]}, "", "says: a b"),
    ],
)
def test_why_a_success_cannot_be_used_is_told_in_words(body: Any, type_: str, why: str) -> None:
    """With status, request id, method and URL without its query: what a support ticket needs."""
    with pytest.raises(APIResponseValidationError, match=why) as caught:
        answered(200, body, {"X-Request-Id": "r-1"} | ({"Content-Type": type_} if type_ else {}))
    told = caught.value
    assert str(told).endswith(f" [GET {ASKED}?...]")
    assert (told.status_code, told.request_id) == (200, "r-1")
    assert (told.request_method, told.request_url) == ("GET", f"{ASKED}?...")


# --- what reading costs

_REPEATED = (
    *("http://", "http://a#", "http://[", "https://a@", "?", "https://h/?"),
    *("token", "token ", "token: ", "token%3d", "token=", "signature=", "signature%3d", "security-token="),
    *("%25", "%", "25", "\\", "&", "0", " ", '"', "'", "=", ";", "."),
    *("filename=", 'filename="', "filename=\\", "filename*=utf-8'", "filename*=utf-8';", "con "),
    *(KEY[:-1], KEY[:5], "a\u0301\u0316"),
)
"""What some pattern of the package begins to read, over and over."""
_READERS: dict[str, Callable[[str], object]] = {
    "message": lambda text: error(400, {"error": text}),
    "name": lambda text: AnalyzedVideo("s", f"https://h/{quote(text)}").filename,
    "disposition": lambda text: AnalyzedVideo("s", f"https://h/?response-content-disposition={quote(text)}").filename,
}


@pytest.mark.parametrize("wbits", [-15, 15, 31])
def test_a_body_is_unpacked_to_its_last_byte(wbits: int) -> None:
    """Where the last input is used up some output may be left; a body that has one end too few is not whole."""
    for size in (262_144, *range(262_160, 262_500, 7), 524_600):
        packer = zlib.compressobj(wbits=wbits)
        packed = packer.compress(bytes(size)) + packer.flush()
        decoder = Decoder("gzip" if wbits > 15 else "deflate")
        assert sum(map(len, decoder.feed(packed))) == size
        decoder.finish()


@pytest.mark.parametrize("reader", _READERS)
def test_no_text_is_dear_to_read(reader: str) -> None:
    """Of 32 KiB each; a pattern that reads a part of a text from each of its characters takes many times as long."""
    dear: list[str] = []
    for opening in ("", "token=", "http://", 'filename="'):
        for part in _REPEATED:
            text, began = opening + part * (32_768 // len(part)) + "?", time.thread_time()
            _READERS[reader](text)
            dear += [opening + part] if time.thread_time() - began > 0.5 else []
    assert dear == []
