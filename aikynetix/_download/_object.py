"""What a response says about the object, and whether it brings what was asked for. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs
from attrs import field, frozen

from ._failures import Failure, Kind

if TYPE_CHECKING:
    import httpx

_CONTENT_RANGE = re.compile(r"bytes[ ]+([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)", re.ASCII | re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)
_DIGEST_BYTES = {"md5": 16, "crc32c": 4}
# What is undone on arrival. Every other token (`aws-chunked`, `UTF-8`, `none`) is a label that somebody put on an
# object which is not encoded at all: checksum and container judge the bytes.
_ENCODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}


@frozen(kw_only=True)
class ObjectVersion:
    """Which object, and which version of it."""

    path: str  # host and path of the URL, without the query, which holds the signature
    size: int | None = None  # bytes of the whole object
    etag: str | None = None  # as sent (RFC 9110, section 8.8.3)
    generation: str | None = None  # Cloud Storage's version number of the object
    checksums: dict[str, str] = field(factory=dict)  # crc32c and md5 in hexadecimal, as announced in x-goog-hash

    @property
    def validator(self) -> str | None:
        """What to send as ``If-Range``: a strong entity tag (RFC 9110, section 13.1.5)."""
        return self.etag if self.etag is not None and self.etag.startswith('"') else None

    @property
    def is_resumable(self) -> bool:
        """Whether a later response can be shown to bring more bytes of the same version."""
        return bool(self.size and (self.validator or self.generation or self.checksums))


def range_headers(start: int, stop: int, known: ObjectVersion | None) -> dict[str, str]:
    """Return what asks for bytes from ``start`` up to ``stop`` of a known object; nothing for the whole of any."""
    if known is None:
        return {}
    headers = {"Range": f"bytes={start}-{stop - 1}"}
    # No x-goog-if-generation-match: a signed URL covers every x-goog- header, and this one was not signed.
    return headers | ({"If-Range": known.validator} if known.validator else {})


@frozen(kw_only=True)
class RangeResponse:
    """What a response brings: bytes from ``start`` up to ``stop``, which is None where it does not say."""

    version: ObjectVersion  # what the response says, and what was known of the object before
    start: int = 0
    stop: int | None
    ranges: bool  # whether the storage serves ranges of it
    encoding: str = ""  # "gzip" or "deflate": then the bytes are not those of the object
    is_known: bool = False  # whether it is the very object that was asked for


def validate_response(
    known: ObjectVersion | None, asked: int, status: int, headers: httpx.Headers, url: str
) -> RangeResponse:
    """Return what a 200 or 206 response brings, or raise a `Failure`; a 200 to a range brings the whole.

    Bytes of ``known`` were asked for, from the offset ``asked`` on; without it, the whole of any object.
    """
    encoding = _ENCODINGS.get(headers.get("content-encoding", "").strip().lower(), "")
    if status == 200:
        whole = _whole(headers, url, encoding)
        same = known is not None and same_object(known, whole.version, asserted=False)
        return attrs.evolve(whole, is_known=same, ranges=whole.ranges and known is None)
    found = content_range(headers)
    if found is None or encoding:
        raise Failure(Kind.BROKEN, "the storage sent a part without saying which")
    start, stop, size = found
    version = _version(url, headers, size, as_stored=not is_transcoded(headers))
    if known is None:
        known, is_known = version, False
    else:
        is_known = True
        if stop > (known.size or stop) or not same_object(known, version, asserted=known.validator is not None):
            raise Failure(Kind.CHANGED, "the video has changed on the storage")
    if start != asked or (not is_known and stop != size):
        wanted = f"those from {asked} on were" if is_known else "the whole was"
        raise Failure(Kind.BROKEN, f"the storage sent bytes from {start} to {stop} where {wanted} asked for")
    # A 206 need repeat neither the size (RFC 9110, section 14.4) nor the checksums.
    joined = attrs.evolve(known, size=known.size or size, checksums=version.checksums | known.checksums)
    return RangeResponse(version=joined, start=start, stop=stop, ranges=True, is_known=is_known)


def same_object(known: ObjectVersion, seen: ObjectVersion, *, asserted: bool) -> bool:
    """Return whether two responses are about the same version of the same object.

    The strongest evidence that both carry decides: checksums, then the generation, then the entity tags; the latter two
    count for one path only. Where the response carries no evidence it counts if the storage ``asserted`` it by a 206 to
    ``If-Range``.
    """
    if known.size is not None and seen.size is not None and known.size != seen.size:
        return False
    both = known.checksums.keys() & seen.checksums.keys()
    if both:
        return all(known.checksums[name] == seen.checksums[name] for name in both)
    if known.path != seen.path:
        return False
    if known.generation and seen.generation:
        return known.generation == seen.generation
    # Equal weak entity tags prove little; different tags of either kind prove that the bytes may differ.
    if known.etag and seen.etag and (known.etag != seen.etag or not known.etag.startswith("W/")):
        return known.etag == seen.etag
    return asserted


def content_length(headers: httpx.Headers) -> int | None:
    """Return the announced length of the body in bytes; None when there is none that can be relied on."""
    # A repeated field is joined with commas; equal values are one value (RFC 9110, section 8.6).
    values = {value.strip() for value in headers.get("content-length", "").split(",")}
    return _number(values.pop()) if len(values) == 1 and "transfer-encoding" not in headers else None


def content_range(headers: httpx.Headers) -> tuple[int, int, int | None] | None:
    """Return (start, stop, size or None) of a 206 response, half-open; None for a missing or contradictory one."""
    found = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    if found is None:
        return None
    start, stop, size = int(found[1]), int(found[2]) + 1, _number(found[3])
    length = content_length(headers)
    if start >= stop or (size is not None and stop > size) or (length is not None and length != stop - start):
        return None
    return start, stop, size


def is_transcoded(headers: httpx.Headers) -> bool:
    """Return whether Cloud Storage unpacked an object that it keeps compressed.

    Size and checksums that it tells are then those of the compressed bytes. Source: Cloud Storage documentation,
    "Transcoding of gzip-compressed files".
    """
    stored, sent = (
        headers.get(name, "").strip().lower() or "identity"
        for name in ("x-goog-stored-content-encoding", "content-encoding")
    )
    return stored != "identity" and sent == "identity"


def _whole(headers: httpx.Headers, url: str, encoding: str) -> RangeResponse:
    length, stored = content_length(headers), _number(headers.get("x-goog-stored-content-length", "").strip())
    as_stored = not encoding and not is_transcoded(headers)
    if as_stored and length is not None and stored is not None and length != stored:
        raise Failure(Kind.BROKEN, f"the storage announces {length} bytes of an object of {stored}")
    size = None if encoding else length if length is not None or not as_stored else stored
    ranges = as_stored and headers.get("accept-ranges", "").strip().lower() == "bytes"
    version = _version(url, headers, size, as_stored=as_stored)
    return RangeResponse(version=version, stop=size, ranges=ranges, encoding=encoding)


def _version(url: str, headers: httpx.Headers, size: int | None, *, as_stored: bool) -> ObjectVersion:
    """Return what the headers say; checksums count only where the file will hold the bytes as they are stored."""
    parts = urlsplit(url)
    etag, generation = headers.get("etag", "").strip(), headers.get("x-goog-generation", "").strip()
    can_be_sent = etag and etag.isascii() and etag.isprintable()
    return ObjectVersion(
        path=f"{parts.netloc.rpartition('@')[2]}{parts.path}",
        size=size,
        etag=etag if can_be_sent else None,
        generation=generation if _number(generation) is not None else None,
        checksums=_checksums(headers) if as_stored else {},
    )


def _checksums(headers: httpx.Headers) -> dict[str, str]:
    """Read ``x-goog-hash: crc32c=...,md5=...``, which Cloud Storage also sends as two fields; the values are Base64."""
    result: dict[str, str] = {}
    for item in headers.get("x-goog-hash", "").split(","):
        name, _, value = item.strip().partition("=")
        try:
            digest = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(digest) == _DIGEST_BYTES.get(name.lower()):
            result[name.lower()] = digest.hex()
    return result


def _number(text: str) -> int | None:
    return int(text) if _DIGITS.fullmatch(text) else None
