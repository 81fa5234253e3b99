"""Credentials: what is added to a request, and to which requests it is added.

A credential is one `httpx.Auth`. `SameOriginAuth` wraps it so that no request to another origin ever carries it.
"""

from __future__ import annotations

import inspect
import re
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, cast

import httpx

from ._errors import ConfigurationError
from ._redact import Secret

if TYPE_CHECKING:
    import anyio

# Where a credential goes: ("header" | "query" | "cookie", name).
Placement = tuple[str, str]

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
# Responses to requests with an earlier token may still quote it.
_TOKENS_KEPT = 4


class TokenError(httpx.RequestError):
    """The token callable raised; nothing was sent."""


def checked_secret(value: object, setting: str) -> Secret:
    """Return ``value`` as a `Secret` that is safe to put into a header.

    White space around it is dropped: keys read from a file end in a newline.

    Args:
        value: What the caller gave, a string.
        setting: How the caller knows the setting, for the error's text.

    Raises:
        ConfigurationError: It is no string, empty, or has characters that no header can carry. The text never shows it.
    """
    text = value.reveal() if isinstance(value, Secret) else value
    name = setting.partition(" ")[0].rstrip("=(,")
    if not isinstance(text, str):
        raise ConfigurationError(f"{setting} must be a string, not {type(text).__name__}.", setting=name)
    text = text.strip()
    if not text:
        raise ConfigurationError(f"{setting} is empty; give the credential from your Aikynetix account.", setting=name)
    if not all("!" <= char <= "~" for char in text):
        raise ConfigurationError(
            f"{setting} has a space, control or non-ASCII character in it; copy it once more.", setting=name
        )
    return Secret(text)


class ApiKey(httpx.Auth):
    """An API key, sent where the vendor's spec wants it or in the header that is named here.

    Args:
        key: The key from the Aikynetix account.
        header: None for the place that the vendored spec declares (today the header ``API-KEY``). ``"Authorization"``
            sends ``Authorization: API-KEY <key>``, the form in the prose of the vendor's page. Any other header name
            sends the bare key in that header.

    Raises:
        ConfigurationError: The key is empty or cannot stand in a header, or the header's name is not one.

    Example:
        >>> Aikynetix(auth=ApiKey("my-key", header="Authorization"))
    """

    __module__ = "aikynetix"

    def __init__(self, key: str | Secret, header: str | None = None) -> None:
        self._key = checked_secret(key, "api_key= (or AIKYNETIX_API_KEY)")
        if header is not None and not (isinstance(header, str) and HEADER_NAME.fullmatch(header)):
            raise ConfigurationError(
                "ApiKey(header=...) must be a header's name, such as 'API-KEY' or 'Authorization'.", setting="auth"
            )
        self._placement: Placement | None = None if header is None else ("header", header)

    def _placed(self, placement: Placement | None) -> ApiKey:
        """Return this key with ``placement`` as the place it is sent to, unless its caller named one."""
        if self._placement is not None or placement is None:
            return self
        copy = ApiKey(self._key)
        copy._placement = placement
        return copy

    @property
    def _is_placed(self) -> bool:
        """Whether it is known where the key goes."""
        return self._placement is not None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the key to ``request``."""
        if self._placement is None:
            raise ConfigurationError(
                "ApiKey(key) takes its header from an Aikynetix client; outside one, name header=.", setting="auth"
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
        ConfigurationError: The token is empty or cannot stand in a header. From a request: the callable returned
            something that is no token. A callable that raises ends that one call with an `APIConnectionError`.

    Example:
        >>> Aikynetix(auth=BearerToken(lambda: user.get_id_token()))
    """

    __module__ = "aikynetix"

    def __init__(self, token: str | Secret | Callable[[], str] | Callable[[], Awaitable[str]]) -> None:
        self._source: Callable[[], Any] | None = token if callable(token) else None
        self._tokens: deque[Secret] = deque(maxlen=_TOKENS_KEPT)
        if self._source is None:
            self._tokens.append(checked_secret(token, "token= (or AIKYNETIX_TOKEN)"))
        self._placement = ("Authorization", "Bearer ")
        self._make_locks()

    def _make_locks(self) -> None:
        self._lock = threading.Lock()
        self._refreshing_thread: int | None = None
        self._async_lock: tuple[object, anyio.Lock] | None = None  # made where it is used, with its event loop

    @property
    def _is_async(self) -> bool:
        """Whether the token comes from a coroutine function, which only the asynchronous client can run."""
        source: Any = self._source
        return inspect.iscoroutinefunction(source) or inspect.iscoroutinefunction(type(source).__call__)

    def _placed(self, header: str, prefix: str) -> BearerToken:
        """Return a copy of this credential that is sent in ``header`` behind ``prefix``."""
        copy = BearerToken(self._source or self._tokens[-1])
        copy._placement = (header, prefix)
        return copy

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token; on 401 ask the callable for another one, once."""
        used = self._tokens[-1] if self._tokens else self._refresh(None)
        response = yield self._with_token(request, used)
        if response.status_code == 401 and self._source is not None:
            used = self._refresh(used)
            if is_repeatable(request):
                yield self._with_token(request, used)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the token; on 401 ask the callable or coroutine function for another one, once."""
        used = self._tokens[-1] if self._tokens else await self._arefresh(None)
        response = yield self._with_token(request, used)
        if response.status_code == 401 and self._source is not None:
            used = await self._arefresh(used)
            if is_repeatable(request):
                yield self._with_token(request, used)

    def _with_token(self, request: httpx.Request, token: Secret) -> httpx.Request:
        header, prefix = self._placement
        request.headers[header] = prefix + token.reveal()
        return request

    def _refresh(self, refused: Secret | None) -> Secret:
        if self._refreshing_thread == threading.get_ident():
            raise ConfigurationError("the token callable called this client recursively.", setting="token")
        with self._lock:  # of many threads refused at once, the first asks and the others use what it got
            if self._tokens and self._tokens[-1] is not refused:
                return self._tokens[-1]
            self._refreshing_thread = threading.get_ident()
            try:
                value = cast("Callable[[], Any]", self._source)()
            except Exception as error:
                raise _token_error(error) from error
            finally:
                self._refreshing_thread = None
            return self._take(value)

    async def _arefresh(self, refused: Secret | None) -> Secret:
        import anyio.lowlevel  # httpx's own requirement; here, because the synchronous client does without

        loop = anyio.lowlevel.current_token()
        if self._async_lock is None or self._async_lock[0] != loop:
            self._async_lock = loop, anyio.Lock()
        async with self._async_lock[1]:  # as above, of many tasks
            if self._tokens and self._tokens[-1] is not refused:
                return self._tokens[-1]
            try:
                value = cast("Callable[[], Any]", self._source)()
                value = await value if inspect.isawaitable(value) else value
            except Exception as error:
                raise _token_error(error) from error
            return self._take(value)

    def _take(self, value: object) -> Secret:
        if inspect.iscoroutine(value):
            value.close()  # the synchronous client refuses it, and it would complain that nobody awaited it
        token = checked_secret(value, "token= (what the callable returned)")
        self._tokens.append(token)
        return token

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("_source", "_tokens", "_placement")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_locks()

    def __repr__(self) -> str:
        return "BearerToken(***)"


