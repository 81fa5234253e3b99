"""A part behind an fsspec URL: written from front to back, and given its name when all of it is verified."""

from __future__ import annotations

import contextlib
import importlib
import uuid
from typing import TYPE_CHECKING, Any

from .._errors import ConfigurationError

if TYPE_CHECKING:
    from ._identity import Identity
    from ._plan import Span


def file_system(url: str) -> tuple[Any, str]:
    """Return the file system behind ``url``, and the path in it.

    Raises:
        ConfigurationError: fsspec, or what it needs for this kind of URL, is not installed.
        Exception: What a file system raises that cannot be reached.
    """
    scheme = url.partition("://")[0]
    try:
        url_to_fs = importlib.import_module("fsspec.core").url_to_fs
    except ImportError:
        raise ConfigurationError(
            f"a URL as the destination needs fsspec ({scheme}://): pip install 'aikynetix[fsspec]'."
        ) from None
    try:
        fs, path = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise ConfigurationError(f"fsspec cannot use {scheme}:// ({type(error).__name__}): {error}") from None
    return fs, path


def place(fs: Any, path: str, url: str, name: str) -> tuple[str, bool]:
    """Return the path of the file, and whether something stands there.

    Args:
        fs: The file system.
        path: The path in it that ``url`` names.
        url: Of a file or, with a slash at its end or as the name of an existing folder, of a folder.
        name: The file's name in a folder.
    """
    if url.endswith("/") or fs.isdir(path):
        path = f"{path.rstrip('/')}/{name}"
    return path, bool(fs.exists(path))


def open_new(fs: Any, path: str) -> Any:
    """Open a file for writing, in folders that are made where the store misses them.

    Not beforehand: in an object store the only folder that can be missing is a bucket, and fsspec would make one of a
    name that was mistyped.
    """
    try:
        return fs.open(path, "wb")
    except FileNotFoundError:
        fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        return fs.open(path, "wb")


def move(fs: Any, source: str, target: str) -> None:
    """Give the file ``source`` the name ``target``, whatever characters the two have.

    fsspec's own ``mv``, where a file system has none that it wrote itself, takes ``[``, ``*`` and ``?`` for patterns.
    """
    if type(fs).mv is not importlib.import_module("fsspec").AbstractFileSystem.mv:
        fs.mv(source, target)
        return
    fs.cp_file(source, target)
    fs.rm_file(source)


class RemotePart:
    """A file beside the final one in a file system of fsspec. A later call begins anew: it cannot be gone on with.

    There are no locks that work everywhere, so each download has a name of its own for it: two to the same place do not
    mix, and the last one to end stays.
    """

    parallel = False

    def __init__(self, fs: Any, path: str) -> None:
        self._fs, self._path, self._part = fs, path, f"{path}.{uuid.uuid4().hex[:12]}.part"
        self._file: Any = None
        self._begun = False
        self._position = 0

    def earlier(self) -> tuple[Identity, list[Span]] | None:
        """Return None."""
        return None

    def begin(self, identity: Identity) -> None:  # noqa: ARG002 - it keeps no journal
        """Start from the first byte."""
        self._drop()
        self._file, self._position, self._begun = open_new(self._fs, self._part), 0, True

    def lacks_space(self, count: int) -> bool:  # noqa: ARG002 - nobody tells how much room there is
        """Return False."""
        return False

    def write(self, offset: int, data: memoryview) -> None:
        """Write all of ``data``, which must follow what was written before."""
        if offset != self._position:
            raise OSError("a remote file is written from front to back only")
        self._file.write(bytes(data))
        self._position += len(data)

    def read_into(self, view: memoryview, offset: int) -> int:  # noqa: ARG002 - it refuses
        """Refuse: what was written cannot be read yet."""
        raise OSError("a remote file that is being written cannot be read")

    @property
    def taken(self) -> bool:
        """Whether something stands under the final name."""
        return bool(self._fs.exists(self._path))

    def commit(self, size: int) -> None:
        """Close the file and give it its name."""
        file, self._file = self._file, None
        file.close()
        found = self._fs.info(self._part)["size"]
        if found is not None and found != size:
            raise OSError(f"{found} of {size} bytes arrived there")
        move(self._fs, self._part, self._path)
        self._begun = False

    def discard(self) -> None:
        """Remove the part."""
        self._drop()

    def close(self) -> None:
        """Remove the part if it was not committed."""
        self._drop()

    def _drop(self) -> None:
        if not self._begun:
            return
        file, self._file, self._begun = self._file, None, False
        if file is not None:
            with contextlib.suppress(Exception):
                file.close()
        with contextlib.suppress(Exception):
            self._fs.rm_file(self._part)
