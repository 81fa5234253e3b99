"""Where a download goes: a file or a folder on this machine, or what an fsspec URL names."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import re
import stat
import tempfile
import unicodedata
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from attrs import frozen

from .._errors import ConfigurationError
from .._models import safe_name
from .._redact import without_user_info
from ._failures import DestinationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._models import AnalyzedVideo
    from ._partial import PartialFile

_REMOTE = re.compile(r"[a-z][a-z0-9+.-]+(::[a-z][a-z0-9+.-]+)*://", re.IGNORECASE)
_EXTENSIONS = ("mp4", "mov", "m4v")
_LONGEST_SESSION, _LONGEST_OBJECT = 100, 60
_MARKED = re.compile("~[0-9a-f]{16}$")


def file_name(session_id: str, video: AnalyzedVideo) -> str:
    """Return the name of a video's file in a folder: the session, a hyphen, the object's name.

    Different sessions get different names, also where upper and lower case are one to the file system: an id that
    cannot stand as it is, or has capitals, gets a short hash of it, as does one that looks as if it had one already.
    The object's name has no hyphen, so that the last one always divides the two.
    """
    session = safe_name(session_id).encode()[:_LONGEST_SESSION].decode("utf-8", "ignore").strip(" .")
    if unicodedata.normalize("NFC", session).casefold() != session_id or _MARKED.search(session):
        mark = hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        session = f"{session or 'session'}~{mark}"
    name = video.filename.replace("-", "_")
    stem, dot, extension = name.rpartition(".")
    if not dot or extension.lower() not in _EXTENSIONS:
        stem, extension = name, "mp4"
    return f"{session}-{stem.encode()[:_LONGEST_OBJECT].decode('utf-8', 'ignore')}.{extension}"


def remote_url(to: str | os.PathLike[str]) -> str | None:
    """Return ``to`` if it is a URL that fsspec reaches, None for a local path (``file://`` included)."""
    is_remote = isinstance(to, str) and _REMOTE.match(to) and not to.lower().startswith("file://")
    return str(to) if is_remote else None


def local_path(to: str | os.PathLike[str]) -> tuple[Path, bool]:
    """Return the local path that ``to`` names (RFC 8089 for a URL), and whether it is a folder to put the file into."""
    text = os.fspath(to)
    if text.lower().startswith("file:/"):  # one slash is the short form of three
        parts = urlsplit(text)
        if parts.netloc.lower() not in ("", "localhost"):
            raise DestinationError(f"file://{parts.netloc}/ is another machine; three slashes name this one: file:///")
        if "?" in text or "#" in text:
            raise DestinationError("a file: URL has no ? and no #; as parts of a name they are written %3F and %23")
        text = url2pathname(parts.path)
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        raise DestinationError(f"{text.partition('/')[0]} is nobody's home folder (a name is written ./~)") from error
    return path, text.endswith(("/", os.sep)) or path.is_dir()


@frozen
class Destination:
    """A file of this machine; or one behind an fsspec URL, which is collected and verified on this machine."""

    shown: Path | str
    fs: Any = None  # the file system of fsspec; None for this machine
    path: str = ""  # the path in it

    @property
    def collected(self) -> Path:
        """The local name beside which the bytes are collected: always the same one, so that a later call resumes."""
        if self.fs is None:
            return Path(self.shown)
        folder = Path(tempfile.gettempdir()) / f"aikynetix-{getattr(os, 'getuid', int)()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
            raise DestinationError(f"{folder} belongs to somebody else")
        return folder / f"{hashlib.sha256(str(self.shown).encode()).hexdigest()[:32]}.mp4"

    def size(self) -> int | None:
        """Return the bytes of the file that stands there, by looking it up and not by a listing of before."""
        if self.fs is not None:
            self.fs.invalidate_cache(self.path.rpartition("/")[0])
            return int(self.fs.size(self.path) or 0) if self.fs.exists(self.path) else None
        try:
            found = Path(self.shown).lstat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise DestinationError("what stands there is no regular file")
        return found.st_size

    def publish(self, part: PartialFile, size: int, check: Callable[[], object]) -> None:
        """Put a complete file under its name; far away it is first written under another one, and looked at."""
        if self.fs is None:
            part.publish()
            return
        target = f"{self.path}.{uuid.uuid4().hex[:12]}.part"
        try:
            with part.reader() as source, open_new(self.fs, target) as copy:
                while data := source.read(1 << 20):
                    copy.write(data)
                    check()
            if self.fs.info(target)["size"] not in (size, None):
                raise DestinationError("not all bytes arrived there")
            move(self.fs, target, self.path)
        except BaseException:
            with contextlib.suppress(Exception):
                self.fs.rm_file(target)
            raise
        part.discard()


def destination(to: str | os.PathLike[str], name: Callable[[], str]) -> Destination:
    """Return the destination that ``to`` names, where ``name`` gives the file's name in a folder.

    A file, whose folder must exist; a folder that is there, or ends with a slash and is then made; or the same behind
    an fsspec URL. A leading ``~`` is the home folder.
    """
    url = remote_url(to)
    if url is not None:
        fs, remote = file_system(url)
        if url.endswith("/") or fs.isdir(remote):
            remote = f"{remote.rstrip('/')}/{name()}"
        return Destination(without_user_info(fs.unstrip_protocol(remote)), fs, remote)
    path, is_folder = local_path(to)
    if is_folder:
        file = path / name()
        path.mkdir(parents=True, exist_ok=True)
        return Destination(file)
    if not path.parent.is_dir():
        raise DestinationError(f"there is no folder {path.parent}")
    return Destination(path)


def file_system(url: str) -> tuple[Any, str]:
    """Return the file system behind ``url``, and the path in it; without one it is a `ConfigurationError`."""
    scheme = url.partition("://")[0]
    try:
        url_to_fs = importlib.import_module("fsspec.core").url_to_fs
    except ImportError:
        text = f"a URL as the destination needs fsspec ({scheme}://): pip install 'aikynetix[fsspec]'."
        raise ConfigurationError(text) from None
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
    """Give a file another name; fsspec's own ``mv``, which a file system may inherit, takes ``[`` for a pattern."""
    if type(fs).mv is not importlib.import_module("fsspec").AbstractFileSystem.mv:
        fs.mv(source, target)
        return
    fs.cp_file(source, target)
    fs.rm_file(source)
