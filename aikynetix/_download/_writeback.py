"""Bytes on their way to the disk while others still come over the wire.

Left to the end, the one ``fsync`` before the final name would take nearly as long as the whole download: the system
keeps what is written to it in memory for half a minute.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from threading import Condition, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_STRETCH = 16 * 1024 * 1024
"""Bytes after which the disk is set to work."""


class Writeback:
    """Has a growing file written to the disk, stretch by stretch, in a thread that starts with the first of them."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting = 0
        self._ended = not hasattr(os, "fdatasync")  # macOS and Windows have none
        self._error: OSError | None = None
        self._thread: Thread | None = None

    def note(self, fd: int, count: int) -> None:
        """Take in that ``count`` bytes were written to the file ``fd``."""
        with self._changed:
            self._waiting += count
            if self._ended or self._waiting < _STRETCH:
                return
            if self._thread is None:
                self._start(fd)
            self._changed.notify()

    def abandon(self) -> None:
        """Have the thread end when the disk has taken what it is at; nobody waits for it."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def finish(self) -> None:
        """Wait for the thread to end.

        Raises:
            OSError: The disk did not take some of the bytes. The system says so only once for each open file.
        """
        self.abandon()
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def _start(self, fd: int) -> None:
        own = os.dup(fd)  # which stays what it is when the file is closed and its number goes to another
        self._thread = Thread(target=self._run, args=(own,), name="aikynetix-writeback", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the system gives no more threads; the end will take longer
            self._ended, self._thread = True, None
            os.close(own)

    def _run(self, fd: int) -> None:
        try:
            while self._has_more():
                os.fdatasync(fd)
        except OSError as error:
            self._error = error
        finally:
            os.close(fd)

    def _has_more(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._waiting >= _STRETCH)
            self._waiting = 0
            return not self._ended


def sync_folder(folder: Path) -> None:
    """Make the new name durable too; Windows has no way to, and some file systems refuse."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
