"""The transports of both clients: stacks of httpx's own.

A stack keeps stock transports with one connection each, the last used on top, behind a number of slots. It costs
constant work a request, where httpcore's pool walks all of its connections, and it steps round two open faults of that
pool: slots lost on cancellation (encode/httpcore#1093) and connections closed under other threads (#1110).

This module and `_network` are the ones that know httpcore.
"""

from __future__ import annotations

import asyncio
import os
import queue
import ssl
import sys
from collections import defaultdict
from contextlib import suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from ._auth import origin_of
from ._config import checked_proxy, is_loopback
from ._errors import ConfigurationError
from ._network import (
    UNSENT,
    adiscard,
    discard,
    has_dialled,
    has_leftover,
    is_before_tunnel,
    set_backend,
    set_limits,
    time_left,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    import anyio

_MOST_CONNECTIONS = 256
_FRESH = "aikynetix.fresh"  # request extension, once a kept connection was found closed
_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0)


class Trust:
    """The TLS settings of a client; its context is made when the first TLS connection needs it."""

    def __init__(self, verify: ssl.SSLContext | str | None) -> None:
        self._context = _make_context(verify) if isinstance(verify, str) else verify

    def context(self, scheme: str) -> ssl.SSLContext:
        """Return the context for URLs of ``scheme``; plain http gets one that trusts nobody and costs nothing."""
        if scheme == "http":
            return _context_without_authorities()
        if self._context is None:
            self._context = _make_context(None)
        return self._context


@cache
def _context_without_authorities() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _make_context(path: str | None) -> ssl.SSLContext:
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if path is not None:
        file, folder = (None, path) if Path(path).is_dir() else (path, None)
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


Transport = TypeVar("Transport", httpx.HTTPTransport, httpx.AsyncHTTPTransport)


class _Stack:
    """What both stacks have: their settings, and idle connections by origin."""

    def __init__(self, trust: Trust, proxy: httpx.Proxy | None = None, size: int = _MOST_CONNECTIONS) -> None:
        self._trust, self._proxy, self._size = trust, proxy, size
        self._idle: defaultdict[Any, list[Any]] = defaultdict(list)

    def _make(self, kind: type[Transport], url: httpx.URL) -> Transport:
        context, proxy = self._trust.context(url.scheme), None if is_loopback(url.host) else self._proxy
        if proxy is not None and proxy.url.scheme == "https" and proxy.ssl_context is None:
            proxy = httpx.Proxy(proxy.url, ssl_context=context, auth=proxy.auth, headers=proxy.headers)
        transport = kind(verify=context, trust_env=False, limits=_ONE, proxy=proxy)
        set_backend(transport)
        return transport

    def _require_proxy(self, transport: object, request: httpx.Request, error: BaseException) -> None:
        """Say that it is the proxy that cannot be reached, or trusted, where no connection to it came about."""
        if self._proxy is None or is_loopback(request.url.host):
            return
        if isinstance(error, httpx.ConnectError) and (not has_dialled(transport) or is_before_tunnel(error)):
            where = self._proxy.url.netloc.decode("ascii", "replace")  # without user and password
            raise httpx.ProxyError(f"cannot be reached at {where} ({error})") from error

    def _none_free(self, request: httpx.Request) -> httpx.PoolTimeout:
        return httpx.PoolTimeout(f"no free connection among {self._size}", request=request)


class StackTransport(_Stack, httpx.BaseTransport):
    """A stack of stock httpx transports for synchronous requests."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._slots: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(self._size):
            self._slots.put(None)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` on an idle connection, or on a new one."""
        if self._pid != os.getpid():  # a fork: these connections are the parent's, and only let go of here
            self.close()
            self._begin()
        slots, origin = self._slots, origin_of(request.url)
        idle = self._idle[origin]
        self._wait_for_slot(request)
        transport: Any = None
        was_kept = False
        try:
            if _FRESH not in request.extensions:
                with suppress(IndexError):
                    transport = idle.pop()
            was_kept = transport is not None
            if not was_kept:
                transport = self._make(httpx.HTTPTransport, request.url)
            set_limits(transport, request.extensions)
            response: httpx.Response = transport.handle_request(request)
        except BaseException as error:
            slots.put(None)
            if transport is not None:
                discard(transport)
                self._require_proxy(transport, request, error)
            if was_kept and _is_stale(request, error):
                return self.handle_request(request)
            raise

        def give_back() -> None:
            is_closed = self._idle.get(origin) is not idle
            if is_closed or has_leftover(transport, request, response):
                discard(transport)
            else:
                idle.append(transport)
            slots.put(None)

        response.stream = _LeasedStream(response.stream, give_back)
        return response

    def _wait_for_slot(self, request: httpx.Request) -> None:
        pool = request.extensions.get("timeout", {}).get("pool")
        try:
            self._slots.get(timeout=time_left(request.extensions, pool, httpx.PoolTimeout))
        except queue.Empty:
            raise self._none_free(request) from None

    def close(self) -> None:
        """Close the idle connections."""
        idle, self._idle = self._idle, defaultdict(list)
        for transport in chain(*idle.values()):
            transport.close()


