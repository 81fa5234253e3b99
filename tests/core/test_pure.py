"""The pure core by itself: exact values for exact inputs, at and around every limit."""

from __future__ import annotations

import base64
import gzip
import json
import ssl
import zlib
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from aikynetix import (
    APIResponseValidationError,
    APIStatusError,
    ConfigurationError,
    _body,
    _classify,
    _config,
    _redact,
    _retry,
    _signed_url,
)
from aikynetix._config import SpecDefaults

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


# --- redaction


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/p?q=1#f", "https://h/p?..."),
        ("https://u:p@h:8443/p", "https://h:8443/p"),
        ("https://[::1]:80/", "https://[::1]:80/"),
        ("/p?q", "/p?..."),
        ("//h/p", "://h/p"),
        ("https://[h", "<unreadable URL>"),
        ("https://h:x/", "<unreadable URL>"),
        ("https://h/" + "p" * 3_000, "https://h/" + "p" * 2_037 + "…"),
    ],
)
def test_a_redacted_url_grants_nothing(url: str, shown: str) -> None:
    """Scheme, host, port and path; at most 2,048 characters."""
    assert _redact.redact_url(url) == shown


def test_a_line_is_cut_after_its_limit() -> None:
    """Printable characters, runs of space as one; the text is cut before it is walked."""
    assert _redact.one_line("a\n b\x00c", limit=10) == "a b c"
    assert _redact.one_line("abcd", limit=4) == "abcd"
    assert _redact.one_line("abcde", limit=4) == "abc…"
    assert _redact.one_line(" " * 16 + "x", limit=4) == ""


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("X-Goog-Signature=ab&x=1", "X-Goog-Signature=***&x=1"),
        ("SIGNATURE%3Dab", "SIGNATURE%3D***"),
        ("Security-Token=ab", "Security-Token=***"),
        ("TOKEN=ab;x", "TOKEN=***;x"),
        ("signature\\u003dab", "signature\\u003d***"),
        ("broken=ab", "broken=ab"),
        ("see https://h/p?x=1 there", "see https://h/p?... there"),
        ("https:\\/\\/h\\/p?x", "https:\\/\\/h\\/p?..."),
        ("why?no", "why?no"),
    ],
)
def test_signatures_are_masked_whosever_they_are(text: str, masked: str) -> None:
    """By the name of the parameter, and with the query of any URL."""
    assert _redact.scrub(text, []) == masked


def test_short_strings_are_no_secrets() -> None:
    """Four characters are masked, three are not; encodings count from six on."""
    assert _redact.scrub("abc abcd", ["abc"]) == "abc abcd"
    assert _redact.scrub("abcd", ["abcd"]) == "***"
    assert b"abcde".hex() not in _redact.spellings(["abcde"])
    assert b"abcdef".hex() in _redact.spellings(["abcdef"])
    forms = _redact.spellings(["abcdefgh", "abcdefghij"])
    assert forms == sorted(forms, key=len, reverse=True)


def test_json_is_masked_in_every_part() -> None:
    """Strings, keys, lists, and numbers that are the credential; everything else stays what it is."""
    value = {"k-abcd": ["abcd", 1234, 12.5, True, None, {"x": "abcd"}]}
    masked = {"k-***": ["***", "***", "***", True, None, {"x": "***"}]}
    assert _redact.scrub_json(value, ["abcd", "1234", "12.5"]) == masked
    assert _redact.scrub_json([1, 12345], ["1234"]) == [1, 12345]


def test_a_cut_leaves_no_beginning_of_a_secret() -> None:
    """The longest beginning of four characters or more that the text ends in is masked."""
    assert _redact.without_cut_secret("x abcde", ["abcdefgh"]) == "x ***"
    assert _redact.without_cut_secret("x abcd", ["abcdefgh"]) == "x ***"
    assert _redact.without_cut_secret("x abc", ["abcdefgh"]) == "x abc"
    assert _redact.without_cut_secret("abcdefgh", ["zzzz", "abcdefgh"]) == "***"


# --- signed URLs and file names


