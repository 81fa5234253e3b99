"""Credentials: what is added to a request, and to which requests it is added.

A credential is one `httpx.Auth`. `OriginBound` wraps it so that no request to another origin ever carries it.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator  # noqa: TC003 -- read at run time by tools
from typing import TYPE_CHECKING, Any, cast

import httpx

from . import _header_fields
from ._errors import ConfigurationError
from ._fork import in_child
from ._redact import Secret

if TYPE_CHECKING:
    import anyio

# Where a credential goes: ("header" | "query" | "cookie", name).
Placement = tuple[str, str]

_LOCKS = frozenset({"_lock", "_asker", "_async_lock"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


def checked_secret(value: object, setting: str) -> Secret:
    """Return ``value`` as a `Secret` that is safe to put into a header.

    White space around it is dropped: keys read from a file end in a newline.

    Args:
        value: What the caller gave, a string.
        setting: How the caller knows the setting, for the error's text.

    Raises:
        ConfigurationError: It is no string, empty, or has characters that no header can carry. The text never shows it.
    """
    value = hidden(value)
    fault = _fault_of(value)
    if fault is not None:
        raise ConfigurationError(f"{setting} {fault}")
    return Secret(cast("Secret", value).reveal().strip())


def hidden(value: Any) -> Any:
    """Return as a `Secret` what may hold a credential, of whatever type: anything but None, callables and `httpx.Auth`.

    No frame that an error passes through may hold a bare credential: some tools print the local variables of frames.
    """
    return value if value is None or callable(value) or isinstance(value, Secret | httpx.Auth) else Secret(value)


def _fault_of(value: object) -> str | None:
    text: object = value.reveal() if isinstance(value, Secret) else value
    if not isinstance(text, str):
        return f"must be a string, not {type(text).__name__}."
    text = text.strip()
    if not text:
        return "is empty; give the credential from your Aikynetix account."
    if not all("!" <= char <= "~" for char in text):
        return "has a space, control or non-ASCII character in it; copy it once more."
    return None


class ApiKey(httpx.Auth):
    """An API key, sent where the vendor's spec wants it or in the header that is named here.

    Args:
        key: The key from the Aikynetix account.
        header: None for the place that the vendored spec declares (today the header ``API-KEY``). ``"Authorization"``
            sends ``Authorization: API-KEY <key>``, the form in the prose of the vendor's page. Any other header name
            sends the bare key in that header.

    Raises:
        ConfigurationError: The key is empty or cannot stand in a header, or the header's name is not one.
    """

    __module__ = "aikynetix"

    def __init__(self, key: str | Secret, header: str | None = None) -> None:
        key = hidden(key)
        key = checked_secret(key, "the API key (api_key=, AIKYNETIX_API_KEY)")
        if header is not None and not _header_fields.is_name(header):
            header = None  # it may be the key itself, given in the wrong place
            raise ConfigurationError(
                "ApiKey(header=...) must be a header's name, such as 'API-KEY' or 'Authorization'."
            )
        self._key = key
        self._placement: Placement | None = None if header is None else ("header", header)

    @property
    def _is_placed(self) -> bool:
        """Whether it is known where the key goes."""
        return self._placement is not None

    def _placed(self, placement: Placement) -> ApiKey:
        """Return a copy of this credential that goes to ``placement``."""
        copy = object.__new__(type(self))
        copy._key = self._key
        copy._placement = placement
        return copy

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the key to ``request``."""
        if self._placement is None:
            raise ConfigurationError(
                "ApiKey(key) takes its header from an Aikynetix client; outside one, name header=."
            )
        place, name = self._placement
        if place == "query":
            request.url = request.url.copy_merge_params({name: self._key.reveal()})
        elif place == "cookie":
            before = request.headers.get("cookie")
            cookie = f"{name}={self._key.reveal()}"
            request.headers["cookie"] = f"{before}; {cookie}" if before else cookie
        elif name.lower() == "authorization":
            request.headers[name] = f"API-KEY {self._key.reveal()}"
        else:
            request.headers[name] = self._key.reveal()
        yield request

    def __repr__(self) -> str:
        return "ApiKey(***)"


