"""Where a download goes: a file or a folder on this machine, or a place behind an fsspec URL."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import re
import tempfile
import unicodedata
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from attrs import frozen

from .._errors import ConfigurationError
from .._signed_url import safe_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._models import AnalyzedVideo
    from ._partial import PartialFile

_REMOTE = re.compile(r"[a-z][a-z0-9+.-]+(::[a-z][a-z0-9+.-]+)*://", re.IGNORECASE)
_EXTENSIONS = (".mp4", ".mov", ".m4v")
_LONGEST_SESSION = 100
_LONGEST_OBJECT = 60
_MARKED = re.compile("~[0-9a-f]{16}$")


def file_name(session_id: str, video: AnalyzedVideo) -> str:
    """Return the name of a video's file in a folder: the session, a hyphen, the object's name.

    Different sessions get different names, also where upper and lower case are one to the file system: an id that
    cannot stand as it is, or has capitals, gets a short hash of it, as does one that looks as if it had one already.
    The object's name has no hyphen, so that the last one always divides the two.
    """
    session = safe_name(session_id).encode()[:_LONGEST_SESSION].decode("utf-8", "ignore").strip(" .")
    folded = unicodedata.normalize("NFC", session).casefold()
    if session != session_id or folded != session or _MARKED.search(session):
        mark = hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        session = f"{session or 'session'}~{mark}"
    stem, dot, extension = video.filename.replace("-", "_").rpartition(".")
    if not dot or f".{extension.lower()}" not in _EXTENSIONS:
        stem, extension = video.filename.replace("-", "_"), "mp4"
    stem = stem.encode()[:_LONGEST_OBJECT].decode("utf-8", "ignore")
    return f"{session}-{stem}.{extension}"


def remote_url(to: str | os.PathLike[str]) -> str | None:
    """Return ``to`` if it is the URL of a place that fsspec reaches, None for a local path (``file://`` included)."""
    if isinstance(to, str) and _REMOTE.match(to) and not to.lower().startswith("file://"):
        return to
    return None


def local_path(to: str | os.PathLike[str]) -> tuple[Path, bool]:
    """Return the local path that ``to`` names, and whether it is a folder to put the file into.

    Raises:
        ValueError: A ``file:`` URL that names another machine, or has a query or a fragment (RFC 8089, section 2): in a
            path, ``?`` and ``#`` are written ``%3F`` and ``%23``.
    """
    text = os.fspath(to)
    if text.lower().startswith("file://"):
        parts = urlsplit(text)
        if parts.netloc.lower() not in ("", "localhost"):
            raise ValueError(f"file://{parts.netloc}/ is another machine; a local path has three slashes: file:///...")
        if "?" in text or "#" in text:
            raise ValueError("a file: URL has no ? and no #; as parts of a name they are written %3F and %23")
        text = url2pathname(parts.path)
    path = Path(text).expanduser()
    return path, text.endswith(("/", os.sep)) or path.is_dir()


@frozen
class LocalDestination:
    """A file of this machine.

    Attributes:
        shown: The path.
    """

    shown: Path
    needs_sha256 = False

    @property
    def partial(self) -> Path:
        """The name beside which the bytes are collected."""
        return self.shown

    def exists(self) -> bool:
        """Return whether something stands there.

        Raises:
            OSError: It is no regular file.
        """
        if self.shown.is_file() and not self.shown.is_symlink():
            return True
        if os.path.lexists(self.shown):
            raise OSError(0, "what stands there is no regular file")
        return False

    def size(self) -> int:
        """Return the bytes of the file that stands there."""
        return self.shown.stat().st_size

    def publish(self, part: PartialFile, size: int, check: Callable[[], object]) -> None:  # noqa: ARG002 - the other needs them
        """Put a complete, synced file under its name."""
        part.publish()


@frozen
class RemoteDestination:
    """A file behind an fsspec URL: collected and verified on this machine, then put there.

    Attributes:
        fs: The file system.
        path: The path in it.
        shown: The URL.
    """

    fs: Any
    path: str
    shown: str
    needs_sha256 = True

    @property
    def partial(self) -> Path:
        """The name beside which the bytes are collected: always the same one, so that a later call resumes."""
        folder = Path(tempfile.gettempdir()) / f"aikynetix-{getattr(os, 'getuid', int)()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
            raise OSError(0, f"{folder} belongs to somebody else")
        return folder / f"{hashlib.sha256(self.shown.encode()).hexdigest()[:32]}.mp4"

    def exists(self) -> bool:
        """Return whether something stands there, by looking it up and not by a listing of before."""
        self.fs.invalidate_cache(self.path.rpartition("/")[0])
        return bool(self.fs.exists(self.path))

    def size(self) -> int:
        """Return the bytes of the file that stands there."""
        return int(self.fs.size(self.path))

    def publish(self, part: PartialFile, size: int, check: Callable[[], object]) -> None:
        """Write a complete file there under another name, check that all of it arrived, and give it its own."""
        target = f"{self.path}.{uuid.uuid4().hex[:12]}.part"
        try:
            with part.reader() as source, open_new(self.fs, target) as copy:
                while data := source.read(1 << 20):
                    copy.write(data)
                    check()
            found = self.fs.info(target)["size"]
            if found is not None and found != size:
                raise OSError(0, f"{found} of {size} bytes arrived there")
            move(self.fs, target, self.path)
        except BaseException:
            with contextlib.suppress(Exception):
                self.fs.rm_file(target)
            raise
        part.discard()


def remote_destination(url: str, name: Callable[[], str]) -> RemoteDestination:
    """Return the place that an fsspec URL names.

    Args:
        url: Of a file or, with a slash at its end or as the name of an existing folder, of a folder.
        name: Gives the file's name in a folder.

    Raises:
        ConfigurationError: fsspec, or what it needs for this kind of URL, is not installed.
        Exception: What a file system raises that cannot be reached.
    """
    fs, path = file_system(url)
    if url.endswith("/") or fs.isdir(path):
        path = f"{path.rstrip('/')}/{name()}"
    return RemoteDestination(fs, path, str(fs.unstrip_protocol(path)))


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
