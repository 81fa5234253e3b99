"""What is tried again, what an error says and what a success gives: exact values at and around every limit."""

from __future__ import annotations

import json
import ssl
from typing import Any

import httpx
import pytest

from aikynetix import (
    APIResponseValidationError,
    APIStatusError,
    _classify,
    _retry,
)

NOW = 1_767_225_600.0  # 2026-01-01


def response(status: int = 200, body: Any = None, **settings: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = httpx.Request("GET", "https://api.example/s?x=1")
    return httpx.Response(status, content=content, request=request, **settings)


def error(status: int = 400, body: Any = None, secrets: tuple[str, ...] = (), **settings: Any) -> APIStatusError:
    return _classify.status_error(response(status, body, **settings), now=NOW, secrets=secrets)


# --- what is tried again


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_safe_method_is_tried_again_after_a_passing_status(method: str, status: int) -> None:
    """RFC 9110, section 9.2.1."""
    assert _retry.is_retryable(method, response(status))
    assert not _retry.is_retryable(method, response(501))


@pytest.mark.parametrize(
    ("failure", "safe", "unsafe"),
    [
        (httpx.ConnectError("x"), True, True),
        (httpx.ConnectTimeout("x"), True, True),
        (httpx.PoolTimeout("x"), True, True),
        (httpx.ReadError("x"), True, False),
        (httpx.WriteError("x"), True, False),
        (httpx.ReadTimeout("x"), True, False),
        (httpx.RemoteProtocolError("x"), True, False),
        (httpx.ProxyError("x"), True, False),
        (httpx.LocalProtocolError("x"), False, False),
        (httpx.DecodingError("x"), False, False),
        (ValueError("x"), False, False),
    ],
)
def test_a_failure_is_tried_again_where_nothing_can_happen_twice(failure: Exception, safe: bool, unsafe: bool) -> None:
    """A POST only if it surely never arrived."""
    assert _retry.is_retryable("GET", failure) is safe
    assert _retry.is_retryable("POST", failure) is unsafe


@pytest.mark.parametrize("depth", [0, 1, 6])
@pytest.mark.parametrize("link", ["__cause__", "__context__"])
def test_a_refused_certificate_is_not_tried_again(depth: int, link: str) -> None:
    """However deep it lies in the chain of causes; another TLS failure may pass."""
    for kind, again in ((ssl.SSLCertVerificationError("bad"), False), (ssl.SSLError("eof"), True)):
        chain: BaseException = kind
        for _ in range(depth):
            outer = OSError("wrapped")
            setattr(outer, link, chain)
            chain = outer
        failure = httpx.ConnectError("x")
        setattr(failure, link, chain)
        assert _retry.is_retryable("GET", failure) is again


@pytest.mark.parametrize(
    ("attempt", "elapsed", "retry_after", "draw", "wait"),
    [
        (1, 0, None, 1.0, 1.0),
        (2, 0, None, 1.0, 2.0),
        (3, 0, None, 1.0, 4.0),
        (4, 0, None, 1.0, 8.0),
        (9, 0, None, 1.0, 8.0),
        (2, 0, None, 0.25, 0.5),
        (1, 0, None, 0.0, 0.0),
        (1, 0, 7.0, 1.0, 7.0),
        (1, 0, 0.0, 1.0, 0.0),
        (1, 0, 29.9, 1.0, 29.9),
        (1, 0, 30.0, 1.0, None),
        (1, 29.0, None, 1.0, None),
        (1, 28.5, None, 1.0, 1.0 if _retry.BUDGET > 29.5 else None),
        (1, 30.0, None, 0.0, None),
        (10, 0, None, 1.0, 8.0),
        (11, 0, None, 1.0, None),
        (5_000, 0, 1.0, 1.0, None),
    ],
)
def test_the_wait_doubles_from_a_second_within_the_budget(
    attempt: int, elapsed: float, retry_after: float | None, draw: float, wait: float | None
) -> None:
    """1, 2, 4, then 8 seconds, times the draw; a server's own wish instead; never beyond 30 seconds in all."""
    assert _retry.BUDGET == 30.0
    got = _retry.next_wait(attempt=attempt, max_retries=10, elapsed=elapsed, retry_after=retry_after, draw=draw)
    assert got == wait


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        (" 12 ", 12.0),
        ("1.5", 1.5),
        ("1.5.5", None),
        (".", None),
        ("-1", None),
        ("9" * 64, float("9" * 64)),
        ("9" * 65, None),
        ("Thu, 01 Jan 2026 00:00:10 GMT", 10.0),
        ("Thu, 01 Jan 2026 00:00:10 -0000", 10.0),
        ("Thu, 01 Jan 2026 01:00:10 +0100", 10.0),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0.0),
        ("Thu, 32 Jan 2026 00:00:10 GMT", None),
        ("soon", None),
    ],
)
def test_a_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    """RFC 9110, section 10.2.3: seconds or a date; anything else says nothing."""
    assert _retry.parse_retry_after(header, NOW) == seconds


