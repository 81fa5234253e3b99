"""Where an export goes: the videos' folder, with its manifest and its page."""

from __future__ import annotations

import errno
import os
import stat
import uuid
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from .._errors import AikynetixError, DownloadError
from ._record import LONGEST_LINE, ExportRecord, ExportStatus, dump, load

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from io import BufferedReader, FileIO

MANIFEST, PAGE = "manifest.jsonl", "index.html"

# Every version of the page has it in so many bytes.
_MARK, _HEAD = b"<title>Analyzed videos</title>", 4_096


class Folder:
    """A folder of this machine, used from one thread at a time. Methods raise `DownloadError` where it cannot be used.

    Of a session its id is in memory, and where its last record stands in the manifest. Lines are appended by a single
    write each, so that those of other processes come before or after; they are made durable at the end only, because
    one that is lost with the power costs a look at a video that is there.

    Iterating gives the last record of every session, those of the list first and in its order, with the names of the
    files as their paths.

    Attributes:
        target: What to give to `download` as the folder.

    Args:
        path: The folder, absolute.
    """

    def __init__(self, path: Path) -> None:
        self._path, self.target = path, f"{path}{os.sep}"
        self._file: FileIO | None = None
        self._reader: BufferedReader | None = None
        self._places: dict[str, int] = {}
        self._seen: dict[str, None] = {}
        self._read_to, self._has_lines = 0, False

    def open(self) -> None:
        """Make the folder if need be, read its manifest, and refuse to replace a page or manifest that is not ours."""
        with self.failing("the export's folder cannot be used"):
            self._path.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError), (self._path / PAGE).open("rb") as page:
                head = page.read(_HEAD)
                if head and _MARK not in head:
                    raise self._failure(f"{PAGE} there was not made by an export; name another folder, or move it away")
            self.read()
            if self._has_lines and not self._places:
                raise self._failure(f"{MANIFEST} there is not an export's; name another folder, or move it away")
            self._file = (self._path / MANIFEST).open("a+b", buffering=0)

    def read(self) -> None:
        """Take in what the manifest has got since it was read last."""
        with (
            self.failing("the export's manifest cannot be read"),
            suppress(FileNotFoundError),
            (self._path / MANIFEST).open("rb") as file,
        ):
            file.seek(self._read_to)
            while line := file.readline(LONGEST_LINE + 1):
                record = load(line)
                if record is not None:
                    self._places[record.session_id] = self._read_to
                self._read_to += len(line)
                self._has_lines = self._has_lines or line.endswith(b"\n")  # a crash may leave a part of one

    def add_seen(self, session_id: str) -> bool:
        """Return whether the list has the session for the first time."""
        count = len(self._seen)
        self._seen.setdefault(session_id)
        return len(self._seen) > count

    def last(self, session_id: str) -> ExportRecord | None:
        """Return the session's last record; None where there is none."""
        return next(self._records([session_id]), None) if session_id in self._places else None

    def __iter__(self) -> Iterator[ExportRecord]:
        return self._records(chain(self._seen, (one for one in self._places if one not in self._seen)))

    def note(self, record: ExportRecord) -> ExportRecord:
        """Write a record down, and return it with its path as this folder has it."""
        name = None if record.path is None else Path(record.path).name
        line = dump(record, name)
        with self.failing("the export's manifest cannot be written"):
            assert self._file is not None, "it is open"
            whole = b"\n" + line if _is_cut_off(self._file) else line
            if self._file.write(whole) != len(whole):
                raise OSError(errno.ENOSPC, "no space is left")
            end = self._file.tell()
        if self._read_to == end - len(whole):
            self._read_to = end
        self._places[record.session_id] = end - len(line)
        return record if name is None else evolve(record, path=self.path_of(name))

    def there(self, last: ExportRecord | None) -> ExportRecord | None:
        """Return the record of a video that is there as it was left, None where it is not."""
        if last is None or last.path is None or self.size_of(str(last.path)) != last.size:
            return None
        path = self.path_of(str(last.path))
        return evolve(last, status=ExportStatus.ALREADY_THERE, path=path, seconds=0.0, attempts=0)

    def size_of(self, name: str) -> int | None:
        """Return the size in bytes of the file ``name``, None when there is no such file."""
        with suppress(OSError, ValueError):
            found = (self._path / name).stat()
            return found.st_size if stat.S_ISREG(found.st_mode) else None
        return None

    def path_of(self, name: str) -> Path | str:
        """Return where the file ``name`` is, for the caller."""
        return self._path / name

    def write_page(self) -> None:
        """Put the page in place, complete or not at all; again where another export has noted something meanwhile."""
        from ._page import page

        draft, known = self._path / f"{PAGE}.{uuid.uuid4().hex}.part", -1
        with self.failing(f"{PAGE} cannot be written"):
            try:
                while known != self._read_to:
                    self.read()
                    known = self._read_to
                    with draft.open("w", encoding="utf-8") as file:
                        file.writelines(page(self))
                    draft.replace(self._path / PAGE)
                    self.read()
            finally:
                draft.unlink(missing_ok=True)

    def close(self) -> None:
        """Make the manifest durable and give everything up. Closing twice is fine."""
        file, reader, self._file, self._reader = self._file, self._reader, None, None
        if reader is not None:
            reader.close()
        if file is not None:
            with file, suppress(OSError):  # some file systems cannot, and then the lines are as safe as they can be
                os.fsync(file.fileno())

    @contextmanager
    def failing(self, what: str) -> Generator[None]:
        """Raise what the file system says as a `DownloadError`; those of fsspec raise exceptions of their own."""
        try:
            yield
        except AikynetixError:
            raise
        except Exception as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            if isinstance(error, FileExistsError | NotADirectoryError):
                why = "there is a file in its place; name a folder"
            raise self._failure(f"{what}: {why}") from error

    def _failure(self, what: str) -> DownloadError:
        where = self.path_of("")
        return DownloadError(f"{what} ({where})", session_id="", path=where)

    def _records(self, session_ids: Iterable[str]) -> Iterator[ExportRecord]:
        for place in (self._places[one] for one in session_ids if one in self._places):
            if self._reader is None:
                self._reader = (self._path / MANIFEST).open("rb")
            self._reader.seek(place)
            record = load(self._reader.readline())
            if record is not None:
                yield record


def _is_cut_off(file: FileIO) -> bool:
    """Return whether the last line of a file was cut off."""
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"
