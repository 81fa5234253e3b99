"""Credentials: what is added to a request, and to which requests it is added.

A credential is one `httpx.Auth`. `SameOriginAuth` wraps it so that no request to another origin ever carries it.
"""

from __future__ import annotations

import inspect
import re
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import httpx
from attrs import frozen

from ._errors import ConfigurationError
from ._redact import Secret

if TYPE_CHECKING:
    import anyio

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_MAX_SENT = 10  # requests that a credential of the caller's own may make of one


@frozen
class SpecDefaults:
    """What the vendor's spec says of the server and of the credentials that it takes; None where it says nothing."""

    base_url: str | None
    api_key: tuple[str, str] | None  # "header", "query" or "cookie", and a name
    bearer: tuple[str, str] | None  # a header's name, and what stands before the token


def checked_secret(value: object, setting: str) -> Secret:
    """Return ``value``, a string, as a `Secret` that is safe to put into a header; no error's text shows it.

    White space around it is dropped: keys read from a file end in a newline. ``setting`` is how the caller knows it,
    and begins with the argument's name and ``=``.
    """
    if not isinstance(value, str):
        fault = f"must be a string, not {type(value).__name__}"
    elif not value.strip():
        fault = "is empty; give the credential from your Aikynetix account"
    elif not all("!" <= char <= "~" for char in value.strip()):
        fault = "has a space, control or non-ASCII character in it; copy it once more"
    else:
        return Secret(value.strip())
    raise ConfigurationError(f"{setting} {fault}.", setting=setting.partition("=")[0])


