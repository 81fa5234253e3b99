"""What an error says and what a success gives: exact values at and around every limit."""

from __future__ import annotations

import gzip
import json
import pickle
import socket
import sys
import zlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aikynetix import APIConnectionError, APIResponseValidationError, APIStatusError, APITimeoutError, _responses
from aikynetix._reading import Decoder

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_767_225_600.0  # 2026-01-01
PATHS = (("url",),)


def response(status: int = 200, body: Any = None, **settings: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = httpx.Request("GET", "https://api.example/s?x=1")
    return httpx.Response(status, content=content, request=request, **settings)


def error(status: int = 400, body: Any = None, **settings: Any) -> APIStatusError:
    with pytest.raises(APIStatusError) as caught:
        _responses.require_success(response(status, body, **settings), NOW)
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
        ([{"message": "y"}], "y"),
        (None, "Bad Request"),
        ({"status": 400, "type": "about:blank", "code": "E1"}, "Bad Request"),
        ({"error": " a \t b "}, "a b"),
        ({"error": "x" * 500}, "x" * 500),
        ({"error": "x" * 501}, "x" * 499 + "…"),
        ({"is_jump": ["Must be a valid boolean."]}, "is_jump: Must be a valid boolean."),
        ({"a": ["One.", "Two."], "b": "Three."}, "a: One. Two.; b: Three."),
        ({"non_field_errors": ["Only one flag."]}, "Only one flag."),
        ({"detail": "b", "is_jump": ["x"]}, "b"),
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
    told = error(503, b"<html>", headers={"Retry-After": "7", "X-Other": "y"})
    assert (told.request_method, told.request_url) == ("GET", "https://api.example/s?...")
    assert (told.status_code, told.message, told.body, told.retry_after) == (503, "Service Unavailable", "<html>", 7.0)
    assert told.headers["x-other"] == "y"
    assert error(799, b"").message == "HTTP status 799"
    assert error(400, b"").body is None
    assert error(400, {"a": [1, 2.5, True, None]}).body == {"a": [1, 2.5, True, None]}
    assert "aikynetix doctor" in str(error(401, b""))


@pytest.mark.parametrize("status", [299, 300, 301, 399, 400])
def test_only_a_redirect_tells_where_it_leads(status: int) -> None:
    """300 to 399 with a Location: at most 200 characters of it, without its query."""
    location = {"Location": "https://h/" + "p" * 300 + "?secret=1"}
    if status == 299:
        assert _responses.require_success(response(status, {}, headers=location), NOW).status_code == 299
        return
    told = error(status, b"", headers=location).message
    assert ("redirected to https://h/ppp" in told) is (300 <= status <= 399)
    assert told.count("p") < 210
    assert "secret" not in told
    assert "redirected" not in error(302, b"").message


@pytest.mark.parametrize("opening", [b"[", b'{"error":'])
@pytest.mark.parametrize(("levels", "kind"), [(100, (dict, list)), (101, str), (3_000, str)])
def test_a_body_nested_too_deep_stays_text(opening: bytes, levels: int, kind: type | tuple[type, ...]) -> None:
    """However deep this process may go: what only just fits there could not be pickled with the error."""
    before = sys.getrecursionlimit()
    body = opening * levels + b"1" + (b"]" if opening == b"[" else b"}") * levels
    try:
        sys.setrecursionlimit(20_000)
        refused = error(400, body)
    finally:
        sys.setrecursionlimit(before)
    assert isinstance(refused.body, kind)
    assert pickle.loads(pickle.dumps(refused)).body == refused.body


# --- what a success gives


@pytest.mark.parametrize(("status", "body"), [(202, b""), (204, b" "), (200, b"{}"), (200, b'{"url": null}')])
def test_no_url_yet_is_none(status: int, body: bytes) -> None:
    """An empty 202 or 204, and an object with nothing in the field: for polling; refused where a URL is needed."""
    assert _responses.video_url(response(status, body), PATHS) is None
    with pytest.raises(APIResponseValidationError, match="no url in it"):
        _responses.require_url(response(status, body), PATHS)


def test_the_url_is_found_along_its_paths() -> None:
    """The first of several that holds something; nested as the spec says; nothing where there is no path."""
    paths = (("data", "video", "url"), ("url",))
    assert _responses.require_url(response(body={"data": {"video": {"url": "https://h/v"}}}), paths) == "https://h/v"
    assert _responses.require_url(response(body={"data": 7, "url": "https://h/w"}), paths) == "https://h/w"
    assert _responses.video_url(response(body={"data": 7}), paths) is None
    with pytest.raises(APIResponseValidationError, match=r"no data\.video\.url or url in it"):
        _responses.require_url(response(body={"data": {}}), paths)
    with pytest.raises(APIResponseValidationError, match="does not say where"):
        _responses.video_url(response(body={}), ())


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("https://h/" + "x" * (16_384 - 10), True),
        ("https://h/" + "x" * (16_384 - 9), False),
        ("HTTPS://H/v", True),
        ("https://h:65535/v", True),
        ("https://h:65536/v", False),
        ("https://h:0/v", False),
        ("https://h/é.mp4", True),
        ("https://u@h/v", False),
        ("https://h/v@x", True),
    ],
)
def test_a_url_is_absolute_clean_and_not_too_long(url: str, is_good: bool) -> None:
    """16,384 characters, http or https, a host, a port that exists, no user info."""
    answer = response(body={"url": url})
    if is_good:
        assert _responses.require_url(answer, PATHS) == url
    else:
        with pytest.raises(APIResponseValidationError):
            _responses.require_url(answer, PATHS)