# --- what an error says


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "a", "detail": "b"}, "a"),
        ({"detail": "b", "title": "c"}, "b"),
        ({"title": "c", "message": "d"}, "c"),
        ({"message": "d"}, "d"),
        *(({"error": {key: "inner"}}, "inner") for key in ("message", "detail", "error", "msg", "description")),
        *(({"error": {key: "inner"}}, "inner") for key in ("reason", "title", "error_description")),
        ({"error": {"other": "x"}}, "Bad Request"),
        ({"error": ["x", "y"]}, "x"),
        ({"error": [1, 2, "third"]}, "third"),
        ({"error": [1, 2, 3, "fourth"]}, "Bad Request"),
        ({"error": {"error": {"error": {"error": {"error": "5 deep"}}}}}, "5 deep"),
        ({"error": {"error": {"error": {"error": {"error": {"error": "6 deep"}}}}}}, "Bad Request"),
        (["x"], "x"),
        ([{"message": "y"}], "y"),
        ("text", "Bad Request"),
        (None, "Bad Request"),
        ({"error": " a \t b "}, "a b"),
        ({"error": "x" * 500}, "x" * 500),
        ({"error": "x" * 501}, "x" * 499 + "…"),
    ],
)
def test_the_message_is_the_most_telling_text(body: Any, message: str) -> None:
    """The vendor's error, then detail, title, message; nested ones as well; one line of at most 500 characters."""
    assert error(400, body).message == message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error": {"code": "E1"}}, "E1"),
        ({"error": {"error_code": "E2"}}, "E2"),
        ({"error": {"errorCode": "E3"}, "code": "outer"}, "E3"),
        ({"error": "text", "code": 17}, "17"),
        ({"code": ""}, None),
        ({"code": True}, None),
        ({"code": None, "error_code": "E4"}, "E4"),
        ({"code": ["E5"]}, None),
        ({"code": "x" * 200}, "x" * 99 + "…"),
        (["code"], None),
    ],
)
def test_the_code_is_found_inside_and_outside(body: Any, code: str | None) -> None:
    """In the error object first, then beside it; text or number."""
    assert error(400, body).code == code


@pytest.mark.parametrize("name", _classify._REQUEST_ID_HEADERS)
def test_a_request_id_is_read_from_every_header_known_for_it(name: str) -> None:
    """The first one that says something, one line of at most 200 characters."""
    assert error(headers={name: "abc"}).request_id == "abc"
    assert error(headers={name: "x" * 300}).request_id == "x" * 199 + "…"
    assert error(headers={name: ""}).request_id is None
    assert name.lower() in (
        "x-request-id",
        "request-id",
        "x-correlation-id",
        "x-cloud-trace-context",
        "x-amzn-requestid",
        "cf-ray",
    )


