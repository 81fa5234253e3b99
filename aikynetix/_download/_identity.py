"""What an answer of the storage says about the object: its size, its version, its checksums. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs
from attrs import frozen

if TYPE_CHECKING:
    import httpx

_CONTENT_RANGE = re.compile(r"bytes[ ]+(?:([0-9]{1,19})-([0-9]{1,19})|\*)/([0-9]{1,19}|\*)", re.ASCII | re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)
_LONGEST_VALIDATOR = 1_024
_DIGEST_BYTES = {"md5": 16, "crc32c": 4}


@frozen(kw_only=True)
class Identity:
    """Which object, and which version of it.

    Attributes:
        path: Host and path of the URL, without the query, which holds the signature.
        size: Bytes of the whole object, None when the storage does not say.
        etag: Entity tag as sent (RFC 9110, section 8.8.3).
        generation: Cloud Storage's version number of the object.
        modified: ``Last-Modified`` as sent, kept only where it is a strong validator (RFC 9110, section 8.8.2.2).
        md5: MD5 in hexadecimal, from ``x-goog-hash``.
        crc32c: CRC32C in hexadecimal, from ``x-goog-hash``.
    """

    path: str
    size: int | None = None
    etag: str | None = None
    generation: str | None = None
    modified: str | None = None
    md5: str | None = None
    crc32c: str | None = None

    @property
    def validator(self) -> str | None:
        """What to send as ``If-Range``: a strong entity tag, else a strong date (RFC 9110, section 13.1.5)."""
        if self.etag is not None and self.etag.startswith('"') and self.etag.endswith('"'):
            return self.etag
        return self.modified

    @property
    def provable(self) -> bool:
        """Whether a later answer can be shown to be about the same version."""
        return bool(self.validator or self.generation or self.md5 or self.crc32c)


def identity_of(url: str, headers: httpx.Headers, size: int | None) -> Identity:
    """Return what the headers of a 200 or 206 answer say about the object."""
    parts = urlsplit(url)
    generation = headers.get("x-goog-generation", "").strip()
    hashes = _hashes(headers)
    return Identity(
        path=f"{parts.netloc.rpartition('@')[2]}{parts.path}",
        size=size,
        etag=_bounded(headers.get("etag")),
        generation=generation if _DIGITS.fullmatch(generation) else None,
        modified=_strong_date(headers),
        md5=hashes.get("md5"),
        crc32c=hashes.get("crc32c"),
    )


def same_object(known: Identity, seen: Identity, *, asserted: bool) -> bool:
    """Return whether two answers are about the same version of the same object.

    The strongest evidence that both carry decides: checksums, then the generation, then the validators; generation and
    validators count for one path only.

    Args:
        known: What the bytes at hand belong to.
        seen: What the new answer says.
        asserted: Whether the storage itself confirmed it by answering 206 to ``If-Range``; it counts where the answer
            carries no evidence.
    """
    if known.size is not None and seen.size is not None and known.size != seen.size:
        return False
    checksums = [(one, other) for one, other in ((known.md5, seen.md5), (known.crc32c, seen.crc32c)) if one and other]
    if checksums:
        return all(one == other for one, other in checksums)
    if known.path != seen.path:
        return False
    if known.generation and seen.generation:
        return known.generation == seen.generation
    # Equal weak entity tags say little; different ones of either kind say that the bytes may differ.
    if known.etag and seen.etag and (known.etag != seen.etag or not known.etag.startswith("W/")):
        return known.etag == seen.etag
    return known.modified == seen.modified if known.modified and seen.modified else asserted


def joined(known: Identity, seen: Identity) -> Identity:
    """Return what two answers about the same object say together of its content.

    None need repeat what another one said: a 206 may leave the size open (RFC 9110, section 14.4) and carry no
    checksum.

    Args:
        known: What counts first; its path and validators are what later answers are held to.
        seen: What fills the gaps.
    """
    return attrs.evolve(
        known,
        size=seen.size if known.size is None else known.size,
        md5=known.md5 or seen.md5,
        crc32c=known.crc32c or seen.crc32c,
    )


def content_length(headers: httpx.Headers) -> int | None:
    """Return the announced length of the body in bytes; None when there is none that can be relied on."""
    # A repeated field is joined with commas; equal values are one value (RFC 9110, section 8.6).
    values = {value.strip() for value in headers.get("content-length", "").split(",")}
    if len(values) != 1 or "transfer-encoding" in headers:
        return None
    value = values.pop()
    return int(value) if _DIGITS.fullmatch(value) else None


def content_range(headers: httpx.Headers) -> tuple[int, int, int | None] | None:
    """Return (start, stop, size or None) of a 206 answer, half-open; None for a missing or contradictory one."""
    found = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    if found is None or found[1] is None:
        return None
    start, stop = int(found[1]), int(found[2]) + 1
    size = None if found[3] == "*" else int(found[3])
    if start >= stop or (size is not None and stop > size):
        return None
    length = content_length(headers)
    return None if length is not None and length != stop - start else (start, stop, size)


def stored_size(headers: httpx.Headers) -> int | None:
    """Return the object's size in bytes where Cloud Storage tells it beside ``Content-Length``."""
    value = headers.get("x-goog-stored-content-length", "").strip()
    return int(value) if _DIGITS.fullmatch(value) else None


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


def _hashes(headers: httpx.Headers) -> dict[str, str]:
    """Read ``x-goog-hash: crc32c=...,md5=...``, which Cloud Storage also sends as two fields; the values are Base64."""
    result: dict[str, str] = {}
    for item in headers.get("x-goog-hash", "").split(","):
        name, _, value = item.strip().partition("=")
        name = name.lower()
        try:
            digest = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(digest) == _DIGEST_BYTES.get(name):
            result[name] = digest.hex()
    return result


def _bounded(value: str | None) -> str | None:
    if value is None or not value.isascii() or not value.isprintable():
        return None
    return value.strip() if 2 < len(value.strip()) <= _LONGEST_VALIDATOR else None


def _strong_date(headers: httpx.Headers) -> str | None:
    value, date = _bounded(headers.get("last-modified")), _bounded(headers.get("date"))
    if value is None or date is None:
        return None
    try:
        age = (parsedate_to_datetime(date) - parsedate_to_datetime(value)).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return value if age >= 1.0 else None
