"""The network under the transports: what `_transport` needs of httpcore, by its network backends (its extension point).

For synchronous requests the backend enforces the deadline of an attempt, which httpx's timeouts do not (they bound one
read), ends a request that is not wanted any more, and dials by RFC 8305. Asynchronous requests have cancel scopes, and
anyio dials so by itself.
"""

from __future__ import annotations

import math
import os
import selectors
import socket
import ssl
import time
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import ip_address
from itertools import zip_longest
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import httpcore
from httpcore._backends.auto import AutoBackend
from httpcore._backends.sync import SyncBackend, SyncStream
from httpcore._exceptions import map_exceptions

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    import httpx

# Extensions of a request: when an attempt must be over, on the clock of `time.monotonic` (None for no limit); what says
# whether the request is not wanted any more, asked several times a second; and, set by an asynchronous transport,
# whether the request ended before there was a connection for it, or a text that says which proxy kept it from one.
DEADLINE, CANCELLED, UNSENT = "aikynetix.deadline", "aikynetix.cancelled", "aikynetix.unsent"

_ATTEMPT_DELAY = 0.25  # seconds before the next address is tried beside the first (RFC 8305, section 5)
_LOOK_EVERY = 0.05  # seconds between two looks at whether a request is still wanted, or another address is due


def time_left(extensions: Mapping[str, Any], timeout: float | None, expired: type[Exception]) -> float | None:
    """Return the seconds that one step of a request may take, given the limit of its phase; raise what has expired."""
    deadline = extensions.get(DEADLINE)
    if deadline is None:
        return timeout
    left: float = deadline - time.monotonic()
    if left <= 0:
        raise expired("the response was not complete within the timeout")
    return left if timeout is None or left < timeout else timeout


