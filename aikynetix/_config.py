"""Settings: from arguments and the environment to one checked value."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any, cast

import httpx
from attrs import field, frozen

from ._auth import ApiKey, BearerToken, OriginBound, Placement, hidden
from ._errors import ConfigurationError
from ._redact import Secret

API_KEY_VARIABLE = "AIKYNETIX_API_KEY"
TOKEN_VARIABLE = "AIKYNETIX_TOKEN"  # noqa: S105 -- the name of a variable, not a token
BASE_URL_VARIABLE = "AIKYNETIX_BASE_URL"

DEFAULT_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
MAX_RETRIES_LIMIT = 100
LONGEST_TIMEOUT = 1_000_000.0
"""Seconds; sockets take no more than 2,147,483 of them, which is as many milliseconds as poll(2) can count."""

Token = str | Callable[[], str]
AsyncToken = Token | Callable[[], Awaitable[str]]


class Unseen(Mapping[str, str]):
    """An environment that does not show what is in it to those who print the local variables of a frame."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return "Unseen(***)"


@frozen
class SpecDefaults:
    """What the vendor's spec says of the server and its credentials.

    Attributes:
        base_url: The first server, or None when the spec names none.
        api_key: Where an API key goes, or None when the spec knows no such credential.
        bearer: Header and prefix of a bearer token, or None when the spec knows no such credential.
    """

    base_url: str | None
    api_key: Placement | None
    bearer: tuple[str, str] | None


@frozen
class Settings:
    """Everything a client needs to know, checked.

    Attributes:
        base_url: Absolute, without a trailing slash.
        credential: Adds the credential to requests for the base URL's origin, and to no others.
        timeout: Per-phase limits in seconds.
        deadline: Limit of one whole attempt in seconds, or None for no limit.
        max_retries: How often a failed request is sent again, 0 to 100.
    """

    base_url: httpx.URL
    credential: OriginBound = field(repr=False)
    timeout: httpx.Timeout = DEFAULT_TIMEOUT
    deadline: float | None = 30.0
    max_retries: int = 3


def resolve(
    *,
    api_key: str | Secret | None,
    token: AsyncToken | Secret | None,
    auth: httpx.Auth | None,
    base_url: str | httpx.URL | Secret | None,
    timeout: float | httpx.Timeout | None,
    max_retries: int,
    environ: Mapping[str, str],
    spec: SpecDefaults,
    asynchronous: bool,
) -> Settings:
    """Return checked settings; an argument wins over the environment, the environment over the spec.

    Raises:
        ConfigurationError: A setting is wrong or missing, or there are two credentials.
    """
    environ = Unseen(environ)
    url = resolve_base_url(base_url, environ, spec)
    credential = _place(_resolve_credential(api_key, token, auth, environ), spec)
    if not asynchronous and isinstance(credential, BearerToken) and credential._is_async:
        raise ConfigurationError(
            "token= is a coroutine function, which only AsyncAikynetix can run; give a plain callable."
        )
    limits = resolve_timeout(timeout)
    return Settings(url, OriginBound(credential, url), limits, deadline_of(limits), resolve_max_retries(max_retries))


def _resolve_credential(
    api_key: str | Secret | None, token: AsyncToken | Secret | None, auth: httpx.Auth | None, environ: Mapping[str, str]
) -> httpx.Auth:
    given = [name for name, value in (("api_key", api_key), ("token", token), ("auth", auth)) if value is not None]
    if len(given) > 1:
        raise ConfigurationError(
            f"{' and '.join(given)} were both given; a request carries one credential, so give one."
        )
    if not given:
        api_key, token = _secret_from(environ, API_KEY_VARIABLE), _secret_from(environ, TOKEN_VARIABLE)
        if api_key is not None and token is not None:
            raise ConfigurationError(
                f"{API_KEY_VARIABLE} and {TOKEN_VARIABLE} are both set; unset one, or give api_key= or token=."
            )
    if auth is not None:
        if not isinstance(auth, httpx.Auth):
            raise ConfigurationError(
                "auth= must be an httpx.Auth, such as ApiKey(...) or BearerToken(...); "
                "for a string use api_key= or token=."
            )
        return auth
    if api_key is not None:
        return ApiKey(api_key)
    if token is not None:
        return BearerToken(token)
    raise ConfigurationError(
        f"no credential: give api_key= or token= (or auth=), "
        f"or set {API_KEY_VARIABLE} or {TOKEN_VARIABLE} in the environment."
    )


def _secret_from(environ: Mapping[str, str], variable: str) -> Secret | None:
    """An empty variable counts as unset: that is how shells and CI systems blank one out."""
    value = environ.get(variable, "").strip()
    return Secret(value) if value else None


