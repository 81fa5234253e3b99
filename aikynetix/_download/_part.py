"""The partial file on the local disk, and how it becomes the final one."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from threading import Lock
from typing import TYPE_CHECKING

from ._journal import Journal, boot_id, is_at, is_shared, require_regular, within
from ._writeback import Writeback, sync_folder

if TYPE_CHECKING:
    from pathlib import Path

    from ._identity import Identity
    from ._plan import Span

_FLAGS = (
    os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)


class LocalPart:
    """``<name>.part`` and its journal, locked from construction to `close`.

    Args:
        path: The final name.
        sync_folder: Whether that name, too, is on the disk when `commit` returns.

    Raises:
        Busy: Somebody else downloads to the same file.
        OSError: The files cannot be opened.
    """

    parallel = True

    def __init__(self, path: Path, *, sync_folder: bool = True) -> None:
        self.path = path
        self._syncs_folder = sync_folder
        self._part = path.with_name(path.name + ".part")
        self._journal = Journal(path.with_name(path.name + ".part.journal"))
        self._writeback = Writeback()
        self._seeking = Lock()
        self._seeks = not (
            hasattr(os, "pwrite") and hasattr(os, "preadv")
        )  # Windows has no positioned reads and writes
        self._fd = -1
        self._is_of_use = True  # until it is known to be otherwise: it may be somebody's earlier download
        self._end = 0  # the file is at least as long
        self._ending = Lock()
        try:
            self._fd = _open_own(self._part)
        except BaseException:
            self._close_file()
            self._journal.close()
            raise

    def earlier(self) -> tuple[Identity, list[Span]] | None:
        """Return the object and the spans that an earlier download left, None when there is nothing to go on with.

        What was written before the machine went down may not have reached the disk; it counts only where a checksum
        will judge the whole.
        """
        found = self._journal.read()
        if found is None:
            return None
        identity, boot, spans = found
        lost = boot != boot_id() and not (identity.md5 or identity.crc32c)
        if lost or not spans or not within(spans, min(os.fstat(self._fd).st_size, identity.size or 0)):
            return None
        self._end = spans[-1][1]
        return identity, spans

    def begin(self, identity: Identity) -> None:
        """Start on an object from its first byte."""
        os.ftruncate(self._fd, 0)
        self._end = 0
        self._journal.begin(identity)
        self._is_of_use = identity.provable and bool(identity.size)

    def lacks_space(self, count: int) -> bool:
        """Return whether the disk has surely no room for ``count`` more bytes."""
        try:
            return shutil.disk_usage(self.path.parent).free < count
        except OSError:
            return False

    def write(self, offset: int, data: memoryview) -> None:
        """Write all of ``data`` at ``offset`` and note it in the journal.

        Raises:
            OSError: It cannot be written; or the file is shorter than it was, and what was cut off is lost.
        """
        self._require(self._end)
        written = 0
        while written < len(data):
            written += self._write_some(data[written:], offset + written)
        with self._ending:
            self._end = max(self._end, offset + written)
        self._journal.add(offset, offset + written)
        self._writeback.note(self._fd, written)

    def read_into(self, view: memoryview, offset: int) -> int:
        """Fill ``view`` from ``offset`` on and return how many bytes there were."""
        if not self._seeks:
            return os.preadv(self._fd, [view], offset)
        with self._seeking:
            os.lseek(self._fd, offset, os.SEEK_SET)
            data = os.read(self._fd, len(view))
        view[: len(data)] = data
        return len(data)

    @property
    def taken(self) -> bool:
        """Whether something stands under the final name."""
        return os.path.lexists(self.path)

    def commit(self, size: int) -> os.stat_result:
        """Make the file durable, put it under its final name, in one step, and return what there was to be seen of it.

        Raises:
            OSError: That cannot be done; or what stands under the partial name is not, or not only, what was written.
        """
        self._writeback.finish()
        self._require(size)
        os.ftruncate(self._fd, size)  # cuts off what an earlier version of the object left behind its end
        os.fsync(self._fd)
        if not self._is_ours or is_shared(self._fd):
            self._is_of_use = False  # what the journal tells is not about the file that has the name
            raise OSError(errno.EBUSY, "the partial file or its journal was replaced by another program")
        seen = os.fstat(self._fd)  # under its final name others may change it at once
        self._close_file()
        self._part.replace(self.path)
        if self._syncs_folder:
            sync_folder(self.path.parent)
        self._journal.discard()
        return seen

    def discard(self) -> None:
        """Remove the partial file and the journal."""
        ours = self._is_ours
        self._close_file()
        if ours:
            self._part.unlink(missing_ok=True)
        self._journal.discard()

    @property
    def _is_ours(self) -> bool:
        """Whether the names stand for what was opened and locked: else they are somebody else's."""
        return self._journal.in_place and is_at(self._fd, self._part)

    def _require(self, size: int) -> None:
        if os.fstat(self._fd).st_size < size:
            self._is_of_use = False  # written further it would have a hole that the journal does not tell of
            raise OSError(errno.EBUSY, "the partial file was cut off by another program")

    def close(self) -> None:
        """Give the files and the lock up; what has arrived stays, unless nobody could go on with it."""
        if self._fd >= 0 and (not self._is_of_use or os.fstat(self._fd).st_size == 0):
            with contextlib.suppress(OSError):
                self.discard()
        self._close_file()
        self._journal.close()

    def _write_some(self, data: memoryview, offset: int) -> int:
        if not self._seeks:
            return os.pwrite(self._fd, data, offset)
        with self._seeking:
            os.lseek(self._fd, offset, os.SEEK_SET)
            return os.write(self._fd, data)

    def _close_file(self) -> None:
        self._writeback.abandon()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _open_own(path: Path) -> int:
    """Open the partial file, a fresh one if what stands there is another file as well."""
    while True:
        fd = os.open(path, _FLAGS, 0o666)
        try:
            require_regular(fd)
            if not is_shared(fd):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        path.unlink(missing_ok=True)
