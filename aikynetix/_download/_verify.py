"""What is checked before a file gets its name: checksums, and that it is a whole video."""

from __future__ import annotations

import hashlib
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._object import ObjectVersion

_BLOCK = 256 * 1024
EDGE = 16
"""Bytes that tell what a file begins and ends with."""

# The first box of an ISO base media file (ISO/IEC 14496-12, section 4.3) and of its QuickTime ancestors.
_FIRST_BOXES = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid"})
_PAGE_ENDS = (b"</html>", b"</error>")


class Checksums:
    """Hashes a file from its beginning while it grows, by reading back what has no gap before it.

    What was written a moment ago is read from memory. Where there is nothing to check them by, the bytes are not looked
    at again; SHA-256 is only for a file that cannot be read later.
    """

    def __init__(self, version: ObjectVersion, file: IO[bytes], *, sha256: bool = False) -> None:
        self.file, self.position = file, 0
        self._hashes: dict[str, Any] = {"sha256": hashlib.sha256()} if sha256 else {}
        if "md5" in version.checksums:
            self._hashes["md5"] = hashlib.md5(usedforsecurity=False)
        if "crc32c" in version.checksums:
            import google_crc32c

            # Without its C extension CRC32C takes seconds per megabyte; it is then left out if there is an MD5.
            if google_crc32c.implementation == "c" or "md5" not in version.checksums:
                self._hashes["crc32c"] = google_crc32c.Checksum()  # type: ignore[no-untyped-call]  # it has no types

    def advance(self, limit: int) -> None:
        """Hash everything before ``limit``, which must be in the file; else it is an OSError."""
        if not self._hashes:
            self.position = limit
        elif self.position < limit:
            self.file.seek(self.position)
        while self.position < limit:
            data = self.file.read(min(_BLOCK, limit - self.position))
            if not data:
                raise OSError("the partial file is shorter than it was")
            for each in self._hashes.values():
                each.update(data)
            self.position += len(data)

    def digests(self) -> dict[str, str]:
        """Return the checksums in hexadecimal, by name; those that were not announced are missing."""
        return {name: each.digest().hex() for name, each in self._hashes.items()}


def mismatch(
    version: ObjectVersion, size: int, digests: dict[str, str], file: IO[bytes], *, framed: bool
) -> str | None:
    """Check a complete file, and return what is wrong with it, if anything.

    ``framed`` is whether anything but the end of the connection said where the body ended.
    """
    if version.size is not None and version.size != size:
        return f"{size} bytes came where {version.size} were announced"
    checked = version.checksums.keys() & digests.keys()
    for name in sorted(checked):
        if digests[name] != version.checksums[name]:
            return f"the {name} checksum does not match what the storage announced"
    reason = why_no_video(_read(file, 0, EDGE))
    if reason is None and _read(file, max(0, size - EDGE), EDGE).rstrip().lower().endswith(_PAGE_ENDS):
        return "the video breaks off in an error page"
    if reason is None and not framed and not checked and not _boxes_add_up(file, size):
        return "the connection ended, and the video in it is not whole"
    return reason


def verified_by(version: ObjectVersion, digests: dict[str, str]) -> str:
    """Return what there was to check a file by, as `DownloadedVideo.verified` has it."""
    return "+".join(sorted(version.checksums.keys() & digests.keys())) or ("size" if version.size else "container")


def why_no_video(head: bytes) -> str | None:
    """Return why a file of which ``head`` is the first `EDGE` bytes, or all, is no mp4; None when it may be one."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return "the storage sent an HTML page or an XML document where the video should be"
    # 0 says "to the end of the file", 1 "the length follows as 64 bits".
    if len(head) < 8 or head[4:8] not in _FIRST_BOXES or 1 < int.from_bytes(head[:4], "big") < 8:
        return "what the storage sent does not start as an mp4 does"
    return None


def _boxes_add_up(file: IO[bytes], size: int) -> bool:
    """Return whether the top-level boxes end where the file does (ISO/IEC 14496-12, section 4.2).

    A last box that reaches "to the end of the file" says nothing about where that is.
    """
    position = 0
    while position < size:
        head = _read(file, position, 16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if len(head) < 8 or length < 8:
            return False
        position += length
    return position == size


def _read(file: IO[bytes], offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)
