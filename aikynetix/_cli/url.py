"""``aikynetix url``."""

from __future__ import annotations

from typing import Any

import click

from . import _options, _output


@click.command
@_options.session_argument
@_options.analysis_option
@_options.wait_option
@click.option("--attachment", is_flag=True, help="A URL that makes a browser save the video instead of playing it.")
@_options.quiet_option
@_options.json_option
@_options.connection_options
def url(session_id: str, analysis: Any, wait: float, attachment: bool, quiet: bool, as_json: bool) -> None:
    """Print the signed URL of a session's video.

    Whoever has the URL can fetch the video until it expires: treat it as a secret.
    """
    videos = _options.connect().analyzed_videos
    with _output.progress_bar(session_id, quiet=quiet or not wait, transient=True):
        video = videos.ensure(session_id, analysis=analysis, wait=wait) if wait else None
        if video is None or attachment:
            video = videos.get(session_id, analysis=analysis, as_attachment=attachment)
    _output.video(video, as_json=as_json)