class BearerToken(httpx.Auth):
    """A bearer token, such as a Firebase ID token, sent as ``Authorization: Bearer <token>`` (RFC 6750, section 2.1).

    Args:
        token: The token, or a callable that returns one. A callable is asked at the first request, and once more when
            the API answers 401: Firebase tokens live one hour. `AsyncAikynetix` also takes a coroutine function.

    Raises:
        ConfigurationError: The token is empty or cannot stand in a header. From a request: the callable raised, or
            returned something that is no token.
    """

    __module__ = "aikynetix"

    def __init__(self, token: str | Secret | Callable[[], str] | Callable[[], Awaitable[str]]) -> None:
        self._source: Callable[[], Any] | None = None
        self._current: Secret | None = None
        self._placement = ("Authorization", "Bearer ")
        token = hidden(token)
        if callable(token):
            self._source = token
        else:
            token = checked_secret(token, "the token (token=, AIKYNETIX_TOKEN)")
            self._current = token
        self._make_locks()

    def _make_locks(self) -> None:
        self._lock = threading.Lock()
        self._asker: int | None = None  # the thread that runs the callable
        self._async_lock: tuple[object, anyio.Lock] | None = None  # made where it is used, with its event loop
        in_child(self, BearerToken._make_locks)

    @property
    def _is_async(self) -> bool:
        """Whether the token comes from a coroutine function, which only the asynchronous client can run."""
        source: Any = self._source
        return inspect.iscoroutinefunction(source) or inspect.iscoroutinefunction(type(source).__call__)

    def _placed(self, header: str, prefix: str) -> BearerToken:
        """Return a copy of this credential that is sent in ``header`` behind ``prefix``."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy._placement = (header, prefix)
        copy._make_locks()
        return copy

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token; on 401 ask the callable for another one, once."""
        used = self._current or self._renew(None)
        self._apply(request, used)
        response = yield request
        if response.status_code == 401 and self._source is not None:
            self._apply(request, self._renew(used))
            yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the token; on 401 ask the callable or coroutine function for another one, once."""
        used = self._current or await self._arenew(None)
        self._apply(request, used)
        response = yield request
        if response.status_code == 401 and self._source is not None:
            self._apply(request, await self._arenew(used))
            yield request

    def _apply(self, request: httpx.Request, token: Secret) -> None:
        header, prefix = self._placement
        request.headers[header] = prefix + token.reveal()

    def _renew(self, refused: Secret | None) -> Secret:
        if self._asker == threading.get_ident():
            raise ConfigurationError("the token callable makes a request that needs the token which it is asked for.")
        with self._lock:  # of many threads refused at once, the first asks and the others use what it got
            if self._current is not None and self._current is not refused:
                return self._current
            self._asker = threading.get_ident()
            try:
                got = _asked(cast("Callable[[], Any]", self._source))
            except Exception as error:
                raise _callable_failed(error) from error
            finally:
                self._asker = None
            self._current = _from_callable(got)
            return self._current

    async def _arenew(self, refused: Secret | None) -> Secret:
        import anyio.lowlevel  # httpx's own requirement; here, because the synchronous client does without

        loop = anyio.lowlevel.current_token()
        if self._async_lock is None or self._async_lock[0] != loop:
            self._async_lock = loop, anyio.Lock()
        async with self._async_lock[1]:  # as above, of many tasks
            if self._current is not None and self._current is not refused:
                return self._current
            try:
                got = await _aasked(cast("Callable[[], Any]", self._source))
            except Exception as error:
                raise _callable_failed(error) from error
            self._current = _from_callable(got)
            return self._current

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _LOCKS}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_locks()

    def __repr__(self) -> str:
        return "BearerToken(***)"


class OriginBound(httpx.Auth):
    """Adds a credential to requests for one origin and to no other.

    Args:
        inner: The credential.
        origin: The URL whose scheme, host and port it is meant for.
    """

    def __init__(self, inner: httpx.Auth, origin: httpx.URL) -> None:
        self.inner = inner
        self._origin = origin_of(origin)
        self.requires_request_body: bool = inner.requires_request_body
        self.requires_response_body: bool = inner.requires_response_body

    @property
    def is_immediate(self) -> bool:
        """Whether adding the credential to a request takes no time, because nobody is asked for it."""
        inner = self.inner
        return type(inner) is ApiKey or (type(inner) is BearerToken and inner._source is None)

    def applies_to(self, request: httpx.Request) -> bool:
        """Return whether ``request`` goes to the credential's own origin."""
        return origin_of(request.url) == self._origin

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Run the credential's own flow, or none."""
        if self.applies_to(request):
            yield from self.inner.sync_auth_flow(request)
        else:
            yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Run the credential's own flow, or none."""
        if not self.applies_to(request):
            yield request
            return
        flow = self.inner.async_auth_flow(request)
        try:
            response = yield await anext(flow)
            while True:
                try:
                    following = await flow.asend(response)
                except StopAsyncIteration:
                    return
                response = yield following
        finally:
            await flow.aclose()

    def __repr__(self) -> str:
        return f"OriginBound({self.inner!r})" if isinstance(self.inner, ApiKey | BearerToken) else "OriginBound(***)"


def origin_of(url: httpx.URL) -> tuple[str, str, int | None]:
    """Return the origin of ``url``: scheme, host and port, the default port filled in (RFC 6454, section 4)."""
    return url.scheme, url.host, url.port if url.port is not None else _DEFAULT_PORTS.get(url.scheme)


def _asked(source: Callable[[], Any]) -> Secret:
    """Return what ``source`` returns; no frame that an error passes through later holds it bare."""
    answer: Any = source()
    if inspect.iscoroutine(answer):
        answer.close()  # the synchronous client refuses it, and it would complain that nobody awaited it
    return Secret(cast("Any", answer))


async def _aasked(source: Callable[[], Any]) -> Secret:
    """As `_asked`, also of a coroutine function."""
    answer: Any = source()
    return Secret(await answer if inspect.isawaitable(answer) else answer)


def _from_callable(got: Secret) -> Secret:
    return checked_secret(got, "what the token callable returned")


def _callable_failed(error: Exception) -> ConfigurationError:
    return ConfigurationError(f"the token callable raised {type(error).__name__}; a request needs a token from it.")
