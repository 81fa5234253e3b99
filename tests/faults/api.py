"""What an API server does wrong, and how a lookup must end."""

from __future__ import annotations

import json
import zlib

from aikynetix import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    UnprocessableEntityError,
)
from tests.secrets.hunt import KEY, SIGNATURE

from .scenario import FOUND, FOUND_BODY, HEAD, URL, Scenario, answer, bomb, raw, response, then_found, zipped
from .server import Drip, Flood, Keep, Part, Pause, Reset, Stall

_JSON = json.dumps(FOUND_BODY).encode()
_SIZED = HEAD + b"Content-Length: %d\r\n" % len(_JSON)
_CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_GZIP = "Content-Encoding: gzip\r\n"
_BROKEN, _SLOW, _UNUSABLE = APIConnectionError, APITimeoutError, APIResponseValidationError


def _status(status: int, error: type[APIStatusError]) -> Scenario:
    return Scenario(f"status-{status}", answer({"error": "told"}, status=status), error, status, "told")


def _told(name: str, body: object, says: str, status: int = 400) -> Scenario:
    error = {400: BadRequestError, 404: NotFoundError, 403: PermissionDeniedError}[status]
    return Scenario(f"error-{name}", answer(body, status=status), error, status, says)


STATUSES = (
    *(_status(status, APIStatusError) for status in (300, 402, 405, 407, 418, 451, 600, 999)),
    *(_status(status, InternalServerError) for status in (500, 501, 503, 511, 520, 599)),
    *(_status(400, BadRequestError), _status(403, PermissionDeniedError), _status(404, NotFoundError)),
    *(_status(409, ConflictError), _status(422, UnprocessableEntityError), _status(429, RateLimitError)),
    *(Scenario(f"status-{status}", answer(FOUND_BODY, status=status)) for status in (200, 201, 203, 226, 299)),
    Scenario("status-202-empty", answer(status=202), _UNUSABLE, 202, "no analyzed_video_url"),
    Scenario("status-204", raw(b"HTTP/1.1 204 X\r\n\r\n"), _UNUSABLE, 204),
    Scenario("status-304", raw(b"HTTP/1.1 304 X\r\n\r\n"), APIStatusError, 304),
    *(
        Scenario(f"status-line-{line.decode() or 'empty'}", raw(line + b"\r\nContent-Length: 0\r\n\r\n"), _BROKEN)
        for line in (b"HTTP/1.1 000 X", b"HTTP/1.1 99 X", b"HTTP/1.1 1000 X", b"HTTP/1.1 OK", b"ICY 200 OK", b"")
    ),
    Scenario("interim-responses", raw(b"HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\n" * 3, FOUND)),
    Scenario("switching-protocols", raw(b"HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n"), _BROKEN),
)
ERRORS = (
    _told("html", "<html><h1>Bad</h1>", "400: Bad Request"),
    _told("control", {"error": "a\x00b\x1b[31mc\r\nd\u200be\u202ef"}, "400: a b [31mc d e f"),
    _told("surrogate", b'{"error": "a\\ud800b"}', "400: a b"),
    _told("utf16", '{"error": "wide"}'.encode("utf-16"), "400: wide"),
    _told("long", {"error": "x" * 60_000}, "x…"),
    *(_told(f"{n}-levels-deep", b'{"error":' * n + b"1" + b"}" * n, "400: Bad Request") for n in (190, 900, 5_000)),
    _told("signed-url", {"error": f"no https://h/v.mp4?X-Goog-Signature={SIGNATURE}"}, "400: no https://h/v.mp4?..."),
    Scenario("error-gzip-of-nothing", answer(b"", status=404, headers=_GZIP), NotFoundError, 404),
    _told("echo", {"error": f"bad key {KEY}", KEY: [KEY]}, "400: bad key ***"),
    Scenario("error-bomb", raw(b"HTTP/1.1 500 X\r\n", _GZIP.encode(), b"\r\n", *bomb(1)), InternalServerError, 500),
    Scenario("error-200-mb", raw(b"HTTP/1.1 500 X\r\n\r\n", Flood(bytes(1 << 20), 200)), InternalServerError, 500),
    Scenario("error-announces-10-gb", raw(response(status=500).replace(b": 0", b": 10737418240"), b"x"), _BROKEN),
    Scenario("error-cut-off", raw(b"HTTP/1.1 404 X\r\nContent-Length: 99\r\n\r\n{"), _BROKEN),
    Scenario("error-bad-gzip", answer(b"no gzip", status=403, headers=_GZIP), PermissionDeniedError),
    Scenario("error-brotli", answer(b"\x8b\x02", status=500, headers="Content-Encoding: br\r\n"), InternalServerError),
)
_LATER = "Mon, 01 Jan 2125 00:00:00 GMT"
_AT_ONCE = response(status=503, headers="Retry-After: 0\r\n")
RETRIES = (
    Scenario("408-and-closed", then_found(_AT_ONCE.replace(b"503", b"408")), retries=2),
    *(
        Scenario(f"retry-after-{number}", answer(status=429, headers=f"Retry-After: {text}\r\n"), RateLimitError, 429)
        for number, text in enumerate(("\xb2", "1" * 5_000, "Mon, 01 Jan 99999 00:00:00 GMT", f"{_LATER[:-3]}FOO"))
    ),
)


