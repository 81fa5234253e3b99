"""Settings: from arguments and the environment to one checked value."""

from __future__ import annotations

import importlib.util
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
from attrs import Factory, field, frozen
from attrs.converters import optional

from ._auth import ApiKey, BearerToken, SameOriginAuth, SpecDefaults
from ._errors import ConfigurationError

API_KEY_VARIABLE = "AIKYNETIX_API_KEY"
TOKEN_VARIABLE = "AIKYNETIX_TOKEN"  # noqa: S105 -- the name of a variable, not a token
BASE_URL_VARIABLE = "AIKYNETIX_BASE_URL"

DEFAULT_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
MAX_RETRIES_LIMIT = 100
# Spaces, control characters, backslashes, user info (even empty), a query, a fragment.
_ASTRAY = re.compile(r"[\x00-\x20\x7f\\?#]|^[^/]*//[^/]*@")
LONGEST_TIMEOUT = 1_000_000.0
"""Seconds; sockets take no more than 2,147,483 of them, which is as many milliseconds as poll(2) can count."""

Token = str | Callable[[], str]
AsyncToken = Token | Callable[[], Awaitable[str]]
Verify = ssl.SSLContext | str | Path


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are set; an empty one is how shells and CI systems blank one out."""
    return {name: value.strip() for name, value in environ.items() if value.strip()}


def resolve_base_url(base_url: str | httpx.URL | None, environ: Mapping[str, str], spec: SpecDefaults) -> httpx.URL:
    """Return the checked base URL; an argument wins over the environment, and that over the spec."""
    found = base_url if base_url is not None else environ.get(BASE_URL_VARIABLE) or spec.base_url
    if found is None:
        text = f"the vendored spec names no server; give base_url= or set {BASE_URL_VARIABLE}."
        raise ConfigurationError(text, setting="base_url")
    return checked_base_url(found, f"base_url= (or {BASE_URL_VARIABLE})")


def resolve_credential(
    api_key: str | None, token: AsyncToken | None, auth: httpx.Auth | None, environ: Mapping[str, str]
) -> httpx.Auth:
    """Return the one credential that was given, by an argument or else by the environment."""
    given = [name for name, value in (("api_key", api_key), ("token", token), ("auth", auth)) if value is not None]
    if not given:
        api_key, token = environ.get(API_KEY_VARIABLE), environ.get(TOKEN_VARIABLE)
        given = [name for name in (API_KEY_VARIABLE, TOKEN_VARIABLE) if name in environ]
    if len(given) != 1:
        fault = f"more than one credential ({' and '.join(given)})" if given else "no credential"
        way = f"give one of api_key=, token= and auth=, or set {API_KEY_VARIABLE} or {TOKEN_VARIABLE}"
        raise ConfigurationError(f"{fault}: {way}.", setting="api_key")
    if api_key is not None:
        return ApiKey(api_key)
    if token is not None:
        return BearerToken(token)
    if not isinstance(auth, httpx.Auth):
        text = "auth= must be an httpx.Auth, such as ApiKey(...); for a string use api_key= or token=."
        raise ConfigurationError(text, setting="auth")
    return auth


def checked_base_url(base_url: str | httpx.URL, setting: str) -> httpx.URL:
    """Return ``base_url`` without a trailing slash, checked so that how it is written leads no credential astray."""
    text = str(base_url) if isinstance(base_url, str | httpx.URL) else ""
    fault = (
        "must be an absolute http(s) URL such as https://api.example.com, without user info, query, fragment, spaces "
        "or backslashes (a port is from 1 to 65535)"
    )
    try:
        url = httpx.URL(text)
        is_local = is_loopback(url.host)  # the host decodes IDNA, and raises where it only looks like it
    except (httpx.InvalidURL, ValueError):
        raise ConfigurationError(f"{setting} {fault}.", setting="base_url") from None
    if url.scheme == "http" and url.host and not is_local:
        fault = "uses http, which would send the credential in the clear; use https (http is for loopback only)"
    elif _names_host(url, ("http", "https")) and not _ASTRAY.search(text):
        return url.copy_with(raw_path=url.raw_path.rstrip(b"/") or b"/")
    raise ConfigurationError(f"{setting} {fault}.", setting="base_url")


def _names_host(url: httpx.URL, schemes: tuple[str, ...]) -> bool:
    # httpx quotes what can stand in no host name; in an IPv6 address it says where the zone begins.
    has_host = bool(url.host) and ("%" not in url.host or ":" in url.host)
    return url.scheme in schemes and has_host and (url.port is None or 0 < url.port < 65_536)


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is this machine itself: ``localhost`` or an address in 127.0.0.0/8 or ::1."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_timeout(timeout: float | httpx.Timeout | None) -> httpx.Timeout:
    """Return the per-phase limits for a ``timeout`` setting: None is the finite default."""
    if timeout is None:
        return DEFAULT_TIMEOUT
    if isinstance(timeout, httpx.Timeout):
        if all(phase is None or _is_limit(phase) for phase in timeout.as_dict().values()):
            return timeout
    elif _is_limit(timeout):
        return httpx.Timeout(float(timeout))
    text = f"must be a positive number of seconds, at most {LONGEST_TIMEOUT:,.0f}, or an httpx.Timeout of such numbers"
    raise ConfigurationError(f"timeout= {text}.", setting="timeout")


def _is_limit(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= LONGEST_TIMEOUT


def _checked_max_retries(max_retries: int) -> int:
    """Return ``max_retries``, checked."""
    if isinstance(max_retries, bool) or not isinstance(max_retries, int) or not 0 <= max_retries <= MAX_RETRIES_LIMIT:
        text = f"max_retries= must be a whole number from 0 to {MAX_RETRIES_LIMIT}."
        raise ConfigurationError(text, setting="max_retries")
    return max_retries


def checked_proxy(proxy: Any, setting: str = "proxy=") -> httpx.Proxy:
    """Return ``proxy`` as httpx takes it; a `ConfigurationError` says what is wrong with it, and does not quote it."""
    try:
        made = proxy if isinstance(proxy, httpx.Proxy) else httpx.Proxy(proxy)
    except (httpx.InvalidURL, ValueError, TypeError, AttributeError):
        made = httpx.Proxy("http://")
    if not _names_host(made.url, ("http", "https", "socks5", "socks5h")):
        fault = "must be a URL such as http://proxy.example:3128 (http, https, socks5, socks5h)"
    elif made.url.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        fault = "speaks SOCKS, which needs: pip install 'aikynetix[socks]'"
    else:
        return made
    raise ConfigurationError(f"{setting} {fault}.", setting="proxy")


def checked_verify(verify: Any) -> ssl.SSLContext | str | None:
    """Return ``verify``, a path of it as a string."""
    if verify is None or (isinstance(verify, ssl.SSLContext) and verify.check_hostname):  # which needs CERT_REQUIRED
        return verify
    if not isinstance(verify, str | Path):
        text = "must be an ssl.SSLContext, or the path of a PEM file or a folder: certificates are always checked"
    elif not str(verify):
        text = "is empty; leave it out for the system's store"
    elif not Path(verify).exists():
        text = f"names {str(verify)!r}, which does not exist"
    else:
        return str(verify)
    raise ConfigurationError(f"verify= {text}.", setting="verify")


def _attempt_timeout_of(settings: Settings) -> float | None:
    limits = settings.timeout
    phases: list[float | None] = [limits.connect, limits.read, limits.write]
    return None if None in phases else max(phase for phase in phases if phase is not None)


@frozen
class Settings:
    """Everything a client needs to know; limits are checked here, and in every copy."""

    base_url: httpx.URL
    credential: SameOriginAuth = field(repr=False)
    timeout: httpx.Timeout = field(converter=_checked_timeout)
    max_retries: int = field(converter=_checked_max_retries)
    proxy: httpx.Proxy | None = field(converter=optional(checked_proxy), repr=False)
    verify: ssl.SSLContext | str | None  # a path that was there when the client was made

    attempt_timeout: float | None = field(init=False, default=Factory(_attempt_timeout_of, takes_self=True))
