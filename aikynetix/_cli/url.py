"""``aikynetix url``."""

from __future__ import annotations

import click

from . import _connect, _show
from ._progress import waiting


@click.command
@_connect.session_argument
@_connect.analysis_option
@_connect.wait_option()
@click.option("--attachment", is_flag=True, help="A URL that makes a browser save the video instead of playing it.")
@_connect.quiet_option
@_connect.json_option
@_connect.connection_options
def url(
    session_id: str,
    analysis: str | None,
    wait: float,
    attachment: bool,
    quiet: bool,
    as_json: bool,
    connection: _connect.Connection,
) -> None:
    """Print the signed URL of a session's video.

    Whoever has the URL can fetch the video until it expires: treat it as a secret.
    """
    with _connect.connect(connection) as client, waiting(session_id, quiet=quiet or not wait):
        videos = client.analyzed_videos
        if wait and not attachment:
            video = videos.ensure(session_id, analysis=analysis, wait=wait)
        else:
            if wait:
                videos.ensure(session_id, analysis=analysis, wait=wait)
            video = videos.get(session_id, analysis=analysis, as_attachment=attachment)
    _show.video(video, as_json=as_json)
