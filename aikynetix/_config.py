"""Settings: from arguments and the environment to one checked value."""

from __future__ import annotations

import importlib.util
import ssl
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
from attrs import Factory, field, frozen

from ._auth import ApiKey, BearerToken, Placement, SameOriginAuth
from ._errors import ConfigurationError

API_KEY_VARIABLE = "AIKYNETIX_API_KEY"
TOKEN_VARIABLE = "AIKYNETIX_TOKEN"  # noqa: S105 -- the name of a variable, not a token
BASE_URL_VARIABLE = "AIKYNETIX_BASE_URL"

DEFAULT_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
MAX_RETRIES_LIMIT = 100
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
LONGEST_TIMEOUT = 1_000_000.0
"""Seconds; sockets take no more than 2,147,483 of them, which is as many milliseconds as poll(2) can count."""

Token = str | Callable[[], str]
AsyncToken = Token | Callable[[], Awaitable[str]]
Verify = ssl.SSLContext | str | Path


@frozen
class SpecDefaults:
    """What the vendor's spec says of the server and its credentials."""

    base_url: str | None
    api_key: Placement | None
    bearer: tuple[str, str] | None


def _attempt_timeout_of(settings: Settings) -> float | None:
    limits = settings.timeout
    phases: list[float | None] = [limits.connect, limits.read, limits.write]
    finite = [phase for phase in phases if phase is not None]
    return max(finite) if len(finite) == len(phases) else None


@frozen
class Settings:
    """Everything a client needs to know, checked."""

    base_url: httpx.URL
    credential: SameOriginAuth = field(repr=False)
    timeout: httpx.Timeout = DEFAULT_TIMEOUT
    max_retries: int = 3
    proxy: httpx.Proxy | None = field(default=None, repr=False)
    verify: ssl.SSLContext | str | None = None

    attempt_timeout: float | None = field(init=False, default=Factory(_attempt_timeout_of, takes_self=True))


def resolve(
    *,
    api_key: str | None,
    token: AsyncToken | None,
    auth: httpx.Auth | None,
    base_url: str | httpx.URL | None,
    timeout: float | httpx.Timeout | None,
    max_retries: int,
    proxy: str | httpx.URL | httpx.Proxy | None,
    verify: Verify | None,
    environ: Mapping[str, str],
    spec: SpecDefaults,
    asynchronous: bool,
) -> Settings:
    """Return checked settings; an argument wins over the environment, the environment over the spec.

    Raises:
        ConfigurationError: A setting is wrong or missing, or there are two credentials.
    """
    url = resolve_base_url(base_url, environ, spec)
    credential = _placed(_resolve_credential(api_key, token, auth, environ), spec)
    if not asynchronous and isinstance(credential, BearerToken) and credential._is_async:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] -- users would see it
        raise ConfigurationError(
            "token= is a coroutine function, which only AsyncAikynetix can run; give a plain callable.", setting="token"
        )
    return Settings(
        url,
        SameOriginAuth(credential, url),
        resolve_timeout(timeout),
        resolve_max_retries(max_retries),
        None if proxy is None else checked_proxy(proxy),
        _resolve_verify(verify),
    )


def _resolve_credential(
    api_key: str | None, token: AsyncToken | None, auth: httpx.Auth | None, environ: Mapping[str, str]
) -> httpx.Auth:
    given = [name for name, value in (("api_key", api_key), ("token", token), ("auth", auth)) if value is not None]
    if len(given) > 1:
        raise ConfigurationError(
            f"{' and '.join(given)} were both given; a request carries one credential, so give one.", setting=given[0]
        )
    if not given:
        api_key, token = _from_environment(environ, API_KEY_VARIABLE), _from_environment(environ, TOKEN_VARIABLE)
        if api_key is not None and token is not None:
            raise ConfigurationError(
                f"{API_KEY_VARIABLE} and {TOKEN_VARIABLE} are both set; unset one, or give api_key= or token=.",
                setting="api_key",
            )
    if auth is not None:
        if not isinstance(auth, httpx.Auth):
            raise ConfigurationError(
                "auth= must be an httpx.Auth, such as ApiKey(...) or BearerToken(...); "
                "for a string use api_key= or token=.",
                setting="auth",
            )
        return auth
    if api_key is not None:
        return ApiKey(api_key)
    if token is not None:
        return BearerToken(token)
    raise ConfigurationError(
        f"no credential: give api_key= or token= (or auth=), "
        f"or set {API_KEY_VARIABLE} or {TOKEN_VARIABLE} in the environment.",
        setting="api_key",
    )


def _from_environment(environ: Mapping[str, str], variable: str) -> str | None:
    """An empty variable counts as unset: that is how shells and CI systems blank one out."""
    return environ.get(variable, "").strip() or None


