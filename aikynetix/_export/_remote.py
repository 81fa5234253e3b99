"""An export's folder behind an fsspec URL, such as ``s3://bucket/videos``.

Object stores cannot append. New lines are collected and written as objects of their own below ``manifest.jsonl.d/``,
one every few seconds; at the end they are merged into ``manifest.jsonl``. An export that ends before that leaves them
where the next one reads them; what it had not yet written down, seconds of it, is fetched again. So it is with lines
lost because two exports merged the same folder's manifest in the same instant, which no object store can prevent.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from .._causes import detached
from .._download._remote import file_system, move, open_new
from .._errors import AikynetixError
from . import _manifest
from ._folder import PAGE, Folder, failure

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path

_FLUSH_SECONDS = 5.0
_FLUSH_BYTES = 64 * 1024
_COPY = 1024 * 1024


class RemoteFolder(Folder):
    """A folder of any file system that fsspec knows.

    Args:
        url: The folder's URL.

    Raises:
        ConfigurationError: fsspec, or what it needs for this URL, is not installed.
        DownloadError: The file system cannot be reached.
    """

    is_local = False

    def __init__(self, url: str) -> None:
        scheme, mark, rest = url.partition("://")
        self._url = scheme + mark + rest.rstrip("/")
        self.target = f"{self._url}/"
        with self._failing("the export's folder cannot be used"):
            self._fs, root = file_system(url)
        self._root = root.rstrip("/")
        self._segments = f"{self._root}/{_manifest.NAME}.d"
        self._run = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}"
        self._count = 0
        self._waiting: list[bytes] = []
        self._flushed_at = time.monotonic()

    def open(self) -> None:
        probe = f"{self._segments}/{self._run}.probe"
        with self._failing("the export's folder cannot be used"):
            open_new(self._fs, probe).close()  # what cannot be written is better known before anything is fetched
            self._fs.rm_file(probe)

    def manifest(self) -> Iterator[bytes]:
        with self._failing("the export's manifest cannot be read"):
            for path in [f"{self._root}/{_manifest.NAME}", *self._segment_paths()]:
                with suppress(FileNotFoundError), self._fs.open(path, "rb") as file:
                    yield from _lines_of(file)

    def append(self, line: bytes) -> None:
        self._waiting.append(line)
        late = time.monotonic() - self._flushed_at > _FLUSH_SECONDS
        if late or sum(map(len, self._waiting)) > _FLUSH_BYTES:
            self._flush()

    def size_of(self, name: str) -> int | None:
        try:
            info = self._fs.info(f"{self._root}/{name}")
        except Exception:  # what cannot be seen is not there; the download then says what is wrong
            return None
        size = info.get("size") if info.get("type") == "file" else None
        return size if isinstance(size, int) else None

    def path_of(self, name: str) -> str:
        return f"{self._url}/{name}"

    def name_of(self, path: Path | str) -> str | None:
        inside: str = self._fs._strip_protocol(str(path))  # a file system may have several spellings of a URL
        return inside[len(self._root) + 1 :] if inside.startswith(f"{self._root}/") else None

    def write_page(self, text: Iterable[str]) -> None:
        with self._failing(f"{PAGE} cannot be written"), open_new(self._fs, f"{self._root}/{PAGE}") as file:
            for part in text:
                file.write(part.encode())

    def close(self) -> None:
        if not self._waiting and not self._count:
            return
        self._flush()
        with self._failing("the export's manifest cannot be written"):
            self._merge()
        self._count = 0

    def _flush(self) -> None:
        if not self._waiting:
            return
        path = f"{self._segments}/{self._run}-{self._count:08d}.jsonl"
        with self._failing("the export's manifest cannot be written"), open_new(self._fs, path) as file:
            file.write(b"".join(self._waiting))
        self._count += 1
        self._waiting.clear()
        self._flushed_at = time.monotonic()

    def _merge(self) -> None:
        merged, final = f"{self._segments}/{self._run}.merged", f"{self._root}/{_manifest.NAME}"
        segments = self._segment_paths()
        with tempfile.TemporaryFile() as news, self._fs.open(merged, "wb") as target:
            # What is gone from here when its turn comes, another export has merged: it is in the manifest read after.
            for path in segments:
                self._copy(path, news)
            self._copy(final, target)
            news.seek(0)
            shutil.copyfileobj(news, target, _COPY)
        move(self._fs, merged, final)
        for path in segments:
            with suppress(FileNotFoundError):  # an export that ran beside this one has merged it as well
                self._fs.rm_file(path)

    def _copy(self, path: str, target: Any) -> None:
        """Add the lines in ``path``, if it is there, to ``target``."""
        last = b"\n"
        with suppress(FileNotFoundError), self._fs.open(path, "rb") as source:
            while block := source.read(_COPY):
                target.write(block)
                last = block[-1:]
        if last != b"\n":
            target.write(b"\n")

    def _segment_paths(self) -> list[str]:
        """Return the objects with lines that are in no manifest yet, oldest first."""
        self._fs.invalidate_cache()
        try:
            found = self._fs.ls(self._segments, detail=False)
        except FileNotFoundError:
            return []
        return sorted(path for path in found if path.endswith(".jsonl"))

    @contextmanager
    def _failing(self, what: str) -> Generator[None]:
        try:
            yield
        except AikynetixError:
            raise
        except Exception as error:  # every file system of fsspec raises exceptions of its own
            failed, cause = failure(what, self._url, error), detached(error)
            raise failed from cause


def _lines_of(file: Any) -> Iterator[bytes]:
    """Yield the lines of ``file`` as `lines_of` does, by nothing but its ``read``.

    The ``readline`` of many of fsspec's files, those of S3 and Cloud Storage among them, takes no bound.
    """
    rest: bytes = b""
    while block := file.read(_manifest.LONGEST_LINE):
        *lines, rest = (rest + block).split(b"\n")
        yield from (line + b"\n" for line in lines)
        if len(rest) > _manifest.LONGEST_LINE:
            yield rest
            rest = b""
    if rest:
        yield rest