def _place(credential: httpx.Auth, spec: SpecDefaults) -> httpx.Auth:
    """Send the credential where the spec wants it."""
    if isinstance(credential, ApiKey) and not credential._is_placed:
        if spec.api_key is None:
            other = f"use token= or {TOKEN_VARIABLE}, or" if spec.bearer else "give auth= what the vendor takes now, or"
            raise ConfigurationError(f"the vendored spec knows no API key any more; {other} ApiKey(key, header=...).")
        return credential._placed(spec.api_key)
    if isinstance(credential, BearerToken):
        if spec.bearer is None:
            other = f"use api_key= or {API_KEY_VARIABLE}" if spec.api_key else "give auth= what the vendor takes now"
            raise ConfigurationError(f"the vendored spec knows no bearer token any more; {other}.")
        return credential._placed(*spec.bearer)
    return credential


def resolve_base_url(
    base_url: str | httpx.URL | Secret | None, environ: Mapping[str, str], spec: SpecDefaults
) -> httpx.URL:
    """Return the API's base URL, checked so that a credential cannot be led astray by how it is written.

    Raises:
        ConfigurationError: It is no absolute http(s) URL, has user info, a query or a fragment, or is plain http to a
            host that is not loopback.
    """
    if base_url is not None:
        return checked_base_url(base_url, f"base_url= (or {BASE_URL_VARIABLE})")
    url = _secret_from(environ, BASE_URL_VARIABLE)
    if url is not None:
        return checked_base_url(url, f"the environment variable {BASE_URL_VARIABLE}")
    if spec.base_url is None:
        raise ConfigurationError(f"the vendored spec names no server; give base_url= or set {BASE_URL_VARIABLE}.")
    return checked_base_url(spec.base_url, "the vendored spec's server")


def checked_base_url(base_url: str | httpx.URL | Secret, setting: str) -> httpx.URL:
    """Return ``base_url`` without a trailing slash, or say what is wrong with it.

    Raises:
        ConfigurationError: See `resolve_base_url`.
    """
    base_url = hidden(base_url)
    url = _usable_base_url(cast("Secret", base_url).reveal())
    if isinstance(url, str):
        raise ConfigurationError(f"{setting} {url}")
    return url


def _usable_base_url(base_url: object) -> httpx.URL | str:
    """Return the URL, or what is wrong with it: returned, because a credential may stand in it."""
    text = str(base_url) if isinstance(base_url, str | httpx.URL) else ""
    if not text or any(char <= " " or char == "\x7f" or char == "\\" for char in text):
        return "must be an absolute URL such as https://api.example.com, without spaces or backslashes."
    try:
        url = httpx.URL(text)
        host = url.host  # decodes IDNA, and raises for a host that only looks like it
    except (httpx.InvalidURL, ValueError):
        return "is not a URL; it looks like https://api.example.com."
    fault = _fault_of(url, host, text)
    return url.copy_with(raw_path=url.raw_path.rstrip(b"/") or b"/") if fault is None else fault


def _fault_of(url: httpx.URL, host: str, text: str) -> str | None:
    if url.scheme not in ("http", "https") or not host:
        return "must start with https:// and name a host."
    if url.userinfo or "@" in text.split("/", 3)[2]:
        return "has user info in it (the part before '@'); give the host alone and the credential as a setting."
    if "?" in text or "#" in text:
        return "must not have a query or a fragment."
    if url.port is not None and not 0 < url.port < 65_536:
        return "has a port outside 1 to 65535."
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
    """Return the per-phase limits for a ``timeout`` setting: None is the finite default.

    Raises:
        ConfigurationError: It is neither a positive number of seconds up to `LONGEST_TIMEOUT` nor an `httpx.Timeout`
            of such numbers and None.
    """
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
        "numbers; leave it out for the default."
    )


def _is_limit(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= LONGEST_TIMEOUT


def deadline_of(timeout: httpx.Timeout) -> float | None:
    """Return how long one whole attempt may take, in seconds, given its per-phase limits; None for no limit."""
    phases: list[Any] = [timeout.connect, timeout.read, timeout.write]
    finite = [phase for phase in phases if phase is not None]
    return max(finite) if len(finite) == len(phases) else None


def resolve_max_retries(max_retries: int) -> int:
    """Return ``max_retries``, checked.

    Raises:
        ConfigurationError: It is no whole number from 0 to 100.
    """
    if isinstance(max_retries, bool) or not isinstance(max_retries, int) or not 0 <= max_retries <= MAX_RETRIES_LIMIT:
        raise ConfigurationError(f"max_retries= must be a whole number from 0 to {MAX_RETRIES_LIMIT}.")
    return max_retries
