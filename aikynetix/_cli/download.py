"""``aikynetix download``."""

from __future__ import annotations

import click

from . import _connect, _show
from ._progress import progress_bar


@click.command
@_connect.session_argument
@click.option(
    "-o",
    "--output",
    type=_connect.Place(),
    metavar="PATH",
    default="./",
    help="File, folder or fsspec URL. Default: this folder.",
)
@_connect.analysis_option
@_connect.wait_option()
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@click.option("--connections", type=click.IntRange(min=1), metavar="N", help="Most connections. Default: adapts.")
@_connect.quiet_option
@_connect.json_option
@_connect.connection_options
def download(
    session_id: str,
    output: str,
    analysis: str | None,
    wait: float,
    overwrite: bool,
    connections: int | None,
    quiet: bool,
    as_json: bool,
    connection: _connect.Connection,
) -> None:
    """Save the video of a session, verified.

    Prints where it is. The file appears under its final name only when it is complete. An interrupted download goes on
    where it was when the command is run again.
    """
    if output == "-":
        raise click.BadParameter("a video is verified before anybody gets it; name a file.", param_hint="--output")
    with _connect.connect(connection) as client, progress_bar(session_id, quiet=quiet) as progress:
        saved = client.analyzed_videos.download(
            session_id,
            output,
            analysis=analysis,
            wait=wait,
            progress=progress,
            overwrite=overwrite,
            connections=connections,
        )
    _show.saved(saved, as_json=as_json)
