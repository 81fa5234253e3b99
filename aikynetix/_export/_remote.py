"""An export's folder behind an fsspec URL, such as ``s3://bucket/videos``.

Object stores cannot append: manifest and page are kept in a temporary folder of this machine, and the manifest is
copied to the store at the end. What a copy did not get, because the export was killed, or another one that shared the
folder copied over it, is looked up again by the next export, and not fetched again.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

from .._download._destination import file_system
from ._folder import MANIFEST, PAGE, Folder


class RemoteFolder(Folder):
    """A folder of any file system that fsspec knows; without fsspec it is a `ConfigurationError`."""

    def __init__(self, url: str) -> None:
        scheme, mark, rest = url.partition("://")
        super().__init__(Path())
        self.target = f"{scheme}{mark}{rest.rstrip('/')}/"
        with self.failing("the export's folder cannot be used"):
            self._fs, root = file_system(url)
        self._root = root.rstrip("/")
        self._sizes: dict[str, int] | None = None

    def fetch(self) -> None:
        self._path = Path(mkdtemp(prefix="aikynetix-"))
        for name in (PAGE, MANIFEST):
            with self.failing("the export's folder cannot be used"), suppress(FileNotFoundError):
                self._fs.get_file(f"{self._root}/{name}", str(self._path / name))

    def open(self) -> None:
        super().open()
        self._push(MANIFEST)  # what cannot be written is better known before anything is fetched

    def size_of(self, name: str) -> int | None:
        if self._sizes is None:  # one listing, instead of a look at each video that may take a tenth of a second
            with self.failing("the export's folder cannot be used"):
                self._fs.invalidate_cache()
                found = self._fs.ls(self._root, detail=True)
            self._sizes = {one["name"].rpartition("/")[2]: one["size"] for one in found}
        return self._sizes.get(name)

    def path_of(self, name: str) -> str:
        return f"{self.target}{name}"

    def write_page(self) -> None:
        super().write_page()
        self._push(PAGE)

    def close(self) -> None:
        try:
            is_open = self._file is not None
            super().close()
            if is_open:
                self._push(MANIFEST)
        finally:
            if self._path.is_absolute():
                shutil.rmtree(self._path, ignore_errors=True)

    def _push(self, name: str) -> None:
        """Copy a file to the store, in a folder that is made where the store misses it.

        Not beforehand: in an object store the only folder that can be missing is a bucket, and fsspec would make one of
        a name that was mistyped.
        """
        with self.failing(f"{name} cannot be written"):
            here, there = str(self._path / name), f"{self._root}/{name}"
            try:
                self._fs.put_file(here, there)
            except FileNotFoundError:
                self._fs.makedirs(self._root, exist_ok=True)
                self._fs.put_file(here, there)