class ApiKey(httpx.Auth):
    """An API key, sent where the vendor's spec wants it or in the header that is named here.

    Args:
        key: The key from the Aikynetix account.
        header: None for what the vendored spec declares (today the header ``API-KEY``). ``"Authorization"``
            sends ``Authorization: API-KEY <key>``, the form in the prose of the vendor's page. Any other header name
            sends the bare key in that header.

    Raises:
        ConfigurationError: The key is empty or cannot stand in a header, or the header's name is not one.

    Example:
        >>> Aikynetix(auth=ApiKey("my-key", header="Authorization"))
    """

    __module__ = "aikynetix"

    def __init__(self, key: str, header: str | None = None) -> None:
        self._key = checked_secret(key, "api_key= (or AIKYNETIX_API_KEY)")
        if header is not None and not (isinstance(header, str) and HEADER_NAME.fullmatch(header)):
            text = "header= must be a header's name, such as 'API-KEY' or 'Authorization'."
            raise ConfigurationError(text, setting="header")
        self._location = None if header is None else ("header", header)

    def _bind(self, spec: SpecDefaults, asynchronous: bool) -> None:  # noqa: ARG002 -- as `BearerToken` has it
        """Send the key where ``spec`` wants it, unless its caller named a header."""
        if self._location is None and spec.api_key is None:
            other = "use token= or AIKYNETIX_TOKEN" if spec.bearer else "give auth= what the vendor takes now"
            text = f"the vendored spec knows no API key any more; {other}, or ApiKey(key, header=...)."
            raise ConfigurationError(text, setting="api_key")
        self._location = self._location or spec.api_key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the key to ``request``."""
        if self._location is None:
            text = "ApiKey(key) takes its header from an Aikynetix client; outside one, name header=."
            raise ConfigurationError(text, setting="auth")
        (location, name), key = self._location, self._key.value
        if location == "query":
            request.url = request.url.copy_merge_params({name: key})
        elif location == "cookie":
            before = request.headers.get("cookie")
            request.headers["cookie"] = f"{before}; {name}={key}" if before else f"{name}={key}"
        else:
            request.headers[name] = f"API-KEY {key}" if name.lower() == "authorization" else key
        yield request


class BearerToken(httpx.Auth):
    """A bearer token, such as a Firebase ID token, sent as ``Authorization: Bearer <token>`` (RFC 6750, section 2.1).

    Args:
        token: The token, or a callable that returns one. A callable is asked at the first request, and once more when
            the API responds with 401: Firebase tokens live one hour. `AsyncAikynetix` also takes a coroutine function.

    Raises:
        ConfigurationError: The token is empty or cannot stand in a header. From a request: the callable returned
            something that is no token. A callable that raises ends that one call with an `APIConnectionError`.

    Example:
        >>> Aikynetix(auth=BearerToken(lambda: user.get_id_token()))
    """

    __module__ = "aikynetix"

    def __init__(self, token: str | Callable[[], str] | Callable[[], Awaitable[str]]) -> None:
        self._source: Callable[[], Any] | None = token if callable(token) else None
        self._token: Secret | None = None
        if self._source is None:
            self._token = checked_secret(token, "token= (or AIKYNETIX_TOKEN)")
        self._header, self._prefix = "Authorization", "Bearer "
        self._lock = threading.RLock()
        self._is_refreshing = False
        self._async_lock: tuple[object, anyio.Lock] | None = None  # made where it is used, with its event loop

    def _bind(self, spec: SpecDefaults, asynchronous: bool) -> None:
        """Send the token where ``spec`` wants it, by a client of this kind."""
        source: Any = self._source
        is_coroutine = inspect.iscoroutinefunction(source) or inspect.iscoroutinefunction(type(source).__call__)
        if is_coroutine and not asynchronous:
            text = "token= is a coroutine function, which only AsyncAikynetix can run; give a plain callable."
            raise ConfigurationError(text, setting="token")
        if spec.bearer is None:
            other = "use api_key= or AIKYNETIX_API_KEY" if spec.api_key else "give auth= what the vendor takes now"
            raise ConfigurationError(f"the vendored spec knows no bearer token any more; {other}.", setting="token")
        self._header, self._prefix = spec.bearer

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token; on 401 ask the callable for another one, once."""
        used = self._token or self._refresh(None)
        response = yield self._with_token(request, used)
        if response.status_code == 401 and self._source is not None:
            yield self._with_token(request, self._refresh(used))

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the token; on 401 ask the callable or coroutine function for another one, once."""
        used = self._token or await self._arefresh(None)
        response = yield self._with_token(request, used)
        if response.status_code == 401 and self._source is not None:
            yield self._with_token(request, await self._arefresh(used))

    def _with_token(self, request: httpx.Request, token: Secret) -> httpx.Request:
        request.headers[self._header] = self._prefix + token.value
        return request

    def _refresh(self, refused: Secret | None) -> Secret:
        with self._lock:  # of many threads refused at once, the first asks and the others use what it got
            if self._is_refreshing:
                raise ConfigurationError("the token callable called this client recursively.", setting="token")
            if self._token is refused:
                self._is_refreshing = True
                try:
                    with _mapped():
                        value = cast("Callable[[], Any]", self._source)()
                finally:
                    self._is_refreshing = False
                self._take(value)
            return cast("Secret", self._token)

    async def _arefresh(self, refused: Secret | None) -> Secret:
        import anyio.lowlevel  # httpx's own requirement; here, because the synchronous client does without

        loop = anyio.lowlevel.current_token()
        if self._async_lock is None or self._async_lock[0] != loop:
            self._async_lock = loop, anyio.Lock()
        async with self._async_lock[1]:  # as above, of many tasks
            if self._token is refused:
                with _mapped():
                    value = cast("Callable[[], Any]", self._source)()
                    value = await value if inspect.isawaitable(value) else value
                self._take(value)
            return cast("Secret", self._token)

    def _take(self, value: object) -> None:
        if inspect.iscoroutine(value):
            value.close()  # the synchronous client refuses it, and it would complain that nobody awaited it
        self._token = checked_secret(value, "token= (what the callable returned)")

    def __reduce__(self) -> tuple[Any, ...]:
        return BearerToken, (self._source or cast("Secret", self._token).value,)


@contextmanager
def _mapped() -> Generator[None]:
    """Have what a token callable raises end the call; nothing was sent, and it is not tried again."""
    try:
        yield
    except Exception as error:
        raise httpx.RequestError(f"the token callable raised {type(error).__name__}: {error}") from error


class SameOriginAuth(httpx.Auth):
    """Adds the ``inner`` credential to requests for the origin of ``base_url`` and to no other."""

    def __init__(self, inner: httpx.Auth, base_url: httpx.URL) -> None:
        self.inner = inner
        self._origin = origin_of(base_url)
        # What was added to requests, so that it is masked for a while: responses may still quote an earlier token.
        self._seen: deque[Secret] = deque(maxlen=16)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Run the credential's own flow, or none."""
        plain = self._plain(request)
        return self._checked_flow(request) if plain is None else plain.sync_auth_flow(request)

    def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Run the credential's own flow, or none."""
        plain = self._plain(request)
        return self._checked_async_flow(request) if plain is None else plain.async_auth_flow(request)

    def _plain(self, request: httpx.Request) -> httpx.Auth | None:
        """Return whose flow needs no checking: nobody's for another origin, or that of a key."""
        if origin_of(request.url) != self._origin:
            return httpx.Auth()
        return self.inner if isinstance(self.inner, ApiKey) else None

    def _checked_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        flow, may_send = self.inner.sync_auth_flow(request), self._checker(request)
        try:
            sent = next(flow)
            while may_send(sent):
                sent = flow.send((yield sent))
        except StopIteration:
            return
        finally:
            flow.close()

    async def _checked_async_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        flow, may_send = self.inner.async_auth_flow(request), self._checker(request)
        try:
            sent = await anext(flow)
            while may_send(sent):
                sent = await flow.asend((yield sent))
        except StopAsyncIteration:
            return
        finally:
            await flow.aclose()

    def _checker(self, request: httpx.Request) -> Callable[[httpx.Request], bool]:
        """Return what sees every request that the credential makes of ``request``, and says whether it may be sent."""
        before, is_spent, times = _values_of(request), False, 0

        def may_send(sent: httpx.Request) -> bool:
            nonlocal is_spent, times
            if not isinstance(sent, httpx.Request):  # untyped code may yield anything
                raise TypeError("the authentication yielded no request")
            times += 1
            if is_spent or times > _MAX_SENT:
                return False
            is_spent = sent.stream is request.stream and not is_repeatable(request)
            if sent is not request:
                sent.extensions = {**request.extensions, **sent.extensions}  # the limits of the same call
            added = {value for _, value in _values_of(sent) - before}
            added |= {value.rpartition(" ")[2] for value in added}
            # Of a copy, because other threads add to it.
            self._seen.extend(map(Secret, added - {secret.value for secret in list(self._seen)}))
            return True

        return may_send


def _values_of(request: httpx.Request) -> set[tuple[str, str]]:
    """Return the names and values of the headers and the parameters of ``request``."""
    return {*request.headers.multi_items(), *request.url.params.multi_items()}


def is_repeatable(request: httpx.Request) -> bool:
    """Return whether the body of ``request`` can be sent once more: iterators and files give what they have once."""
    return not isinstance(getattr(request.stream, "_stream", None), Iterator | AsyncIterator)


def origin_of(url: httpx.URL) -> tuple[bytes, bytes, int | None]:
    """Return the origin of ``url``: scheme, host and port (RFC 6454, section 4); httpx leaves default ports out."""
    return url.raw_scheme, url.raw_host, url.port