@pytest.mark.parametrize(
    ("query", "end"),
    [
        ("X-Goog-Date=20260101T000000Z&X-Goog-Expires=60", datetime(2026, 1, 1, 0, 1, tzinfo=UTC)),
        ("x-goog-date=20260101T000000&x-goog-expires=60", datetime(2026, 1, 1, 0, 1, tzinfo=UTC)),
        ("X-Amz-Date=20260101T000000Z&X-Amz-Expires=60", datetime(2026, 1, 1, 0, 1, tzinfo=UTC)),
        ("X-Goog-Date=20260101T010000%2B0100&X-Goog-Expires=0", datetime(2026, 1, 1, tzinfo=UTC)),
        ("Expires=1767225600", datetime(2026, 1, 1, tzinfo=UTC)),
        ("X-Goog-Date=20260101T000000Z", None),
        ("X-Goog-Expires=60", None),
        ("X-Goog-Date=x&X-Goog-Expires=60", None),
        ("X-Goog-Date=20260101T000000Z&X-Goog-Expires=x", None),
        ("X-Goog-Date=99990101T000000Z&X-Goog-Expires=99999999999", None),
        ("Expires=x", None),
        ("Expires=99999999999999999999", None),
        ("", None),
    ],
)
def test_the_end_of_a_signed_url(query: str, end: datetime | None) -> None:
    """Cloud Storage documentation, "Signed URLs" (V4) and "V2 signing process"; what does not say has none."""
    assert _signed_url.expires_at(f"https://h/v?{query}") == end
    assert _signed_url.expires_at("https://[h/v?Expires=1") is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://h/b/v.mp4?x=1", "v.mp4"),
        ("https://h/b/a%20b.mp4", "a b.mp4"),
        ("https://h/b/%2e%2e%2fv.mp4", "_v.mp4"),
        ("https://h/b/", "video.mp4"),
        ("https://h", "video.mp4"),
        ("https://[h/v.mp4", "video.mp4"),
        ("https://h/b/v.mp4?response-content-disposition=attachment%3B%20filename%3Dx.mp4", "x.mp4"),
        ("https://h/b/v.mp4?Response-Content-Disposition=inline", "v.mp4"),
    ],
)
def test_the_name_of_what_a_url_points_to(url: str, name: str) -> None:
    """The disposition it asks for, else the last part of its path, else a name of ours."""
    assert _signed_url.object_name(url) == name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="a b.mp4"', "a b.mp4"),
        ('attachment; filename="a\\"b.mp4"', "a_b.mp4"),
        ("attachment; filename=a.mp4; x=y", "a.mp4"),
        ("attachment; FILENAME*=UTF-8''caf%C3%A9.mp4", "café.mp4"),
        ("attachment; filename*=iso-8859-1'en'a.mp4", "a.mp4"),
        ('attachment; filename="../../a.mp4"', "a.mp4"),
        ('attachment; filename="C:\\\\x\\\\a.mp4"', "a.mp4"),
        ('attachment; filename=""', None),
        ("attachment", None),
        ("", None),
    ],
)
def test_the_name_in_a_disposition(header: str, name: str | None) -> None:
    """RFC 6266: quoted, bare or extended; only the last part of a path."""
    assert _signed_url.disposition_name(header) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a/b\\c:d", "a_b_c_d"),
        ("a<>b", "a_b"),
        (" .a. ", "a"),
        ("..", ""),
        ("CON", "_CON"),
        ("con .txt", "_con .txt"),
        ("lpt9.mp4", "_lpt9.mp4"),
        ("COM¹", "_COM¹"),
        ("comb", "comb"),
        ("a\u202eb\x85c", "a_b_c"),
        ("a" * 200, "a" * 200),
        ("a" * 201, "a" * 200),
        ("a" * 300 + ".mp4", "a" * 196 + ".mp4"),
        ("a" * 300 + ".longlong", "a" * 191 + ".longlong"),
        ("a" * 300 + ".longlonge", "a" * 200),
        ("é" * 150, "é" * 100),
        ("a" * 195 + " b.mp4", "a" * 195 + ".mp4"),
        ("\ud800", "_"),
    ],
)
def test_a_safe_name_names_a_file_in_its_own_folder(text: str, name: str) -> None:
    """No separators, controls, device names, dots or spaces at its ends; at most 200 bytes with its extension kept."""
    assert _signed_url.safe_name(text) == name


# --- bodies


@pytest.mark.parametrize(
    ("status", "type_", "own", "limit"),
    [
        (200, "application/json", None, 8 << 20),
        (200, "application/problem+json", None, 8 << 20),
        (200, None, None, 8 << 20),
        (200, "video/mp4", None, 32 << 20),
        (200, "video/mp4", 5, 5),
        (404, "application/json", 5, 64 << 10),
        (302, "video/mp4", None, 64 << 10),
    ],
)
def test_how_much_of_a_body_is_read(status: int, type_: str | None, own: int | None, limit: int) -> None:
    """64 KiB of an error, 8 MiB of JSON, 32 MiB of anything else, or what the caller says of a success."""
    headers = {} if type_ is None else {"Content-Type": type_}
    assert _body.limit_for(httpx.Response(status, headers=headers), own) == limit


