"""``aikynetix generate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .. import APIResponseValidationError, BadRequestError, NotFoundError, VideoNotReadyError
from . import _options, _output

if TYPE_CHECKING:
    from .. import Aikynetix, AnalyzedVideo


@click.command
@_options.session_argument
@_options.analysis_option
@_options.wait_option
@_options.quiet_option
@_options.json_option
@_options.connection_options
def generate(session_id: str, analysis: Any, wait: float, quiet: bool, as_json: bool) -> None:
    """Have the video of a session made, and print its URL.

    Without --wait the request is sent in any case, so that a video may be made again; exit code 6 says that it was
    accepted but the video is not there yet. With --wait a video that is there already will do.
    """
    client = _options.connect()
    with _output.progress_bar(session_id, quiet=quiet or not wait, transient=True):
        if wait:
            video = client.analyzed_videos.ensure(session_id, analysis=analysis, wait=wait)
        else:
            video = _generated(client, session_id, analysis)
    _output.video(video, as_json=as_json)


def _generated(client: Aikynetix, session_id: str, analysis: Any) -> AnalyzedVideo:
    """Send the request once; where the response leaves open whether the video is being made, a GET tells."""
    try:
        return client.analyzed_videos.generate(session_id, analysis=analysis)
    except (APIResponseValidationError, BadRequestError) as error:
        # Accepted without a URL; or 400, which the vendor documents for "already analyzed" and for invalid data.
        if isinstance(error, BadRequestError) and "already" not in error.message:
            raise
        try:
            video = client.analyzed_videos.get(session_id, analysis=analysis)
        except NotFoundError:
            text = f"the video of session {session_id!r} is not there yet, but being made"
            raise VideoNotReadyError(text, session_id=session_id, waited=0.0) from error
        if isinstance(error, BadRequestError):
            raise
        return video
