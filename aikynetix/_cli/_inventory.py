"""What `aikynetix doctor` lists before it checks anything: versions, settings in force, header styles."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, NamedTuple

from ._connect import API_KEY_VARIABLE, TOKEN_VARIABLE
from ._diagnosis import Setting

if TYPE_CHECKING:
    import httpx

    from .. import Aikynetix
    from ._connect import Connection, Credential

_DEFAULT = "default"
_SPEC = "vendored spec"


class Way(NamedTuple):
    """A way to send a credential.

    Attributes:
        auth: Sends it.
        advice: What to change so that the commands send it.
    """

    auth: httpx.Auth
    advice: str


def versions(client: Aikynetix | None) -> dict[str, str]:
    """Return what is installed and, with a client, in use."""
    import httpx

    from .. import __version__
    from .._operations import spec_name
    from .._transport import describe

    transport = {} if client is None else {"transport": describe(client._session._wire)}
    return {
        "aikynetix": __version__,
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "httpx": httpx.__version__,
        **transport,
        "spec": spec_name(),
    }


def settings(client: Aikynetix | None, connection: Connection, credential: Credential | None) -> list[Setting]:
    """Return the settings in force and where each comes from; of a credential only the kind is told.

    Args:
        client: None where the settings make none: what they say of the base URL may be unfit to be shown then.
        connection: What the options say.
        credential: None where there is none.
    """
    base_url = "none" if client is None else str(client._settings.base_url).rstrip("/")
    listed = [Setting("base URL", base_url, _base_url_source(connection))]
    if credential is not None:
        kind = "an API key" if credential.kind == "api_key" else "a bearer token"
        header = _SPEC if connection.key_header is None or credential.kind == "token" else "--key-header"
        listed.append(Setting("credential", kind, credential.source))
        listed.append(Setting("header", style_in_force(credential, connection), header))
    seconds, seconds_source = (30.0, _DEFAULT) if connection.timeout is None else (connection.timeout, "--timeout")
    tries, tries_source = (3, _DEFAULT) if connection.max_retries is None else (connection.max_retries, "--max-retries")
    listed.append(Setting("timeout", f"{seconds:g} s for one attempt", seconds_source))
    listed.append(Setting("retries", str(tries), tries_source))
    own = bool(os.environ.get("SSL_CERT_FILE"))
    listed.append(Setting("certificates", "your own" if own else "certifi's", "SSL_CERT_FILE" if own else _DEFAULT))
    return listed


def _base_url_source(connection: Connection) -> str:
    from .._config import BASE_URL_VARIABLE

    if connection.base_url is not None:
        return "--base-url"
    return BASE_URL_VARIABLE if os.environ.get(BASE_URL_VARIABLE, "").strip() else _SPEC


def style_in_force(credential: Credential, connection: Connection) -> str:
    """Return the style in which the settings send the credential."""
    from .._operations import spec_defaults

    spec = spec_defaults()
    if credential.kind == "token":
        return _bearer_style(spec.bearer or ("Authorization", "Bearer "))
    if connection.key_header is not None:
        return _key_style(("header", connection.key_header))
    return _key_style(spec.api_key or ("header", "API-KEY"))


def styles(credential: Credential, connection: Connection) -> dict[str, Way]:
    """Return every documented way to send the credential, and the one that the settings choose.

    Source: the two security schemes of the vendor's spec, and the "Security" paragraph of the vendor's page.
    """
    from .. import ApiKey, BearerToken
    from .._operations import spec_defaults

    spec, secret, named = spec_defaults(), credential.secret, connection.key_header
    is_key = credential.kind == "api_key"
    move_key = "" if is_key else f"put it into {API_KEY_VARIABLE} instead"
    ways: dict[str, Way] = {}
    if spec.api_key is not None:
        ways[_key_style(spec.api_key)] = Way(ApiKey(secret), move_key or "leave --key-header out")
    prose = "use --key-header Authorization"
    advice = prose if is_key else f"{move_key}, and {prose}"
    ways[_key_style(("header", "Authorization"))] = Way(ApiKey(secret, header="Authorization"), advice)
    if spec.bearer is not None:
        advice = f"put it into {TOKEN_VARIABLE} instead{'' if named is None else ', and leave --key-header out'}"
        ways[_bearer_style(spec.bearer)] = Way(BearerToken(secret), advice)
    if is_key and named is not None:
        way = Way(ApiKey(secret, header=named), f"use --key-header {named}")
        ways.setdefault(_key_style(("header", named)), way)
    return ways


def _key_style(placement: tuple[str, str]) -> str:
    place, name = placement
    if name.lower() == "authorization":
        return f"{name}: API-KEY <key>"
    return f"{name}: <key>" if place == "header" else f"{place} {name}=<key>"


def _bearer_style(bearer: tuple[str, str]) -> str:
    return f"{bearer[0]}: {bearer[1]}<token>"
