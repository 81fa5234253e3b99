"""What a storage host does wrong, and how a download must end."""

from __future__ import annotations

import base64
import hashlib

from aikynetix import (
    DownloadError,
    DownloadInterruptedError,
    IntegrityError,
    SignedUrlExpiredError,
)
from tests.secrets.hunt import SIGNATURE

from .scenario import HEAD, Scenario, bomb, raw
from .server import Drip, Flood, Keep, Part, Pause, Reset, Script, Stall

_FRAMES = bytes(range(128)) * 512  # ASCII, as recorded cassettes have it
VIDEO = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + (len(_FRAMES) + 8).to_bytes(4, "big") + b"mdat" + _FRAMES
_MD5 = base64.b64encode(hashlib.md5(VIDEO, usedforsecurity=False).digest()).decode()


def head(status: int = 200, *lines: str, length: int | None = len(VIDEO), type_: str = "video/mp4") -> bytes:
    sized = [] if length is None else [f"Content-Length: {length}"]
    return "\r\n".join([f"HTTP/1.1 {status} X", f"Content-Type: {type_}", *sized, *lines, "", ""]).encode("latin-1")


def _xml(code: str, status: int) -> Script:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Details>{SIGNATURE}</Details></Error>".encode()
    return Script((head(status, length=len(body), type_="application/xml"), body, Keep()))


def _case(name: str, error: type[DownloadError] | None, *parts: Part) -> Scenario:
    return _scenario(name, error, raw(*parts))


def _scenario(name: str, error: type[DownloadError] | None, script: Script) -> Scenario:
    return Scenario(f"storage-{name}", script, error, verb="download")


def lookup_of(name: str) -> Script:
    """The API's answer for a session whose video is served by the script ``{name}-video`` of the second host."""
    url = f"{{other}}/sessions/{name}-video/v.mp4?X-Goog-Signature={SIGNATURE}"
    return raw(HEAD, b'\r\n{"analyzed_video_url": "%s"}' % url.encode())


_WHOLE = (head(), VIDEO)
STORAGE = (
    _case("whole", None, *_WHOLE, Keep()),
    _case("unsized", None, head(length=None), VIDEO),
    _case("right-md5", None, head(200, f"x-goog-hash: md5={_MD5}"), VIDEO),
    _case("late", None, Pause(0.1), *_WHOLE),
    _case("disposition-with-a-path", None, head(200, 'Content-Disposition: attachment; filename="../../x"'), VIDEO),
    _scenario("expired", SignedUrlExpiredError, _xml("ExpiredToken", 400)),
    _scenario("bad-signature", SignedUrlExpiredError, _xml("SignatureDoesNotMatch", 403)),
    _scenario("missing", DownloadError, _xml("NoSuchKey", 404)),
    _scenario("broken", DownloadInterruptedError, _xml("InternalError", 500)),
    _scenario("busy", DownloadInterruptedError, _xml("SlowDown", 503)),
    _case("teapot", DownloadError, head(418, length=0)),
    _case("redirect", DownloadError, head(302, "Location: {api}/sessions/x/", length=0)),
    _case("wrong-md5", IntegrityError, head(200, "x-goog-hash: md5=AAAAAAAAAAAAAAAAAAAAAA=="), VIDEO),
    _case("wrong-crc32c", IntegrityError, head(200, "x-goog-hash: crc32c=AAAAAA=="), VIDEO),
    _case("html", IntegrityError, head(length=None, type_="text/html"), b"<html><title>Sign in</title>"),
    _case("xml", IntegrityError, head(length=None), b"<?xml version='1.0'?><Error/>"),
    _case("nothing", IntegrityError, head(length=0)),
    _case("reset-at-once", DownloadInterruptedError, Reset()),
    _case("close-at-once", DownloadInterruptedError),
    _case("cut-off", DownloadInterruptedError, head(), VIDEO[:100]),
    _case("reset-in-the-middle", DownloadInterruptedError, head(), VIDEO[:100], Pause(0.05), Reset()),
    _case("stall-at-once", DownloadInterruptedError, Stall()),
    _case("stall-in-the-middle", DownloadInterruptedError, head(), VIDEO[:100], Stall()),
    _case("drip-headers", DownloadInterruptedError, HEAD, Drip(b"X-Slow: x\r\n", endless=True)),
    _case("noise", DownloadInterruptedError, b"\xff\xfe\0noise\r\n\r\n"),
    _case("endless-headers", DownloadInterruptedError, HEAD, Flood(b"X-More: " + b"x" * 1000 + b"\r\n", 100_000)),
    _case("endless", DownloadError, head(length=None), VIDEO, Flood(bytes(1 << 16), 100_000)),
    _case("bomb", IntegrityError, head(200, "Content-Encoding: gzip", length=None), *bomb(1)),
)
