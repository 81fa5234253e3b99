"""The options that commands share, the credential, and the client that both make."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from .. import ConfigurationError
from . import _output

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from .. import Aikynetix

API_KEY, TOKEN, BASE_URL = "AIKYNETIX_API_KEY", "AIKYNETIX_TOKEN", "AIKYNETIX_BASE_URL"
VARIABLES = {"api_key": API_KEY, "token": TOKEN}
# The facade's settings, by the names in its errors' ``setting``, as a person at the shell knows them.
SETTINGS = {
    "api_key": "the API key",
    "token": "the token",
    "header": "--key-header",
    "base_url": "--base-url",
    "timeout": "--timeout",
    "max_retries": "--max-retries",
    "proxy": "--proxy",
    "verify": "--ca-file",
}

SECONDS, _TIMEOUT = click.FloatRange(0, 1e6), click.FloatRange(0, 1e6, min_open=True)
session_argument = click.argument("session_id", metavar="SESSION")

# Written out, because the enum's module would import httpx for `--help`; a test holds the two together.
ANALYSES = ("jump", "weightlifting")
analysis_option = click.option(
    "--analysis",
    type=click.Choice(ANALYSES, case_sensitive=False),
    metavar="KIND",
    help=f"Which analysis to make, where one is made: {' or '.join(ANALYSES)}.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result, or the failure, as JSON.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress on stderr; errors are still said.")
wait_option = click.option(
    "--wait",
    type=SECONDS,
    default=0,
    metavar="SECONDS",
    help="Have the video made if there is none yet, and wait up to so long. Default: 0.",
)


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Keep the value of a connection option for `given`."""
    ctx.meta[param.opts[-1]] = value


_option = partial(click.option, expose_value=False, callback=_keep)
_CONNECTION = (
    _option("--base-url", metavar="URL", help=f"Default: {BASE_URL}, then the vendor's."),
    _option("--timeout", type=_TIMEOUT, metavar="SECONDS", help="Limit of one attempt. Default: 30."),
    _option("--max-retries", type=click.IntRange(0, 100), metavar="N", help="How often to try again. Default: 3."),
    _option("--proxy", metavar="URL", help="Default: HTTPS_PROXY, ALL_PROXY and NO_PROXY."),
    _option("--ca-file", type=click.Path(), metavar="PATH", help="Certificates to trust. Default: the system's."),
    _option("--key-header", metavar="NAME", help="Header for the API key: API-KEY or Authorization."),
    _option("-v", "--verbose", is_flag=True, help="Tell of every attempt on stderr."),
)


def connection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that `connect` reads to a command."""
    for option in reversed(_CONNECTION):
        command = option(command)
    return command


def given(option: str) -> Any:
    """Return the value of a connection option, such as ``"--base-url"``; None where it was not given."""
    return click.get_current_context().meta.get(option)


def credential(*, may_ask: bool) -> tuple[str, str]:
    """Return ``"api_key"`` or ``"token"``, and the credential from the environment; else a key that is typed in."""
    found = [(kind, os.environ.get(name, "").strip()) for kind, name in VARIABLES.items()]
    found = [(kind, secret) for kind, secret in found if secret]
    if len(found) > 1:
        raise ConfigurationError(f"{API_KEY} and {TOKEN} are both set; unset one of them.")
    if not found and may_ask and sys.stdin.isatty():
        found = [("api_key", click.prompt("API key", hide_input=True, err=True))]
    if not found:
        raise ConfigurationError(f"no credential: set {API_KEY} (or {TOKEN}) in the environment.")
    return found[0]


def auth_of(kind: str, secret: str) -> httpx.Auth:
    """Return what sends a credential as the options say."""
    from .. import ApiKey, BearerToken

    header = given("--key-header")
    if kind == "api_key":
        return ApiKey(secret, header=header)
    if header is not None:
        raise ConfigurationError(f"--key-header is for API keys, and {TOKEN} is a token; leave the option out.")
    return BearerToken(secret)


def client(auth: httpx.Auth, **defaults: Any) -> Aikynetix:
    """Return a client as the options say; ``defaults`` hold where an option was not given."""
    from .. import Aikynetix

    names = ("base_url", "timeout", "max_retries", "proxy", "verify")
    values = {name: given(SETTINGS[name]) for name in names}
    return Aikynetix(auth=auth, **defaults | {name: value for name, value in values.items() if value is not None})


def connect() -> Aikynetix:
    """Return a client that is closed when the command ends."""
    show_log()
    return click.get_current_context().with_resource(client(auth_of(*credential(may_ask=True))))


def show_log() -> None:
    """Show the package's log records on stderr, without ``--verbose`` warnings alone; it logs no secrets."""
    import logging

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            _output.note(self.format(record))

    handler, logger = Handler(), logging.getLogger("aikynetix")
    handler.setFormatter(logging.Formatter("aikynetix: %(message)s"))
    logger.addHandler(handler)
    context = click.get_current_context()
    context.call_on_close(partial(logger.removeHandler, handler))
    context.call_on_close(partial(logger.setLevel, logger.level))
    logger.setLevel(logging.DEBUG if given("--verbose") else logging.WARNING)
