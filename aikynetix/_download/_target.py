"""Where a download goes: a file, a folder, or a place behind an fsspec URL."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from .._signed_url import safe_name

if TYPE_CHECKING:
    from .._models import AnalyzedVideo

_REMOTE = re.compile(r"[a-z][a-z0-9+.-]+(::[a-z][a-z0-9+.-]+)*://", re.IGNORECASE)
_EXTENSIONS = (".mp4", ".mov", ".m4v")
_LONGEST_SESSION = 100
_MARKED = re.compile("~[0-9a-f]{16}$")
_LONGEST_OBJECT = 60


def file_name(session_id: str, video: AnalyzedVideo) -> str:
    """Return the name of a video's file in a folder: the session, a hyphen, the object's name.

    Different sessions get different names: where the session id cannot stand as it is, a short hash of it is added, as
    it is where an id looks like one that got a hash; and the object's name has no hyphen, so that the last one always
    divides the two.
    """
    session = safe_name(session_id).encode()[:_LONGEST_SESSION].decode("utf-8", "ignore").strip(" .")
    if session != session_id or unicodedata.normalize("NFC", session) != session or _MARKED.search(session):
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
    """Return the local path that ``to`` names, and whether it is a folder to put the file into."""
    text = os.fspath(to)
    if text.lower().startswith("file://"):
        text = url2pathname(urlsplit(text).path)
    separators = ("/", os.sep)
    return Path(text), text.endswith(separators) or Path(text).is_dir()