@pytest.mark.parametrize(
    "encoding", ["gzip", "x-gzip", "GZIP", " gzip ", "gzip, identity", "deflate", "bare", "", "identity"]
)
@pytest.mark.parametrize("step", [1, 7, 1_000_000])
def test_a_body_is_unpacked_up_to_its_limit(encoding: str, step: int) -> None:
    """Exactly the limit is taken in; a byte more overflows, and what fits is kept."""
    text = bytes(range(256)) * 40
    wire = {"deflate": zlib.compress(text), "bare": zlib.compress(text)[2:-4], "": text, "identity": text}
    data = wire.get(encoding, gzip.compress(text))
    for limit, overflows in ((len(text), False), (len(text) + 1, False), (len(text) - 1, True), (0, True)):
        collector = _body.Collector(encoding.replace("bare", "deflate"), limit)
        fed = [
            collector.feed(data[start : start + step])
            for start in range(0, len(data), step)
            if not collector.overflowed
        ]
        assert collector.overflowed is overflows
        assert fed[-1] is not overflows
        assert collector.finish() == text[:limit]


def test_a_body_that_is_not_what_it_claims() -> None:
    """Broken, cut or unknown compression is an error of a success, and the end of the body of an error."""
    for encoding, data in (
        ("gzip", b"nonsense"),
        ("gzip", gzip.compress(b"x" * 99)[:-4]),
        ("deflate", b"\xff\xff\xff"),
    ):
        collector = _body.Collector(encoding, 100)
        with pytest.raises(httpx.DecodingError):
            assert collector.feed(data) and collector.finish()  # noqa: PT018 -- either may be the one to notice
    with pytest.raises(httpx.DecodingError, match="'br', which was not asked for"):
        _body.Collector("br", 1)
    lenient = _body.Collector("gzip", 100, lenient=True)
    assert lenient.feed(b"nonsense") is False
    assert lenient.finish() == b""
    after = _body.Collector("gzip", 100)
    assert after.feed(gzip.compress(b"body") + b"trailing")
    assert after.finish() == b"body"


@pytest.mark.parametrize(
    ("announced", "is_refused"),
    [("10", False), ("11", True), ("9" * 19, True), ("9" * 20, False), ("x", False), ("", False)],
)
def test_a_length_beyond_the_limit_is_refused_before_reading(announced: str, is_refused: bool) -> None:
    """Of a success; an error is read as far as it goes."""
    headers = {"Content-Length": announced}
    _body.collector_for(httpx.Response(500, headers=headers), 10)
    if is_refused:
        with pytest.raises(_body.BodyTooLargeError, match="larger than 10 bytes"):
            _body.collector_for(httpx.Response(200, headers=headers), 10)
    else:
        _body.collector_for(httpx.Response(200, headers=headers), 10)


# --- settings


@pytest.mark.parametrize(
    ("timeout", "deadline"),
    [
        (httpx.Timeout(5.0), 5.0),
        (httpx.Timeout(5.0, read=9.0), 9.0),
        (httpx.Timeout(5.0, connect=9.0), 9.0),
        (httpx.Timeout(5.0, pool=9.0), 5.0),
        (httpx.Timeout(5.0, pool=None), 5.0),
        (httpx.Timeout(5.0, read=None), None),
        (httpx.Timeout(None), None),
    ],
)
def test_an_attempt_may_take_as_long_as_its_longest_phase(timeout: httpx.Timeout, deadline: float | None) -> None:
    """Connecting, reading or writing; without a limit when one of them has none."""
    assert _config.deadline_of(timeout) == deadline


def test_the_defaults_are_finite() -> None:
    """30 seconds, 10 of them for connecting; 100 retries at most."""
    assert _config.resolve_timeout(None) == httpx.Timeout(30.0, connect=10.0)
    assert _config.resolve_timeout(2) == httpx.Timeout(2.0)
    assert _config.resolve_max_retries(0) == 0
    assert _config.resolve_max_retries(100) == 100
    assert len(_config.Unseen({"A": "b"})) == 1
    assert list(_config.Unseen({"A": "b"})) == ["A"]


@pytest.mark.parametrize(
    ("host", "is_home"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("128.0.0.1", False), ("h", False)],
)
def test_what_is_loopback(host: str, is_home: bool) -> None:
    """The name localhost, 127.0.0.0/8 and ::1."""
    assert _config.is_loopback(host) is is_home


