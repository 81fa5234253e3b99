"""Headers, timing, connections and redirects."""

from __future__ import annotations

import json

from aikynetix import APIConnectionError, APIResponseValidationError, APIStatusError, APITimeoutError
from tests.secrets.hunt import KEY, SIGNATURE

from .scenario import FOUND, FOUND_BODY, HEAD, Scenario, answer, raw, response, then_found
from .server import Drip, Flood, Keep, Pause, Reset, Script, Stall

_JSON = json.dumps(FOUND_BODY).encode()
_SIZED = HEAD + b"Content-Length: %d\r\n" % len(_JSON)


def _head(name: str, lines: bytes, error: type[APIConnectionError] | None = None, *, lenient: bool = False) -> Scenario:
    script = raw(HEAD, lines, b"Content-Length: %d\r\n\r\n" % len(_JSON), _JSON)
    return Scenario(f"header-{name}", script, error, lenient=lenient)


_BROKEN = APIConnectionError
HEADERS = (
    _head("200-kb", b"X-Big: " + b"x" * 200_000 + b"\r\n", _BROKEN),
    _head("40000-lines", b"X-Many: x\r\n" * 40_000, _BROKEN),
    Scenario("header-endless", raw(HEAD, Flood(b"X-More: " + b"x" * 1000 + b"\r\n", 1_000_000)), _BROKEN),
    _head("no-colon", b"what is this\r\n", _BROKEN),
    _head("space-before-colon", b"X-Odd : x\r\n", _BROKEN),
    _head("nul", b"X-Odd: a\0b\r\n", _BROKEN),
    _head("bare-cr", b"X-Odd: a\rSet-Cookie: b=c\r\n", _BROKEN),
    _head("lengths-in-conflict", b"Content-Length: 3\r\n", _BROKEN),
    _head("length-twice", b"Content-Length: %d\r\n" % len(_JSON), _BROKEN, lenient=True),
    _head("length-negative", b"Content-Length: -1\r\n", _BROKEN),
    _head("length-word", b"Content-Length: many\r\n", _BROKEN),
    _head("length-of-30-digits", b"Content-Length: " + b"9" * 30 + b"\r\n", _BROKEN),
    _head("unknown-transfer-coding", b"Transfer-Encoding: br\r\n", _BROKEN),
    _head("chunked-and-length", b"Transfer-Encoding: chunked\r\n", _BROKEN),
    _head("not-ascii", "X-Name: caf\xe9\r\n".encode("latin-1")),
    _head("folded", b"X-Odd: a\r\n b\r\n", _BROKEN, lenient=True),
    _head("cookie", b"Set-Cookie: track=1; Domain=127.0.0.1\r\n"),
    _head("bare-line-feeds", b"X-Odd: a\nX-Other: b\n", _BROKEN, lenient=True),
    Scenario("header-key-in-status-line", raw(f"HTTP/1.1 {KEY}\r\n\r\n".encode()), _BROKEN),
    Scenario("header-key-in-bad-line", raw(HEAD, f"{KEY}\r\n\r\n".encode()), _BROKEN),
)

