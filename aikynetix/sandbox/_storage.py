"""The storage host: signed URLs, byte ranges and errors as Cloud Storage's XML API has them.

The parameters and the refusals are those of Cloud Storage's documentation ("V4 signing process", "HTTP status and error
codes"). The signature covers the same things, by a plain HMAC: nobody but the sandbox has the secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlencode
from xml.sax.saxutils import escape

import google_crc32c
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from starlette.requests import Request

MAX_LIFETIME = 604_800
"""The longest lifetime of a V4 signature in seconds: seven days."""

_STAMP = "%Y%m%dT%H%M%SZ"
_ALGORITHM, _ACCESS_ID, _SCOPE = "GOOG4-HMAC-SHA256", "GOOG1ESANDBOX", "auto/storage/goog4_request"
_CREATED = datetime(2025, 1, 1, tzinfo=UTC)
_SINGLE_RANGE = re.compile(r"bytes[ \t]*=[ \t]*([0-9]*)-([0-9]*)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not served: the status and the fields of Cloud Storage's XML error document."""

    status: int
    code: str
    message: str
    details: str = ""


_ANONYMOUS = Refusal(
    403,
    "AccessDenied",
    "Access denied.",
    "Anonymous caller does not have storage.objects.get access to the Google Cloud Storage object.",
)
_MISMATCH = Refusal(
    403,
    "SignatureDoesNotMatch",
    "Access denied.",
    "The request signature we calculated does not match the signature you provided.",
)
_MALFORMED = Refusal(400, "MalformedSecurityHeader", "Your request has a malformed header.")


def sign(
    origin: str, path: str, secret: bytes, now: datetime, lifetime: int, extra: Iterable[tuple[str, str]] = ()
) -> str:
    """Makes the signed URL of the object at a percent-encoded path; host and ``extra`` parameters are signed too."""
    stamp = now.astimezone(UTC).strftime(_STAMP)
    query = [
        ("X-Goog-Algorithm", _ALGORITHM),
        ("X-Goog-Credential", f"{_ACCESS_ID}/{stamp[:8]}/{_SCOPE}"),
        ("X-Goog-Date", stamp),
        ("X-Goog-Expires", str(lifetime)),
        ("X-Goog-SignedHeaders", "host"),
        *extra,
    ]
    signature = _signature(secret, origin.partition("://")[2], path, query)
    return f"{origin}{path}?{urlencode(query, quote_via=quote, safe='-_.~')}&X-Goog-Signature={signature}"


def check(path: str, query_string: str, host: str, secret: bytes, now: datetime) -> Refusal | None:
    """Checks a signed URL as Cloud Storage does: shape, then expiry, then signature. HEAD is checked as GET."""
    query = parse_qsl(query_string, keep_blank_values=True)
    values = dict(query)
    if "X-Goog-Signature" not in values:
        return _ANONYMOUS
    try:
        end = _end(values)
    except (KeyError, ValueError, OverflowError):
        return _MALFORMED
    if now > end:
        details = f"Request signature expired at: {end.isoformat()}"
        return Refusal(400, "ExpiredToken", "The provided token has expired.", details)
    signature = _signature(secret, host, path, [pair for pair in query if pair[0] != "X-Goog-Signature"])
    return None if values["X-Goog-Signature"] == signature else _MISMATCH


def _end(values: dict[str, str]) -> datetime:
    start = datetime.strptime(values["X-Goog-Date"], _STAMP).replace(tzinfo=UTC)
    lifetime = int(values["X-Goog-Expires"])
    known = values["X-Goog-Algorithm"] == _ALGORITHM and values["X-Goog-SignedHeaders"] == "host"
    if not known or not 1 <= lifetime <= MAX_LIFETIME:
        raise ValueError("not what this storage signs")
    return start + timedelta(seconds=lifetime)


