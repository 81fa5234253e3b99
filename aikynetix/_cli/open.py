"""``aikynetix open``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from . import _connect, _show
from ._player import cache_folder, player_command
from ._progress import progress_bar


@click.command("open")
@_connect.session_argument
@_connect.analysis_option
@_connect.wait_option()
@click.option("--player", metavar="COMMAND", help="Program to play it with. Default: what the desktop opens mp4 with.")
@click.option("--print", "only_print", is_flag=True, help="Fetch the video and print where it is, but do not play it.")
@_connect.quiet_option
@_connect.connection_options
def open_video(
    session_id: str,
    analysis: str | None,
    wait: float,
    player: str | None,
    only_print: bool,
    quiet: bool,
    connection: _connect.Connection,
) -> None:
    """Play the video of a session.

    The video is fetched into the cache folder and played from there: its signed URL would be seen by everybody on this
    machine if it were handed to another program. It is fetched each time, for it may have been made anew. Nothing
    empties that folder (~/.cache/aikynetix on Linux): delete what you no longer need.
    """
    program = None if only_print else _program(player)
    folder = cache_folder(sys.platform, os.environ, Path.home())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _connect.connect(connection) as client, progress_bar(session_id, quiet=quiet) as progress:
        saved = client.analyzed_videos.download(
            session_id, f"{folder}{os.sep}", analysis=analysis, wait=wait, progress=progress, overwrite=True
        )
    _show.result(str(saved.path))
    if program is not None:
        _play(program, str(saved.path))


def _program(asked: str | None) -> list[str]:
    try:
        program = player_command(asked, sys.platform, os.environ, shutil.which)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint="--player") from None
    if program is None:
        raise click.ClickException("found nothing to play videos with; name a --player, or use --print.")
    return program


def _play(program: list[str], path: str) -> None:
    try:
        # Stdout is for the result; what the player says goes where messages go, to file descriptor 2.
        ended = subprocess.run([*program, path], check=False, stdout=2)  # noqa: S603 -- the person's own choice
    except OSError as error:
        raise click.ClickException(f"cannot start {program[0]}: {error.strerror}.") from None
    if ended.returncode:
        raise click.ClickException(f"{program[0]} ended with exit code {ended.returncode}.")