class AsyncStackTransport(_Stack, httpx.AsyncBaseTransport):
    """A stack of stock httpx transports for asynchronous requests; see `StackTransport`.

    Its connections belong to the event loop that runs; in another one it begins anew.
    """

    _loop: object = None

    def _begin(self, loop: object) -> None:
        import anyio  # httpx's own requirement; here, because the synchronous client does without

        self._loop = loop
        self._idle = defaultdict(list)  # those of another loop, which alone could close them, are let go of
        self._slots: anyio.Semaphore = anyio.Semaphore(self._size, fast_acquire=True)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` on an idle connection, or on a new one."""
        loop = _running_loop()
        if loop is not self._loop:
            self._begin(loop)
        slots, origin = self._slots, origin_of(request.url)
        idle = self._idle[origin]
        transport: Any = None
        was_kept = False
        if slots.value:
            slots.acquire_nowait()
        else:
            await self._wait_for_slot(request)
        try:
            was_kept = bool(idle) and _FRESH not in request.extensions
            transport = idle.pop() if was_kept else self._make(httpx.AsyncHTTPTransport, request.url)
            response: httpx.Response = await transport.handle_async_request(request)
            request.extensions[UNSENT] = False
        except BaseException as error:
            slots.release()
            if transport is not None:
                request.extensions[UNSENT] = not has_dialled(transport)
                await adiscard(transport)
                self._require_proxy(transport, request, error)
            if was_kept and _is_stale(request, error):
                return await self.handle_async_request(request)
            raise

        async def give_back() -> None:
            slots.release()
            is_closed = self._idle.get(origin) is not idle
            if is_closed or has_leftover(transport, request, response):
                await adiscard(transport)
            else:
                idle.append(transport)

        response.stream = _LeasedStream(response.stream, give_back)
        return response

    async def _wait_for_slot(self, request: httpx.Request) -> None:
        import anyio

        with anyio.move_on_after(request.extensions.get("timeout", {}).get("pool")) as scope:
            await self._slots.acquire()
        if scope.cancelled_caught:
            raise self._none_free(request)

    async def aclose(self) -> None:
        """Close the idle connections."""
        idle, self._idle = self._idle, defaultdict(list)
        if self._loop is _running_loop():
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


Stack = TypeVar("Stack", StackTransport, AsyncStackTransport)


def make_stacks(kind: type[Stack], trust: Trust, proxy: httpx.Proxy | None) -> tuple[Stack, dict[str, Stack | None]]:
    """Return the transport and the ``mounts`` of an httpx client.

    Args:
        kind: `StackTransport` or `AsyncStackTransport`.
        trust: The TLS settings.
        proxy: Carries everything; None for what HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say, as httpx reads
            them.
    """
    if proxy is not None:
        return kind(trust, proxy), {}
    from httpx._utils import get_environment_proxies  # httpx reads them only for a client without a transport

    mounts: dict[str, Stack | None] = {}
    for pattern, url in get_environment_proxies().items():
        if url is None:
            with suppress(httpx.InvalidURL):  # of NO_PROXY; httpx would raise for "fe80::/10", which it cannot match
                httpx.URL(pattern)
                mounts[pattern] = None
            continue
        made = checked_proxy(url, "a proxy in the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY)")
        mounts[pattern] = kind(trust, made)
    return kind(trust), mounts


def close_stacks(carriers: tuple[httpx.BaseTransport, Mapping[str, httpx.BaseTransport | None]]) -> None:
    """Close the idle connections of what `make_stacks` returned."""
    for transport in (carriers[0], *carriers[1].values()):
        if transport is not None:
            transport.close()


def _is_stale(request: httpx.Request, error: BaseException) -> bool:
    """Return whether to send ``request`` once more on a new connection: the server may have closed the kept one."""
    if request.method != "GET" or not isinstance(error, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError):
        return False
    request.extensions[_FRESH] = True
    return True


def _running_loop() -> object:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        import trio

        return trio.lowlevel.current_trio_token()
