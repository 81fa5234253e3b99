"""``aikynetix demo``: the main job, done once against the sandbox."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from . import _options, _output
from ._progress import progress_bar

if TYPE_CHECKING:
    from .. import DownloadedVideo
    from ..sandbox import RecordedRequest

_WAIT = 60.0


@click.command
@click.option(
    "--output",
    type=_options.Place(),
    metavar="DIR",
    default="demo-output",
    help="Where to put the video. Default: demo-output.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print only where the video is.")
def demo(output: str, quiet: bool) -> None:
    """Do the whole job once against the sandbox, no account needed.

    Starts a local stand-in for the API, has the video of a session made, downloads and verifies it, and stops the
    stand-in again.
    """
    from .. import Aikynetix
    from ..sandbox import Sandbox

    began, target = monotonic(), Path(output).absolute()
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"{target}: {error.strerror}; name another folder with --output.") from None
    with Sandbox() as sandbox:
        session = sandbox.sessions["new"]
        video = target / f"{session}.mp4"
        if video.is_dir():
            raise click.ClickException(f"{video}: a folder stands there; name another one with --output.")
        if not quiet:
            _output.note(
                f"A sandbox of the Aikynetix API runs at {sandbox.base_url}; its session {session} has no video yet."
            )
        with (
            Aikynetix(api_key=sandbox.api_key, base_url=sandbox.base_url) as client,
            progress_bar(session, quiet=quiet) as progress,
        ):
            saved = client.analyzed_videos.download(session, video, wait=_WAIT, progress=progress, overwrite=True)
        requests = sandbox.requests
    if not quiet:
        _output.note(_story(requests, saved, monotonic() - began))
    _output.result(str(saved.path))


def _story(requests: tuple[RecordedRequest, ...], saved: DownloadedVideo, seconds: float) -> str:
    """Tell what was done, from what the sandbox saw and what is on disk."""
    lines = ["What happened:"]
    lines += [f"  {request.method:<4} {request.path} -> {request.status}" for request in requests]
    lines.append(
        f"Saved {_output.human_size(saved.size)}, verified by {saved.verified}, sha256 {saved.sha256[:16]}..., "
        f"in {seconds:.1f} s. The sandbox is stopped. The video:"
    )
    return "\n".join(lines)
