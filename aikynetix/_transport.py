"""The transports of both clients: stacks of httpx's own, and the one module that knows httpcore.

A stack keeps stock transports with one connection each, the last used on top, behind a number of slots. It costs
constant work a request, where httpcore's pool walks all of its connections, and it steps round two open faults of that
pool: slots lost on cancellation (encode/httpcore#1093) and connections closed under other threads (#1110).

httpcore's network backend, its extension point, enforces the deadline of a synchronous attempt and dials by
RFC 8305; asynchronous attempts have a cancel scope around them, and anyio dials by RFC 8305 itself.
"""

from __future__ import annotations

import asyncio
import os
import queue
import selectors
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from ._config import check_socks, is_loopback
from ._errors import ConfigurationError

if TYPE_CHECKING:
    import anyio

DEADLINE = "aikynetix.deadline"
"""Request extension: when an attempt must be over, on the clock of ``time.monotonic``; None for no limit."""
CANCELLED = "aikynetix.cancelled"
"""Request extension: a function that says whether the request is still wanted; asked several times a second."""

_MOST_CONNECTIONS = 256
_LIMITS = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0)
_ATTEMPT_DELAY = 0.25  # seconds before the next address is tried beside the first (RFC 8305, section 5)
_LOOK_EVERY = 0.1  # seconds between two looks at whether a request is still wanted

T = TypeVar("T")


