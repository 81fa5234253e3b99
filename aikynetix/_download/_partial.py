"""The partial file on the local disk, its journal, which bytes to fetch next, and how it becomes the final one.

The journal says what the bytes in the partial file belong to and which of them are there: a first line of JSON names
the object, then a short line for each finished span is appended. Nothing is ever rewritten, so a process may be killed
at any moment; a line that was cut off is ignored. The lock is held on the journal, and ends with the process.

Spans are half-open intervals of byte offsets. Every byte is in exactly one of: a finished span, a segment that a
connection fetches, or a gap. A connection takes what follows from a gap in steps of `STEP` bytes, so that nobody ever
has to be stopped before the end that it was given.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import stat
from threading import Lock
from typing import TYPE_CHECKING

import attrs
from attrs import define

from ._object import ObjectVersion

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import IO

_VERSION = 2
_LINE = re.compile(r"\+([0-9]{1,19})-([0-9]{1,19});", re.ASCII)
_FLAGS = os.O_RDWR | os.O_CREAT | sum(getattr(os, name, 0) for name in ("O_BINARY", "O_NOFOLLOW", "O_CLOEXEC"))

_JOURNAL = ".part.journal"
# What a file system says that has no fsync; what it cannot write it says by EIO.
_NO_FSYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EOPNOTSUPP})

Span = tuple[int, int]

STEP = 512 * 1024
"""Bytes that a connection takes from a gap at a time."""


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the same bytes as sorted spans that neither overlap nor touch."""
    result: list[Span] = []
    for start, stop in sorted(span for span in spans if span[0] < span[1]):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(stop, result[-1][1]))
        else:
            result.append((start, stop))
    return result


def gaps(spans: Iterable[Span], size: int) -> list[Span]:
    """Return what the spans leave open of an object of ``size`` bytes, in order."""
    result: list[Span] = []
    position = 0
    for start, stop in [*merged(spans), (size, size)]:
        if position < min(start, size):
            result.append((position, min(start, size)))
        position = max(position, stop)
    return result


def total(spans: Iterable[Span]) -> int:
    """Return how many bytes the spans hold; they must not overlap."""
    return sum(stop - start for start, stop in spans)


@define(eq=False)
class Segment:
    """What one connection fetches, from ``start`` to ``stop``; everything before ``position`` has arrived.

    ``reach`` is where its response ends: up to there it can be extended without another request.
    """

    start: int
    position: int
    stop: int
    reach: int

    @property
    def rest(self) -> int:
        """Bytes still to come."""
        return self.stop - self.position

    def limit(self, reach: int | None) -> None:
        """Take in where the response really ends; None for "somewhere"."""
        if reach is not None:
            self.stop, self.reach = min(self.stop, reach), min(max(self.reach, self.stop), reach)


