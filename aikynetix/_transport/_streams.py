"""Connections of the asynchronous transport, on asyncio and on trio.

anyio's streams pass through the event loop at least twice for every read and write, and httpcore opens a cancel scope
around each. On asyncio a protocol that keeps what comes costs half of a whole lookup less.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from itertools import zip_longest
from math import inf
from typing import TYPE_CHECKING, Any, Protocol, cast

import anyio

from .._event_loop import is_asyncio
from . import _tls
from ._http1 import READ_SIZE
from ._readable import is_readable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Generator, Sequence

    import trio

    from ._lanes import Origin

_MOST_BUFFERED = 4 * READ_SIZE
# RFC 8305, section 5, recommends 250 ms before the next address is tried beside the one that does not answer.
_NEXT_ADDRESS = 0.25


class Stream(Protocol):
    """A connection; its methods raise `OSError` when it breaks and `TimeoutError` when it is too slow."""

    async def read(self, timeout: float | None) -> bytes:  # noqa: ASYNC109 -- cheaper than a cancel scope around it
        """Return some bytes; none at the end."""
        ...

    async def write(self, data: bytes, timeout: float | None) -> None:  # noqa: ASYNC109 -- the same
        """Send all of ``data``."""
        ...

    async def close(self) -> None:
        """Close the connection at once, even when the task is being cancelled."""
        ...

    def is_stale(self) -> bool:
        """Whether this idle connection was closed by the server, or has something in it that nobody asked for."""
        ...

    def get_extra_info(self, info: str) -> Any:
        """Return what httpx's ``network_stream`` extension tells."""
        ...


def home() -> object:
    """Return the event loop that is running, which a connection cannot leave."""
    if is_asyncio():
        return asyncio.get_running_loop()
    import trio

    return trio.lowlevel.current_trio_token()


class Turn:
    """What a task waits for while all connections are in use."""

    def __init__(self) -> None:
        self._future = asyncio.get_running_loop().create_future() if is_asyncio() else None
        self._event = anyio.Event() if self._future is None else None

    def come(self) -> None:
        """Wake the task."""
        _wake(self._future)
        if self._event is not None:
            self._event.set()

    async def wait(self, timeout: float | None) -> None:  # noqa: ASYNC109 -- see Stream
        """Wait until the turn has come.

        Raises:
            TimeoutError: It did not come in time.
        """
        if self._future is not None:
            await _within(timeout, self._future)
        elif self._event is not None:
            with anyio.fail_after(timeout):
                await self._event.wait()


async def connect(origin: Origin, timeout: float | None) -> Stream:  # noqa: ASYNC109 -- as above
    """Return a connection to ``origin``, its TLS handshake done.

    Raises:
        OSError: There is none to be had.
        TimeoutError: It took too long.
        ConfigurationError: The authorities to trust cannot be read.
    """
    scheme, raw_host, port = origin
    host = raw_host.decode("ascii")
    context = _tls.context() if scheme == "https" else None
    if is_asyncio():
        with anyio.fail_after(timeout):
            return await _dial(host, port, context)
    return await _dial_on_trio(host, port, context, timeout)


async def _dial(host: str, port: int, context: ssl.SSLContext | None) -> LoopStream:
    """Connect on asyncio, to whichever address of ``host`` answers first (RFC 8305).

    Event loops differ in whether they can do that by themselves, and asyncio's own way drops sockets when cancelled.
    """
    loop = asyncio.get_running_loop()

    async def dial(address: str) -> LoopStream:
        name = host if context else None
        return (await loop.create_connection(LoopStream, address, port, ssl=context, server_hostname=name))[1]

    try:
        ip_address(host)
    except ValueError:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = _alternating([(family, str(address[0])) for family, _, _, _, address in found])
        return await dial(addresses[0]) if len(addresses) == 1 else await _first(addresses, dial)
    return await dial(host)


def _alternating(found: Sequence[tuple[int, str]]) -> list[str]:
    """Return each address once, the families in turn, so that one that is cut off costs a single wait."""
    if not found:
        raise OSError("the name has no address")
    first = [address for family, address in dict.fromkeys(found) if family == found[0][0]]
    others = [address for family, address in dict.fromkeys(found) if family != found[0][0]]
    return [address for pair in zip_longest(first, others) for address in pair if address is not None]


async def _first(addresses: Sequence[str], dial: Callable[[str], Awaitable[LoopStream]]) -> LoopStream:
    won: list[LoopStream] = []
    failures: list[Exception] = []

    async def attempt(address: str, over: anyio.Event) -> None:
        try:
            made = await dial(address)
        except OSError as error:
            failures.append(error)
            over.set()
            return
        won.append(made)
        group.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as group:
            for address in addresses:
                over = anyio.Event()
                group.start_soon(attempt, address, over)
                with anyio.move_on_after(_NEXT_ADDRESS):
                    await over.wait()
    except BaseException:
        for made in won:
            await made.close()
        raise
    for late in won[1:]:
        await late.close()
    if not won:
        raise failures[0]
    return won[0]


