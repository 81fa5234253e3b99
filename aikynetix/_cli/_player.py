"""Where `aikynetix open` keeps videos, and what it plays them with. Pure."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def cache_folder(platform: str, environ: Mapping[str, str], home: Path) -> Path:
    """Return the folder for files that may be thrown away at any time.

    Source: XDG Base Directory Specification (``XDG_CACHE_HOME``, which must be absolute); on macOS and Windows where
    these systems keep caches.

    Args:
        platform: As ``sys.platform``.
        environ: The environment.
        home: The person's home folder.
    """
    if platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        given = Path(environ.get("XDG_CACHE_HOME", ""))
        base = given if given.is_absolute() else home / ".cache"
    return base / "aikynetix"


def player_command(
    asked: str | None, platform: str, environ: Mapping[str, str], which: Callable[[str], str | None]
) -> list[str] | None:
    """Return the program, with its arguments, that the file's path is to be appended to; None where there is none.

    Args:
        asked: What the caller wants, as a shell would split it.
        platform: As ``sys.platform``.
        environ: The environment.
        which: Finds a program, as `shutil.which`.

    Raises:
        ValueError: ``asked`` is empty or has a quote that does not end.
    """
    if asked is not None:
        words = shlex.split(asked)
        if not words:
            raise ValueError("no program named")
        return words
    if platform == "win32":
        return ["rundll32", "url.dll,FileProtocolHandler"]  # `start` would need cmd, which reads & and % in names
    if platform == "darwin":
        return ["open"]
    # Without a display, xdg-open would start whatever browser there is for text terminals.
    has_display = bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
    for program in ("xdg-open", "wslview"):
        found = which(program)
        if found is not None and (has_display or program == "wslview"):
            return [found]
    return None
