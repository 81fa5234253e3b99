"""Where an export goes: the videos' folder, with its manifest and its page."""

from __future__ import annotations

import errno
import os
import stat
import time
import uuid
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .._causes import detached
from .._download._locks import Busy, lock, unlock
from .._download._writeback import sync_folder
from .._errors import AikynetixError, DownloadError
from . import _manifest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

PAGE = "index.html"

# Another export's page may take this long, in seconds; whoever holds the lock for longer hangs.
_LONGEST_TURN = 10.0
_POLL = 0.005

_COMMON = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# A link could lead to a file that is not the export's to write to, and opening a pipe may never end.
_WARY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND | _COMMON | _WARY
_READ = os.O_RDONLY | _COMMON | _WARY


class Folder(ABC):
    """A place for videos, used from one thread at a time.

    Attributes:
        target: What to give the download engine as the folder to write to.
        is_local: Whether looking at a file costs next to nothing.
    """

    target: str
    is_local: bool

    @abstractmethod
    def open(self) -> None:
        """Make the folder if need be, and make ready to append to its manifest.

        Raises:
            DownloadError: The folder or the manifest cannot be written to. So do all methods.
        """

    @abstractmethod
    def manifest(self) -> Iterator[bytes]:
        """Yield the lines of the manifest, oldest first; of a line that is too long only parts come."""

    @abstractmethod
    def append(self, line: bytes) -> None:
        """Add a line, line end included, to the manifest."""

    def news(self) -> Iterator[bytes]:
        """Yield what the manifest got since `open`, if another export has added to it; else nothing."""
        yield from ()

    @contextmanager
    def page_turn(self) -> Generator[None]:
        """Keep other exports from writing their page in a ``with`` block, as far as that can be."""
        yield

    @abstractmethod
    def size_of(self, name: str) -> int | None:
        """Return the size in bytes of the file ``name`` in this folder, None when there is no such file."""

    @abstractmethod
    def path_of(self, name: str) -> Path | str:
        """Return where the file ``name`` of this folder is, for the caller."""

    @abstractmethod
    def name_of(self, path: Path | str) -> str | None:
        """Return the name in this folder of a file that the engine wrote, None when it is not in it."""

    @abstractmethod
    def write_page(self, text: Iterable[str]) -> None:
        """Put the page in place, complete or not at all."""

    @abstractmethod
    def close(self) -> None:
        """Make the manifest durable and give everything up. Closing twice is fine."""


class LocalFolder(Folder):
    """A folder of this machine.

    A line of the manifest is appended by a single write, so that no other process's line can come between. Lines, and
    the videos' names, are made durable at the end only: one that is lost with the power costs a video to be fetched
    again, no more.

    Args:
        path: The folder.
    """

    is_local = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self.target = f"{path}{os.sep}"
        self._fd = -1
        self._may_be_torn = True
        self._opened_at = self._added = 0

    def open(self) -> None:
        with failing("the export's folder cannot be used", self._path):
            self._path.mkdir(parents=True, exist_ok=True)
            self._fd = self._opened(_APPEND)
            self._opened_at = os.fstat(self._fd).st_size

    def manifest(self) -> Iterator[bytes]:
        try:
            with os.fdopen(self._opened(_READ), "rb") as file:
                yield from lines_of(file)
        except FileNotFoundError:
            return
        except OSError as error:
            raise failure("the export's manifest cannot be read", self._path, error) from detached(error)

    def append(self, line: bytes) -> None:
        with failing("the export's manifest cannot be written", self._path):
            whole = b"\n" + line if self._may_be_torn and _is_cut_off(self._fd) else line
            self._may_be_torn = True  # Ctrl-C may come before or after the line is written
            if os.write(self._fd, whole) == len(whole):
                self._may_be_torn = False
                self._added += len(whole)
                return
        raise failure("the export's manifest cannot be written: no space is left", self._path, None)

    def news(self) -> Iterator[bytes]:
        with failing("the export's manifest cannot be read", self._path):
            if os.fstat(self._fd).st_size == self._opened_at + self._added:
                return
            with os.fdopen(self._opened(_READ), "rb") as file:
                file.seek(self._opened_at)
                yield from lines_of(file)

    @contextmanager
    def page_turn(self) -> Generator[None]:
        end = time.monotonic() + _LONGEST_TURN
        while not self._locked() and time.monotonic() < end:
            time.sleep(_POLL)
        try:
            yield
        finally:
            unlock(self._fd)

    def size_of(self, name: str) -> int | None:
        try:
            found = (self._path / name).stat()
        except (OSError, ValueError):
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def path_of(self, name: str) -> Path:
        return self._path / name

    def name_of(self, path: Path | str) -> str | None:
        try:
            return Path(path).relative_to(self._path).as_posix()
        except ValueError:
            return None

    def write_page(self, text: Iterable[str]) -> None:
        draft = self._path / f"{PAGE}.{uuid.uuid4().hex}.part"
        with failing(f"{PAGE} cannot be written", self._path):
            try:
                with draft.open("w", encoding="utf-8") as file:
                    file.writelines(text)
                draft.replace(self._path / PAGE)
            finally:
                draft.unlink(missing_ok=True)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with suppress(OSError):  # some file systems cannot, and then the lines are as safe as they can be
                os.fsync(fd)
            os.close(fd)
            sync_folder(self._path)

    def _locked(self) -> bool:
        try:
            lock(self._fd)
        except Busy:
            return False
        return True

    def _opened(self, flags: int) -> int:
        """Open the manifest, and refuse what is no file of its own."""
        try:
            fd = os.open(self._path / _manifest.NAME, flags, 0o666)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise OSError(errno.ELOOP, f"{_manifest.NAME} is a symbolic link") from None
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return fd
        os.close(fd)
        raise OSError(errno.EINVAL, f"{_manifest.NAME} is no regular file")


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of ``file`` in pieces of a bounded length, so that a line without end takes no memory."""
    while line := file.readline(_manifest.LONGEST_LINE + 1):
        yield line


def failure(what: str, where: Path | str, error: BaseException | None) -> DownloadError:
    """Return the exception for a folder that cannot be used."""
    why = getattr(error, "strerror", None) or (type(error).__name__ if error is not None else "")
    if isinstance(error, FileExistsError | NotADirectoryError):
        why = "there is a file in its place; name a folder"
    return DownloadError(f"{what}{': ' if why else ''}{why} ({where})", session_id="", path=where)


@contextmanager
def failing(what: str, where: Path) -> Generator[None]:
    """Raise what the operating system says of a folder as a `DownloadError`."""
    try:
        yield
    except AikynetixError:
        raise
    except OSError as error:
        failed, cause = failure(what, where, error), detached(error)
        raise failed from cause


def _is_cut_off(fd: int) -> bool:
    """Return whether the last line of a file was cut off."""
    size = os.fstat(fd).st_size
    if size == 0:
        return False
    os.lseek(fd, size - 1, os.SEEK_SET)
    return os.read(fd, 1) != b"\n"
