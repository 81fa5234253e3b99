"""``aikynetix generate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import _connect, _show
from ._progress import waiting

if TYPE_CHECKING:
    from .. import Aikynetix, AnalyzedVideo


@click.command
@_connect.session_argument
@_connect.analysis_choice("Which analysis to make")
@_connect.wait_option()
@_connect.quiet_option
@_connect.json_option
@_connect.connection_options
def generate(
    session_id: str, analysis: str | None, wait: float, quiet: bool, as_json: bool, connection: _connect.Connection
) -> None:
    """Have the video of a session made, and print its URL.

    Without --wait the request is sent in any case, so that a video may be made again; exit code 6 says that it was
    accepted but the video is not there yet. With --wait a video that is there already will do.
    """
    with _connect.connect(connection) as client, waiting(session_id, quiet=quiet or not wait):
        if wait:
            video = client.analyzed_videos.ensure(session_id, analysis=analysis, wait=wait)
        else:
            video = _generated(client, session_id, analysis)
    _show.video(video, as_json=as_json)


def _generated(client: Aikynetix, session_id: str, analysis: str | None) -> AnalyzedVideo:
    """Send the request once; unlike the facade's call, tell "accepted" apart from an answer that makes no sense."""
    from .. import VideoNotReadyError
    from .._body import JSON_LIMIT
    from .._videos import _generate_call, _video_if_ready

    call = _generate_call(session_id, analysis)
    video = _video_if_ready(session_id, call, client._exchange(call.kwargs, JSON_LIMIT))
    if video is None:
        text = "accepted, but the video is not there yet; ask for it later, or use wait="
        raise VideoNotReadyError(text, session_id=session_id, waited=0.0)
    return video
