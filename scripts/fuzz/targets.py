"""What is fuzzed: each target takes any bytes, and raises only when a promise is broken; `SEEDS` is where it begins."""

from __future__ import annotations

import io
import json
import math
import ntpath
import sys
from itertools import pairwise
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import httpx

from aikynetix import (
    AnalyzedVideo,
    APIResponseValidationError,
    APIStatusError,
    ConfigurationError,
    _config,
    _models,
    _operations,
    _reading,
    _redact,
    _responses,
)
from aikynetix._download import _destination, _failures, _object, _partial
from aikynetix._export import _input, _record
from scripts.regen._document import RefusedError
from scripts.vendor_spec import make_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_KEY = _redact.Secret("canary-key/5f3a9c+1e7b")
_REQUEST = httpx.Request("GET", "https://api.example/s", headers={"API-KEY": _KEY.value})


def session_id(data: bytes) -> None:
    """A session id is refused, or stays one segment of the path that says the same when it is read back."""
    try:
        checked = _operations.checked_session_id(data.decode("utf-8", "surrogateescape"))
    except ValueError:
        return
    url = httpx.URL(f"https://api.example/sessions/{quote(checked, safe='')}/analyzed-video/")
    segment, tail = url.raw_path.decode().partition("/sessions/")[2].split("/", 1)
    _promise(unquote(segment) == checked and tail == "analyzed-video/")


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
    video = AnalyzedVideo("s", text)
    end = video.expires_at
    _promise(end is None or end.utcoffset() is not None)
    _safe_name(video.filename, may_be_empty=False)
    redacted = _redact.redact_url(text)
    _promise(redacted.isprintable() and redacted.partition("?")[2] in ("", "...", "…"))


def file_name(data: bytes) -> None:
    """Any header, session and URL become the name of a file in its own folder, and such a name stays as it is."""
    text = data.decode("utf-8", "surrogateescape")
    name = _models.safe_name(text)
    _safe_name(name, may_be_empty=True)
    _promise(_models.safe_name(name) == name)
    told = _models.disposition_name(data.decode("latin-1"))
    _promise(told is None or bool(told))
    _safe_name(told or "", may_be_empty=True)
    session, _, url = text.partition("\n")
    _safe_name(_destination.file_name(session, AnalyzedVideo(session_id=session, url=url)), may_be_empty=False)


def retry_after(data: bytes) -> None:
    """A Retry-After is a number of seconds, 0 or more and finite, or nothing."""
    wait, _, date = data.decode("latin-1").partition("\n")
    seconds = _responses.retry_after(httpx.Headers([(b"retry-after", wait.encode()), (b"date", date.encode())]), 1.7e9)
    _promise(seconds is None or (seconds >= 0 and math.isfinite(seconds)))


def response(data: bytes) -> None:
    """Any response becomes a value or an error of ours, readable and without the key that it echoes."""
    status = 200 + int.from_bytes(data[:2], "big") % 800
    header, _, body = data[2:].partition(b"\n")
    value = bytes(byte for byte in header if byte >= 32) or b"application/json"
    headers = [(name, value) for name in (b"content-type", b"x-request-id", b"location", b"retry-after")]
    content = body.replace(b"KEY", _KEY.value.encode())
    made = httpx.Response(status, headers=headers, content=content, request=_REQUEST)
    try:
        url = _responses.video_url(_responses.require_success(made, 1.7e9), (("analyzed_video_url",),))
        _promise(url is None or url.lower().startswith(("http://", "https://")))
        _promise(url is None or url.isprintable())
    except (APIResponseValidationError, APIStatusError) as error:
        shown = str(error)
        _promise(shown.isprintable() and len(shown) < 4_000)
        _promise(_KEY.value not in shown + repr(vars(error)))


def body(data: bytes) -> None:
    """A body in any encoding, cut in any way, is decompressed a little at a time, or refused."""
    encoding = ("gzip", "deflate", "", "br", "gzip, gzip", "identity")[data[0] % 6] if data else ""
    decoder = _reading.Decoder(encoding)
    try:
        for start in range(1, len(data), 7):
            for piece in decoder.feed(data[start : start + 7]):
                _promise(len(piece) <= 256 * 1024)
        decoder.finish()
    except httpx.DecodingError:
        pass


def scrub(data: bytes) -> None:
    """A text with the key in it never has the key in it afterwards, nor does masking it again change it."""
    text, key = data.decode("utf-8", "replace"), _KEY.value
    masked = _redact.scrub(text + key + text)
    _promise(key not in masked and _redact.scrub(masked) == masked)


def storage_response(data: bytes) -> None:
    """The framing and checksum headers of a storage give values that hold together, or are refused."""
    length, _, rest = data.partition(b"\n")
    span, _, hashes = rest.partition(b"\n")
    fields = {"content-length": length, "content-range": span, "x-goog-hash": hashes, "etag": hashes}
    headers = httpx.Headers([(name.encode(), value.replace(b"\r", b" ")) for name, value in fields.items()])
    for status in (200, 206):
        try:
            found = _object.validate_response(None, 0, status, headers, "https://storage.example/v.mp4")
        except _failures.Failure:
            continue
        _promise(found.version.size is None or found.version.size >= 0)
        _promise(found.stop is None or 0 <= found.start <= found.stop)


def storage_page(data: bytes) -> None:
    """What a storage says instead of a video is told from a video."""
    version = _object.ObjectVersion(path="h/v.mp4", size=len(data))
    for framed in (True, False):
        wrong = _object.mismatch(version, len(data), {}, io.BytesIO(data), framed=framed)
        _promise(wrong is None or wrong.isprintable())