def _bad(name: str, body: object, says: str = "", headers: str = "", type_: str = "application/json") -> Scenario:
    return Scenario(f"body-{name}", answer(body, headers=headers, type_=type_), _UNUSABLE, says=says)


def _good(name: str, body: object, headers: str = "", type_: str | None = "application/json") -> Scenario:
    return Scenario(f"body-{name}", answer(body, headers=headers, type_=type_))


BODIES = (
    _bad("html", "<html>login</html>", "not JSON (text/html)", type_="text/html"),
    _bad("nan", b"NaN", "JSON number"),
    _bad("deep-list", b"[" * 60_000, "not JSON"),
    _bad("deep-and-whole", b'{"a":' * 9_000 + b"1" + b"}" * 9_000),
    _bad("huge-integer", b'{"analyzed_video_url": ' + b"9" * 50_000 + b"}"),
    _bad("nul-bytes", b"\0" * 1000, "not JSON"),
    _bad("bad-utf8", b'{"analyzed_video_url": "\xc3\x28\xff"}', "not JSON"),
    _bad("error-in-disguise", {"error": f"key {KEY}"}, "says: key ***"),
    _bad("too-large", b" " * 9_000_000 + _JSON, "larger than 8388608 bytes"),
    _bad("echo-in-type", "<html>", "not JSON", type_=f"text/html; k={KEY}"),
    _bad("brotli", b"\x8b\x02\x80", "not JSON", "Content-Encoding: br\r\n"),
    _bad("twice-gzip", zipped(zipped(_JSON)), "not JSON", "Content-Encoding: gzip, gzip\r\n"),
    _bad("no-gzip", _JSON, "not in the compression", _GZIP),
    _bad("cut-gzip", zipped(_JSON)[:-9], "ends in the middle", _GZIP),
    _bad("gzip-with-wrong-sum", zipped(_JSON)[:-8] + b"\0" * 8, "not in the compression", _GZIP),
    Scenario("body-bomb", raw(HEAD, _GZIP.encode(), b"\r\n", *bomb(1)), _UNUSABLE, says="larger than"),
    Scenario("body-endless", raw(HEAD, b"\r\n", Flood(b" " * (1 << 20), 4096)), _UNUSABLE, says="larger"),
    Scenario("body-endless-chunks", raw(_CHUNKED, Flood(b"10000\r\n" + b" " * 65536 + b"\r\n", 65536)), _UNUSABLE),
    Scenario("body-announces-10-gb", raw(HEAD, b"Content-Length: 10737418240\r\n\r\nx"), _UNUSABLE),
    Scenario("body-cut-off", raw(HEAD, b"Content-Length: 900\r\n\r\n", _JSON), _BROKEN),
    Scenario("body-cut-chunk", raw(_CHUNKED, b"fff\r\n{"), _BROKEN),
    Scenario("body-bad-chunk", raw(_CHUNKED, b"xyz\r\n{}"), _BROKEN),
    Scenario("body-no-last-chunk", raw(_CHUNKED, b"%x\r\n" % len(_JSON), _JSON, b"\r\n"), _BROKEN),
    Scenario("body-trailers", raw(_CHUNKED, b"%x\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n" % (len(_JSON), _JSON))),
    Scenario("body-until-close", raw(HEAD, b"\r\n", _JSON)),
    _good("unknown-fields", FOUND_BODY | {"status": "odd", "at": "no date", "n": None}),
    _good("bom", b"\xef\xbb\xbf" + _JSON),
    _good("utf16", _JSON.decode().encode("utf-16")),
    _good("padded", b" " * 5_000_000 + _JSON),
    _good("as-html", _JSON, type_="text/html"),
    _good("untyped", _JSON, type_=None),
    *(
        _good(f"{coding or 'no-coding'}", packed, f"Content-Encoding: {coding}\r\n")
        for packed, codings in (
            (zipped(_JSON), ("gzip", "x-gzip", " GZIP ", "gzip, identity")),
            (zlib.compress(_JSON), ("deflate",)),
            (_JSON, ("identity", "")),
        )
        for coding in codings
    ),
    _good("gzip-in-two-members", zipped(_JSON[:9]) + zipped(_JSON[9:]), _GZIP),
    _good("gzip-and-more", zipped(_JSON) + b"junk", _GZIP),
    _good("bare-deflate", zlib.compress(_JSON)[2:-4], "Content-Encoding: deflate\r\n"),
)


def _head(name: str, lines: bytes, error: type[APIConnectionError] | None = _BROKEN) -> Scenario:
    script = raw(HEAD, lines, b"\r\nContent-Length: %d\r\n\r\n" % len(_JSON), _JSON)
    return Scenario(f"header-{name}", script, error)


