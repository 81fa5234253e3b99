"""Putting a new package in the place of the committed one, whole or not at all."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.regen._verify import tree_files

if TYPE_CHECKING:
    from collections.abc import Generator

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # renameat2(2): swap two paths in one step
_STAGING_PREFIX = ".regen-"


def publish(package: Path, destination: Path) -> bool:
    """Replace `destination` by `package`; readers see the old tree or the new one, never a mixture.

    Args:
        package: The new package, anywhere.
        destination: Its place; may not exist yet.

    Returns:
        Whether anything changed.
    """
    if destination.is_dir() and tree_files(destination) == tree_files(package):
        return False
    destination.parent.mkdir(parents=True, exist_ok=True)
    with _alone(destination.parent):
        _sweep(destination.parent)
        staging = Path(tempfile.mkdtemp(prefix=_STAGING_PREFIX, dir=destination.parent))
        try:
            fresh = staging / destination.name
            shutil.copytree(package, fresh)
            with _undisturbed():
                _swap(fresh, destination, staging / "old")
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return True


@contextlib.contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Keep a second run out, with a lock on the folder itself so that no lock file is left."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _swap(fresh: Path, destination: Path, aside: Path) -> None:
    if not destination.exists():
        fresh.rename(destination)
        return
    if _exchange(fresh, destination):
        return
    destination.rename(aside)
    try:
        fresh.rename(destination)
    except BaseException:
        aside.rename(destination)
        raise


def _exchange(one: Path, other: Path) -> bool:
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    done = renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    if done != 0 and ctypes.get_errno() not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM, errno.EXDEV):
        raise OSError(ctypes.get_errno(), f"cannot replace {other}")
    return int(done) == 0


def _sweep(folder: Path) -> None:
    """Remove what a run that was killed outright left behind."""
    for left in folder.glob(f"{_STAGING_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _undisturbed() -> Generator[None]:
    """Hold back interruptions for the moment of the exchange."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
