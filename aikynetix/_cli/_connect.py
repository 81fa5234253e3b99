"""The options that every command with a client has, and the client that they make."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Generator, Mapping

    from click.shell_completion import CompletionItem

    from .. import Aikynetix
    from .._redact import Secret

    _TextType = click.ParamType[str]
    _NumberType = click.ParamType[float]
else:
    # Only newer releases of click let the class be subscripted.
    _TextType = _NumberType = click.ParamType

API_KEY_VARIABLE, TOKEN_VARIABLE = "AIKYNETIX_API_KEY", "AIKYNETIX_TOKEN"

_NO_CREDENTIAL = f"no credential: set {API_KEY_VARIABLE} (or {TOKEN_VARIABLE}) in the environment."


class Connection(NamedTuple):
    """How to reach the API, as the options say it; None leaves a setting to the environment and the defaults."""

    base_url: str | None = None
    timeout: float | None = None
    max_retries: int | None = None
    key_header: str | None = None
    verbose: bool = False


class SessionId(_TextType):
    """A session id that can stand in a URL's path."""

    name = "session"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return ``value``, or fail with what is wrong with it."""
        from .._arguments import checked_session_id

        try:
            return checked_session_id(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Place(_TextType):
    """A path or an fsspec URL that can be one."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return ``value``, or fail with what is wrong with it."""
        from .._arguments import checked_place

        try:
            return checked_place(value)
        except ValueError as error:
            self.fail(f"it {str(error).removeprefix('to ')}", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002 -- click's signature
        """Leave it to the shell, which knows the files."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]


class Seconds(_NumberType):
    """A number of seconds, 0 or more; click's own ranges let "nan" through."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return ``value`` as a number, or fail."""
        try:
            seconds = float(value)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds < 1e9:
            self.fail(f"{value!r} is no number of seconds, 0 or more.", param, ctx)
        return seconds


session_argument = click.argument("session_id", metavar="SESSION", type=SessionId())

# Written out, because the enum's module would import httpx for `--help`; a test holds the two together.
ANALYSES = ("jump", "weightlifting")


def analysis_choice(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option ``--analysis``, whose help is ``text`` and the choices."""
    told = f"{text}: {' or '.join(ANALYSES)}."
    return click.option("--analysis", type=click.Choice(ANALYSES, case_sensitive=False), metavar="KIND", help=told)


analysis_option = analysis_choice("Which analysis to make if there is none yet")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress on stderr; errors are still said.")


def wait_option(default: float = 0) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option ``--wait``."""
    text = f"Have the video made if there is none yet, and wait up to so long. Default: {default:g}."
    return click.option("--wait", type=Seconds(), default=default, metavar="SECONDS", help=text)


def connection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of `Connection` to a command, which gets them as ``connection``."""

    @click.option("--base-url", metavar="URL", help="Default: AIKYNETIX_BASE_URL, then the vendor's.")
    @click.option("--timeout", type=float, metavar="SECONDS", help="Limit of one attempt. Default: 30.")
    @click.option("--max-retries", type=int, metavar="N", help="How often to try again. Default: 3.")
    @click.option("--key-header", metavar="NAME", help="Header for the API key: API-KEY or Authorization.")
    @click.option("-v", "--verbose", is_flag=True, help="Tell of retries on stderr.")
    @wraps(command)
    def with_connection(
        *args: Any,
        base_url: str | None,
        timeout: float | None,
        max_retries: int | None,
        key_header: str | None,
        verbose: bool,
        **kwargs: Any,
    ) -> None:
        connection = Connection(base_url, timeout, max_retries, key_header, verbose)
        command(*args, connection=connection, **kwargs)

    return with_connection


class Credential(NamedTuple):
    """A credential as the command found it.

    Attributes:
        kind: ``"api_key"`` or ``"token"``.
        source: Where it came from, for people.
        secret: The credential itself.
    """

    kind: str
    source: str
    secret: Secret


def find_credential(environ: Mapping[str, str], *, may_ask: bool) -> Credential | None:
    """Return the credential in the environment, else one that is typed in; None when there is neither.

    Args:
        environ: The environment; an empty variable counts as unset.
        may_ask: Whether a person may be asked, which needs a terminal on stdin.

    Raises:
        ConfigurationError: There are two, or what was typed in is none.
    """
    from .._auth import checked_secret
    from .._config import _secret_from
    from .._errors import ConfigurationError

    key, token = _secret_from(environ, API_KEY_VARIABLE), _secret_from(environ, TOKEN_VARIABLE)
    if key is not None and token is not None:
        raise ConfigurationError(f"{API_KEY_VARIABLE} and {TOKEN_VARIABLE} are both set; unset one of them.")
    if key is not None:
        return Credential("api_key", API_KEY_VARIABLE, key)
    if token is not None:
        return Credential("token", TOKEN_VARIABLE, token)
    if may_ask and sys.stdin is not None and sys.stdin.isatty():
        try:
            typed = click.prompt("API key", hide_input=True, err=True)
        except click.Abort as abort:
            if isinstance(abort.__context__, EOFError):
                return None
            raise
        return Credential("api_key", "typed in", checked_secret(typed, "the API key that was typed in"))
    return None


@contextmanager
def connect(connection: Connection) -> Generator[Aikynetix]:
    """Open a client for the time of a ``with`` block.

    Raises:
        ConfigurationError: A setting is wrong, or there is no credential.
    """
    from .. import Aikynetix
    from .._errors import ConfigurationError

    credential = find_credential(os.environ, may_ask=True)
    if credential is None:
        raise ConfigurationError(_NO_CREDENTIAL)
    auth = auth_of(credential, connection.key_header)
    with telling(connection), Aikynetix(auth=auth, **limits(connection)) as client:
        yield client


def auth_of(credential: Credential, key_header: str | None) -> Any:
    """Return the `httpx.Auth` for a credential.

    Raises:
        ConfigurationError: The credential cannot stand in a header, or a header was named for a token.
    """
    from .._auth import ApiKey, BearerToken
    from .._errors import ConfigurationError

    if credential.kind == "api_key":
        return ApiKey(credential.secret, header=key_header)
    if key_header is not None:
        raise ConfigurationError(
            f"--key-header is for API keys, and {TOKEN_VARIABLE} is a token; leave the option out."
        )
    return BearerToken(credential.secret)


def limits(connection: Connection) -> dict[str, Any]:
    """Return the client's arguments other than the credential."""
    given: dict[str, Any] = {"base_url": connection.base_url, "timeout": connection.timeout}
    if connection.max_retries is not None:
        given["max_retries"] = connection.max_retries
    return given


@contextmanager
def telling(connection: Connection) -> Generator[None]:
    """Show the package's log records on stderr, without ``--verbose`` warnings alone; it logs no secrets."""
    import logging

    from .. import _trial

    handler, logger = logging.StreamHandler(), logging.getLogger("aikynetix")
    handler.setFormatter(logging.Formatter("aikynetix: %(message)s"))
    if not connection.verbose:
        handler.setLevel(logging.WARNING)
        handler.addFilter(_Once())
    logger.addHandler(handler)
    level = logger.level
    if connection.verbose:
        logger.setLevel(logging.DEBUG)
    _trial.tells_itself = True
    try:
        yield
    finally:
        _trial.tells_itself = False
        logger.setLevel(level)
        logger.removeHandler(handler)


class _Once:
    """Lets each text through once: what befalls one session of an export befalls many."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        is_new = text not in self._said
        self._said.add(text)
        return is_new
