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
from ._config import check_socks, is_loopback
from ._errors import ConfigurationError
from ._network import Limits, adiscard, discard, has_dialled, set_backend, set_limits, track

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    import anyio

DEADLINE = "aikynetix.deadline"
"""Request extension: when an attempt must be over, on the clock of ``time.monotonic``; None for no limit."""
CANCELLED = "aikynetix.cancelled"
"""Request extension: a function that says whether the request is still wanted; asked several times a second."""

_MOST_CONNECTIONS = 256
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


class StackTransport(httpx.BaseTransport):
    """A stack of stock httpx transports for synchronous requests."""

    def __init__(self, trust: Trust, proxy: httpx.Proxy | None = None, size: int = _MOST_CONNECTIONS) -> None:
        self._trust, self._proxy, self._size = trust, proxy, size
        self._direct = None if proxy is None else StackTransport(trust, size=size)
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._idle: defaultdict[Any, list[httpx.HTTPTransport]] = defaultdict(list)
        self._slots: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(self._size):
            self._slots.put(None)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` on an idle connection, or on a new one."""
        if self._direct is not None and is_loopback(request.url.host):
            return self._direct.handle_request(request)
        if self._pid != os.getpid():  # a fork: these connections are the parent's, and only let go of here
            self.close()
            self._reset()
        scheme = request.url.scheme
        limits = Limits(request.extensions.get(DEADLINE), request.extensions.get(CANCELLED))
        origin = origin_of(request.url)
        slots, idle = self._slots, self._idle[origin]
        try:
            slots.get(timeout=limits.remaining(request.extensions.get("timeout", {}).get("pool")))
        except queue.Empty:
            raise httpx.PoolTimeout(f"no free connection among {self._size}", request=request) from None
        try:
            transport = idle.pop()
        except IndexError:
            transport = None
        try:
            if transport is None:
                transport = self._make(scheme)
            set_limits(transport, limits)
            response = transport.handle_request(request)
        except BaseException as error:
            slots.put(None)
            if transport is not None:
                discard(transport)
                _require_proxy(self._proxy, transport, error)
            raise

        def give_back() -> None:
            is_closed = self._idle.get(origin) is not idle
            if is_closed or _has_leftover(transport, response, scheme):
                discard(transport)
            else:
                idle.append(transport)
            slots.put(None)

        response.stream = _LeasedStream(response.stream, give_back)
        return response

    def _make(self, scheme: str) -> httpx.HTTPTransport:
        context = self._trust.context(scheme)
        transport = httpx.HTTPTransport(
            verify=context, trust_env=False, limits=_ONE, proxy=_proxy_with(self._proxy, context)
        )
        set_backend(transport)
        return transport

    def close(self) -> None:
        """Close the idle connections."""
        for transport in chain(*self._idle.values()):
            transport.close()
        self._idle = defaultdict(list)
        if self._direct is not None:
            self._direct.close()

    def __del__(self) -> None:
        self.close()


class AsyncStackTransport(httpx.AsyncBaseTransport):
    """A stack of stock httpx transports for asynchronous requests; see `StackTransport`.

    Its connections belong to the event loop that runs; in another one it begins anew.
    """

    def __init__(self, trust: Trust, proxy: httpx.Proxy | None = None, size: int = _MOST_CONNECTIONS) -> None:
        self._trust, self._proxy, self._size = trust, proxy, size
        self._direct = None if proxy is None else AsyncStackTransport(trust, size=size)
        self._loop: object = None
        self._idle: defaultdict[Any, list[httpx.AsyncHTTPTransport]] = defaultdict(list)

    def _reset(self, loop: object) -> None:
        import anyio  # httpx's own requirement; here, because the synchronous client does without

        self._loop = loop
        self._idle = defaultdict(list)  # those of another loop, which alone could close them, are let go of
        self._slots: anyio.Semaphore = anyio.Semaphore(self._size, fast_acquire=True)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` on an idle connection, or on a new one."""
        if self._direct is not None and is_loopback(request.url.host):
            return await self._direct.handle_async_request(request)
        loop = _running_loop()
        if loop is not self._loop:
            self._reset(loop)
        scheme = request.url.scheme
        origin = origin_of(request.url)
        slots, idle = self._slots, self._idle[origin]
        await self._acquire(request)
        transport = idle.pop() if idle else None
        try:
            if transport is None:
                context = self._trust.context(scheme)
                transport = httpx.AsyncHTTPTransport(
                    verify=context, trust_env=False, limits=_ONE, proxy=_proxy_with(self._proxy, context)
                )
                track(transport)
            response = await transport.handle_async_request(request)
        except BaseException as error:
            slots.release()
            if transport is not None:
                await adiscard(transport)
                _require_proxy(self._proxy, transport, error)
            raise

        async def give_back() -> None:
            slots.release()
            is_closed = self._idle.get(origin) is not idle
            if is_closed or _has_leftover(transport, response, scheme):
                await adiscard(transport)
            else:
                idle.append(transport)

        response.stream = _AsyncLeasedStream(response.stream, give_back)
        return response

    async def _acquire(self, request: httpx.Request) -> None:
        try:
            self._slots.acquire_nowait()
        except Exception:  # anyio.WouldBlock, which is not imported before it is needed
            import anyio

            with anyio.move_on_after(request.extensions.get("timeout", {}).get("pool")) as scope:
                await self._slots.acquire()
            if scope.cancelled_caught:
                raise httpx.PoolTimeout(f"no free connection among {self._size}", request=request) from None

    async def aclose(self) -> None:
        """Close the idle connections."""
        if self._loop is _running_loop():
            for transport in chain(*self._idle.values()):
                await transport.aclose()
        self._idle = defaultdict(list)
        if self._direct is not None:
            await self._direct.aclose()


Transport = TypeVar("Transport", StackTransport, AsyncStackTransport)


def make_stacks(
    kind: type[Transport], trust: Trust, proxy: httpx.Proxy | None
) -> tuple[Transport, dict[str, Transport | None]]:
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

    mounts: dict[str, Transport | None] = {}
    for pattern, url in get_environment_proxies().items():
        if url is None:
            with suppress(httpx.InvalidURL):  # of NO_PROXY; httpx would raise for "fe80::/10", which it cannot match
                httpx.URL(pattern)
                mounts[pattern] = None
            continue
        try:
            made = httpx.Proxy(url)
        except (httpx.InvalidURL, ValueError) as error:
            text = "a proxy in the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) is not a URL that httpx takes"
            raise ConfigurationError(text, setting="proxy") from error
        check_socks(made.url.scheme)
        mounts[pattern] = kind(trust, made)
    return kind(trust), mounts


def close_stacks(carriers: tuple[httpx.BaseTransport, Mapping[str, httpx.BaseTransport | None]]) -> None:
    """Close the idle connections of what `make_stacks` returned."""
    for transport in (carriers[0], *carriers[1].values()):
        if transport is not None:
            transport.close()


class _LeasedStream(httpx.SyncByteStream):
    """The body of a response; gives the connection back when it is closed."""

    def __init__(self, inner: Any, give_back: Callable[[], None]) -> None:
        self._inner = inner
        self._give_back: Callable[[], None] | None = give_back

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._inner)

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            give_back, self._give_back = self._give_back, None
            if give_back is not None:
                give_back()


class _AsyncLeasedStream(httpx.AsyncByteStream):
    """As `_LeasedStream`, asynchronous."""

    def __init__(self, inner: Any, give_back: Callable[[], Any]) -> None:
        self._inner = inner
        self._give_back: Callable[[], Any] | None = give_back

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._inner)

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            give_back, self._give_back = self._give_back, None
            if give_back is not None:
                await give_back()


def _has_leftover(transport: Any, response: httpx.Response, scheme: str) -> bool:
    """Return whether bytes, or the connection's end, stand behind ``response`` where the next response would be sought.

    What is still in the socket httpcore notices by itself; what h11 or the TLS layer took in already it does not.
    """
    for connection in getattr(transport._pool, "connections", ()):  # noqa: SLF001 -- nothing public tells of it
        inner = connection
        while (deeper := getattr(inner, "_connection", None)) is not None:
            inner = deeper
        parser = getattr(inner, "_h11_state", None)
        if parser is not None and any(parser.trailing_data):  # bytes, and whether the server has ended
            return True
    stream = response.extensions.get("network_stream") if scheme == "https" else None
    tls = None if stream is None else stream.get_extra_info("ssl_object")
    if isinstance(tls, ssl.SSLObject):
        with suppress(ssl.SSLError, ValueError):  # mostly SSLWantReadError: nothing is there
            tls.read(1)
            return True  # a byte, or none, which is the server's farewell
    return tls is not None and bool(tls.pending())


def _running_loop() -> object:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        import trio

        return trio.lowlevel.current_trio_token()


def _require_proxy(proxy: httpx.Proxy | None, transport: Any, error: BaseException) -> None:
    """Say that it is the proxy that cannot be reached, where no connection to it came about."""
    if proxy is not None and isinstance(error, httpx.ConnectError) and not has_dialled(transport):
        where = proxy.url.netloc.decode("ascii", "replace")  # without user and password
        raise httpx.ProxyError(f"cannot be reached at {where} ({error})") from error


def _proxy_with(proxy: httpx.Proxy | None, context: ssl.SSLContext) -> httpx.Proxy | None:
    """Return ``proxy`` with the client's own TLS settings for a proxy that is reached by https."""
    if proxy is None or proxy.url.scheme != "https" or proxy.ssl_context is not None:
        return proxy
    return httpx.Proxy(proxy.url, ssl_context=context, auth=proxy.auth, headers=proxy.headers)
