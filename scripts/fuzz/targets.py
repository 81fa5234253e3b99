"""What is fuzzed: each target takes any bytes, and raises only when a promise is broken."""

from __future__ import annotations

import contextlib
import io
import json
import math
import ntpath
import sys
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import httpx

from aikynetix import (
    AnalyzedVideo,
    APIResponseValidationError,
    ConfigurationError,
    _arguments,
    _body,
    _classify,
    _config,
    _redact,
    _retry,
    _signed_url,
)
from aikynetix._download import _destination, _failures, _object, _partial, _segments, _verify
from aikynetix._export import _input, _record
from scripts.regen._problems import RefusedError
from scripts.vendor_spec import make_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_KEY = "canary-key/5f3a9c+1e7b"
_REQUEST = httpx.Request("GET", "https://api.example/s", headers={"API-KEY": _KEY})


def session_id(data: bytes) -> None:
    """A session id is refused, or stays one segment of the path that says the same when it is read back."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        checked = _arguments.checked_session_id(text)
    except ValueError:
        return
    url = httpx.URL(f"https://api.example/sessions/{quote(checked, safe='')}/analyzed-video/")
    _, middle, end = url.raw_path.decode().partition("/sessions/")
    segment, tail = end.split("/", 1)
    _promise(unquote(segment) == checked and tail == "analyzed-video/" and bool(middle))


def base_url(data: bytes) -> None:
    """A base URL is refused, or names one host, without user info, by https or on loopback."""
    try:
        url = _config.checked_base_url(data.decode("utf-8", "replace"), "base_url=")
    except ConfigurationError as error:
        _promise(str(error).isprintable())
        return
    _promise(bool(url.host) and not url.userinfo and not url.query and not url.fragment)
    _promise(url.scheme == "https" or (url.scheme == "http" and _config.is_loopback(url.host)))
    _promise(httpx.URL(str(url)).host == url.host)


def signed_url(data: bytes) -> None:
    """Any URL has an end or none, a file name that is safe, and a form without its query."""
    text = data.decode("utf-8", "replace")
    end = _signed_url.expires_at(text)
    _promise(end is None or end.utcoffset() is not None)
    _safe_name(_signed_url.object_name(text), may_be_empty=False)
    redacted = _redact.redact_url(text)
    _promise(redacted.isprintable() and redacted.partition("?")[2] in ("", "...", "…"))


def disposition(data: bytes) -> None:
    """A Content-Disposition gives a safe name or none."""
    name = _signed_url.disposition_name(data.decode("latin-1"))
    _promise(name is None or bool(name))
    _safe_name(name or "", may_be_empty=True)


def file_name(data: bytes) -> None:
    """Any session and any URL become the name of a file in its own folder, and such a name stays as it is."""
    text = data.decode("utf-8", "surrogateescape")
    name = _signed_url.safe_name(text)
    _safe_name(name, may_be_empty=True)
    _promise(_signed_url.safe_name(name) == name)
    session, _, url = text.partition("\n")
    video = AnalyzedVideo(session_id=session, url=url)
    _safe_name(_destination.file_name(session, video), may_be_empty=False)


def retry_after(data: bytes) -> None:
    """A Retry-After is a number of seconds, 0 or more and finite, or nothing."""
    seconds = _retry.parse_retry_after(data.decode("latin-1"), 1.7e9)
    _promise(seconds is None or (seconds >= 0 and math.isfinite(seconds)))


def answer(data: bytes) -> None:
    """Any answer becomes a value or an exception of ours, readable and without the key that it echoes."""
    status = 200 + int.from_bytes(data[:2], "big") % 800
    header, _, body = data[2:].partition(b"\n")
    value = bytes(byte for byte in header if byte >= 32) or b"application/json"
    headers = [(b"content-type", value), (b"x-request-id", value), (b"location", value), (b"retry-after", value)]
    response = httpx.Response(status, headers=headers, content=body.replace(b"KEY", _KEY.encode()), request=_REQUEST)
    try:
        if response.is_success:
            url = _classify.require_url(response, ("analyzed_video_url",))
            _promise(url.lower().startswith(("http://", "https://")) and url.isprintable())
            return
        error: Exception = _classify.status_error(response, now=1.7e9, secrets=(_KEY,))
    except APIResponseValidationError as raised:
        error = raised
    shown = str(error)
    _promise(shown.isprintable() and len(shown) < 4_000)
    if not response.is_success:
        _promise(_KEY not in shown + repr(vars(error)))


def body(data: bytes) -> None:
    """A body in any encoding, cut in any way, gives at most as many bytes as allowed."""
    encoding = ("gzip", "deflate", "", "br", "gzip, gzip", "identity")[data[0] % 6] if data else ""
    try:
        collector = _body.Collector(encoding, 1_000)
        for start in range(1, len(data), 7):
            if not collector.feed(data[start : start + 7]):
                break
        _promise(len(collector.finish()) <= 1_000)
    except httpx.DecodingError:
        pass


def scrub(data: bytes) -> None:
    """A text with the key in it never has the key in it afterwards, nor does masking it again change it."""
    text = data.decode("utf-8", "replace")
    masked = _redact.scrub(text + _KEY + text, [_KEY])
    _promise(_KEY not in masked and _redact.scrub(masked, [_KEY]) == masked)


def content_range(data: bytes) -> None:
    """The framing and checksum headers of a storage give values that hold together, or nothing."""
    length, _, rest = data.partition(b"\n")
    span, _, hashes = rest.partition(b"\n")
    fields = {"content-length": length, "content-range": span, "x-goog-hash": hashes, "etag": hashes}
    headers = httpx.Headers([(name.encode(), value.replace(b"\r", b" ")) for name, value in fields.items()])
    found = _object.content_range(headers)
    if found is not None:
        start, stop, size = found
        _promise(0 <= start < stop and (size is None or stop <= size))
    announced = _object.content_length(headers)
    _promise(announced is None or announced >= 0)
    for status in (200, 206):
        with contextlib.suppress(_failures.Failure):
            url = "https://storage.example/v.mp4?X-Goog-Signature=0"
            _object.validate_response(_object.RangeRequest(), status, headers, url)


def storage_page(data: bytes) -> None:
    """What a storage says instead of a video is told from a video."""
    _failures.xml_code(data.decode("utf-8", "replace"))
    with contextlib.suppress(ValueError):
        nothing = _object.ObjectVersion(path="")
        _promise(_verify.verify(nothing, len(data), {}, io.BytesIO(data), framed=False) == "container")


def journal(data: bytes) -> None:
    """A journal as found on disk gives an object that can be compared and spans that do not overlap, or nothing."""
    found = _partial.decode(data.decode("ascii", "replace"))
    if found is None:
        return
    known, spans = found
    end = -1
    for start, stop in spans:
        _promise(end < start < stop)
        end = stop
    seen = _object.ObjectVersion(path="h/v.mp4", size=10, etag='"e"', generation="1", checksums={"md5": "00"})
    _promise(isinstance(_object.same_object(known, seen, asserted=False), bool))
    _promise(isinstance(known.validator or "", str))
    _promise((known.validator or "").isascii() and (known.validator or " ").isprintable())
    if known.size is not None:
        _promise(_segments.total(_segments.gaps(spans, known.size)) <= known.size)


def journal_fields(data: bytes) -> None:
    """The same for journals that are JSON, with fields of every type."""
    head, _, spans = data.partition(b"\n")
    fields = _fields(head, ("path", "size", "etag", "generation", "checksums", "more"))
    journal(json.dumps({"journal": 2, "object": fields}).encode() + b"\n" + spans)
    fields.pop("more", None)
    journal(json.dumps({"journal": 2, "object": fields}).encode() + b"\n" + spans)


def manifest_fields(data: bytes) -> None:
    """The same for manifests that are JSON, with fields of every type."""
    names = ("path", "size", "status", "session_id", "sha256", "seconds", "attempts", "error", "message", "finished_at")
    manifest(json.dumps({"session_id": "s", "status": "done"} | _fields(data, names)).encode())


def manifest(data: bytes) -> None:
    """A line of a manifest as found on disk gives a record whose file lies inside the folder, or nothing."""
    for line in data.split(b"\n"):
        record = _record.load(line)
        if record is not None and record.path is not None:
            name = str(record.path)
            _promise(".." not in PurePosixPath(name).parts + PureWindowsPath(name).parts)
            _promise(not PurePosixPath(name).is_absolute() and not PureWindowsPath(name).anchor)
        if record is not None:
            _promise(_record.load(_record.dump(record, None if record.path is None else str(record.path))) is not None)


def session_list(data: bytes) -> None:
    """A list of sessions is read, or refused with the number of a line."""
    name = ("list.txt", "list.csv", "list.jsonl", "")[data[0] % 4] if data else ""
    try:
        for item in _input.sessions(io.BytesIO(data[1:]), name):
            _promise(bool(item))
    except _input.BadInputError as error:
        _promise(str(error).startswith("line "))


def vendor_page(data: bytes) -> None:
    """A vendor's page gives a spec, or is refused in words."""
    try:
        made = make_spec([("page.md", data.decode("utf-8", "replace"))])
    except RefusedError as error:
        _promise(bool(str(error)))
        return
    _promise(bool(made))


