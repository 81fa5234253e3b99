"""Statuses, and answers that are errors."""

from __future__ import annotations

from aikynetix import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    UnprocessableEntityError,
)
from tests.secrets.hunt import KEY, SIGNATURE

from .scenario import FOUND, FOUND_BODY, Scenario, answer, bomb, raw, response, then_found
from .server import Drip, Flood, Keep, Script

_CLASSES: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}
_REFUSALS = (300, 304, 400, 401, 402, 403, 404, 405, 407, 408, 409, 410, 413, 418, 422, 425, 429, 451, 499)
_FAILURES = (500, 501, 502, 503, 504, 511, 520, 529, 599)
_STRANGERS = (600, 999)

_BODILESS = {status: raw(f"HTTP/1.1 {status} X\r\n\r\n".encode()) for status in (204, 304)}
STATUSES = (
    *(
        Scenario(
            f"status-{status}",
            _BODILESS.get(status) or answer({"error": "told"}, status=status),
            InternalServerError if status in _FAILURES else _CLASSES.get(status, APIStatusError),
            status,
        )
        for status in (*_REFUSALS, *_FAILURES, *_STRANGERS)
    ),
    *(Scenario(f"status-{status}", answer(FOUND_BODY, status=status)) for status in (200, 201, 203, 206, 226, 299)),
    Scenario("status-202-empty", answer(status=202), APIResponseValidationError, 202, "no analyzed_video_url"),
    Scenario("status-204", _BODILESS[204], APIResponseValidationError, 204),
    Scenario("status-205", answer(status=205), APIResponseValidationError, 205),
    *(
        Scenario(f"status-line-{name}", raw(line + b"\r\nContent-Length: 0\r\n\r\n"), APIConnectionError)
        for name, line in {
            "zero": b"HTTP/1.1 000 X",
            "two-digits": b"HTTP/1.1 99 X",
            "four-digits": b"HTTP/1.1 1000 X",
            "negative": b"HTTP/1.1 -20 X",
            "word": b"HTTP/1.1 OK",
            "no-version": b"200 OK",
            "other-protocol": b"ICY 200 OK",
            "nothing": b"",
        }.items()
    ),
    Scenario("interim-answers", raw(b"HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\n" * 3, FOUND)),
    Scenario("switching-protocols", raw(b"HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n"), APIConnectionError),
)


def _told(name: str, body: object, says: str, status: int = 400, type_: str | None = "application/json") -> Scenario:
    return Scenario(f"error-{name}", answer(body, status=status, type_=type_), _CLASSES[status], status, says)


