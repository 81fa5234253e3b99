"""The transports of both clients: stacks of httpx's own.

A stack keeps stock transports with one connection each, the last used on top, behind a number of slots. It costs
constant work a request, where httpcore's pool walks all of its connections, and it steps round two open faults of that
pool: slots lost on cancellation (encode/httpcore#1093) and connections closed under other threads (#1110).

This module and `_network` are the ones that know httpcore.
"""

from __future__ import annotations

import os
import queue
import ssl
import sys
import time
from collections import defaultdict
from contextlib import suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from ._auth import origin_of
from ._config import checked_proxy, is_loopback
from ._errors import ConfigurationError
from ._network import UNSENT, adiscard, discard, has_leftover, note_tunnel, set_backend, time_left
from ._redact import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import anyio

_MAX_CONNECTIONS = 256
# A kept connection that the server has closed meanwhile ends a request so; a GET is then sent on another at once.
_STALE = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
_FRESH = "aikynetix.fresh"  # request extension, once a kept connection was stale: others may be as well
_NONE_FREE = f"no free connection among {_MAX_CONNECTIONS}"
_EXPIRY = 30.0  # seconds that an idle connection is kept
_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_EXPIRY)


def _make_context(verify: ssl.SSLContext | str | None) -> ssl.SSLContext:
    if isinstance(verify, ssl.SSLContext):
        return verify
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if verify is not None:
        file, folder = (None, verify) if Path(verify).is_dir() else (verify, None)
    try:
        if file or folder:
            return ssl.create_default_context(cafile=file or None, capath=folder or None)
    except (OSError, ssl.SSLError) as error:
        text = f"verify= (or SSL_CERT_FILE, SSL_CERT_DIR) names {file or folder!r}, which has no certificates in PEM"
        raise ConfigurationError(f"{text}: {error}", setting="verify") from error
    if sys.platform in ("win32", "darwin"):
        import truststore

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Elsewhere the system's store is where OpenSSL looks by itself, which truststore would load anew at each handshake.
    context, paths = ssl.create_default_context(), ssl.get_default_verify_paths()
    if not context.cert_store_stats()["x509_ca"] and not (paths.capath and any(Path(paths.capath).iterdir())):
        import certifi

        context.load_verify_locations(certifi.where())
    return context


class _Stack:
    """What both stacks have: their settings, and idle connections by origin."""

    _kind: type[Any]

    def __init__(self, context: Callable[[], ssl.SSLContext], proxy: httpx.Proxy | None = None) -> None:
        self._context, self._proxy = context, proxy
        self._password = None if proxy is None or proxy.auth is None else Secret(proxy.auth[1])  # httpcore logs it
        self._bare_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # of plain HTTP; to load authorities takes a while
        self._idle: defaultdict[Any, list[Any]] = defaultdict(list)

    def proxy_for(self, url: httpx.URL) -> httpx.Proxy | None:
        """Return the proxy that a request to ``url`` goes by."""
        return None if is_loopback(url.host) else self._proxy

    def _make(self, url: httpx.URL) -> Any:
        context = self._context() if url.scheme != "http" else self._bare_context
        proxy = self.proxy_for(url)
        if proxy is not None and proxy.url.scheme == "https" and proxy.ssl_context is None:
            proxy = httpx.Proxy(proxy.url, ssl_context=context, auth=proxy.auth, headers=proxy.headers)
        transport = self._kind(verify=context, trust_env=False, limits=_ONE, proxy=proxy)
        set_backend(transport)
        transport.proxy, transport.kept_since, transport.has_tunnel = proxy, None, url.scheme == "http"
        return transport

    def _check_proxy(self, transport: Any, request: httpx.Request, error: BaseException) -> None:
        """Have it said where it was the proxy that did not do its part; of a task that was cancelled only noted."""
        proxy, is_socks = transport.proxy, type(error).__module__.startswith("socksio.")  # which httpcore lets pass
        is_early = is_socks or transport.backend.stream is None or not transport.has_tunnel
        if proxy is None or not is_early:
            return
        where = proxy.url.netloc.decode("ascii", "replace")  # without user and password
        if is_socks or isinstance(error, (httpx.ConnectError, *_STALE)):
            raise httpx.ProxyError(f"cannot be reached at {where} ({error or type(error).__name__})") from error
        request.extensions[UNSENT] = f"the proxy at {where} does not respond"
        if isinstance(error, httpx.TimeoutException):
            raise httpx.ConnectTimeout(request.extensions[UNSENT]) from error

    def _keep(self, transport: Any, idle: list[Any], request: httpx.Request, response: httpx.Response) -> list[Any]:
        """Put ``transport`` on the stack of its origin, if it can be used again; return which are to be closed now."""
        if self._idle.get(origin_of(request.url)) is not idle or has_leftover(transport, request, response):
            return [transport]  # of a closed client, too
        expired, transport.kept_since = list[Any](), time.monotonic()
        idle.append(transport)
        with suppress(IndexError):  # other threads take from it as well
            while idle[0].kept_since < transport.kept_since - _EXPIRY:
                expired.append(idle.pop(0))
        return expired


