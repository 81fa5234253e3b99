"""Where an export goes: the videos' folder, with its manifest and its page."""

from __future__ import annotations

import errno
import os
import stat
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from .._errors import AikynetixError, DownloadError
from ._record import LONGEST_LINE, MANIFEST

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path

PAGE = "index.html"

# Every version of the page has it in so many bytes.
_MARK, _HEAD = b"<title>Analyzed videos</title>", 4_096
# A link could lead to a file that is not the export's to write to, and opening a pipe may never end.
_WARY = sum(getattr(os, name, 0) for name in ("O_CLOEXEC", "O_BINARY", "O_NOFOLLOW", "O_NONBLOCK"))


class Folder:
    """A folder of this machine, used from one thread at a time. Methods raise `DownloadError` where it cannot be used.

    A line of the manifest is appended by a single write, so that no other process's line can come between. Lines are
    made durable at the end only: one that is lost with the power costs a look at a video that is there, no more.

    Attributes:
        target: What to give to `download` as the folder.

    Args:
        path: The folder, absolute.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.target = f"{path}{os.sep}"
        self._fd = -1
        self._may_be_torn = True
        self._known = 0  # bytes of the manifest that were read or written here

    def open(self) -> None:
        """Make the folder if need be, make ready to append to its manifest, and refuse to replace a foreign page."""
        with self.failing("the export's folder cannot be used"):
            self._path.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError), (self._path / PAGE).open("rb") as page:
                head = page.read(_HEAD)
                if head and _MARK not in head:
                    raise self.failure(f"{PAGE} there was not made by an export; name another folder, or move it away")
            self._fd = self._opened(os.O_RDWR | os.O_CREAT | os.O_APPEND)

    def manifest(self) -> Iterator[bytes]:
        """Yield the lines of the manifest, oldest first, in pieces of a bounded length."""
        with self.failing("the export's manifest cannot be read"), suppress(FileNotFoundError):
            fd = self._opened(os.O_RDONLY)
            self._known = 0
            with os.fdopen(fd, "rb") as file:
                while line := file.readline(LONGEST_LINE + 1):
                    self._known += len(line)
                    yield line

    def news(self) -> Iterator[bytes]:
        """Yield nothing while this export alone has written to the manifest, and else all of it."""
        with self.failing("the export's manifest cannot be read"):
            if os.fstat(self._fd).st_size != self._known:
                yield from self.manifest()

    def append(self, line: bytes) -> None:
        """Add a line, line end included, to the manifest."""
        with self.failing("the export's manifest cannot be written"):
            whole = b"\n" + line if self._may_be_torn and _is_cut_off(self._fd) else line
            self._may_be_torn = True  # Ctrl-C may come before or after the line is written
            if os.write(self._fd, whole) != len(whole):
                raise OSError(errno.ENOSPC, "no space is left")
            self._may_be_torn = False
            self._known += len(whole)

    def size_of(self, name: str) -> int | None:
        """Return the size in bytes of the file ``name`` in this folder, None when there is no such file."""
        with suppress(OSError, ValueError):
            found = (self._path / name).stat()
            return found.st_size if stat.S_ISREG(found.st_mode) else None
        return None

    def path_of(self, name: str) -> Path | str:
        """Return where the file ``name`` of this folder is, for the caller."""
        return self._path / name

    def write_page(self, text: Iterable[str]) -> None:
        """Put the page in place, complete or not at all."""
        draft = self._path / f"{PAGE}.{uuid.uuid4().hex}.part"
        with self.failing(f"{PAGE} cannot be written"):
            try:
                with draft.open("w", encoding="utf-8") as file:
                    file.writelines(text)
                draft.replace(self._path / PAGE)
            finally:
                draft.unlink(missing_ok=True)

    def close(self) -> None:
        """Make the manifest durable and give everything up. Closing twice is fine."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with suppress(OSError):  # some file systems cannot, and then the lines are as safe as they can be
                os.fsync(fd)
            os.close(fd)

    def failure(self, what: str, error: BaseException | None = None) -> DownloadError:
        """Return the exception for a folder that cannot be used."""
        why = "" if error is None else getattr(error, "strerror", None) or type(error).__name__
        if isinstance(error, FileExistsError | NotADirectoryError):
            why = "there is a file in its place; name a folder"
        where = self.path_of("")
        return DownloadError(f"{what}{': ' if why else ''}{why} ({where})", session_id="", path=where)

    @contextmanager
    def failing(self, what: str) -> Generator[None]:
        """Raise what the file system says as a `DownloadError`; those of fsspec raise exceptions of their own."""
        try:
            yield
        except AikynetixError:
            raise
        except Exception as error:
            raise self.failure(what, error) from error

    def _opened(self, flags: int) -> int:
        """Open the manifest, and refuse what is no file of its own."""
        fd = os.open(self._path / MANIFEST, flags | _WARY, 0o666)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return fd
        os.close(fd)
        raise OSError(errno.EINVAL, f"{MANIFEST} is no regular file")


def _is_cut_off(fd: int) -> bool:
    """Return whether the last line of a file was cut off."""
    size = os.fstat(fd).st_size
    if size == 0:
        return False
    os.lseek(fd, size - 1, os.SEEK_SET)
    return os.read(fd, 1) != b"\n"
