"""Where an export goes: the videos' folder, with its manifest and its page."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import stat
import time
import uuid
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from attrs import evolve

from .._download._destination import file_system, open_new
from .._errors import AikynetixError, DownloadError
from .._redact import without_user_info
from ._page import page
from ._record import BEGINNING, LONGEST_LINE, ExportRecord, ExportStatus, dump, load

if TYPE_CHECKING:
    from collections.abc import Container, Generator, Iterator
    from io import BufferedReader, FileIO

MANIFEST, PAGE = "manifest.jsonl", "index.html"

# Every version of the page has it in so many bytes.
_MARK, _HEAD = b"<title>Analyzed videos</title>", 4_096
_SHARE_EVERY = 30  # times the time that it takes to copy a manifest


class Folder:
    """A folder of this machine, used from one thread at a time. Methods raise `DownloadError` where it cannot be used.

    Of a session its id is in memory, and where its last record stands in the manifest. Lines are appended by a single
    write each, so that those of other processes come before or after; they are made durable at the end only, because
    one that is lost with the power costs a look at a video that is there.

    Iterating gives the last record of every session, those of the list first and in its order, with the names of the
    files as their paths.
    """

    def __init__(self, path: Path) -> None:
        self._path, self.target = path, f"{path}{os.sep}"  # what to give to `download` as the folder
        self._file: FileIO | None = None
        self._reader: BufferedReader | None = None
        self._offsets: dict[str, int] = {}
        self._seen: dict[str, object] = {}
        self._before: Container[str] = ()  # names of the files that were there when it was opened
        self._read_to, self._is_cut_off = 0, False  # by a crash in the middle of a line

    def open(self, *, is_dry: bool = False) -> None:
        """Read the manifest, and refuse a page or a manifest that no export made; make the folder unless ``is_dry``."""
        with self.failing("the export's folder cannot be used"):
            if not is_dry:
                self._path.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError), (self._path / PAGE).open("rb") as file:
                head = file.read(_HEAD)
                if head and _MARK not in head:
                    raise self._failure(f"{PAGE} there was not made by an export; name another folder, or move it away")
            self._before = {path.name for path in self._path.glob("*")}
            self.read()
            if self._read_to and not self._offsets:
                raise self._failure(f"{MANIFEST} there is not an export's; name another folder, or move it away")
            if not is_dry:
                self._file = (self._path / MANIFEST).open("ab", buffering=0)

    def read(self) -> None:
        """Take in what the manifest has got since it was read last."""
        with self.failing("the export's manifest cannot be read"), suppress(FileNotFoundError):
            if self._reader is None:
                self._reader = (self._path / MANIFEST).open("rb")
            self._reader.seek(self._read_to)
            while line := self._reader.readline(LONGEST_LINE + 1):
                self._is_cut_off = len(line) <= LONGEST_LINE and not line.endswith(b"\n")
                if self._is_cut_off and BEGINNING.startswith(line[: len(BEGINNING)]):
                    break
                record = load(line)
                if record is not None:
                    self._offsets[record.session_id] = self._read_to
                self._read_to += len(line)

    def add_seen(self, session_id: str, analysis: object = None) -> bool:
        """Return whether the list has the session for the first time."""
        is_new = session_id not in self._seen
        if self._seen.setdefault(session_id, analysis) != analysis:
            logging.getLogger("aikynetix").warning("%r is listed for several analyses: the first counts", session_id)
        return is_new

    def last(self, session_id: str) -> ExportRecord | None:
        """Return the session's last record; None where there is none."""
        if session_id not in self._offsets or self._reader is None:
            return None
        self._reader.seek(self._offsets[session_id])
        return load(self._reader.readline())

    def __iter__(self) -> Iterator[ExportRecord]:
        others = (one for one in self._offsets if one not in self._seen)
        return filter(None, map(self.last, chain(self._seen, others)))

    def note(self, record: ExportRecord) -> ExportRecord:
        """Write a record down, and return it with its path as this folder has it."""
        name = None if record.path is None else Path(record.path).name
        self.read()
        with self.failing("the export's manifest cannot be written"):
            assert self._file is not None, "it is open"
            line = b"\n" * self._is_cut_off + dump(record, name)
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, "no space is left")
        return record if name is None else evolve(record, path=self.path_of(name))

    def there(self, last: ExportRecord | None) -> ExportRecord | None:
        """Return the record of a video that is there as it was left, None where it is not."""
        if last is None or last.path is None or self.size_of(str(last.path)) != last.size:
            return None
        path = self.path_of(str(last.path))
        return evolve(last, status=ExportStatus.ALREADY_THERE, path=path, seconds=0.0, attempts=0)

    def found(self, record: ExportRecord) -> ExportRecord | None:
        """Return the record of a file that stood in the way of a download; None where no export has made it.

        Another export has noted it meanwhile, or it is not in the manifest yet and has come since `open`.
        """
        self.read()
        came = None if Path(str(record.path)).name in self._before else record
        return self.there(self.last(record.session_id)) or came

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
        """Put the page in place, complete or not at all."""
        self.read()
        draft = self._path / f"{PAGE}.{uuid.uuid4().hex}.part"
        with self.failing(f"{PAGE} cannot be written"):
            try:
                with draft.open("w", encoding="utf-8") as file:
                    file.writelines(page(self))
                draft.replace(self._path / PAGE)
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


