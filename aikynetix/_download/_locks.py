"""Locks on open files, which end with them: also when the process is killed."""

from __future__ import annotations

import contextlib
import os
import sys


class Busy(Exception):
    """Another process, or another thread of this one, has the lock."""


if sys.platform == "win32":
    import msvcrt

    def lock(fd: int) -> None:
        """Lock an open file, see below."""
        # Locks bind there: one far behind the end of the file hinders nobody's reading.
        os.lseek(fd, 2**62, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise Busy from error

    def unlock(fd: int) -> None:
        """Do nothing: the lock ends with the file, which no child inherits there."""
else:
    import fcntl

    def lock(fd: int) -> None:
        """Lock an open file; on a file system without locks, do nothing: better without this guard than not at all.

        Raises:
            Busy: Somebody else has.
        """
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy from error
        except OSError:
            return

    def unlock(fd: int) -> None:
        """Give the lock up, if it is held."""
        with contextlib.suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_UN)