def test_a_base_url_comes_from_the_first_who_names_one() -> None:
    """The argument, the environment with space around it, the spec; each without the slash at its end."""
    spec, none = SpecDefaults("https://spec.example/", None, None), SpecDefaults(None, None, None)
    environ = {"AIKYNETIX_BASE_URL": " https://env.example/v2/ "}
    assert str(_config.resolve_base_url("https://arg.example/", environ, spec)) == "https://arg.example/"
    assert str(_config.resolve_base_url(None, environ, spec)) == "https://env.example/v2"
    assert str(_config.resolve_base_url(None, {"AIKYNETIX_BASE_URL": " "}, spec)) == "https://spec.example/"
    with pytest.raises(ConfigurationError, match="names no server; give base_url= or set AIKYNETIX_BASE_URL"):
        _config.resolve_base_url(None, {}, none)


def test_secrets_are_equal_by_value() -> None:
    """So that settings can be compared; they are not equal to the bare text."""
    one, same, other = _redact.Secret("a"), _redact.Secret("a"), _redact.Secret("b")
    assert one == same
    assert one != other
    assert one != "a"
    assert len({one, same, other}) == 2


def test_the_forms_of_base64_hold_only_the_secret() -> None:
    """For each offset, what does not depend on the bytes before and after: both alphabets, exactly."""
    forms = {"+//+YWJj", "7//5hYm", "v//mFiY"}  # of 0, 1 and 2 bytes before it
    in_urls = {form.replace("+", "-").replace("/", "_") for form in forms}
    assert set(_redact._base64_forms(b"\xfb\xff\xfeabc")) == forms | in_urls
    for before in (b"", b"x", b"xy", b"xyz"):
        for after in (b"", b"1", b"12"):
            whole = base64.b64encode(before + b"canary" + after).decode()
            assert any(form in whole for form in _redact._base64_forms(b"canary"))


def test_a_password_may_have_colons() -> None:
    """RFC 7617: the user ends at the first one."""
    credential = base64.b64encode(b"user:pass:word").decode()
    request = httpx.Request("GET", "https://h/s", headers={"Authorization": f"Basic {credential}"})
    assert "pass:word" in _classify.secrets_sent(request, request.headers.raw[:1], b"")


def test_a_short_body_that_ends_like_a_secret_is_left_alone() -> None:
    """Only what was cut at the limit may end in half a secret."""
    assert error(400, b"ends in cana", ("canary-key",)).body == "ends in cana"
    cut = error(400, b"x" * (64 * 1024 - 4) + b"cana", ("canary-key",)).body
    assert str(cut).endswith("x***")


def test_what_is_asked_for_can_be_unpacked() -> None:
    """The encodings that requests name are those that bodies are unpacked from; an error's limit is 64 KiB."""
    assert _body.ACCEPT_ENCODING == "gzip, deflate"
    assert (_body.ERROR_LIMIT, _body.JSON_LIMIT, _body.BINARY_LIMIT) == (64 << 10, 8 << 20, 32 << 20)


def test_every_new_part_of_a_query_is_secret() -> None:
    """Also when several were added, and whatever stood there before."""
    request = httpx.Request("GET", "https://h/s?a=1&one=first-part&two=second-part")
    assert {"first-part", "second-part"} <= set(_classify.secrets_sent(request, request.headers.raw, b"a=1"))


@pytest.mark.parametrize(
    ("body", "kind"),
    [([], "array"), ("x", "string"), (1, "number"), (1.5, "number"), (True, "boolean"), (None, "null")],
)
def test_what_came_instead_of_an_object_is_named(body: Any, kind: str) -> None:
    """In the words of JSON."""
    with pytest.raises(APIResponseValidationError, match=f"a JSON {kind} where an object"):
        _classify.video_url(response(body=body), ("url",))
    with pytest.raises(APIResponseValidationError, match="URL is a JSON object, not a string"):
        _classify.video_url(response(body={"url": {}}), ("url",))


@pytest.mark.parametrize("port", [1, 65_535])
def test_every_port_that_exists_may_stand_in_a_base_url(port: int) -> None:
    """1 to 65535; the text of a refusal says whose URL it was."""
    assert _config.checked_base_url(f"https://h:{port}", "x").port == port
    for bad in ("https://h:0", "https://h:65536", "https://h\\x"):
        with pytest.raises(ConfigurationError, match=r"^x "):
            _config.checked_base_url(bad, "x")
    spec = SpecDefaults("http://far.example", None, None)
    with pytest.raises(ConfigurationError, match=r"^the vendored spec's server "):
        _config.resolve_base_url(None, {}, spec)