def test_an_error_carries_what_was_asked_and_answered() -> None:
    """Method, URL without its query, headers, body, status phrase, and how long to wait."""
    told = error(503, b"<html>", headers={"Retry-After": "7", "X-Other": "y"})
    assert (told.request_method, told.request_url) == ("GET", "https://api.example/s?...")
    assert (told.status_code, told.message, told.body, told.retry_after) == (503, "Service Unavailable", "<html>", 7.0)
    assert told.headers["x-other"] == "y"
    assert error(799, b"").message == "HTTP status 799"
    assert error(400, b"").body is None
    assert error(400, {"a": [1, 2.5, True, None]}).body == {"a": [1, 2.5, True, None]}


@pytest.mark.parametrize("status", [299, 300, 301, 399, 400])
def test_only_a_redirect_tells_where_it_leads(status: int) -> None:
    """300 to 399 with a Location: at most 200 characters of it, without its query."""
    told = error(status, b"", headers={"Location": "https://h/" + "p" * 300 + "?secret=1"}).message
    assert ("redirected to https://h/ppp" in told) is (300 <= status <= 399)
    assert told.count("p") < 210
    assert "secret" not in told
    assert "redirected" not in error(302, b"").message


# --- what a success gives


@pytest.mark.parametrize(("status", "body"), [(202, b""), (204, b" "), (200, b"{}"), (200, b'{"url": null}')])
def test_no_url_yet_is_none(status: int, body: bytes) -> None:
    """An empty 202 or 204, and an object with nothing in the field: for polling; refused where a URL is needed."""
    assert _classify.video_url(response(status, body), ("url",)) is None
    with pytest.raises(APIResponseValidationError, match="no url in it"):
        _classify.require_url(response(status, body), ("url",))


def test_the_url_is_found_along_its_path() -> None:
    """Nested as the spec says; where there is no path, nothing is found."""
    body = {"data": {"video": {"url": "https://h/v"}}}
    assert _classify.require_url(response(body=body), ("data", "video", "url")) == "https://h/v"
    assert _classify.video_url(response(body={"data": 7}), ("data", "video")) is None
    with pytest.raises(APIResponseValidationError, match=r"no data\.video in it"):
        _classify.require_url(response(body={"data": {}}), ("data", "video"))
    with pytest.raises(APIResponseValidationError, match="says: error"):
        _classify.video_url(response(body={"error": 7}), ("url",))
    with pytest.raises(APIResponseValidationError, match="says: a b"):
        _classify.video_url(response(body={"error": ["a", "b"]}), ("url",))


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("https://h/" + "x" * (16_384 - 10), True),
        ("https://h/" + "x" * (16_384 - 9), False),
        ("HTTPS://H/v", True),
        ("http://h", True),
        ("https://h:65535/v", True),
        ("https://h:1/v", True),
        ("https://h:65536/v", False),
        ("https://h:0/v", False),
        ("https://h/é.mp4", True),
        ("https://h/a b", False),
        ("https://h/a\\b", False),
        ("https://u@h/v", False),
        ("https://h/v@x", True),
    ],
)
def test_a_url_is_absolute_clean_and_not_too_long(url: str, is_good: bool) -> None:
    """16,384 characters, http or https, a host, a port that exists, no user info."""
    answer = response(body={"url": url})
    if is_good:
        assert _classify.require_url(answer, ("url",)) == url
    else:
        with pytest.raises(APIResponseValidationError):
            _classify.require_url(answer, ("url",))


