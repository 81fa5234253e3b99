"""``aikynetix open``."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import _options, _output

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command("open")
@_options.session_argument
@_options.analysis_option
@_options.wait_option
@click.option("--player", metavar="COMMAND", help="Program to play it with. Default: what the desktop opens mp4 with.")
@click.option("--print", "only_print", is_flag=True, help="Fetch the video and print where it is, but do not play it.")
@_options.quiet_option
@_options.connection_options
def open_video(session_id: str, player: str | None, only_print: bool, quiet: bool, **how: Any) -> None:
    """Play the video of a session.

    The video is fetched into the cache folder and played from there: its signed URL would be seen by everybody on this
    machine if it were handed to another program. It is fetched each time, for it may have been made anew. Nothing
    empties that folder (~/.cache/aikynetix on Linux): delete what you no longer need.
    """
    program = [] if only_print else _player(player, os.environ)
    folder = cache_folder(sys.platform, os.environ, Path.home())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    videos = _options.connect().analyzed_videos
    with _output.progress_bar(session_id, quiet=quiet) as progress:
        saved = videos.download(session_id, folder, progress=progress, overwrite=True, **how)
    _output.result(str(saved.path))
    if not program:
        return
    try:
        # Stdout is for the result; what the player says goes where messages go, to file descriptor 2.
        ended = subprocess.run([*program, str(saved.path)], check=False, stdout=2)  # noqa: S603 -- the person's own choice
    except OSError as error:
        raise click.ClickException(f"cannot start {program[0]}: {error.strerror}.") from None
    if ended.returncode:
        raise click.ClickException(f"{program[0]} ended with exit code {ended.returncode}.")


def cache_folder(platform: str, environ: Mapping[str, str], home: Path) -> Path:
    """Return the folder for files that may be thrown away at any time.

    Source: XDG Base Directory Specification (``XDG_CACHE_HOME``, which must be absolute); on macOS and Windows where
    these systems keep caches.
    """
    if platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "aikynetix"
    if platform == "darwin":
        return home / "Library" / "Caches" / "aikynetix"
    base = Path(environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else home / ".cache") / "aikynetix"


def _player(asked: str | None, environ: Mapping[str, str]) -> list[str]:
    """Return the program that the file's path is to be appended to, before anything is fetched."""
    if asked is not None:
        with contextlib.suppress(ValueError):
            if words := shlex.split(asked):
                return words
        raise click.BadParameter(f"{asked!r} names no program.", param_hint="--player")
    if sys.platform == "win32":
        return ["rundll32", "url.dll,FileProtocolHandler"]  # `start` would need cmd, which reads & and % in names
    if sys.platform == "darwin":
        return ["open"]
    # Without a display, xdg-open would start whatever browser there is for text terminals.
    has_display = bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
    found = (shutil.which("xdg-open") if has_display else None) or shutil.which("wslview")
    if found is None:
        raise click.ClickException("found nothing to play videos with; name a --player, or use --print.")
    return [found]
