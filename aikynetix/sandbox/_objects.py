"""The stored video and what Cloud Storage says about it: entity tag, generation, checksums. Pure."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import google_crc32c

__all__ = ["StoredObject", "stored_object"]

_CREATED = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An immutable object of the storage.

    Attributes:
        data: The bytes.
        etag: The quoted entity tag; as for Cloud Storage's simple uploads, the hexadecimal MD5 of the bytes.
        generation: The object's generation. Made from the content, so that a restarted sandbox serves the same object.
        last_modified: When the object was stored, to the second.
        hashes: The value of ``x-goog-hash``: CRC32C and MD5, each big-endian and in base64.
    """

    data: bytes
    etag: str
    generation: int
    last_modified: datetime
    hashes: str


def stored_object(data: bytes) -> StoredObject:
    """Describes bytes as an object of the storage."""
    md5 = hashlib.md5(data, usedforsecurity=False)
    checksum = int(google_crc32c.value(data))
    crc = base64.b64encode(checksum.to_bytes(4, "big")).decode()
    return StoredObject(
        data=data,
        etag=f'"{md5.hexdigest()}"',
        generation=int(_CREATED.timestamp()) * 1_000_000 + checksum,
        last_modified=_CREATED,
        hashes=f"crc32c={crc},md5={base64.b64encode(md5.digest()).decode()}",
    )
