"""``aikynetix download``."""

from __future__ import annotations

from typing import Any

import click

from . import _options, _output


@click.command
@_options.session_argument
@click.option(
    "-o", "--output", type=click.Path(), default="./", metavar="PATH", help="File, folder or fsspec URL. Default: here."
)
@_options.analysis_option
@_options.wait_option
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@click.option("--connections", type=click.IntRange(min=1), metavar="N", help="Most connections. Default: adapts.")
@_options.quiet_option
@_options.json_option
@_options.connection_options
def download(session_id: str, output: str, quiet: bool, as_json: bool, **how: Any) -> None:
    """Save the video of a session, verified.

    Prints where it is. The file appears under its final name only when it is complete. An interrupted download goes on
    where it was when the command is run again.
    """
    if output == "-":
        raise click.BadParameter("a video is verified before anybody gets it; name a file.", param_hint="--output")
    videos = _options.connect().analyzed_videos
    with _output.progress_bar(session_id, quiet=quiet) as progress:
        saved = videos.download(session_id, output, progress=progress, **how)
    if as_json:
        told = {name: getattr(saved, name) for name in ("session_id", "size", "sha256", "verified", "resumed_from")}
        path = saved.path if isinstance(saved.path, str) else saved.path.absolute()
        _output.result_json(told | {"path": str(path), "seconds": round(saved.elapsed, 3)})
    else:
        _output.result(str(saved.path))