def _fields(data: bytes, names: tuple[str, ...]) -> dict[str, object]:
    """Return a JSON object that ``data`` spells out: fuzzing would take long to come upon one by itself."""
    fields: dict[str, object] = {}
    for piece in data.split(b"\0"):
        if len(piece) >= 2:
            text = piece[2:].decode("utf-8", "replace")
            number = int.from_bytes(piece[2:20], "big", signed=True)
            values = (text, text, text, number, number, number / 7, None, True, [text], {text: number}, math.nan, -1)
            fields[names[piece[0] % len(names)]] = values[piece[1] % len(values)]
    return fields


def _safe_name(name: str, *, may_be_empty: bool) -> None:
    _promise(may_be_empty or bool(name))
    _promise(len(name.encode()) <= 200 and name not in (".", "..") and name.isprintable())
    _promise(PurePosixPath("folder", name).parent in (PurePosixPath("folder"), PurePosixPath(".")))
    windows = PureWindowsPath("folder", name)
    _promise(not _is_reserved(windows) and windows.parent in (PureWindowsPath("folder"), PureWindowsPath(".")))
    _promise(name.strip(" .") == name)


def _is_reserved(path: PureWindowsPath) -> bool:
    if sys.version_info >= (3, 13):
        return ntpath.isreserved(path)
    return path.is_reserved()


