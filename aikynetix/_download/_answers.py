"""Whether an answer of the storage is what was asked for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from attrs import frozen

from ._identity import (
    Identity,
    content_length,
    content_range,
    identity_of,
    is_transcoded,
    joined,
    same_object,
    stored_size,
)
from ._rules import Failure, Kind

if TYPE_CHECKING:
    import httpx


@frozen(kw_only=True)
class Asked:
    """What a request asked for.

    Attributes:
        start: First byte.
        stop: Byte behind the last, None for "to the end".
        known: The object that the bytes are to belong to; None asks for the whole object, whatever it is.
    """

    start: int = 0
    stop: int | None = None
    known: Identity | None = None

    def headers(self) -> dict[str, str]:
        """Return the request's headers: ``Range``, and ``If-Range`` where there is a strong validator."""
        if self.known is None:
            return {}
        last = "" if self.stop is None else str(self.stop - 1)
        headers = {"Range": f"bytes={self.start}-{last}"}
        # No x-goog-if-generation-match: a signed URL covers every x-goog- header, and this one was not signed.
        return headers | ({"If-Range": self.known.validator} if self.known.validator else {})


@frozen(kw_only=True)
class Offer:
    """What an answer brings.

    Attributes:
        identity: The object: what the answer says, and what was known of it before.
        start: First byte.
        stop: Byte behind the last; None where the answer does not say.
        ranges: Whether the storage serves ranges of it.
        encoding: The content encoding, empty for none; encoded bytes are not those of the object.
    """

    identity: Identity
    start: int
    stop: int | None
    ranges: bool
    encoding: str = ""


def judge(asked: Asked, status: int, headers: httpx.Headers, url: str) -> Offer | Failure:
    """Return what a 200 or 206 answer brings, or why it cannot be used."""
    encoding = headers.get("content-encoding", "").strip().lower()
    encoding = "" if encoding == "identity" else encoding
    if asked.known is None:
        return _whole(status, headers, url, encoding)
    if status == 200:
        same = same_object(asked.known, _of_whole(headers, url, encoding), asserted=False)
        if same:
            return Failure(kind=Kind.NO_RANGES, text="the storage ignores ranges")
        return Failure(kind=Kind.CHANGED, text="the video has changed on the storage")
    return _part(asked, asked.known, headers, url, encoding)


def _whole(status: int, headers: httpx.Headers, url: str, encoding: str) -> Offer | Failure:
    if status == 206:
        found = content_range(headers)
        if found is None or encoding or found[0] != 0 or found[1] != found[2]:
            return Failure(kind=Kind.MALFORMED, text="the storage sent a part where the whole was asked for")
        return Offer(identity=identity_of(url, headers, found[2]), start=0, stop=found[2], ranges=True)
    length, stored = content_length(headers), stored_size(headers)
    as_stored = not encoding and not is_transcoded(headers)
    if as_stored and length is not None and stored is not None and length != stored:
        return Failure(kind=Kind.MALFORMED, text=f"the storage announces {length} bytes of an object of {stored}")
    identity = _of_whole(headers, url, encoding)
    ranges = headers.get("accept-ranges", "").strip().lower() == "bytes" and as_stored
    return Offer(identity=identity, start=0, stop=identity.size, ranges=ranges, encoding=encoding)


def _of_whole(headers: httpx.Headers, url: str, encoding: str) -> Identity:
    length = content_length(headers)
    if encoding or is_transcoded(headers):
        # The announced checksums are of the bytes as they are stored, and those are not what the file will hold.
        return attrs.evolve(identity_of(url, headers, None if encoding else length), md5=None, crc32c=None)
    return identity_of(url, headers, stored_size(headers) if length is None else length)


def _part(asked: Asked, known: Identity, headers: httpx.Headers, url: str, encoding: str) -> Offer | Failure:
    found = content_range(headers)
    if found is None or encoding:
        return Failure(kind=Kind.MALFORMED, text="the storage sent a part without saying which")
    start, stop, size = found
    if (size is not None and size != known.size) or (known.size is not None and stop > known.size):
        return Failure(kind=Kind.CHANGED, text="the video has changed on the storage")
    if start != asked.start:
        return Failure(
            kind=Kind.MALFORMED, text=f"the storage sent bytes from {start} on where {asked.start} was asked for"
        )
    identity = identity_of(url, headers, size)
    if not same_object(known, identity, asserted=known.validator is not None):
        return Failure(kind=Kind.CHANGED, text="the video has changed on the storage")
    if is_transcoded(headers):
        identity = attrs.evolve(identity, md5=None, crc32c=None)  # of bytes that the file will not hold
    return Offer(identity=joined(known, identity), start=start, stop=stop, ranges=True)