def test_the_weight_of_json_is_what_parsing_it_may_take() -> None:
    """Nothing below 64 KiB; above it twice the text, more for wide characters, and for each container and item."""
    size = 64 * 1024
    assert _classify.parsed_weight(b"[" * (size - 1)) == 0
    assert _classify.parsed_weight(b" " * size) == 2 * size
    assert _classify.parsed_weight("é".encode() * (size // 2)) == 8 * size
    assert _classify.parsed_weight(b" " * size + b"\\u0041") == 8 * (size + 6)
    assert _classify.parsed_weight(b" " * size + b"[{,") == 2 * (size + 3) + 190 * 2 + 60
    heaviest = 40 * 1024 * 1024
    _classify.check_weight(response(body=b" " * (heaviest // 2)))
    with pytest.raises(APIResponseValidationError, match="size or a structure"):
        _classify.check_weight(response(body=b" " * (heaviest // 2 + 1)))


def test_what_authentication_added_is_secret() -> None:
    """Headers whole and in parts, a query parameter, the password of a Basic credential; nothing that was there."""
    request = httpx.Request(
        "GET", "https://h/s?a=1&key=q-secret", headers={"X-Was": "old-value", "X-Key": "a=longpart b"}
    )
    secrets = _classify.secrets_sent(request, [(b"X-Was", b"old-value"), *request.headers.raw[:1]], b"a=1")
    assert {"a=longpart b", "b", "longpart", "q-secret"} <= set(secrets)
    assert not {"old-value", "1", "a"} & set(secrets)
    basic = httpx.Request("GET", "https://h/s", headers={"Authorization": "Basic dXNlcjpwYXNzd29yZA=="})
    assert {"user", "password"} <= set(_classify.secrets_sent(basic, basic.headers.raw[:1], b""))
    broken = httpx.Request("GET", "https://h/s", headers={"Authorization": "Basic !"})
    assert "!" in _classify.secrets_sent(broken, broken.headers.raw[:1], b"")


def test_a_success_that_cannot_be_used_says_what_was_asked() -> None:
    """Status, request id, method and URL without its query: what a support ticket needs."""
    with pytest.raises(APIResponseValidationError) as caught:
        _classify.require_url(response(body={}, headers={"X-Request-Id": "r-1"}), ("url",))
    told = caught.value
    assert str(told) == "the answer has status 200 but no url in it [GET https://api.example/s?...]"
    assert (told.status_code, told.request_id) == (200, "r-1")
    assert (told.request_method, told.request_url) == ("GET", "https://api.example/s?...")


@pytest.mark.parametrize(
    ("body", "headers", "why"),
    [
        (
            b"<html>",
            {"Content-Type": "text/html"},
            "the answer is not JSON (text/html); a proxy or login page may have",
        ),
        (b"<html>", {}, "the answer is not JSON (no content type); a proxy or login page may have"),
        (b"<", {"Content-Type": "x" * 90}, f"the answer is not JSON ({'x' * 79}…); a proxy or login page may have"),
        (b'{"url": 7}', {}, "the video's URL is a JSON number, not a string ["),
        (b'{"url": "a b"}', {}, "the video's URL is too long or has spaces, control characters or backslashes in it ["),
        (b'{"url": "/v.mp4"}', {}, "the video's URL is not an absolute http(s) URL ["),
        (b'{"url": "http://[/"}', {}, "the video's URL is not an absolute http(s) URL ["),
        (b'{"url": "https://u@h/"}', {}, "the video's URL has user info in it ["),
        (b" " * (1 << 25), {}, "the answer has status 200 but an empty body ["),
        (b'"' + b" " * (1 << 25) + b'"', {}, "the answer is JSON of a size or a structure that no answer of the API"),
    ],
    ids=range(10),
)
def test_why_a_success_cannot_be_used_is_told_in_words(body: bytes, headers: dict[str, str], why: str) -> None:
    """Each reason has a sentence of its own."""
    with pytest.raises(APIResponseValidationError) as caught:
        _classify.require_url(response(body=body, headers=headers), ("url",))
    assert str(caught.value).startswith(why)


def test_what_cannot_be_used_tells_of_which_answer() -> None:
    """Status and request are those of the answer, whoever found out."""
    for use in (_classify.parse_json, _classify.video_url):
        with pytest.raises(APIResponseValidationError) as caught:
            use(response(201, b"<html>"))
        assert (caught.value.status_code, caught.value.request_method) == (201, "GET")


def test_a_generated_parser_gets_the_body_that_was_weighed() -> None:
    """It is the answer's own, and everything else of the answer is there too."""
    weighed = _classify.Weighed(response(200, {"a": [1]}))
    assert (weighed.json(), weighed.text, weighed.status_code) == ({"a": [1]}, '{"a": [1]}', 200)
