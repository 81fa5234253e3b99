"""``aikynetix sandbox``."""

from __future__ import annotations

import click

from . import _show
from ._connect import Seconds


@click.command
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The API's port. Default: a free one.")
@click.option(
    "--storage-port", type=click.IntRange(0, 65535), default=0, help="The storage's port. Default: a free one."
)
@click.option(
    "--polls", type=click.IntRange(min=0), default=2, show_default=True, help="404s before a made video is there."
)
@click.option("--latency", type=Seconds(), default=0, metavar="SECONDS", help="Answer so late.")
@click.option(
    "--url-lifetime",
    type=click.IntRange(1, 604_800),
    default=3600,
    show_default=True,
    metavar="SECONDS",
    help="How long signed URLs work.",
)
@click.option("--json", "as_json", is_flag=True, help="Print addresses, credentials and sessions as one line of JSON.")
def sandbox(port: int, storage_port: int, polls: int, latency: float, url_lifetime: int, as_json: bool) -> None:
    """Run a local stand-in for the API until Ctrl-C.

    It prints where it is, the lines that point a shell at it, and what each of its sessions is good for.
    """
    from ..sandbox import Sandbox

    server = Sandbox(api_port=port, storage_port=storage_port, polls=polls, latency=latency, url_lifetime=url_lifetime)

    def announce(text: str) -> None:
        if as_json:
            addresses = {"base_url": server.base_url, "storage_url": server.storage_url}
            credentials = {"api_key": server.api_key, "token": server.token}
            _show.result_json({**addresses, **credentials, "env": server.env, "sessions": server.sessions})
        else:
            _show.result(text)

    try:
        server.serve_forever(announce)
    except OSError as error:
        raise click.ClickException(f"{error.strerror}; choose another --port or --storage-port.") from None
    _show.note("stopped")