class Trust:
    """The TLS settings of a client; its context is made when the first TLS connection needs it.

    Args:
        verify: An `ssl.SSLContext`, the path of a PEM file or of a folder of certificates, or None: what
            ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` name, else the system's trust store, else certifi's.
    """

    def __init__(self, verify: ssl.SSLContext | str | None) -> None:
        self._verify = verify
        self._context = verify if isinstance(verify, ssl.SSLContext) else None

    def context(self, scheme: str) -> ssl.SSLContext:
        """Return the context for URLs of ``scheme``; plain http gets one that trusts nobody and costs nothing."""
        if scheme == "http":
            return _context_without_authorities()
        if self._context is None:
            self._context = _make_context(self._verify if isinstance(self._verify, str) else None)
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
    """A stack of stock httpx transports for synchronous requests.

    Args:
        trust: The TLS settings.
        proxy: Carries every request but those to loopback.
        size: Most connections at a time.
    """

    def __init__(self, trust: Trust, proxy: httpx.Proxy | None = None, size: int = _MOST_CONNECTIONS) -> None:
        self._trust, self._proxy, self._size = trust, proxy, size
        self._direct = None if proxy is None else StackTransport(trust, size=size)
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._idle: dict[str, list[httpx.HTTPTransport]] = {"http": [], "https": []}
        self._slots: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(self._size):
            self._slots.put(None)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` on an idle connection, or on a new one."""
        if self._direct is not None and is_loopback(request.url.host):
            return self._direct.handle_request(request)
        if self._pid != os.getpid():
            _abandoned.append(self._idle)  # a fork: these connections are the parent's
            self._reset()
        scheme = request.url.scheme
        limits = _Limits(request.extensions.get(DEADLINE), request.extensions.get(CANCELLED))
        slots, idle = self._slots, self._idle[scheme] if scheme in self._idle else self._idle["https"]
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
            _backend_of(transport).limits = limits
            response = transport.handle_request(request)
        except BaseException:
            slots.put(None)
            if transport is not None:
                transport.close()
            raise

        def give_back() -> None:
            if _has_leftover(transport, response):
                transport.close()
            else:
                idle.append(transport)
            slots.put(None)

        response.stream = _LeasedStream(response.stream, give_back)
        return response

    def _make(self, scheme: str) -> httpx.HTTPTransport:
        context = self._trust.context(scheme)
        transport = httpx.HTTPTransport(
            verify=context, trust_env=False, limits=_LIMITS, proxy=_proxy_with(self._proxy, context)
        )
        transport._pool._network_backend = _make_backend()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] -- httpx has no argument for it
        return transport

    def close(self) -> None:
        """Close the idle connections."""
        for transport in chain(*self._idle.values()):
            transport.close()
        self._idle = {"http": [], "https": []}
        if self._direct is not None:
            self._direct.close()


class AsyncStackTransport(httpx.AsyncBaseTransport):
    """A stack of stock httpx transports for asynchronous requests; see `StackTransport`.

    Its connections belong to the event loop that runs; in another one it begins anew.
    """

    def __init__(self, trust: Trust, proxy: httpx.Proxy | None = None, size: int = _MOST_CONNECTIONS) -> None:
        self._trust, self._proxy, self._size = trust, proxy, size
        self._direct = None if proxy is None else AsyncStackTransport(trust, size=size)
        self._loop: object = None
        self._idle: dict[str, list[httpx.AsyncHTTPTransport]] = {"http": [], "https": []}

    def _reset(self, loop: object) -> None:
        import anyio  # httpx's own requirement; here, because the synchronous client does without

        if any(self._idle.values()):
            _abandoned.append(self._idle)  # only the loop that opened them could close them
        self._loop = loop
        self._idle = {"http": [], "https": []}
        self._slots: anyio.Semaphore = anyio.Semaphore(self._size, fast_acquire=True)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` on an idle connection, or on a new one."""
        if self._direct is not None and is_loopback(request.url.host):
            return await self._direct.handle_async_request(request)
        loop = _running_loop()
        if loop is not self._loop:
            self._reset(loop)
        scheme = request.url.scheme
        slots, idle = self._slots, self._idle[scheme] if scheme in self._idle else self._idle["https"]
        await self._acquire(request)
        transport = idle.pop() if idle else None
        try:
            if transport is None:
                context = self._trust.context(scheme)
                transport = httpx.AsyncHTTPTransport(
                    verify=context, trust_env=False, limits=_LIMITS, proxy=_proxy_with(self._proxy, context)
                )
            response = await transport.handle_async_request(request)
        except BaseException:
            slots.release()
            if transport is not None:
                await _aclose(transport)
            raise

        async def give_back() -> None:
            slots.release()
            if _has_leftover(transport, response):
                await _aclose(transport)
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
        self._idle = {"http": [], "https": []}
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


# Connections that belong to another process or event loop: kept, because closing them here would end them there.
_abandoned: list[object] = []


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


def _has_leftover(transport: Any, response: httpx.Response) -> bool:
    """Return whether bytes stand behind ``response`` that would be taken for the response to the next request.

    What is still in the socket httpcore notices by itself; what h11 or the TLS layer took in already it does not.
    """
    for connection in getattr(transport._pool, "connections", ()):  # noqa: SLF001 -- nothing public tells of it
        inner = connection
        while (deeper := getattr(inner, "_connection", None)) is not None:
            inner = deeper
        parser = getattr(inner, "_h11_state", None)
        if parser is not None and parser.trailing_data[0]:
            return True
    stream = response.extensions.get("network_stream")
    tls = None if stream is None else stream.get_extra_info("ssl_object")
    if isinstance(tls, ssl.SSLObject):
        with suppress(ssl.SSLError, ValueError):  # mostly SSLWantReadError: nothing is there
            return bool(tls.read(1))
    return tls is not None and bool(tls.pending())


async def _aclose(transport: httpx.AsyncHTTPTransport) -> None:
    import anyio

    with anyio.CancelScope(shield=True):
        await transport.aclose()


def _running_loop() -> object:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        import trio

        return trio.lowlevel.current_trio_token()


def _proxy_with(proxy: httpx.Proxy | None, context: ssl.SSLContext) -> httpx.Proxy | None:
    """Return ``proxy`` with the client's own TLS settings for a proxy that is reached by https."""
    if proxy is None or proxy.url.scheme != "https" or proxy.ssl_context is not None:
        return proxy
    return httpx.Proxy(proxy.url, ssl_context=context, auth=proxy.auth, headers=proxy.headers)


class _Limits:
    """How long one request may take, and whether it is still wanted."""

    def __init__(self, deadline: float | None = None, cancelled: Callable[[], bool] | None = None) -> None:
        self.deadline, self.cancelled = deadline, cancelled

    def remaining(self, timeout: float | None) -> float | None:
        """Return the seconds that one operation may take, given the limit of its phase; 0 when time is up."""
        if self.deadline is None:
            return timeout
        left = max(0.0, self.deadline - time.monotonic())
        return left if timeout is None else min(left, timeout)

    def run(self, operation: Callable[[float | None], T], timeout: float | None, expired: type[Exception]) -> T:
        """Run an operation that takes a timeout, and may be run again after one.

        Args:
            operation: Raises ``expired`` when its timeout is over.
            timeout: Seconds for all of it.
            expired: A timeout of httpcore's.
        """
        left = self.remaining(timeout)
        if self.cancelled is None:
            if left is not None and left <= 0:
                raise expired("the response was not complete within the timeout")
            return operation(left)
        end = None if left is None else time.monotonic() + left
        while True:
            if self.cancelled():
                raise expired("the request is not wanted any more")
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise expired("the response was not complete within the timeout")
            try:
                return operation(_LOOK_EVERY if left is None else min(left, _LOOK_EVERY))
            except expired:
                continue


