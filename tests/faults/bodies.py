"""Bodies of answers that claim to be successes."""

from __future__ import annotations

import json
import zlib

from aikynetix import APIConnectionError, APIResponseValidationError
from tests.secrets.hunt import KEY

from .scenario import FOUND_BODY, HEAD, URL, Scenario, answer, bomb, raw, response, zipped
from .server import Flood, Pause

_JSON = json.dumps(FOUND_BODY)
_GZIP = "Content-Encoding: gzip\r\n"


def _bad(
    name: str, body: object, says: str = "", headers: str = "", type_: str | None = "application/json"
) -> Scenario:
    return Scenario(f"body-{name}", answer(body, headers=headers, type_=type_), APIResponseValidationError, says=says)


def _good(name: str, body: object, headers: str = "", type_: str | None = "application/json") -> Scenario:
    return Scenario(f"body-{name}", answer(body, headers=headers, type_=type_))


BODIES = (
    _bad("html", "<html>login</html>", "not JSON (text/html)", type_="text/html"),
    _bad("xml", "<?xml version='1.0'?><Error/>", "not JSON"),
    _bad("empty", b"", "empty body"),
    _bad("list", [], "JSON array"),
    _bad("number", b"42", "JSON number"),
    _bad("text", b'"https://h/v.mp4"', "JSON string"),
    _bad("nan", b"NaN", "JSON number"),
    _bad("deep-list", b"[" * 60_000, "not JSON"),
    _bad("deep-and-whole", b'{"a":' * 9_000 + b"1" + b"}" * 9_000),
    _bad("huge-integer", b'{"analyzed_video_url": ' + b"9" * 50_000 + b"}"),
    _bad("huge-float", b'{"analyzed_video_url": 1e999999}', "JSON number"),
    _bad("nul-bytes", b"\0" * 1000, "not JSON"),
    _bad("bad-utf8", b'{"analyzed_video_url": "\xc3\x28\xff"}', "not JSON"),
    _bad("latin1", '{"analyzed_video_url": "https://h/\xe9"}'.encode("latin-1"), "not JSON"),
    _bad("too-large", b" " * 9_000_000 + _JSON.encode(), "larger than 8388608 bytes"),
    _bad("echo-in-type", "<html>", "not JSON", type_=f"text/html; k={KEY}"),
    _bad("brotli", b"\x8b\x02\x80", "not asked for", "Content-Encoding: br\r\n"),
    _bad("zstd", b"\x28\xb5\x2f\xfd", "not asked for", "Content-Encoding: zstd\r\n"),
    _bad("twice-gzip", zipped(zipped(_JSON.encode())), "not asked for", "Content-Encoding: gzip, gzip\r\n"),
    _bad("no-gzip", _JSON, "not in the compression", _GZIP),
    _bad("cut-gzip", zipped(_JSON.encode())[:-9], "ends in the middle", _GZIP),
    _bad("gzip-with-wrong-sum", zipped(_JSON.encode())[:-8] + b"\0" * 8, "not in the compression", _GZIP),
    Scenario("body-bomb", raw(HEAD, _GZIP.encode(), b"\r\n", *bomb(1)), APIResponseValidationError, says="larger than"),
    Scenario(
        "body-endless", raw(HEAD, b"\r\n", Flood(b" " * (1 << 20), 4096)), APIResponseValidationError, says="larger"
    ),
    Scenario(
        "body-endless-chunks",
        raw(HEAD, b"Transfer-Encoding: chunked\r\n\r\n", Flood(b"10000\r\n" + b" " * 65536 + b"\r\n", 65536)),
        APIResponseValidationError,
    ),
    Scenario("body-announces-10-gb", raw(HEAD, b"Content-Length: 10737418240\r\n\r\nx"), APIResponseValidationError),
    Scenario("body-cut-off", raw(HEAD, b"Content-Length: 900\r\n\r\n", _JSON.encode()), APIConnectionError),
    Scenario("body-cut-chunk", raw(HEAD, b"Transfer-Encoding: chunked\r\n\r\nfff\r\n{"), APIConnectionError),
    Scenario("body-bad-chunk", raw(HEAD, b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}"), APIConnectionError),
    Scenario("body-negative-chunk", raw(HEAD, b"Transfer-Encoding: chunked\r\n\r\n-5\r\n{}"), APIConnectionError),
    Scenario(
        "body-no-last-chunk",
        raw(HEAD, b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(_JSON), _JSON.encode(), b"\r\n"),
        APIConnectionError,
    ),
    Scenario("body-until-close", raw(HEAD, b"\r\n", _JSON.encode())),
    Scenario("body-slow", raw(HEAD, b"\r\n", _JSON[:9].encode(), Pause(0.05), _JSON[9:].encode())),
    _good("duplicate-keys", _JSON.replace("{", '{"analyzed_video_url": null, ')),
    _good("unknown-fields", FOUND_BODY | {"status": "odd", "at": "no date", "n": None}),
    _good("bom", b"\xef\xbb\xbf" + _JSON.encode()),
    _good("utf16", _JSON.encode("utf-16")),
    _good("padded", b" " * 5_000_000 + _JSON.encode()),
    _good("as-html", _JSON, type_="text/html"),
    _good("untyped", _JSON, type_=None),
    _good("gzip", zipped(_JSON.encode()), _GZIP),
    _good("deflate", zlib.compress(_JSON.encode()), "Content-Encoding: deflate\r\n"),
    _good("bare-deflate", zlib.compress(_JSON.encode())[2:-4], "Content-Encoding: deflate\r\n"),
    _good("identity", _JSON, "Content-Encoding: identity\r\n"),
)


def _url(name: str, value: object, says: str) -> Scenario:
    return Scenario(f"url-{name}", answer({"analyzed_video_url": value}), APIResponseValidationError, says=says)


_NOT_ABSOLUTE = "not an absolute http(s) URL"
URLS = (
    _url("null", None, "no analyzed_video_url"),
    _url("empty", "", "no analyzed_video_url"),
    _url("number", 7, "JSON number"),
    _url("list", [URL], "JSON array"),
    _url("relative", "/videos/1.mp4", _NOT_ABSOLUTE),
    _url("javascript", "javascript:alert(1)//https://h/v.mp4", _NOT_ABSOLUTE),
    _url("file", "file:///etc/passwd", _NOT_ABSOLUTE),
    _url("no-host", "https:///v.mp4", _NOT_ABSOLUTE),
    _url("open-bracket", "https://[::1/v.mp4", _NOT_ABSOLUTE),
    _url("port-0", "https://h:0/v.mp4", _NOT_ABSOLUTE),
    _url("user-info", "https://storage.googleapis.com@evil.example/v.mp4", "user info"),
    _url("backslash", "https://evil.example\\@storage.googleapis.com/v.mp4", "backslashes"),
    _url("space", "https://h/v .mp4", "spaces"),
    _url("line-end", "https://h/v.mp4\r\nX: y", "spaces"),
    _url("nul", "https://h/v\0.mp4", "spaces"),
    _url("right-to-left", "https://h/\u202e4pm.v", "spaces"),
    _url("long", "https://h/" + "x" * 20_000, "too long"),
    Scenario("url-missing", answer({}), APIResponseValidationError, 200, "no analyzed_video_url"),
    Scenario("url-misspelt", answer({"analyzed_video": URL}), APIResponseValidationError, 200, "no analyzed_video_url"),
    Scenario("url-error", answer({"error": "not yet"}), APIResponseValidationError, 200, "says: not yet"),
    Scenario("url-error-object", answer({"error": {"message": "no"}}), APIResponseValidationError, 200, "says: no"),
    Scenario("url-error-echo", answer({"error": f"key {KEY}"}), APIResponseValidationError, 200, "says: key ***"),
    Scenario("url-twice-wrong", answer({"error": None, "analyzed_video_url": None}), APIResponseValidationError, 200),
    Scenario(
        "url-request-id-echo",
        raw(response({}, headers=f"X-Request-Id: {KEY}\r\n")),
        APIResponseValidationError,
        200,
    ),
)