def journal(data: bytes) -> None:
    """A journal as found on disk gives an object that can be compared and spans that do not overlap, or nothing."""
    found = _partial.decode(data.decode("ascii", "replace"))
    if found is None:
        return
    known, spans = found
    _promise(all(start < stop for start, stop in spans))
    _promise(all(before[1] < after[0] for before, after in pairwise(spans)))
    seen = _object.ObjectVersion(path="h/v.mp4", size=10)
    _promise(isinstance(_object.same_object(known, seen, asserted=False), bool))
    _promise(isinstance(known.validator or "", str))
    _promise((known.validator or "").isascii() and (known.validator or " ").isprintable())
    if known.size is not None:
        _promise(all(start < known.size for start, _ in _partial.gaps(spans, known.size)))


def journal_fields(data: bytes) -> None:
    """The same for journals that are JSON, with fields of every type."""
    head, _, spans = data.partition(b"\n")
    fields = _fields(head, ("path", "size", "etag", "generation", "checksums", "more"))
    for stored in (fields, {name: value for name, value in fields.items() if name != "more"}):
        journal(json.dumps({"journal": 2, "object": stored}).encode() + b"\n" + spans)


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


def manifest_fields(data: bytes) -> None:
    """The same for manifests that are JSON, with fields of every type."""
    names = ("path", "size", "status", "session_id", "sha256", "seconds", "attempts", "error", "message", "finished_at")
    manifest(json.dumps({"session_id": "s", "status": "done"} | _fields(data, names)).encode())


def session_list(data: bytes) -> None:
    """A list of sessions is read, or refused with the number of a line or what it is."""
    name = ("list.txt", "list.csv", "list.jsonl", "")[data[0] % 4] if data else ""
    try:
        for item in _input.sessions(io.BytesIO(data[1:]), name):
            _promise(bool(item))
    except _input.BadInputError as error:
        _promise(bool(str(error)))


def vendor_page(data: bytes) -> None:
    """A vendor's page gives a spec, or is refused in words."""
    try:
        _promise(bool(make_spec([("page.md", data.decode("utf-8", "replace"))])))
    except RefusedError as error:
        _promise(bool(str(error)))


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


SEEDS: Mapping[str, tuple[bytes, ...]] = {
    "session_id": (b"abc", b"..", b"a/../b", "é🎬".encode(), b"%2e%2e", b"\xed\xa0\x80"),
    "base_url": (b"https://api.aikynetix.app", b"http://127.0.0.1:80/v2/", b"https://a@b", b"http://[::1]:1", b"//x"),
    "signed_url": (
        b"https://h/b/v.mp4?X-Goog-Date=20260101T000000Z&X-Goog-Expires=900&X-Goog-Signature=00",
        b"https://h/%2e%2e%2fv.mp4?Expires=1767225600&Signature=x",
        b"https://h/?response-content-disposition=attachment%3B%20filename%3D%22..%2Fa.mp4%22",
    ),
    "file_name": (
        b"../../etc/passwd",
        b"NUL.txt",
        b"a" * 300 + b".mp4",
        "\u202e4pm".encode(),
        b"..\nhttps://h/%2e%2e%2fa.mov",
        b'attachment; filename="a\\"b.mp4"; filename*=utf-8\'\'%2e%2e%2fa',
        b"attachment; filename*=a; filename*3=b",
    ),
    "retry_after": (b"120", b"1.5", b"Fri, 31 Dec 1999 23:59:59 GMT\nFri, 31 Dec 1999 23:59:09 GMT", b"-1"),
    "response": (
        b'\x00\x00application/json\n{"analyzed_video_url": "https://h/v.mp4"}',
        b'\x00\xc8text/html\n{"error": {"message": "KEY"}}',
        b'\x00\xc8x\n{"is_jump": ["Must be a valid boolean."], "non_field_errors": ["KEY"]}',
        b"\x01\x2c\n<html>",
    ),
    "body": (
        b"\x00\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\x01x\x9c",
        b"\x02a",
    ),
    "scrub": (b"canary", b"?Signature=x&y https://h/?q", b"%63%61"),
    "storage_response": (b"10\nbytes 0-9/10\ncrc32c=AAAAAA==,md5=AAAAAAAAAAAAAAAAAAAAAA==", b"\nbytes 5-4/*\n", b"9\n"),
    "storage_page": (
        b"<?xml version='1.0'?><Error><Code>ExpiredToken</Code></Error>",
        b"\0\0\0\x18ftypisom",
        b"<html>",
    ),
    "journal": (b'{"journal": 1, "boot": null, "object": {"path": "/b/v.mp4", "size": 10}}\n+0-5;\n+6-9;\n+2', b"[]\n"),
    "journal_fields": (
        b'\0\0h/v.mp4\0\x01\x03\x0a\0\x02\0"e"\0\x03\x001\0\x05\x0000\n+0-5;\n+6-9;\n',
        b"\x08\x00h/v.mp4\0\x01\x03\x0a\0\x02\x03\x05\n+0-99;\n",
        b"\x06\x0ch/v.mp4\0\x07\x03\x0a\0\x08\x03\n+0-5;\n",  # an entity tag that is the number 0
    ),
    "manifest": (
        b'{"session_id": "s", "status": "done", "path": "s.mp4", "size": 1, "sha256": "00", "seconds": 1.5}',
        b'{"session_id": "s", "status": "done", "path": "../s.mp4", "size": 1}',
    ),
    "manifest_fields": (
        b"\x0a\x00s.mp4\0\x01\x03\x01\0\x09\x002026-01-01T00:00:00+00:00",
        b"\x0a\x00a/../s.mp4\0\x01\x04\xff",
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
    ),
}
TARGETS: Mapping[str, Callable[[bytes], None]] = {name: globals()[name] for name in SEEDS}
