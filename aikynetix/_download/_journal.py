"""The journal beside a partial file: what the bytes in it belong to and which of them are there.

A first line of JSON names the object, then one short line per finished span is appended. Nothing is ever rewritten, so
a process may be killed at any moment: a line that was cut off is ignored. The journal is also what the lock is held on.
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import stat
import sys
from functools import cache
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO

import attrs

from ._identity import Identity
from ._locks import lock, unlock
from ._plan import Span, merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_VERSION = 1
_LINE = re.compile(r"\+([0-9]{1,19})-([0-9]{1,19});\n?", re.ASCII)
_LONGEST = 1024 * 1024 * 1024
_LONGEST_LINE = 64 * 1024
# More than any number of connections leaves behind.
_MOST_SPANS = 128
_AT_ONCE = 4096
_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def encode(identity: Identity, boot: str | None) -> str:
    """Return the first line of a journal."""
    return json.dumps({"journal": _VERSION, "boot": boot, "object": attrs.asdict(identity)}) + "\n"


def decode(text: str) -> tuple[Identity, str | None, list[Span]] | None:
    """Return the object, the boot of the machine it was written in, and the finished spans; None for no usable journal.

    Args:
        text: The content of a journal, whole, cut off or damaged.
    """
    return _decode(io.StringIO(text, newline="\n"))


def _decode(lines: Iterator[str]) -> tuple[Identity, str | None, list[Span]] | None:
    first = next(lines, "")
    try:
        head = json.loads(first)
        fields = head["object"] if first.endswith("\n") and head["journal"] == _VERSION else None
        if not isinstance(fields, dict) or not isinstance(fields["path"], str) or not _is_size(fields["size"]):
            return None
        if not all(_is_evidence(value) for name, value in fields.items() if name not in ("path", "size")):
            return None
        identity = Identity(**fields)
        boot = head.get("boot")
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return identity, boot if isinstance(boot, str) else None, _spans(lines)


def _spans(lines: Iterator[str]) -> list[Span]:
    spans: list[Span] = []
    # A download that was slow for hours has millions of lines and few gaps: merged now and then, they take no room.
    while batch := list(islice(lines, _AT_ONCE)):
        found = (_LINE.fullmatch(line) for line in batch)
        spans = merged([*spans, *((int(each[1]), int(each[2])) for each in found if each)])
    # What lies between costs a request each: an edited journal of a million shreds would cost a day.
    longest = sorted(spans, key=lambda span: span[1] - span[0], reverse=True)[:_MOST_SPANS]
    return sorted(longest)


def _lines(file: BinaryIO) -> Iterator[str]:
    left = _LONGEST
    while left > 0 and (line := file.readline(min(left, _LONGEST_LINE))):
        left -= len(line)
        yield line.decode("ascii", "replace")


def _is_size(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_evidence(value: object) -> bool:
    # It is compared with headers and sent as one, so it must be able to stand in one.
    if value is None:
        return True
    return isinstance(value, str) and value.isascii() and value.isprintable() and value == value.strip() != ""


@cache
def boot_id() -> str | None:
    """Return what changes when the machine starts anew, None where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None


class Journal:
    """A journal file, open and locked until `close`.

    Args:
        path: Where it is; it is created if need be.

    Raises:
        Busy: Somebody else holds it.
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._appending = Lock()
        self._fd = _open_locked(path)
        self._owner = os.getpid()

    @property
    def in_place(self) -> bool:
        """Whether the locked file still has its name: else another download may have begun on the same part."""
        return is_at(self._fd, self.path)

    def read(self) -> tuple[Identity, str | None, list[Span]] | None:
        """Return what an earlier download wrote, see `decode`."""
        if os.fstat(self._fd).st_size == 0:
            return None
        os.lseek(self._fd, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._fd), "rb") as file:
            found = _decode(_lines(file))
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            if file.read(1) not in (b"", b"\n"):
                self._append("\n")  # what was cut off must not spoil the next line
        return found

    def begin(self, identity: Identity) -> None:
        """Forget everything and start on an object."""
        os.ftruncate(self._fd, 0)
        self._append(encode(identity, boot_id()))

    def add(self, start: int, stop: int) -> None:
        """Note that a span is in the file."""
        self._append(f"+{start}-{stop};\n")

    def discard(self) -> None:
        """Remove the journal; the lock is held until `close`."""
        if not self.in_place:
            return
        if sys.platform == "win32":
            self.close()  # an open file cannot be removed there
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give the lock up."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            if self._owner == os.getpid():
                unlock(fd)  # a child that was forked meanwhile has the file open too, and the lock would live in it
            os.close(fd)

    def _append(self, text: str) -> None:
        data = text.encode("ascii")
        with self._appending:
            if os.write(self._fd, data) != len(data):
                # The line break keeps the next line from being read as the end of this one.
                os.write(self._fd, b"\n")


def _open_locked(path: Path) -> int:
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _BINARY, 0o600)
        try:
            require_regular(fd)
            lock(fd)
            if path.is_symlink():
                raise OSError(errno.ELOOP, "a link stands where the notes are to be kept")
            if is_at(fd, path):
                if not is_shared(fd):
                    return fd
                path.unlink()
        except BaseException:
            os.close(fd)
            raise
        # It was removed between our opening and locking it, or by ourselves because it is another file as well.
        os.close(fd)


def require_regular(fd: int) -> None:
    """Raise an `OSError` for pipes, devices and whatever else cannot hold bytes."""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise OSError(errno.EINVAL, "a pipe or a device stands where the bytes are to be collected")


def is_shared(fd: int) -> bool:
    """Return whether the file has another name too, under which somebody would find it overwritten."""
    return os.fstat(fd).st_nlink > 1


def is_at(fd: int, path: Path) -> bool:
    """Return whether the open file is what stands at ``path``; a link to it is not."""
    try:
        return os.path.samestat(os.fstat(fd), path.lstat())
    except OSError:
        return False


def within(spans: Iterable[Span], size: int) -> bool:
    """Return whether all spans lie in the first ``size`` bytes."""
    return all(stop <= size for _, stop in spans)
