"""``aikynetix demo``: the main job, done once against the sandbox."""

from __future__ import annotations

from pathlib import Path
from time import monotonic

import click

from . import _output


@click.command
@click.option("--output", type=click.Path(), metavar="DIR", default="demo-output", help="Default: demo-output.")
@click.option("-q", "--quiet", is_flag=True, help="Print only where the video is.")
def demo(output: str, quiet: bool) -> None:
    """Do the whole job once against the sandbox, no account needed.

    Starts a local stand-in for the API, has the video of a session made, downloads and verifies it, and stops the
    stand-in again.
    """
    from rich.filesize import decimal

    from .. import Aikynetix
    from ..sandbox import Sandbox

    began = monotonic()
    Path(output).mkdir(parents=True, exist_ok=True)
    say = (lambda _: None) if quiet else _output.note
    with Sandbox() as sandbox:
        session = sandbox.sessions["new"]
        say(f"A sandbox of the Aikynetix API runs at {sandbox.base_url}; its session {session} has no video yet.")
        with (
            Aikynetix(api_key=sandbox.api_key, base_url=sandbox.base_url) as client,
            _output.progress_bar(session, quiet=quiet) as progress,
        ):
            target = Path(output).absolute() / f"{session}.mp4"
            saved = client.analyzed_videos.download(session, target, wait=60.0, progress=progress, overwrite=True)
        seen = [f"  {request.method:<4} {request.path} -> {request.status}" for request in sandbox.requests]
    say("\n".join(["What happened:", *seen]))
    checked = f"verified by {saved.verified}, sha256 {saved.sha256[:16]}..., in {monotonic() - began:.1f} s"
    say(f"Saved {decimal(saved.size)}, {checked}. The sandbox is stopped. The video:")
    _output.result(str(saved.path))