def _signature(secret: bytes, host: str, path: str, query: Iterable[tuple[str, str]]) -> str:
    """Return the signature of a request however it is escaped, and in whichever order its parameters come."""
    signed = repr((host.lower(), unquote(path, "latin-1"), sorted(query)))
    return hmac.new(secret, signed.encode("utf-8", "backslashreplace"), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An immutable object of the storage: its bytes, and the headers that describe them."""

    data: bytes
    headers: Mapping[str, str]


@lru_cache(maxsize=64)
def stored_object(data: bytes) -> StoredObject:
    """Describes bytes as an object of the storage.

    The entity tag is, as for Cloud Storage's simple uploads, the hexadecimal MD5 of the bytes. The generation is made
    from the content too, so that a restarted sandbox serves the same object.
    """
    md5 = hashlib.md5(data, usedforsecurity=False)
    checksum = int(google_crc32c.value(data))
    crc = base64.b64encode(checksum.to_bytes(4, "big")).decode()
    headers = {
        "Content-Type": "video/mp4",
        "Cache-Control": "private, max-age=0",
        "Accept-Ranges": "bytes",
        "ETag": f'"{md5.hexdigest()}"',
        "Last-Modified": format_datetime(_CREATED, usegmt=True),
        "x-goog-generation": str(int(_CREATED.timestamp()) * 1_000_000 + checksum),
        "x-goog-metageneration": "1",
        "x-goog-hash": f"crc32c={crc},md5={base64.b64encode(md5.digest()).decode()}",
        "x-goog-storage-class": "STANDARD",
        "x-goog-stored-content-encoding": "identity",
        "x-goog-stored-content-length": str(len(data)),
    }
    return StoredObject(data, headers)


async def storage(
    find: Callable[[str], StoredObject | None], secret: bytes, clock: Callable[[], datetime], request: Request
) -> Response:
    """Responds to a request for what ``find`` gives at a percent-encoded path."""
    if request.method not in ("GET", "HEAD"):
        refusal = Refusal(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
        return _refused(refusal, {"Allow": "GET, HEAD"})
    path = request.scope["raw_path"].decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    refused = check(path, query, request.headers.get("host", ""), secret, clock())
    if refused is not None:
        return _refused(refused)
    stored = find(path)
    if stored is None:
        details = f"No such object: {path.lstrip('/')}"
        return _refused(Refusal(404, "NoSuchKey", "The specified key does not exist.", details))
    return _content(request, stored, dict(parse_qsl(query)).get("response-content-disposition"))


def _content(request: Request, stored: StoredObject, disposition: str | None) -> Response:
    size, span = len(stored.data), None
    # Ranges are defined for GET alone; one of another object is ignored (RFC 9110, section 13.1.5).
    validator = request.headers.get("if-range", stored.headers["ETag"])
    if request.method == "GET" and validator in (stored.headers["ETag"], stored.headers["Last-Modified"]):
        span = byte_range(request.headers.get("range", ""), size)
    start, stop = span or (0, size)
    headers = {**stored.headers} | ({} if disposition is None else {"Content-Disposition": disposition})
    if span is not None and start >= stop:
        refusal = Refusal(416, "InvalidRange", "The requested range cannot be satisfied.")
        return _refused(refusal, {"Content-Range": f"bytes */{size}"})
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return Response(stored.data[start:stop], 200 if span is None else 206, headers)


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """Gives the half-open interval of bytes that a ``Range`` asks for, an empty one where there are no such bytes.

    Starlette answers several ranges with multipart and malformed ones with 400; Cloud Storage ignores both, which RFC
    9110, section 14.2, allows: ``None``.
    """
    match = _SINGLE_RANGE.fullmatch(header.strip())
    if match is None or not any(match.groups()):
        return None
    first, last = (int(digits) if digits else None for digits in match.groups())
    if first is None:
        return size - min(last or 0, size), size
    if last is not None and last < first:
        return None
    return first, size if last is None else min(last + 1, size)


def _refused(refusal: Refusal, headers: dict[str, str] | None = None) -> Response:
    fields = {"Code": refusal.code, "Message": refusal.message, "Details": refusal.details}
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items() if value)
    document = f"<?xml version='1.0' encoding='UTF-8'?><Error>{inner}</Error>"
    return Response(document, refusal.status, headers, media_type="application/xml; charset=UTF-8")
