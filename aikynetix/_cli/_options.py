"""The options that commands share, the credential, and the client that both make."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import httpx

    from .. import Aikynetix

    _Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

API_KEY, TOKEN, BASE_URL = "AIKYNETIX_API_KEY", "AIKYNETIX_TOKEN", "AIKYNETIX_BASE_URL"

VARIABLES = {"api_key": API_KEY, "token": TOKEN}
# The facade's settings (`ConfigurationError.setting`), as a person at the shell knows them.
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


SECONDS = click.FloatRange(0, 1e6)
session_argument = click.argument("session_id", metavar="SESSION")

# Written out, because the enum's module would import httpx for `--help`; a test holds the two together.
ANALYSES = ("jump", "weightlifting")
Kind = Literal["jump", "weightlifting"]


def analysis_choice(text: str) -> _Decorator:
    """Return the option ``--analysis``, whose help is ``text`` and the choices."""
    told = f"{text}: {' or '.join(ANALYSES)}."
    return click.option("--analysis", type=click.Choice(ANALYSES, case_sensitive=False), metavar="KIND", help=told)


analysis_option = analysis_choice("Which analysis to make if there is none yet")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result, or the failure, as JSON.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress on stderr; errors are still said.")
wait_option = click.option(
    "--wait",
    type=SECONDS,
    default=0,
    metavar="SECONDS",
    help="Have the video made if there is none yet, and wait up to so long. Default: 0.",
)


def _connection_option(*names: str, **attributes: Any) -> _Decorator:
    """Return an option whose value is kept for `connect` instead of being an argument of every command."""

    def keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        ctx.meta[f"{__name__}.{param.name}"] = value

    return click.option(*names, expose_value=False, callback=keep, **attributes)


_CONNECTION = (
    _connection_option("--base-url", metavar="URL", help=f"Default: {BASE_URL}, then the vendor's."),
    _connection_option("--timeout", type=SECONDS, metavar="SECONDS", help="Limit of one attempt. Default: 30."),
    _connection_option(
        "--max-retries", type=click.IntRange(0, 100), metavar="N", help="How often to try again. Default: 3."
    ),
    _connection_option("--proxy", metavar="URL", help="Default: HTTPS_PROXY, ALL_PROXY and NO_PROXY."),
    _connection_option(
        "--ca-file", metavar="PATH", help="Certificates to trust. Default: the system's.", type=click.Path(exists=True)
    ),
    _connection_option("--key-header", metavar="NAME", help="Header for the API key: API-KEY or Authorization."),
    _connection_option("-v", "--verbose", is_flag=True, help="Tell of every attempt on stderr."),
)


def connection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that `connect` reads to a command."""
    for option in reversed(_CONNECTION):
        command = option(command)
    return command


def given(name: str) -> Any:
    """Return the value of a connection option, such as ``"base_url"``; None where it was not given."""
    return click.get_current_context().meta.get(f"{__name__}.{name}")


def credential(*, may_ask: bool) -> tuple[str, str]:
    """Return ``"api_key"`` or ``"token"``, and the credential from the environment; else a key that is typed in."""
    from .. import ConfigurationError

    found = {kind: os.environ.get(name, "").strip() for kind, name in VARIABLES.items()}
    key, token = found.values()
    if key and token:
        raise ConfigurationError(f"{API_KEY} and {TOKEN} are both set; unset one of them.")
    if not (key or token) and may_ask and sys.stdin is not None and sys.stdin.isatty():
        try:
            key = click.prompt("API key", hide_input=True, err=True)
        except click.Abort as abort:
            if not isinstance(abort.__context__, EOFError):
                raise
    if not (key or token):
        raise ConfigurationError(f"no credential: set {API_KEY} (or {TOKEN}) in the environment.")
    return ("api_key", key) if key else ("token", token)


def auth_of(kind: str, secret: str) -> httpx.Auth:
    """Return what sends a credential as the options say."""
    from .. import ApiKey, BearerToken, ConfigurationError

    header = given("key_header")
    if kind == "api_key":
        try:
            return ApiKey(secret, header=header)
        except ConfigurationError as error:
            if error.setting != "auth":
                raise
            told = "it must be a header's name, such as 'API-KEY' or 'Authorization'."
            raise click.BadParameter(told, param_hint="--key-header") from None
    if header is not None:
        raise ConfigurationError(f"--key-header is for API keys, and {TOKEN} is a token; leave the option out.")
    return BearerToken(secret)


def client(auth: httpx.Auth, **defaults: Any) -> Aikynetix:
    """Return a client as the options say; ``defaults`` hold where an option was not given."""
    from .. import Aikynetix

    options = {name: given(name) for name in ("base_url", "timeout", "max_retries", "proxy")} | {
        "verify": given("ca_file")
    }
    return Aikynetix(auth=auth, **defaults | {name: value for name, value in options.items() if value is not None})


@contextmanager
def connect() -> Generator[Aikynetix]:
    """Open a client for the time of a ``with`` block."""
    with told(), client(auth_of(*credential(may_ask=True))) as opened:
        yield opened


@contextmanager
def told() -> Generator[None]:
    """Show the package's log records on stderr, without ``--verbose`` warnings alone; it logs no secrets."""
    import logging

    handler, logger = logging.StreamHandler(), logging.getLogger("aikynetix")
    handler.setFormatter(logging.Formatter("aikynetix: %(message)s"))
    level = logger.level
    logger.setLevel(logging.DEBUG if given("verbose") else logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