class SegmentTable:
    """The bytes of one object of which some are there already; thread-safe."""

    def __init__(self, size: int, finished: Iterable[Span] = ()) -> None:
        self.size = size
        self._lock = Lock()
        self._finished = merged(finished)
        self._segments: list[Segment] = []

    @property
    def arrived(self) -> list[Span]:
        """What has arrived, in order."""
        with self._lock:
            return merged([*self._finished, *((each.start, each.position) for each in self._segments)])

    @property
    def done(self) -> int:
        """Bytes that have arrived."""
        return total(self.arrived)

    def begin(self, wanted: int = 1) -> Segment | None:
        """Return a segment for one more of ``wanted`` connections, None where there is nothing worth one.

        The first gap that no connection is about to run into; else the end of the largest gap: a fair share of
        everything, half of the gap at most, a step at least.
        """
        with self._lock:
            open_spans = self._gaps()
            busy = {each.stop for each in self._segments if each.reach > each.stop}
            start, stop = next((span for span in open_spans if span[0] not in busy), (0, 0))
            if start == stop:
                start, stop = max(open_spans, key=lambda span: span[1] - span[0], default=(0, 0))
                if stop - start < 2 * STEP:
                    return None
                start = max((start + stop) // 2, stop - max(STEP, total(open_spans) // wanted))
            segment = Segment(start, start, min(start + STEP, stop), stop)
            self._segments.append(segment)
            return segment

    def room(self, segment: Segment) -> int:
        """Return how many bytes ``segment`` has before it, extended by a step if it was at its end; 0 to end it."""
        with self._lock:
            if not segment.rest:
                stop = next((stop for start, stop in self._gaps() if start == segment.stop), segment.stop)
                segment.stop = min(stop, segment.reach, segment.stop + STEP)
            return segment.rest

    def advance(self, segment: Segment, count: int) -> None:
        """Note that ``count`` more bytes of ``segment`` have arrived."""
        with self._lock:
            segment.position += count

    def release(self, segment: Segment) -> None:
        """Give a segment up: what has arrived of it is finished, the rest is a gap again."""
        with self._lock:
            self._segments.remove(segment)
            self._finished = merged([*self._finished, (segment.start, segment.position)])

    def _gaps(self) -> list[Span]:
        return gaps([*self._finished, *((each.start, each.stop) for each in self._segments)], self.size)


class Busy(Exception):
    """Another download to the same file is under way, in this process or in another one."""


def decode(text: str) -> tuple[ObjectVersion, list[Span]] | None:
    """Return the object and the finished spans that a journal tells of, cut off or damaged as it may be; or None."""
    first, *lines = text.split("\n")
    try:
        head = json.loads(first)
        version = ObjectVersion(**head["object"])
        named = [one for one in (version.path, version.etag, version.generation) if one is not None]
        text = "".join([*named, *version.checksums.values()])
        # The entity tag is sent as a header, so it must be able to stand in one.
        is_sound = head["journal"] == _VERSION and type(version.size) is int and text.isascii() and text.isprintable()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    found = (_LINE.fullmatch(line) for line in lines)
    return (version, merged((int(each[1]), int(each[2])) for each in found if each)) if is_sound else None


def helper_path(path: Path, suffix: str) -> Path:
    """Return the name of a file beside ``path``; a name near the file system's limit is shortened to leave room."""
    try:
        limit = os.pathconf(path.parent, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # not on Windows
        limit = 255
    name = os.fsencode(path.name)
    if len(name) + len(_JOURNAL) <= limit:
        return path.with_name(path.name + suffix)
    mark = hashlib.sha256(name).hexdigest()[:16]
    return path.with_name(f"{name[: limit - len(_JOURNAL) - 17].decode('utf-8', 'ignore')}~{mark}{suffix}")


class PartialFile:
    """``<name>.part`` and its journal beside the final name; locked from construction (or `Busy`) to `close`."""

    def __init__(self, path: Path) -> None:
        self._path, self._part, self._journal_path = path, helper_path(path, ".part"), helper_path(path, _JOURNAL)
        self._lock = Lock()
        self._fd = -1
        self._journal = _open_locked(self._journal_path)
        try:
            self._fd = _open_regular(self._part, 0)
        except BaseException:
            self.close()
            raise

    def kept(self) -> tuple[ObjectVersion, list[Span]] | None:
        """Return the object and the spans that an earlier download left, None when there is nothing to resume."""
        with open(self._journal, encoding="ascii", errors="replace", newline="\n", closefd=False) as file:
            file.seek(0)
            version, spans = decode(file.read()) or (ObjectVersion(path=""), [])
        there = min(os.fstat(self._fd).st_size, version.size or 0)
        return (version, spans) if version.is_resumable and spans and spans[-1][1] <= there else None

    def begin(self, version: ObjectVersion) -> None:
        """Start on an object from its first byte."""
        os.ftruncate(self._fd, 0)
        os.ftruncate(self._journal, 0)
        self._append(json.dumps({"journal": _VERSION, "object": attrs.asdict(version)}))

    def write(self, offset: int, data: memoryview) -> None:
        """Write all of ``data`` at ``offset`` and note it in the journal."""
        written = 0
        with self._lock:  # Windows has no positioned writes
            os.lseek(self._fd, offset, os.SEEK_SET)
            while written < len(data):
                written += os.write(self._fd, data[written:])
            self._append(f"\n+{offset}-{offset + written};")  # what was cut off before does not spoil this line

    def _append(self, line: str) -> None:
        os.write(self._journal, line.encode("ascii"))

    def reader(self) -> IO[bytes]:
        """Return the file, to be read from; the caller closes it."""
        return self._part.open("rb", buffering=0)

    def sync(self, size: int) -> os.stat_result:
        """Make all ``size`` bytes durable, and return what is to be seen of the file."""
        os.ftruncate(self._fd, size)  # cuts off what an earlier version of the object left behind its end
        try:
            os.fsync(self._fd)
        except OSError as error:
            if error.errno not in _NO_FSYNC:
                raise
        return os.fstat(self._fd)

    def publish(self) -> None:
        """Put the file under its final name, in one step."""
        self._close_file()
        self._part.replace(self._path)
        self._remove_journal()

    def discard(self) -> None:
        """Remove the partial file and the journal."""
        self._close_file()
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)
            self._remove_journal()

    def close(self) -> None:
        """Give the files and the lock up; what has arrived stays, unless nobody could resume it."""
        with contextlib.suppress(OSError):  # a disk that is full
            if self._fd >= 0 and self.kept() is None:
                self.discard()
        self._close_file()
        journal, self._journal = self._journal, -1
        if journal >= 0:
            os.close(journal)

    def _close_file(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _remove_journal(self) -> None:
        if os.name == "nt":
            self.close()  # an open file cannot be removed there
        self._journal_path.unlink(missing_ok=True)


def _open_regular(path: Path, flags: int) -> int:
    fd = os.open(path, _FLAGS | flags, 0o666)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "a pipe or a device stands where the bytes are to be collected")
    return fd


def _open_locked(path: Path) -> int:
    from filelock import lock_descriptor

    while True:
        fd = _open_regular(path, os.O_APPEND)
        try:
            with contextlib.suppress(OSError):  # a file system without locks: better without this guard than not at all
                if not lock_descriptor(fd, blocking=False):
                    raise Busy
            # Whoever held the lock before may have removed the file when it was done.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(fd), path.lstat()):
                    return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