class StackTransport(_Stack, httpx.BaseTransport):
    """A stack of stock httpx transports for synchronous requests."""

    _kind = httpx.HTTPTransport
    _pid: int | None = None

    def _begin(self) -> None:
        self.close()  # after a fork: closes copies, which ends none of the parent's connections
        self._slots: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(_MAX_CONNECTIONS):
            self._slots.put(None)
        self._pid = os.getpid()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` on an idle connection, or on a new one."""
        if self._pid != os.getpid():
            self._begin()
        slots, idle = self._slots, self._idle[origin_of(request.url)]
        try:
            pool = request.extensions.get("timeout", {}).get("pool")
            slots.get(timeout=time_left(request.extensions, pool, httpx.PoolTimeout))
        except queue.Empty:
            raise httpx.PoolTimeout(_NONE_FREE) from None
        transport: Any = None
        try:
            try:
                transport = ([] if _FRESH in request.extensions else idle).pop()
            except IndexError:  # none, or another thread was quicker
                transport = self._make(request.url)
            transport.backend.extensions = request.extensions
            if transport.proxy is not None:
                note_tunnel(transport, request)
            response: httpx.Response = transport.handle_request(request)
        except BaseException as error:
            slots.put(None)
            if transport is not None:
                discard(transport)
                self._check_proxy(transport, request, error)
                if transport.kept_since is not None and request.method == "GET" and isinstance(error, _STALE):
                    request.extensions[_FRESH] = True
                    return self.handle_request(request)
            raise

        def give_back() -> None:
            for closing in self._keep(transport, idle, request, response):
                discard(closing)
            slots.put(None)

        response.stream = _LeasedStream(response.stream, give_back)
        return response

    def close(self) -> None:
        """Close the idle connections."""
        idle, self._idle = self._idle, defaultdict(list)
        for transport in chain(*idle.values()):
            transport.close()


class AsyncStackTransport(_Stack, httpx.AsyncBaseTransport):
    """A stack of stock httpx transports for asynchronous requests; see `StackTransport`.

    Its connections belong to the event loop that runs; in another one it begins anew.
    """

    _kind = httpx.AsyncHTTPTransport
    _loop: object = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` on an idle connection, or on a new one."""
        import anyio.lowlevel  # httpx's own requirement; here, because the synchronous client does without

        if (loop := anyio.lowlevel.current_token()) != self._loop:
            self._loop, self._idle = loop, defaultdict(list)  # only the other loop could close its own: let go of
            self._slots: anyio.Semaphore = anyio.Semaphore(_MAX_CONNECTIONS, fast_acquire=True)
        slots, idle = self._slots, self._idle[origin_of(request.url)]
        if slots.value:
            slots.acquire_nowait()
        else:
            with anyio.move_on_after(request.extensions.get("timeout", {}).get("pool")) as waiting:
                await slots.acquire()
            if waiting.cancelled_caught:
                raise httpx.PoolTimeout(_NONE_FREE)
        transport: Any = None
        try:
            may_be_kept = idle and _FRESH not in request.extensions
            transport = idle.pop() if may_be_kept else self._make(request.url)
            if transport.proxy is not None:
                note_tunnel(transport, request)
            response: httpx.Response = await transport.handle_async_request(request)
        except BaseException as error:
            slots.release()
            if transport is not None:
                request.extensions[UNSENT] = transport.backend.stream is None
                await adiscard(transport)
                self._check_proxy(transport, request, error)
                if transport.kept_since is not None and request.method == "GET" and isinstance(error, _STALE):
                    request.extensions[_FRESH] = True
                    return await self.handle_async_request(request)
            raise

        async def give_back() -> None:
            slots.release()
            for closing in self._keep(transport, idle, request, response):
                await adiscard(closing)

        response.stream = _LeasedStream(response.stream, give_back)
        return response

    async def aclose(self) -> None:
        """Close the idle connections."""
        from anyio.lowlevel import current_token

        idle, self._idle = self._idle, defaultdict(list)
        if self._loop == current_token():
            for transport in chain(*idle.values()):
                await transport.aclose()


class _LeasedStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a response; gives the connection back when it is closed."""

    def __init__(self, inner: Any, give_back: Callable[[], Any]) -> None:
        self._inner, self._give_back = inner, give_back

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._inner)

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self._give_back()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._inner)

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            await self._give_back()


def make_stacks(
    verify: ssl.SSLContext | str | None, proxy: httpx.Proxy | None, *kinds: type[_Stack]
) -> list[dict[str, Any]]:
    """Return ``transport`` and ``mounts`` of an httpx client, for each of the ``kinds``.

    Without a ``proxy``, HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say which carry what, as httpx reads them.
    """
    from httpx._utils import get_environment_proxies  # httpx reads them only for a client without a transport

    context = cache(lambda: _make_context(verify))  # made when the first TLS connection needs it
    if isinstance(verify, str):
        context()  # says at once what is wrong with the path
    proxies: dict[str, httpx.Proxy | None] = {}
    for pattern, url in get_environment_proxies().items() if proxy is None else ():
        with suppress(httpx.InvalidURL):  # of NO_PROXY; httpx would raise for "fe80::/10", which it cannot match
            httpx.URL(pattern)
            name = "a proxy in the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY)"
            proxies[pattern] = None if url is None else checked_proxy(url, name)
    return [
        {
            "transport": kind(context, proxy),
            "mounts": {pattern: found and kind(context, found) for pattern, found in proxies.items()},
        }
        for kind in kinds
    ]
