"""The network under the synchronous transports: httpcore's network backend, its extension point.

It enforces the deadline of an attempt, which httpx's timeouts do not (they bound one read), ends a request that is not
wanted any more, and dials by RFC 8305. Asynchronous attempts have a cancel scope, and anyio dials so by itself.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from contextlib import suppress
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeVar

import httpcore
from httpcore._backends.sync import SyncStream  # the stream of the stock backend, around a socket that we dialled

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

    import httpx

_ATTEMPT_DELAY = 0.25  # seconds before the next address is tried beside the first (RFC 8305, section 5)
_LOOK_EVERY = 0.1  # seconds between two looks at whether a request is still wanted

T = TypeVar("T")


class Limits:
    """How long one request may take, and whether it is still wanted."""

    def __init__(self, deadline: float | None = None, cancelled: Callable[[], bool] | None = None) -> None:
        self.deadline, self.cancelled = deadline, cancelled

    def remaining(self, timeout: float | None) -> float | None:
        """Return the seconds that one operation may take, given the limit of its phase; 0 when time is up."""
        if self.deadline is None:
            return timeout
        left = max(0.0, self.deadline - time.monotonic())
        return left if timeout is None else min(left, timeout)

    def left(self, timeout: float | None, expired: type[Exception]) -> float | None:
        """As `remaining`; raises ``expired`` when time is up."""
        if self.deadline is None:
            return timeout
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise expired("the response was not complete within the timeout")
        return left if timeout is None or left < timeout else timeout

    def run(self, operation: Callable[[float | None], T], timeout: float | None, expired: type[Exception]) -> T:
        """Run an operation that takes a timeout, and may be run again after one."""
        if self.cancelled is None:
            return operation(self.left(timeout, expired))
        end = None if (left := self.remaining(timeout)) is None else time.monotonic() + left
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


class _Stream(httpcore.NetworkStream):
    """A stock stream within the limits of the request that is under way."""

    def __init__(self, inner: httpcore.NetworkStream, backend: _Backend) -> None:
        self._inner, self._backend = inner, backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        read = self._inner.read
        return self._backend.limits.run(lambda left: read(max_bytes, left), timeout, httpcore.ReadTimeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if buffer:
            self._inner.write(buffer, self._backend.limits.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._backend.limits.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Dials by RFC 8305, within the limits of the request that is under way."""

    limits = Limits()
    stream: _Stream | None = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 -- httpcore's signature; nobody sets it
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 -- the same
    ) -> httpcore.NetworkStream:
        try:
            connection = dial(host, port, self.limits, timeout)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        self.stream = _Stream(SyncStream(connection), self)
        return self.stream

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def set_backend(transport: httpx.HTTPTransport) -> None:
    """Give a stock transport a network backend of its own; httpx has no argument for it."""
    transport._pool._network_backend = _Backend()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def set_limits(transport: httpx.HTTPTransport, limits: Limits) -> None:
    """Bound the request that ``transport`` is about to send."""
    _backend_of(transport).limits = limits


def discard(transport: httpx.HTTPTransport) -> None:
    """Close ``transport``, and what httpcore forgets when a handshake with a proxy or a server fails."""
    transport.close()
    if (stream := _backend_of(transport).stream) is not None:
        stream.close()


def track(transport: httpx.AsyncHTTPTransport) -> None:
    """Give a stock transport a network backend that remembers its stream, for `adiscard`."""
    transport._pool._network_backend = _AsyncBackend(_backend_of(transport))  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


class _AsyncBackend(httpcore.AsyncNetworkBackend):
    """The stock backend, which remembers its stream."""

    def __init__(self, stock: httpcore.AsyncNetworkBackend) -> None:
        self._stock = stock
        self.stream: httpcore.AsyncNetworkStream | None = None

    async def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        self.stream = stream = await self._stock.connect_tcp(*args, **kwargs)
        return stream

    async def sleep(self, seconds: float) -> None:
        await self._stock.sleep(seconds)


async def adiscard(transport: httpx.AsyncHTTPTransport) -> None:
    """As `discard`, also where the task was cancelled."""
    import anyio

    with anyio.CancelScope(shield=True):
        await transport.aclose()
        if (stream := _backend_of(transport).stream) is not None:
            await stream.aclose()


def has_dialled(transport: Any) -> bool:
    """Return whether ``transport`` has ever had a connection."""
    return _backend_of(transport).stream is not None


def _backend_of(transport: Any) -> Any:
    return transport._pool._network_backend  # noqa: SLF001 -- httpx has no argument for it


def dial(host: str, port: int, limits: Limits, timeout: float | None) -> socket.socket:
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