_SLOW = APITimeoutError
TIMING = (
    Scenario("stall-at-once", raw(Stall()), _SLOW),
    Scenario("stall-in-headers", raw(HEAD, Stall()), _SLOW),
    Scenario("stall-before-body", raw(_SIZED, b"\r\n", Stall()), _SLOW),
    Scenario("stall-in-body", raw(_SIZED, b"\r\n", _JSON[:9], Stall()), _SLOW),
    Scenario("stall-in-chunk", raw(HEAD, b"Transfer-Encoding: chunked\r\n\r\nff\r\n{", Stall()), _SLOW),
    Scenario("stall-in-chunk-size", raw(HEAD, b"Transfer-Encoding: chunked\r\n\r\nf", Stall()), _SLOW),
    Scenario("stall-in-error-body", raw(b"HTTP/1.1 500 X\r\nContent-Length: 99\r\n\r\n{", Stall()), _SLOW),
    Scenario("stall-after-interim", raw(b"HTTP/1.1 100 Continue\r\n\r\n", Stall()), _SLOW),
    Scenario("stall-post", raw(Stall()), _SLOW, verb="generate", retries=1),
    Scenario("stall-once", then_found(Stall()), retries=1),
    Scenario("drip-status-line", raw(Drip(b"HTTP/1.1 200 OK", 1.0)), _SLOW),
    Scenario("drip-headers", raw(HEAD, Drip(b"X-Slow: x\r\n", 1.0, endless=True)), _SLOW),
    Scenario("drip-interim-answers", raw(Drip(b"HTTP/1.1 102 X\r\n\r\n", 0.01, endless=True)), _SLOW),
    Scenario("flood-of-interim-answers", raw(Flood(b"HTTP/1.1 102 X\r\n\r\n" * 100, 1_000_000)), _BROKEN),
    Scenario("drip-body", raw(HEAD, b"\r\n", Drip(b" ", 1.0, endless=True)), _SLOW),
    Scenario(
        "drip-chunks", raw(HEAD, b"Transfer-Encoding: chunked\r\n\r\n", Drip(b"1\r\n \r\n", 0.02, endless=True)), _SLOW
    ),
    Scenario("drip-error-body", raw(b"HTTP/1.1 500 X\r\n\r\n", Drip(b"x", endless=True)), _SLOW),
    Scenario("drip-quick-enough", raw(_SIZED, b"\r\n", Drip(_JSON[:20], 0.001), _JSON[20:])),
    Scenario("late-but-in-time", raw(Pause(0.1), FOUND)),
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
    Scenario("reset-in-body-once", then_found(_SIZED, b"\r\n", _JSON[:9], Pause(0.02), Reset()), retries=1),
    Scenario("http-1.0", raw(b"HTTP/1.0 200 OK\r\n\r\n", _JSON)),
    Scenario("http-0.9", raw(_JSON), _BROKEN),
    Scenario("http-2-preface", raw(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0d", Reset()), _BROKEN),
    Scenario("http-3.7", raw(FOUND.replace(b"HTTP/1.1", b"HTTP/3.7")), _BROKEN, lenient=True),
    Scenario("tls-alert", raw(b"\x15\x03\x03\0\x02\x02\x28"), _BROKEN),
    Scenario("noise", raw(bytes(range(256)) * 40), _BROKEN),
    Scenario("blank-lines", raw(b"\r\n" * 5, FOUND), _BROKEN, lenient=True),
    Scenario("bytes-after-the-body", raw(FOUND, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Keep())),
    Scenario("closes-after-saying-keep", raw(response(FOUND_BODY, headers="Connection: keep-alive\r\n"))),
    Scenario(
        "trailers",
        raw(HEAD, b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n" % (len(_JSON), _JSON)),
    ),
)


def _away(name: str, location: str, status: int = 302) -> Scenario:
    script = Script((response(status=status, headers=f"Location: {location}\r\n"), Keep()))
    return Scenario(f"redirect-{name}", script, APIStatusError, status)


def _here(name: str, location: str, status: int, verb: str = "get") -> Scenario:
    script = then_found(response(status=status, headers=f"Location: {location}\r\n"), Keep())
    return Scenario(f"redirect-{name}", script, verb=verb)


def _path(name: str) -> str:
    return f"/moved/sessions/redirect-{name}/analyzed-video/"


REDIRECTS = (
    *(_here(f"{status}-here", _path(f"{status}-here"), status) for status in (301, 302, 303, 307, 308)),
    _here("absolute", "{api}" + _path("absolute"), 302),
    _here("dotted", f"../../.././..{_path('dotted')}", 302),
    _here("post-307", _path("post-307"), 307, verb="generate"),
    _here("post-308", _path("post-308"), 308, verb="generate"),
    *(
        Scenario(
            f"redirect-post-{status}",
            then_found(response(status=status, headers=f"Location: {_path(f'post-{status}')}\r\n"), Keep()),
            APIStatusError,
            status,
            verb="generate",
        )
        for status in (301, 302, 303)
    ),
    Scenario(
        "redirect-anew-after-each-retry",
        Script(
            _moved := (response(status=307, headers=f"Location: {_path('anew-after-each-retry')}\r\n"), Keep()),
            _busy := (response(status=503, headers="Retry-After: 0\r\n"), Keep()),
            (_moved, _busy, _moved, _busy, _moved, _moved, (FOUND, Keep())),
        ),
        retries=3,
    ),
    _away("loop", "/session-management/sessions/redirect-loop/analyzed-video/"),
    _away("for-ever", "/deeper/sessions/redirect-for-ever/analyzed-video/?n=1"),
    _away("other-host", "{other}/sessions/x/"),
    _away("other-host-308", "{other}/sessions/x/", 308),
    _away("other-scheme", "https://127.0.0.1/x"),
    _away("storage", f"https://storage.googleapis.com/v.mp4?X-Goog-Signature={SIGNATURE}"),
    _away("file", "file:///etc/passwd"),
    _away("user-info", "http://user:pass@127.0.0.1/x"),
    _away("key", f"https://{KEY.replace('/', '-')}.evil.example/?k={KEY}"),
    _away("bad-port", "http://127.0.0.1:99999/"),
    _away("long", "http://evil.example/" + "x" * 20_000),
    _away("empty", ""),
    Scenario("redirect-nowhere", answer(status=302), APIStatusError, 302),
    Scenario("redirect-300", answer(status=300, headers="Location: /x\r\n"), APIStatusError, 300),
    Scenario("redirect-as-success", answer({}, headers="Location: {other}/x\r\n"), APIResponseValidationError, 200),
)