@cache
def _backend_class() -> type[Any]:
    """Return the network backend; made here, because httpcore takes long to import and is needed at the first request."""
    import httpcore
    from httpcore._backends.sync import SyncStream

    class Stream(httpcore.NetworkStream):
        def __init__(self, inner: httpcore.NetworkStream, backend: Backend) -> None:
            self._inner, self._backend = inner, backend

        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            read = self._inner.read
            return self._backend.limits.run(lambda left: read(max_bytes, left), timeout, httpcore.ReadTimeout)

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            left = self._backend.limits.remaining(timeout)
            if left is not None and left <= 0:
                raise httpcore.WriteTimeout("the request was not sent within the timeout")
            self._inner.write(buffer, left)

        def close(self) -> None:
            self._inner.close()

        def start_tls(
            self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
        ) -> httpcore.NetworkStream:
            left = self._backend.limits.remaining(timeout)
            if left is not None and left <= 0:
                raise httpcore.ConnectTimeout("there was no time left for TLS")
            return Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._backend)

        def get_extra_info(self, info: str) -> Any:
            return self._inner.get_extra_info(info)

    class Backend(httpcore.NetworkBackend):
        limits = _Limits()

        def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,  # noqa: ARG002 -- httpcore's signature; nobody sets it
            socket_options: Iterable[Any] | None = None,  # noqa: ARG002 -- the same
        ) -> httpcore.NetworkStream:
            try:
                return Stream(SyncStream(dial(host, port, self.limits, timeout)), self)
            except TimeoutError as error:
                raise httpcore.ConnectTimeout(str(error)) from error
            except OSError as error:
                raise httpcore.ConnectError(str(error)) from error

        def sleep(self, seconds: float) -> None:
            time.sleep(seconds)

    return Backend


def _make_backend() -> Any:
    return _backend_class()()


def _backend_of(transport: httpx.HTTPTransport) -> Any:
    return transport._pool._network_backend  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] -- set in _make


def dial(host: str, port: int, limits: _Limits, timeout: float | None) -> socket.socket:
    """Connect to the first address of ``host`` that answers (RFC 8305, "happy eyeballs").

    Addresses of both families take turns; the next one is tried when one fails, or beside it after 250 ms.

    Raises:
        OSError: No address could be connected to; the first failure.
        TimeoutError: Time was up, or the request is not wanted any more.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    first = [info for info in found if info[0] == found[0][0]]
    other = [info for info in found if info[0] != found[0][0]]
    addresses = [info for pair in zip_longest(first, other) for info in pair if info is not None]
    end = None if (left := limits.remaining(timeout)) is None else time.monotonic() + left
    failures: list[OSError] = []
    with selectors.DefaultSelector() as selector:
        try:
            next_at = time.monotonic()
            while addresses or selector.get_map():
                now = time.monotonic()
                if (limits.cancelled is not None and limits.cancelled()) or (end is not None and now >= end):
                    raise TimeoutError("no connection within the timeout")
                if addresses and (now >= next_at or not selector.get_map()):
                    next_at = now + _ATTEMPT_DELAY
                    _begin_to_connect(addresses.pop(0), selector, failures)
                    continue
                until = [_LOOK_EVERY if limits.cancelled is not None else 60.0]
                until += [next_at - now] if addresses else []
                until += [] if end is None else [end - now]
                for key, _ in selector.select(min(until)):
                    connected = _ended_connecting(key.fileobj, selector, failures)
                    if connected is not None:
                        return connected
        finally:
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr] # what was registered are sockets
    raise failures[0]


def _begin_to_connect(info: Any, selector: selectors.BaseSelector, failures: list[OSError]) -> None:
    family, kind, protocol, _, address = info
    try:
        connection = socket.socket(family, kind, protocol)
    except OSError as error:
        failures.append(error)
        return
    try:
        connection.setblocking(False)
        with suppress(BlockingIOError):
            connection.connect(address)
        selector.register(connection, selectors.EVENT_WRITE)
    except OSError as error:
        connection.close()
        failures.append(error)


def _ended_connecting(
    connection: Any, selector: selectors.BaseSelector, failures: list[OSError]
) -> socket.socket | None:
    selector.unregister(connection)
    code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        connection.close()
        failures.append(OSError(code, os.strerror(code)))
        return None
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection  # type: ignore[no-any-return] # a socket, as registered