@pytest.mark.parametrize(
    ("body", "headers", "why"),
    [
        (b"<html>", {"Content-Type": "text/html"}, r"not JSON \(text/html\); a proxy or login page may have"),
        (b"<html>", {}, r"not JSON \(no content type\)"),
        (b"<", {"Content-Type": "x" * 90}, rf"not JSON \({'x' * 79}…\)"),
        (b" " * 100, {}, "status 200 but an empty body"),
        *((json.dumps(value).encode(), {}, f"a JSON {kind} where an object") for value, kind in [
            ([], "array"), ("x", "string"), (1, "number"), (1.5, "number"), (True, "boolean"), (None, "null"),
        ]),
        (b'{"url": 7}', {}, "the video's URL is a JSON number, not a string"),
        (b'{"url": {}}', {}, "the video's URL is a JSON object, not a string"),
        (b'{"url": "a b"}', {}, "the video's URL is too long or has spaces, control characters or backslashes in it"),
        (b'{"url": "/v.mp4"}', {}, r"the video's URL is not an absolute http\(s\) URL"),
        (b'{"url": "http://[/"}', {}, r"the video's URL is not an absolute http\(s\) URL"),
        (b'{"url": "https://u@h/"}', {}, "the video's URL has user info in it"),
        (b'{"error": 7}', {}, "says: error"),
        (b'{"error": ["a", "b"]}', {}, "says: a b"),
    ],
)  # fmt: skip
def test_why_a_success_cannot_be_used_is_told_in_words(body: bytes, headers: dict[str, str], why: str) -> None:
    """With status, request id, method and URL without its query: what a support ticket needs."""
    answer = response(201 if b"empty" in body else 200, body, headers=headers | {"X-Request-Id": "r-1"})
    with pytest.raises(APIResponseValidationError, match=why) as caught:
        _responses.require_url(answer, PATHS)
    told = caught.value
    assert str(told).endswith(" [GET https://api.example/s?...]")
    assert (told.status_code, told.request_id) == (200, "r-1")
    assert (told.request_method, told.request_url) == ("GET", "https://api.example/s?...")


# --- what a failure to get a response says


def caused(outer: Exception, cause: BaseException) -> Exception:
    outer.__cause__ = cause
    return outer


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        (httpx.ConnectTimeout("slow"), APITimeoutError, "within the timeout"),
        (TimeoutError("slow"), APITimeoutError, "within the timeout"),
        (caused(httpx.ConnectError("x"), socket.gaierror(-2, "unknown")), APIConnectionError, "host name"),
        (httpx.ProxyError("407 Wanted"), APIConnectionError, "http://user:password@host:port"),
        (httpx.ProxyError("403 No"), APIConnectionError, "HTTPS_PROXY"),
        (httpx.ReadError("reset"), APIConnectionError, "reset"),
        (ValueError(""), APIConnectionError, "ValueError"),
    ],
)
def test_a_failure_says_why_and_what_to_do(failure: Exception, kind: type[APIConnectionError], words: str) -> None:
    """In one line, with the request and without what grants access."""
    told = _responses.connection_error(failure, "GET", "https://u:p@h/s?X-Goog-Signature=00")
    assert type(told) is kind
    assert words in str(told)
    assert (told.request_method, told.request_url) == ("GET", "https://h/s?...")
    assert told.is_permanent is isinstance(failure, httpx.ProxyError)


# --- how a body is unpacked

TEXT = bytes(range(256)) * 4_000
PACKED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "GZIP": (" GZIP ", gzip.compress),
    "gzip, identity": ("gzip, identity", gzip.compress),
    "two members": ("gzip", lambda text: gzip.compress(text[:9]) + gzip.compress(text[9:])),
    "with a trailer": ("gzip", lambda text: gzip.compress(text) + b"junk"),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", lambda text: zlib.compress(text)[2:-4]),
    "identity": ("identity", bytes),
    "none": ("", bytes),
}


def unpacked(encoding: str, data: bytes, step: int) -> list[bytes]:
    """What ``data`` unpacks to when it comes in pieces of so many bytes."""
    decoder = Decoder(encoding)
    pieces = [piece for start in range(0, len(data), step) for piece in decoder.feed(data[start : start + step])]
    decoder.finish()
    return pieces


@pytest.mark.parametrize("step", [1_000, 1_000_000])
@pytest.mark.parametrize("case", PACKED)
def test_a_body_is_unpacked_in_steps(case: str, step: int) -> None:
    """However it is cut on the wire, and never much of it at a time (RFC 9110, section 8.4.1; RFC 1952)."""
    encoding, pack = PACKED[case]
    pieces = unpacked(encoding, pack(TEXT), step)
    assert b"".join(pieces) == TEXT
    assert max(map(len, pieces)) <= 256 * 1024 or encoding in ("", "identity")


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("gzip", b"nonsense"),
        ("gzip", gzip.compress(b"x" * 99, mtime=0)[:-4]),
        ("gzip", gzip.compress(b"x" * 99, mtime=0)[:-8] + bytes(8)),
        ("deflate", b"\xff\xff\xff"),
    ],
)
def test_a_body_that_is_not_what_it_claims_is_an_error(encoding: str, data: bytes) -> None:
    """Broken, cut, or with another sum."""
    with pytest.raises(httpx.DecodingError):
        unpacked(encoding, data, len(data))


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_of_a_body_that_never_began_nothing_is_missing(encoding: str) -> None:
    """Servers that compress name the encoding also where there is nothing to compress."""
    assert unpacked(encoding, b"", 1) == []