class RemoteFolder(Folder):
    """A folder behind an fsspec URL, such as ``s3://bucket/videos``; without fsspec it is a `ConfigurationError`.

    Object stores cannot append: manifest and page are kept in a temporary folder of this machine, and the manifest is
    copied to the store now and then, with what others have put there, and at the end. What a copy did not get, because
    the export was killed, is fetched again by the next export.
    """

    def __init__(self, url: str) -> None:
        scheme, mark, rest = url.partition("://")
        super().__init__(Path())
        self.target = f"{scheme}{mark}{rest.rstrip('/')}/"
        with self.failing("the export's folder cannot be used"):
            self._fs, root = file_system(url)
        self._root = root.rstrip("/")
        self._sizes: dict[str, int] = {}
        self._share_at = 0.0

    def open(self, *, is_dry: bool = False) -> None:
        self._path = Path(mkdtemp(prefix="aikynetix-"))
        with self.failing("the export's folder cannot be used"), suppress(FileNotFoundError):
            # One listing, instead of a look at each video that may take a tenth of a second.
            self._fs.invalidate_cache()
            self._sizes = {
                each["name"].rpartition("/")[2]: each["size"] for each in self._fs.ls(self._root, detail=True)
            }
            for name in {PAGE, MANIFEST} & self._sizes.keys():
                self._fs.get_file(f"{self._root}/{name}", str(self._path / name))
        super().open(is_dry=is_dry)
        self._before = self._sizes
        if not is_dry:
            self._push(MANIFEST)  # what cannot be written is better known before anything is fetched

    def note(self, record: ExportRecord) -> ExportRecord:
        noted, began = super().note(record), time.monotonic()
        if began >= self._share_at:
            with suppress(AikynetixError):  # it may be written yet at the end
                self._merge()
                self._push(MANIFEST)
            self._share_at = began + _SHARE_EVERY * (time.monotonic() - began)
        return noted

    def size_of(self, name: str) -> int | None:
        return self._sizes.get(name)

    def path_of(self, name: str) -> str:
        return f"{without_user_info(self.target)}{name}"

    def write_page(self) -> None:
        self._merge()
        super().write_page()
        self._push(PAGE)

    def close(self) -> None:
        try:
            if self._file is not None:
                self._push(MANIFEST)
        finally:
            super().close()
            if self._path.is_absolute():
                shutil.rmtree(self._path, ignore_errors=True)

    def _merge(self) -> None:
        """Take in what other exports have put into the store's manifest."""
        with self.failing("the export's manifest cannot be read"), suppress(FileNotFoundError):
            self.read()
            for record in filter(None, map(load, self._fs.cat_file(f"{self._root}/{MANIFEST}").splitlines())):
                ours = self.last(record.session_id)
                if ours is None or ours.finished_at < record.finished_at:
                    super().note(record)

    def _push(self, name: str) -> None:
        """Copy a file to the store."""
        with (
            self.failing(f"{name} cannot be written"),
            (self._path / name).open("rb") as source,
            open_new(self._fs, f"{self._root}/{name}") as copy,
        ):
            shutil.copyfileobj(source, copy)