HEADERS = (
    _head("200-kb", b"X-Big: " + b"x" * 200_000),
    _head("40000-lines", b"X-Many: x\r\n" * 39_999 + b"X-Many: x"),
    Scenario("header-endless", raw(HEAD, Flood(b"X-More: " + b"x" * 1000 + b"\r\n", 1_000_000)), _BROKEN),
    _head("no-colon", b"what is this"),
    _head("space-before-colon", b"X-Odd : x"),
    _head("nul", b"X-Odd: a\0b"),
    _head("bare-cr", b"X-Odd: a\rSet-Cookie: b=c"),
    _head("lengths-in-conflict", b"Content-Length: 3"),
    _head("length-negative", b"Content-Length: -1"),
    _head("length-of-30-digits", b"Content-Length: " + b"9" * 30),
    _head("unknown-transfer-coding", b"Transfer-Encoding: br"),
    _head("chunked-and-length", b"Transfer-Encoding: chunked"),
    _head("not-ascii", "X-Name: caf\xe9".encode("latin-1"), None),
    Scenario("header-key-in-status-line", raw(f"HTTP/1.1 {KEY}\r\n\r\n".encode()), _BROKEN),
    Scenario("header-key-in-bad-line", raw(HEAD, f"{KEY}\r\n\r\n".encode()), _BROKEN),
)


def _slow(name: str, *parts: Part) -> Scenario:
    return Scenario(f"slow-{name}", raw(*parts), _SLOW)


_DRIPPED = b"HTTP/1.1 503 X\r\nRetry-After: 0\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"
TIMING = (
    _slow("at-once", Stall()),
    _slow("in-headers", HEAD, Stall()),
    _slow("before-body", _SIZED, b"\r\n", Stall()),
    _slow("in-body", _SIZED, b"\r\n", _JSON[:9], Stall()),
    _slow("in-chunk", _CHUNKED + b"ff\r\n{", Stall()),
    _slow("in-chunk-size", _CHUNKED + b"f", Stall()),
    _slow("in-error-body", b"HTTP/1.1 500 X\r\nContent-Length: 99\r\n\r\n{", Stall()),
    _slow("after-interim", b"HTTP/1.1 100 Continue\r\n\r\n", Stall()),
    _slow("byte-by-byte-status-line", Drip(b"HTTP/1.1 200 OK", 1.0)),
    _slow("byte-by-byte-headers", HEAD, Drip(b"X-Slow: x\r\n", 1.0, endless=True)),
    _slow("byte-by-byte-body", HEAD, b"\r\n", Drip(b" ", 1.0, endless=True)),
    _slow("byte-by-byte-chunks", _CHUNKED, Drip(b"1\r\n \r\n", 0.1, endless=True)),
    _slow("byte-by-byte-error", b"HTTP/1.1 500 X\r\n\r\n", Drip(b"x", 1.0, endless=True)),
    _slow("interim-responses", Drip(b"HTTP/1.1 102 X\r\n\r\n", 0.01, endless=True)),
    Scenario("slow-post", then_found(Stall()), _SLOW, verb="generate", retries=1),
    Scenario("slow-once", then_found(Stall()), retries=1),
    Scenario("slow-error-once", then_found(_DRIPPED, Drip(b"abc", 0.01)), retries=2),
    Scenario("quick-enough", raw(_SIZED, b"\r\n", Drip(_JSON[:20], 0.001), _JSON[20:], Keep())),
    Scenario("late-but-in-time", raw(Pause(0.1), FOUND, Keep())),
)
CONNECTIONS = (
    Scenario("close-at-once", raw(), _BROKEN),
    Scenario("close-in-headers", raw(HEAD), _BROKEN),
    Scenario("close-once", then_found(), retries=1),
    Scenario("reset-at-once", raw(Reset()), _BROKEN),
    Scenario("reset-before-body", raw(_SIZED, b"\r\n", Pause(0.02), Reset()), _BROKEN),
    Scenario("reset-in-body", raw(_SIZED, b"\r\n", _JSON[:9], Pause(0.02), Reset()), _BROKEN),
    Scenario("reset-once", then_found(Reset()), retries=1),
    Scenario("reset-post", then_found(Reset()), _BROKEN, verb="generate", retries=3),
    Scenario("http-1.0", raw(b"HTTP/1.0 200 OK\r\n\r\n", _JSON)),
    Scenario("http-0.9", raw(_JSON), _BROKEN),
    Scenario("http-2-preface", raw(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0d", Reset()), _BROKEN),
    Scenario("tls-alert", raw(b"\x15\x03\x03\0\x02\x02\x28"), _BROKEN),
    Scenario("noise", raw(bytes(range(256)) * 40), _BROKEN),
    Scenario("closes-after-saying-keep", raw(response(FOUND_BODY, headers="Connection: keep-alive\r\n"))),
    Scenario("keeps-after-saying-close", answer(FOUND_BODY, headers="Connection: close\r\n")),
    Scenario("redirect", then_found(response(status=307, headers="Location: /moved/sessions/redirect/\r\n"), Keep())),
    Scenario(
        "redirect-to-the-video", answer(status=302, headers=f"Location: {URL}\r\n"), APIStatusError, 302, "not followed"
    ),
)
SCENARIOS = (*STATUSES, *ERRORS, *RETRIES, *BODIES, *HEADERS, *TIMING, *CONNECTIONS)