class SameOriginAuth(httpx.Auth):
    """Adds a credential to requests for one origin and to no other.

    Args:
        inner: The credential.
        base_url: The URL whose scheme, host and port it is meant for.
    """

    def __init__(self, inner: httpx.Auth, base_url: httpx.URL) -> None:
        self.inner = inner
        self._origin = origin_of(base_url)
        self.requires_request_body: bool = inner.requires_request_body
        self.requires_response_body: bool = inner.requires_response_body
        # What a credential of the caller's own kind added to requests, so that it is masked like ours.
        self._seen: deque[Secret] = deque(maxlen=16)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Run the credential's own flow, or none."""
        if origin_of(request.url) != self._origin:
            return httpx.Auth().sync_auth_flow(request)
        if isinstance(self.inner, ApiKey):
            return self.inner.auth_flow(request)
        return self._checked_flow(request)

    def _checked_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        flow, before = self.inner.sync_auth_flow(request), _values_of(request)
        try:
            sent = self._same_call(next(flow), request, before)
            while True:
                following = flow.send((yield sent))
                if sent.stream is request.stream and not is_repeatable(request):
                    return
                sent = self._same_call(following, request, before)
        except StopIteration:
            return
        finally:
            flow.close()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Run the credential's own flow, or none."""
        if origin_of(request.url) != self._origin:
            yield request
            return
        flow, before = self.inner.async_auth_flow(request), _values_of(request)
        try:
            sent = self._same_call(await anext(flow), request, before)
            while True:
                following = await flow.asend((yield sent))
                if sent.stream is request.stream and not is_repeatable(request):
                    return
                sent = self._same_call(following, request, before)
        except StopAsyncIteration:
            return
        finally:
            await flow.aclose()

    def _same_call(
        self, sent: httpx.Request, request: httpx.Request, before: frozenset[tuple[str, str]]
    ) -> httpx.Request:
        """Return ``sent``, which the credential made for ``request``, with the limits of the same call."""
        if not isinstance(sent, httpx.Request):  # untyped code may yield anything
            raise TypeError("the authentication yielded no request")
        if sent is not request:
            sent.extensions = {**request.extensions, **sent.extensions}
        if not isinstance(self.inner, BearerToken):  # ours is known to `scrub`
            added = [value for name, value in _values_of(sent) if (name, value) not in before]
            seen = {secret.reveal() for secret in self._seen}
            words = {*added, *(value.rpartition(" ")[2] for value in added)}
            self._seen.extend(Secret(value) for value in words - seen)
        return sent

    def __repr__(self) -> str:
        return f"SameOriginAuth({type(self.inner).__name__}(***))"


def _values_of(request: httpx.Request) -> frozenset[tuple[str, str]]:
    """Return the names and values of the headers and the parameters of ``request``."""
    return frozenset([*request.headers.multi_items(), *request.url.params.multi_items()])


def is_repeatable(request: httpx.Request) -> bool:
    """Return whether the body of ``request`` can be sent once more: iterators and files give what they have once."""
    source: object = getattr(request.stream, "_stream", None)
    return not isinstance(source, Iterator | AsyncIterator)


def origin_of(url: httpx.URL) -> tuple[bytes, bytes, int | None]:
    """Return the origin of ``url``: scheme, host and port (RFC 6454, section 4); httpx leaves default ports out."""
    return url.raw_scheme, url.raw_host, url.port


def _token_error(error: Exception) -> TokenError:
    return TokenError(f"the token callable raised {type(error).__name__}: {error}")
