"""The stored video and what Cloud Storage says about it: entity tag, generation, checksums. Pure."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

__all__ = ["StoredObject", "crc32c", "stored_object"]

_CREATED = datetime(2025, 1, 1, tzinfo=UTC)
_POLYNOMIAL = 0x82F63B78


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
    checksum = crc32c(data)
    crc = base64.b64encode(checksum.to_bytes(4, "big")).decode()
    return StoredObject(
        data=data,
        etag=f'"{md5.hexdigest()}"',
        generation=int(_CREATED.timestamp()) * 1_000_000 + checksum,
        last_modified=_CREATED,
        hashes=f"crc32c={crc},md5={base64.b64encode(md5.digest()).decode()}",
    )


def crc32c(data: bytes) -> int:
    """Computes the CRC32C (Castagnoli, RFC 3720 appendix B.4) of bytes.

    ``google-crc32c`` is used where it is installed; a table in Python gives the same value, far more slowly.
    """
    try:
        import google_crc32c
    except ImportError:
        return crc32c_by_table(data)
    return int(google_crc32c.value(data))


def crc32c_by_table(data: bytes) -> int:
    """Computes the CRC32C of bytes without any library."""
    table = _table()
    checksum = 0xFFFFFFFF
    for byte in data:
        checksum = table[(checksum ^ byte) & 0xFF] ^ (checksum >> 8)
    return checksum ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    return tuple(_entry(index) for index in range(256))


def _entry(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
    return value