def _promise(kept: bool) -> None:
    if not kept:
        raise AssertionError("a promise is broken")


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        session_id,
        base_url,
        signed_url,
        disposition,
        file_name,
        retry_after,
        answer,
        body,
        scrub,
        content_range,
        storage_page,
        journal,
        journal_fields,
        manifest,
        manifest_fields,
        session_list,
        vendor_page,
    )
}
SEEDS: Mapping[str, tuple[bytes, ...]] = {
    "session_id": (b"abc", b"..", b"a/../b", "é🎬".encode(), b"%2e%2e", b"\xed\xa0\x80"),
    "base_url": (b"https://api.aikynetix.app", b"http://127.0.0.1:80/v2/", b"https://a@b", b"http://[::1]:1", b"//x"),
    "signed_url": (
        b"https://h/b/v.mp4?X-Goog-Date=20260101T000000Z&X-Goog-Expires=900&X-Goog-Signature=00",
        b"https://h/%2e%2e%2fv.mp4?Expires=1767225600&Signature=x",
        b"https://h/?response-content-disposition=attachment%3B%20filename%3D%22..%2Fa.mp4%22",
    ),
    "disposition": (b'attachment; filename="a\\"b.mp4"', b"filename*=utf-8''%2e%2e%2fa", b"filename=con.mp4; x=y"),
    "file_name": (
        b"../../etc/passwd",
        b"NUL.txt",
        b"a" * 300 + b".mp4",
        b" . ",
        "\u202e4pm".encode(),
        b"COM1",
        b"..\nhttps://h/%2e%2e%2fa.mov",
    ),
    "retry_after": (b"120", b"1.5", b"Fri, 31 Dec 1999 23:59:59 GMT", b"Mon, 01 Jan 2035 00:00:00 +9999", b"-1"),
    "answer": (
        b'\x00\x00application/json\n{"analyzed_video_url": "https://h/v.mp4"}',
        b'\x00\xc8text/html\n{"error": {"message": "KEY"}}',
        b'\x00\x00x\n{"error": "KEY"}',
        b"\x01\x2c\n<html>",
    ),
    "body": (
        b"\x00\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\x01x\x9c",
        b"\x02ab",
    ),
    "scrub": (b"canary", b"?Signature=x&y https://h/?q", b"%63%61"),
    "content_range": (b"10\nbytes 0-9/10\ncrc32c=AAAAAA==,md5=AAAAAAAAAAAAAAAAAAAAAA==", b"\nbytes 5-4/*\n", b"9\n"),
    "storage_page": (
        b"<?xml version='1.0'?><Error><Code>ExpiredToken</Code></Error>",
        b"\0\0\0\x18ftypisom",
        b"<html>",
    ),
    "journal": (
        b'{"journal": 2, "boot": null, "object": {"path": "/b/v.mp4", "size": 10}}\n+0-5;\n+6-9;\n+2',
        b'{"journal": 1}\n',
        b"[]\n",
    ),
    "journal_fields": (
        b'\0\0h/v.mp4\0\x01\x03\x0a\0\x02\0"e"\0\x03\x001\0\x05\x0000\n+0-5;\n+6-9;\n',
        b"\x08\x00h/v.mp4\0\x01\x03\x0a\0\x02\x03\x05\n+0-99;\n",
        b"\x08\x00h/v.mp4\0\x01\x0b",
    ),
    "manifest_fields": (
        b"\x0a\x00s.mp4\0\x01\x03\x01\0\x09\x002026-01-01T00:00:00+00:00",
        b"\x0a\x00a/../s.mp4\0\x01\x04\xff",
        b"\x02\x00failed\0\x05\x0a\0\x09\x000001-01-01T00:00:00+23:59",
    ),
    "manifest": (
        b'{"session_id": "s", "status": "done", "path": "s.mp4", "size": 1, "sha256": "00", "seconds": 1.5}',
        b'{"session_id": "s", "status": "done", "path": "../s.mp4", "size": 1}',
        b'{"session_id": "s", "status": "failed", "finished_at": "2026-01-01T00:00:00Z"}\n{"cut',
    ),
    "session_list": (
        b"\x00a\nb\n",
        b"\x01session_id,analysis\na,jump\n",
        b'\x02{"session_id": "a"}\n',
        b"\x03\xff\xfe",
    ),
    "vendor_page": (
        b'# T\n\n````json\n{"openapi": "3.1.1", "info": {"title": "t", "version": "1"}, "paths": {}}\n````\n',
        b"```yaml\nopenapi: 3.0.0\ninfo: {title: t, version: '1'}\npaths: {}\n```\n",
        b"nothing",
    ),
}
"""Where the fuzzer begins, and what the test suite replays."""
