"""Checksums of a file whose bytes arrive in any order, and what a video's first bytes look like."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from contextlib import suppress
from threading import Condition, Lock, Thread
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from ._identity import Identity

HEAD = 16
"""Bytes that `why_no_video` wants to see."""

_BLOCK = 256 * 1024
# What one connection alone brings may come in fewer steps, each of which wakes two threads; of many connections each
# holds a block, and they must not take much memory.
_LARGE_BLOCK = 4 * _BLOCK
# Below it, or on a single processor, hashing on a thread of its own costs more than it saves.
_OWN_THREAD_FROM = 8 * 1024 * 1024
_MOST_WAITING = 8
# Blocks for the next download: fresh ones cost a page fault for every 4 KiB.
_spare: deque[bytearray] = deque(maxlen=2 * _MOST_WAITING)
# The first box of an ISO base media file (ISO/IEC 14496-12, section 4.3) and of its QuickTime ancestors.
_FIRST_BOXES = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid"})


class _Hash(Protocol):
    def update(self, data: Any, /) -> object: ...
    def hexdigest(self) -> Any: ...


class Readable(Protocol):
    """What a digest reads the bytes from that it was not offered."""

    def read_into(self, view: memoryview, offset: int) -> int:
        """Fill ``view`` from ``offset`` on and return how many bytes there were."""
        ...


@frozen
class Digests:
    """Checksums of a whole file in hexadecimal; None for those that were not asked for or cannot be computed here."""

    md5: str | None = None
    crc32c: str | None = None
    sha256: str | None = None


def hashes_for(identity: Identity) -> dict[str, _Hash]:
    """Return the hashes that a file is to be checked by: what the storage announced.

    Where google-crc32c has no C extension, CRC32C takes seconds per megabyte; it is then left out if there is an MD5.
    """
    hashes: dict[str, _Hash] = {}
    if identity.md5:
        hashes["md5"] = hashlib.md5(usedforsecurity=False)
    if identity.crc32c:
        import google_crc32c

        if google_crc32c.implementation == "c" or not identity.md5:
            checksum: Any = google_crc32c.Checksum
            hashes["crc32c"] = checksum()
    return hashes


def digests_of(hashes: dict[str, _Hash]) -> Digests:
    """Return what the hashes have come to."""
    # google-crc32c answers in bytes.
    values = {
        name: value.decode() if isinstance(value := each.hexdigest(), bytes) else value for name, each in hashes.items()
    }
    return Digests(**values)


class Digest:
    """Hashes a file from its beginning while it grows.

    Bytes that are offered in order are hashed while they are in the cache; the rest is read from the file once there is
    no gap before it. Large files are hashed on a thread of their own, beside the receiving. Where there is nothing to
    check them by, the bytes are not looked at again: SHA-256 alone costs as much as receiving and writing them.

    Args:
        identity: Says which checksums to compute and how large the file is.
        file: Where to read from.
        sha256: Whether to compute this one too, for a file that cannot be read later.
    """

    def __init__(self, identity: Identity, file: Readable, *, sha256: bool = False) -> None:
        self.head = b""
        """The first `HEAD` bytes of the file, once it is complete."""
        self._hashes = hashes_for(identity)
        if sha256:
            self._hashes["sha256"] = hashlib.sha256()
        self._file = file
        self._tail = 0  # everything before it is hashed, or queued, or being read
        self._limit = 0  # everything before it can be read from the file
        self._busy = False
        self._waiting: deque[tuple[bytearray, int]] = deque()
        self._large: deque[bytearray] = deque(maxlen=_MOST_WAITING)
        self._state = Condition()
        self._turn = Lock()  # to hash, where there is no thread for it
        self._stopped = False
        self._error: Exception | None = None
        self._thread: Thread | None = None
        if self._hashes and _processors() > 1 and (identity.size is None or identity.size >= _OWN_THREAD_FROM):
            thread = Thread(target=self._run, name="aikynetix-digest", daemon=True)
            with suppress(RuntimeError):  # where the system gives no more threads, the connections hash
                thread.start()
                self._thread = thread

    def buffer(self, *, large: bool = False) -> bytearray:
        """Return a buffer to receive into, of 256 KiB or a ``large`` one of 1 MiB; it is given back by `offer`."""
        if not large:
            self._large.clear()
        try:
            return self._large.pop() if large else _spare.pop()
        except IndexError:
            return bytearray(_LARGE_BLOCK if large else _BLOCK)

    def offer(self, offset: int, buffer: bytearray, count: int, *, alone: bool) -> None:
        """Give a buffer back, to be hashed if it holds what comes next.

        Args:
            offset: Where its bytes stand in the file.
            buffer: From `buffer`.
            count: How many bytes of it count.
            alone: Whether no other connection brings bytes: then waiting for the hash costs less than reading the bytes
                again.
        """
        if self._thread is None:
            # A connection that finds another one hashing does not wait: its bytes can be read from the file later.
            if self._hashes and self._turn.acquire(blocking=False):
                try:
                    if offset == self._tail:
                        self._update(memoryview(buffer)[:count])
                        self._tail += count
                finally:
                    self._turn.release()
            self._keep(buffer)
            return
        with self._state:
            if alone and offset == self._tail:
                self._state.wait_for(lambda: len(self._waiting) < _MOST_WAITING or self._ended)
            if offset == self._tail and len(self._waiting) < _MOST_WAITING and not self._ended:
                self._waiting.append((buffer, count))
                self._tail += count
                self._state.notify_all()
                return
        self._keep(buffer)

    def available(self, limit: int) -> None:
        """Say that everything before ``limit`` is in the file."""
        with self._state:
            self._limit = max(self._limit, limit)
            self._state.notify_all()

    def wait(self, size: int, seconds: float) -> bool:
        """Wait until ``size`` bytes are hashed and return whether they are.

        Args:
            size: Bytes of the file, all of them available.
            seconds: Longest wait.

        Raises:
            OSError: The file cannot be read.
        """
        self.available(size)
        if not self._hashes:
            view = memoryview(bytearray(min(HEAD, size)))
            self.head = bytes(view[: self._file.read_into(view, 0)])
            return True
        if self._thread is None:
            self._catch_up()
        else:
            with self._state:
                self._state.wait_for(lambda: self._ended or self._settled(size), seconds)
        if self._error is not None:
            raise self._error
        return self._settled(size)

    def result(self) -> Digests:
        """Return the checksums of what was hashed."""
        return digests_of(self._hashes)

    def close(self) -> None:
        """End the thread."""
        with self._state:
            self._stopped = True
            self._state.notify_all()
        if self._thread is not None:
            self._thread.join()

    @property
    def _ended(self) -> bool:
        return self._stopped or self._error is not None

    def _settled(self, size: int) -> bool:
        return self._tail == size and not self._waiting and not self._busy

    def _update(self, view: memoryview) -> None:
        if len(self.head) < HEAD:
            self.head += bytes(view[: HEAD - len(self.head)])
        for name, each in self._hashes.items():
            each.update(bytes(view) if name == "crc32c" else view)  # google-crc32c takes no views of what may change

    def _keep(self, buffer: bytearray) -> None:
        (_spare if len(buffer) == _BLOCK else self._large).append(buffer)

    def _catch_up(self) -> None:
        if self._tail == self._limit:
            return
        view = memoryview(bytearray(_BLOCK))
        with self._turn:
            while self._tail < self._limit:
                count = self._read(view, self._tail)
                self._update(view[:count])
                self._tail += count

    def _read(self, view: memoryview, offset: int) -> int:
        count = self._file.read_into(view[: self._limit - offset], offset)
        if count == 0:
            raise OSError("the partial file is shorter than it was")
        return count

    def _run(self) -> None:
        own = bytearray(_BLOCK)
        try:
            while self._step(own):
                pass
        except Exception as error:
            with self._state:
                self._error = error
                self._state.notify_all()

    def _step(self, own: bytearray) -> bool:
        """Hash one block; return False when it is time to end."""
        with self._state:
            self._busy = False
            self._state.notify_all()
            self._state.wait_for(lambda: self._stopped or self._waiting or self._tail < self._limit)
            if self._stopped:
                return False
            self._busy = True
            queued = self._waiting.popleft() if self._waiting else None
            offset = self._tail
            wanted = 0
            if queued is None:
                self._tail += min(_BLOCK, self._limit - offset)
                wanted = self._tail - offset
        if queued is not None:
            buffer, count = queued
            self._update(memoryview(buffer)[:count])
            self._keep(buffer)
            return True
        done = 0
        while done < wanted:
            count = self._read(memoryview(own)[: wanted - done], offset + done)
            self._update(memoryview(own)[:count])
            done += count
        return True


def _processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def why_no_video(head: bytes) -> str | None:
    """Return why a file that begins with ``head`` is no mp4, None when it may be one.

    Args:
        head: The first `HEAD` bytes, fewer only if the file has no more.
    """
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doc", b"<html", b"<head", b"<body")):
        return "the storage sent an HTML page where the video should be"
    if text.startswith(b"<"):
        return "the storage sent an XML document where the video should be"
    if not head:
        return "the storage sent an empty file"
    if len(head) < 8 or head[4:8] not in _FIRST_BOXES:
        return "what the storage sent does not start as an mp4 does"
    length = int.from_bytes(head[:4], "big")
    # 0 says "to the end of the file", 1 "the length follows as 64 bits".
    return None if length in (0, 1) or length >= 8 else "what the storage sent does not start as an mp4 does"
