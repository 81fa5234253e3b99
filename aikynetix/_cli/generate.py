"""``aikynetix generate``."""

from __future__ import annotations

import click

from . import _connect, _show
from ._progress import waiting


@click.command
@_connect.session_argument
@_connect.analysis_option
@_connect.wait_option()
@_connect.quiet_option
@_connect.json_option
@_connect.connection_options
def generate(
    session_id: str, analysis: str | None, wait: float, quiet: bool, as_json: bool, connection: _connect.Connection
) -> None:
    """Have the video of a session made, and print its URL.

    Without --wait the request is sent in any case, so that a video may be made again. With --wait a video that is
    there already will do.
    """
    with _connect.connect(connection) as client, waiting(session_id, quiet=quiet or not wait):
        if wait:
            video = client.analyzed_videos.ensure(session_id, analysis=analysis, wait=wait)
        else:
            video = client.analyzed_videos.generate(session_id, analysis=analysis)
    _show.video(video, as_json=as_json)