ERRORS = (
    _told("field", {"is_jump": ["Must be a valid boolean."]}, "400: is_jump: Must be a valid boolean."),
    _told("no-field", {"non_field_errors": ["Only one.", "x"], "a": ["b"]}, "Only one."),
    _told("text", {"error": "bad admin UID"}, "400: bad admin UID"),
    _told("object", {"error": {"message": "inner", "code": "E1"}}, "400: inner"),
    _told("list", [{"message": "first"}, "second"], "400: first"),
    _told("detail", {"detail": "no such user"}, "400: no such user"),
    _told("details", {"detail": [{"msg": "field required"}]}, "400: field required"),
    _told("problem", {"type": "about:blank", "title": "Wrong"}, "400: Wrong", type_="application/problem+json"),
    _told("null", b"null", "400: Bad Request"),
    _told("empty-text", {"error": "", "detail": "below"}, "400: below"),
    _told("html", "<html><h1>Bad</h1>", "400: Bad Request", type_="text/html"),
    _told("html-as-json", "<html><h1>Bad</h1>", "400: Bad Request"),
    _told("control", {"error": "a\x00b\x1b[31mc\r\nd\u200be\u202ef"}, "400: a b [31mc d e f"),
    _told("surrogate", b'{"error": "a\\ud800b"}', "400: a b"),
    _told("utf16", '{"error": "wide"}'.encode("utf-16"), "400: wide"),
    _told("long", {"error": "x" * 60_000}, "x…"),
    _told("deep", b'{"error":' * 5_000 + b"1" + b"}" * 5_000, "400: Bad Request"),
    _told("not-a-number", b'{"error": NaN, "detail": "said"}', "400: said"),
    _told("signed-url", {"error": f"no https://h/v.mp4?X-Goog-Signature={SIGNATURE}"}, "400: no https://h/v.mp4?..."),
    _told("echo", {"error": f"bad key {KEY}", KEY: [KEY]}, "400: bad key ***"),
    _told("echo-401", {"detail": f"bad key {KEY}"}, "401: bad key ***", status=401),
    Scenario(
        "error-bomb", raw(b"HTTP/1.1 500 X\r\nContent-Encoding: gzip\r\n\r\n", *bomb(1)), InternalServerError, 500
    ),
    Scenario("error-200-mb", raw(b"HTTP/1.1 500 X\r\n\r\n", Flood(bytes(1 << 20), 200)), InternalServerError, 500),
    Scenario(
        "error-announces-10-gb", raw(response(status=500).replace(b": 0", b": 10737418240"), b"x"), APIConnectionError
    ),
    Scenario("error-cut-off", raw(b"HTTP/1.1 404 X\r\nContent-Length: 99\r\n\r\n{"), APIConnectionError),
    Scenario(
        "error-bad-gzip", answer(b"no gzip", status=403, headers="Content-Encoding: gzip\r\n"), PermissionDeniedError
    ),
    Scenario(
        "error-brotli", answer(b"\x8b\x02", status=500, headers="Content-Encoding: br\r\n"), InternalServerError, 500
    ),
)

_LATER = "Mon, 01 Jan 2125 00:00:00 GMT"
_AT_ONCE = response(status=503, headers="Retry-After: 0\r\n")
_WAITS = {
    "rubbish": "soon",
    "negative": "-5",
    "signed": "+5",
    "infinite": "inf",
    "endless": "9" * 60,
    "very-long": "1" * 5_000,
    "date-without-year": "Mon, 01 Jan",
    "date-in-year-99999": "Mon, 01 Jan 99999 00:00:00 GMT",
    "list": "1, 2",
    "empty": "",
}
RETRIES = (
    Scenario("503-once", then_found(_AT_ONCE, Keep()), retries=1),
    Scenario("429-once", then_found(response(status=429, headers="Retry-After: 0\r\n"), Keep()), retries=1),
    Scenario("408-and-closed", then_found(response(status=408, headers="Retry-After: 0\r\n")), retries=2),
    Scenario("503-once-post", then_found(_AT_ONCE, Keep()), verb="generate", retries=1),
    Scenario(
        "500-once-post",
        then_found(response(status=500, headers="Retry-After: 0\r\n"), Keep()),
        InternalServerError,
        500,
        verb="generate",
        retries=1,
    ),
    Scenario(
        "503-by-the-server-s-clock",
        then_found(response(status=503, headers=f"Date: {_LATER}\r\nRetry-After: {_LATER}\r\n"), Keep()),
        retries=1,
    ),
    Scenario("503-for-ever", Script((_AT_ONCE, Keep())), InternalServerError, 503, retries=3),
    Scenario(
        "503-in-the-past",
        then_found(_AT_ONCE.replace(b": 0\r\n\r", b": Thu, 01 Jan 1970 00:00:00 GMT\r\n\r"), Keep()),
        retries=1,
    ),
    Scenario("429-for-an-hour", answer(status=429, headers="Retry-After: 3600\r\n"), RateLimitError, 429, retries=3),
    Scenario(
        "error-dripped-then-found",
        then_found(b"HTTP/1.1 503 X\r\nRetry-After: 0\r\nContent-Length: 3\r\n\r\n", Drip(b"abc", 0.01)),
        retries=2,
    ),
    *(
        Scenario(f"retry-after-{name}", answer(status=429, headers=f"Retry-After: {value}\r\n"), RateLimitError, 429)
        for name, value in _WAITS.items()
    ),
)