class LoopStream(asyncio.Protocol):
    """A connection on asyncio."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._ended = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)  # what other event loops give only looks like one

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._chunks.append(data)
        self._buffered += len(data)
        if self._buffered > _MOST_BUFFERED and self._transport is not None:
            self._transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> None:
        """Called by asyncio."""
        self._ended = True
        _wake(self._reader)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._ended, self._error = True, exc
        _wake(self._reader)
        _wake(self._writer)

    def pause_writing(self) -> None:
        """Called by asyncio."""
        self._is_full = True

    def resume_writing(self) -> None:
        """Called by asyncio."""
        self._is_full = False
        _wake(self._writer)

    async def read(self, timeout: float | None) -> bytes:  # noqa: ASYNC109 -- see Stream
        """See `Stream.read`."""
        if not self._chunks:
            if not self._ended:
                self._reader = asyncio.get_running_loop().create_future()
                await _within(timeout, self._reader)
            if not self._chunks:
                if self._error is not None:
                    raise ConnectionError(str(self._error) or type(self._error).__name__) from self._error
                return b""
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        if self._buffered > _MOST_BUFFERED and self._transport is not None and not self._ended:
            self._transport.resume_reading()
        self._buffered = 0
        return data

    async def write(self, data: bytes, timeout: float | None) -> None:  # noqa: ASYNC109 -- see Stream
        """See `Stream.write`."""
        transport = self._transport
        if self._ended or transport is None or transport.is_closing():
            raise ConnectionError("the connection is closed")
        transport.write(data)
        if self._is_full:
            self._writer = asyncio.get_running_loop().create_future()
            await _within(timeout, self._writer)
            if self._ended:
                raise ConnectionError("the connection was closed")

    async def close(self) -> None:
        """See `Stream.close`."""
        self._ended = True
        if self._transport is not None:
            with suppress(RuntimeError):  # its event loop is closed already
                self._transport.abort()

    def is_stale(self) -> bool:
        """See `Stream.is_stale`."""
        if self._chunks or self._ended or self._transport is None or self._transport.is_closing():
            return True
        # The loop may not have come round to looking at the socket yet.
        return is_readable(self._transport.get_extra_info("socket"))

    def get_extra_info(self, info: str) -> Any:
        """See `Stream.get_extra_info`."""
        name = {"client_addr": "sockname", "server_addr": "peername"}.get(info, info)
        return None if self._transport is None else self._transport.get_extra_info(name)


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


async def _within(timeout: float | None, waiter: asyncio.Future[None]) -> None:  # noqa: ASYNC109 -- see Stream
    if timeout is None:
        await waiter
        return
    timer = waiter.get_loop().call_later(timeout, _expire, waiter)
    try:
        await waiter
    finally:
        timer.cancel()


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError("nothing came in time"))


class TrioStream:
    """A connection on trio."""

    def __init__(self, plain: trio.SocketStream, stream: trio.abc.Stream) -> None:
        self._plain, self._stream = plain, stream

    async def read(self, timeout: float | None) -> bytes:  # noqa: ASYNC109 -- see Stream
        """See `Stream.read`."""
        with _trio_faults(timeout):
            return bytes(await self._stream.receive_some(READ_SIZE))

    async def write(self, data: bytes, timeout: float | None) -> None:  # noqa: ASYNC109 -- see Stream
        """See `Stream.write`."""
        with _trio_faults(timeout):
            await self._stream.send_all(data)

    async def close(self) -> None:
        """See `Stream.close`."""
        import trio

        try:
            trio.lowlevel.current_trio_token()
        except RuntimeError:  # its loop was left: nobody waits on the socket any more
            with suppress(OSError):
                socket.close(self._plain.socket.detach())
            return
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(self._stream)

    def is_stale(self) -> bool:
        """See `Stream.is_stale`."""
        stream: Any = self._stream
        if stream is not self._plain:
            # Decrypted, or only received: trio tells of the one, and keeps the other to itself. Where it keeps that
            # elsewhere one day, no connection is used twice, which a test tells of.
            received = getattr(stream, "_incoming", None)
            if received is None or received.pending or stream.pending():
                return True
        return is_readable(self._plain.socket)

    def get_extra_info(self, info: str) -> Any:
        """See `Stream.get_extra_info`."""
        if info == "ssl_object":
            return None if self._stream is self._plain else self._stream
        sock = self._plain.socket
        known: dict[str, Callable[[], Any]] = {
            "socket": lambda: sock,
            "client_addr": sock.getsockname,
            "server_addr": sock.getpeername,
        }
        return known[info]() if info in known else None


async def _dial_on_trio(
    host: str,
    port: int,
    context: ssl.SSLContext | None,
    timeout: float | None,  # noqa: ASYNC109 -- see Stream
) -> TrioStream:
    import trio

    with _trio_faults(timeout):
        plain = await trio.open_tcp_stream(host, port, happy_eyeballs_delay=_NEXT_ADDRESS)
        if context is None:
            return TrioStream(plain, plain)
        secured = trio.SSLStream(plain, context, server_hostname=host, https_compatible=True)
        try:
            await secured.do_handshake()
        except BaseException:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(plain)
            raise
        return TrioStream(plain, secured)


@contextmanager
def _trio_faults(timeout: float | None) -> Generator[None]:
    """Hold a step to its time, and raise what asyncio would."""
    import trio

    try:
        with trio.move_on_after(inf if timeout is None else timeout) as scope:
            yield
    except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
        raise ConnectionError(str(cause) or "the connection broke") from cause
    if scope.cancelled_caught:
        raise TimeoutError("nothing came in time")
