"""``aikynetix sandbox``."""

from __future__ import annotations

import click

from . import _output
from ._options import SECONDS

_PORT, _POLLS, _LIFETIME = click.IntRange(0, 65_535), click.IntRange(0, 1_000_000), click.IntRange(1, 604_800)


@click.command
@click.option("--port", type=_PORT, default=0, metavar="PORT", help="The API's port. Default: a free one.")
@click.option("--storage-port", type=_PORT, default=0, metavar="PORT", help="The storage's port. Default: a free one.")
@click.option("--polls", type=_POLLS, default=2, metavar="N", help="How often a video is not ready yet. Default: 2.")
@click.option("--latency", type=SECONDS, default=0, metavar="SECONDS", help="Wait before each response. Default: 0.")
@click.option(
    "--url-lifetime", type=_LIFETIME, default=3600, metavar="SECONDS", help="How long URLs work. Default: 3600."
)
@click.option("--json", "as_json", is_flag=True, help="Print addresses, credentials and sessions as one line of JSON.")
def sandbox(port: int, storage_port: int, polls: int, latency: float, url_lifetime: int, as_json: bool) -> None:
    """Run a local stand-in for the API until Ctrl-C.

    It prints where it is, the lines that point a shell at it, and what each of its sessions is good for.
    """
    from ..sandbox import Sandbox

    server = Sandbox(api_port=port, storage_port=storage_port, polls=polls, latency=latency, url_lifetime=url_lifetime)

    def announce(text: str) -> None:
        names = ("base_url", "storage_url", "api_key", "token", "env", "sessions")
        if as_json:
            _output.result_json({name: getattr(server, name) for name in names})
        else:
            _output.result(text)

    server.serve_forever(announce)
    _output.note("stopped")