class _Stream(httpcore.NetworkStream):
    """A stock stream within the limits of the request that is under way."""

    def __init__(self, inner: httpcore.NetworkStream, backend: _Backend) -> None:
        self._inner, self._backend = inner, backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        extensions = self._backend.extensions
        left = time_left(extensions, timeout, httpcore.ReadTimeout)
        if CANCELLED not in extensions:
            return self._inner.read(max_bytes, left)
        end = math.inf if left is None else time.monotonic() + left
        while not extensions[CANCELLED]():
            if (left := end - time.monotonic()) <= 0:
                raise httpcore.ReadTimeout("the response was not complete within the timeout")
            with suppress(httpcore.ReadTimeout):
                return self._inner.read(max_bytes, min(left, _LOOK_EVERY))
        raise httpcore.ReadTimeout("the request is not wanted any more")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        extensions = self._backend.extensions
        if CANCELLED in extensions and extensions[CANCELLED]():
            raise httpcore.WriteTimeout("the request is not wanted any more")
        if buffer:
            self._inner.write(buffer, time_left(extensions, timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        extensions = self._backend.extensions
        left = time_left(extensions, timeout, httpcore.ConnectTimeout)
        with _ended_by(extensions.get(CANCELLED), self._inner.get_extra_info("socket")):
            return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


@contextmanager
def _ended_by(is_cancelled: Callable[[], bool] | None, connection: socket.socket) -> Generator[None]:
    """End ``connection`` once its request is not wanted any more; a handshake cannot be done in steps everywhere."""
    if is_cancelled is None or isinstance(connection, ssl.SSLSocket):  # an SSLSocket cannot be duplicated
        yield
        return
    done = Event()
    with connection.dup() as watched:  # what wraps it takes its descriptor away

        def watch() -> None:
            while not done.wait(_LOOK_EVERY):
                if is_cancelled():
                    with suppress(OSError):
                        watched.shutdown(socket.SHUT_RDWR)
                    return

        watcher = Thread(target=watch, name="aikynetix-handshake", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


class _Backend(SyncBackend):
    """Dials by RFC 8305, within the limits of the request that is under way."""

    extensions: Mapping[str, Any] = {}
    stream: httpcore.NetworkStream | None = None

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *_: object, **__: object
    ) -> httpcore.NetworkStream:
        with map_exceptions({TimeoutError: httpcore.ConnectTimeout, OSError: httpcore.ConnectError}):
            connection = _dial(host, port, self.extensions, timeout)
        self.stream = _Stream(SyncStream(connection), self)
        return self.stream


class _AsyncBackend(AutoBackend):
    """The stock backend, which remembers its stream."""

    stream: httpcore.AsyncNetworkStream | None = None

    async def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        self.stream = await super().connect_tcp(*args, **kwargs)
        return self.stream


def set_backend(transport: Any) -> None:
    """Give a stock transport a network backend of its own, as ``backend``; httpx has no argument for it."""
    backend = _Backend() if hasattr(transport, "handle_request") else _AsyncBackend()
    transport.backend = transport._pool._network_backend = backend  # noqa: SLF001


def note_tunnel(transport: Any, request: httpx.Request) -> None:
    """Keep ``transport.has_tunnel``, whether its proxy has opened a tunnel, right by httpcore's trace extension."""
    theirs = request.extensions.get("trace")

    def note(name: str, info: Any) -> Any:
        transport.has_tunnel |= name in ("proxy.start_tls.started", "socks.start_tls.started")
        return None if theirs is None else theirs(name, info)

    async def anote(name: str, info: Any) -> None:
        if (told := note(name, info)) is not None:
            await told

    request.extensions["trace"] = note if hasattr(transport, "handle_request") else anote


def discard(transport: Any) -> None:
    """Close ``transport``, and what httpcore forgets when a handshake with a proxy or a server fails."""
    transport.close()
    if transport.backend.stream is not None:
        transport.backend.stream.close()


async def adiscard(transport: Any) -> None:
    """As `discard`, also where the task was cancelled."""
    import anyio

    with anyio.CancelScope(shield=True):
        await transport.aclose()
        if transport.backend.stream is not None:
            await transport.backend.stream.aclose()


def has_leftover(transport: Any, request: httpx.Request, response: httpx.Response) -> bool:
    """Return whether bytes, or the connection's end, stand behind ``response`` where the next response would be sought.

    What is still in the socket httpcore notices by itself; what h11 or the TLS layer took in already it does not.
    """
    for connection in transport._pool.connections:  # noqa: SLF001 -- nothing public tells of it
        inner = connection
        while (deeper := getattr(inner, "_connection", None)) is not None:  # those to proxies hold another inside
            inner = deeper
        parser = getattr(inner, "_h11_state", None)
        if parser is not None and any(parser.trailing_data):  # bytes, and whether the server has ended
            return True
    is_tls = request.url.scheme == "https"  # asking a plain one costs an asynchronous request 2%
    stream = response.extensions.get("network_stream") if is_tls else None  # none where a mock stands in, too
    tls = None if stream is None else stream.get_extra_info("ssl_object")
    if isinstance(tls, ssl.SSLObject):
        with suppress(ssl.SSLError, ValueError):  # mostly SSLWantReadError: nothing is there
            tls.read(1)
            return True  # a byte, or none, which is the server's farewell
    return tls is not None and bool(tls.pending())


def _dial(host: str, port: int, extensions: Mapping[str, Any], timeout: float | None) -> socket.socket:
    """Connect to the first address of ``host`` that responds (RFC 8305, "happy eyeballs").

    Addresses of both families take turns; the next one is tried when one fails, or beside it after 250 ms. Raises the
    first failure where all fail, and `TimeoutError`.
    """
    left, is_cancelled = time_left(extensions, timeout, TimeoutError), extensions.get(CANCELLED, bool)
    end = math.inf if left is None else time.monotonic() + left
    addresses, failures = _resolve(host, port, end, is_cancelled), list[OSError]()
    now = next_at = time.monotonic()
    with selectors.DefaultSelector() as selector, ExitStack() as opened:
        while addresses or selector.get_map():
            if now >= end or is_cancelled():
                raise TimeoutError("no connection within the timeout")
            try:
                if addresses and (now >= next_at or not selector.get_map()):
                    next_at = now + _ATTEMPT_DELAY
                    family, kind, protocol, _, address = addresses.pop(0)
                    connection = opened.enter_context(socket.socket(family, kind, protocol))
                    connection.setblocking(False)
                    with suppress(BlockingIOError):
                        connection.connect(address)
                    selector.register(connection, selectors.EVENT_WRITE)
                for key, _ in selector.select(min(_LOOK_EVERY, end - now)):
                    return _connected(key.fileobj, selector)
            except OSError as error:
                failures.append(error)
            now = time.monotonic()
    raise failures[0]


def _connected(connection: Any, selector: selectors.BaseSelector) -> socket.socket:
    selector.unregister(connection)
    if code := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(code, os.strerror(code))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return socket.socket(connection.family, connection.type, connection.proto, connection.detach())


def _resolve(host: str, port: int, end: float, is_cancelled: Callable[[], bool]) -> list[Any]:
    """Return the addresses of ``host``, of both families in turn.

    The system's resolver, which knows no timeout, is left to itself at the ``end``, or when nobody wants it any more.
    """
    found: Future[list[Any]] = Future()

    def work() -> None:
        try:
            found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:
            found.set_exception(error)

    try:
        ip_address(host)  # raises for a name
        work()
    except ValueError:
        Thread(target=work, name="aikynetix-resolver", daemon=True).start()
    while not wait([found], _LOOK_EVERY).done:
        if time.monotonic() >= end or is_cancelled():
            raise TimeoutError("the host name was not resolved within the timeout")
    infos = found.result()
    first = [info for info in infos if info[0] == infos[0][0]]
    other = [info for info in infos if info[0] != infos[0][0]]
    return [info for pair in zip_longest(first, other) for info in pair if info is not None]