def _placed(credential: httpx.Auth, spec: SpecDefaults) -> httpx.Auth:
    """Send the credential where the spec wants it."""
    if isinstance(credential, ApiKey):
        credential = credential._placed(spec.api_key)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] -- users would see it
        if not credential._is_placed:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] -- users would see it
            other = f"use token= or {TOKEN_VARIABLE}, or" if spec.bearer else "give auth= what the vendor takes now, or"
            text = f"the vendored spec knows no API key any more; {other} ApiKey(key, header=...)."
            raise ConfigurationError(text, setting="api_key")
    elif isinstance(credential, BearerToken):
        if spec.bearer is None:
            other = f"use api_key= or {API_KEY_VARIABLE}" if spec.api_key else "give auth= what the vendor takes now"
            raise ConfigurationError(f"the vendored spec knows no bearer token any more; {other}.", setting="token")
        credential = credential._placed(*spec.bearer)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] -- users would see it
    return credential


def resolve_base_url(base_url: str | httpx.URL | None, environ: Mapping[str, str], spec: SpecDefaults) -> httpx.URL:
    """Return the API's base URL, checked so that a credential cannot be led astray by how it is written."""
    if base_url is not None:
        return checked_base_url(base_url, f"base_url= (or {BASE_URL_VARIABLE})")
    url = _from_environment(environ, BASE_URL_VARIABLE)
    if url is not None:
        return checked_base_url(url, f"the environment variable {BASE_URL_VARIABLE}")
    if spec.base_url is None:
        text = f"the vendored spec names no server; give base_url= or set {BASE_URL_VARIABLE}."
        raise ConfigurationError(text, setting="base_url")
    return checked_base_url(spec.base_url, "the vendored spec's server")


def checked_base_url(base_url: str | httpx.URL, setting: str) -> httpx.URL:
    """Return ``base_url`` without a trailing slash, or say what is wrong with it."""
    text = str(base_url) if isinstance(base_url, str | httpx.URL) else ""
    url = httpx.URL("")
    try:
        url = httpx.URL(text)
        fault = _fault_of(url, url.host, text)  # the host decodes IDNA, and raises where it only looks like it
    except (httpx.InvalidURL, ValueError):
        fault = "is not a URL; it looks like https://api.example.com."
    if fault is not None:
        raise ConfigurationError(f"{setting} {fault}", setting="base_url")
    return url.copy_with(raw_path=url.raw_path.rstrip(b"/") or b"/")


def _fault_of(url: httpx.URL, host: str, text: str) -> str | None:
    if any(char <= " " or char == "\x7f" or char == "\\" for char in text):
        return "must be a URL such as https://api.example.com, without spaces or backslashes."
    if url.scheme not in ("http", "https") or not host or (url.port is not None and not 0 < url.port < 65_536):
        return "must be an absolute URL: start with https:// and name a host (and a port from 1 to 65535)."
    if url.userinfo or "@" in text.split("/", 3)[2]:
        return "has user info in it (the part before '@'); give the host alone and the credential as a setting."
    if "?" in text or "#" in text:
        return "must not have a query or a fragment."
    if url.scheme == "http" and not is_loopback(host):
        return "uses http, which would send the credential in the clear; use https (http is for loopback only)."
    return None


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is this machine itself: ``localhost`` or an address in 127.0.0.0/8 or ::1."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def resolve_timeout(timeout: float | httpx.Timeout | None) -> httpx.Timeout:
    """Return the per-phase limits for a ``timeout`` setting: None is the finite default."""
    if timeout is None:
        return DEFAULT_TIMEOUT
    if isinstance(timeout, httpx.Timeout):
        phases: list[object] = [timeout.connect, timeout.read, timeout.write, timeout.pool]
        if all(phase is None or _is_limit(phase) for phase in phases):
            return timeout
    elif _is_limit(timeout):
        return httpx.Timeout(float(timeout))
    raise ConfigurationError(
        f"timeout= must be a positive number of seconds, at most {LONGEST_TIMEOUT:,.0f}, or an httpx.Timeout of such "
        "numbers; leave it out for the default.",
        setting="timeout",
    )


def _is_limit(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= LONGEST_TIMEOUT


def resolve_max_retries(max_retries: int) -> int:
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
    url = made.url
    if url.scheme not in _PROXY_SCHEMES or not url.host or (url.port is not None and not 0 < url.port < 65_536):
        text = f"{setting} must be a URL such as http://proxy.example:3128 (http, https, socks5, socks5h)."
        raise ConfigurationError(text, setting="proxy")
    if made.url.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        text = f"{setting} speaks SOCKS, which needs: pip install 'aikynetix[socks]'."
        raise ConfigurationError(text, setting="proxy")
    return made


def _resolve_verify(verify: Any) -> ssl.SSLContext | str | None:
    if verify is None or (isinstance(verify, ssl.SSLContext) and verify.check_hostname):  # which needs CERT_REQUIRED
        return verify
    if isinstance(verify, bool) or not isinstance(verify, str | Path):
        raise ConfigurationError(
            "verify= must be an ssl.SSLContext, or the path of a PEM file or a folder of certificates; "
            "certificates and the names in them are always checked.",
            setting="verify",
        )
    if not Path(verify).exists():
        raise ConfigurationError(f"verify= names {str(verify)!r}, which does not exist.", setting="verify")
    return str(verify)
