"""The asynchronous transport: a pool of connections for the tasks of one event loop, on asyncio and on trio."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import httpx

from . import _faults, _streams
from ._http1 import WRITE_SIZE, Protocol1, best
from ._lanes import ASYNC_SIZE, KEEPALIVE, Lanes, Origin, Ticket, origin_of
from ._limits import Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class AsyncLane:
    """One connection to one origin."""

    __slots__ = ("http", "origin", "stream")

    def __init__(self, origin: Origin, stream: _streams.Stream, http: Protocol1) -> None:
        self.origin = origin
        self.stream = stream
        self.http = http

    async def read(self, limits: Limits) -> bytes:
        """Return some bytes; none at the end.

        Raises:
            httpx.ReadTimeout: None came in time.
            httpx.ReadError: The connection broke.
        """
        try:
            return await self.stream.read(limits.left(limits.read))
        except OSError as error:
            raise _faults.fault(_faults.READ, error) from error

    async def write(self, data: bytes, limits: Limits) -> None:
        """Send all of ``data``.

        Raises:
            httpx.WriteTimeout: The server stopped taking it.
            httpx.WriteError: The connection broke.
        """
        try:
            if data:
                await self.stream.write(data, limits.left(limits.write))
        except OSError as error:
            raise _faults.fault(_faults.WRITE, error) from error

    def get_extra_info(self, info: str) -> Any:
        """Return what httpx's ``network_stream`` extension tells: the socket, its addresses, the TLS object."""
        return self.stream.get_extra_info(info)


class AsyncPooledTransport(httpx.AsyncBaseTransport):
    """Carries requests over at most ``size`` connections, each used by one request at a time.

    Args:
        size: Most connections open at once; further requests wait their turn.
        keepalive: Seconds that an idle connection is kept.
        protocol: Speaks HTTP/1.1; None for the fastest that is installed.

    Attributes:
        protocol: What speaks HTTP/1.1.
        keeps_deadline: That no step takes longer than the request's `DEADLINE` allows.
    """

    keeps_deadline = True

    def __init__(
        self, size: int = ASYNC_SIZE, keepalive: float = KEEPALIVE, protocol: type[Protocol1] | None = None
    ) -> None:
        self.protocol = protocol or best()
        self._size, self._keepalive = size, keepalive
        self._home: object = None
        self._lanes: Lanes[AsyncLane] = Lanes(size, keepalive)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` and return its answer, the body unread.

        Raises:
            httpx.TransportError: No answer came.
            RuntimeError: The transport has been closed.
        """
        limits = Limits(request)
        lane = await self._acquire(origin_of(request.url), limits)
        try:
            await _send(lane, request, limits)
            http = lane.http
            while (head := http.head()) is None:
                http.receive(await lane.read(limits))
        except BaseException:
            await self.release(lane)
            raise
        return httpx.Response(
            head.status,
            headers=head.headers,
            stream=_AsyncBody(self, lane, limits),
            extensions={
                "http_version": b"HTTP/" + head.version,
                "reason_phrase": head.reason,
                "network_stream": lane,
            },
        )

    async def release(self, lane: AsyncLane) -> None:
        """Give ``lane`` back, to be used again if its exchange is finished. A second time does nothing."""
        lanes = self._lanes
        if lane in lanes.active:
            lanes.give_back(lane.origin, lane, lane.http.rewind(), monotonic())
        else:  # of an event loop that was left
            await lane.stream.close()
        for each in lanes.dismiss():
            await each.stream.close()

    async def aclose(self) -> None:
        """Close every connection, those in use as well."""
        self._lanes.close()
        for lane in [*self._lanes.active, *self._lanes.dismiss()]:
            await lane.stream.close()
        if self._home is not None:
            await anyio.lowlevel.checkpoint()  # asyncio closes sockets one round later

    async def _acquire(self, origin: Origin, limits: Limits) -> AsyncLane:
        here = _streams.home()
        if here is not self._home:
            await self._move(here)
        ticket = self._lanes.take(origin, monotonic())
        for each in self._lanes.dismiss():
            await each.stream.close()
        if not ticket.granted:
            await self._wait(ticket, limits)
        lane = ticket.lane
        if lane is not None and not lane.stream.is_stale():
            return lane
        return await self._open(origin, lane, limits)

    async def _move(self, here: object) -> None:
        """Begin anew in another event loop: connections cannot leave the one that they were made in."""
        self._home = here
        if not self._lanes.closed:
            former, self._lanes = self._lanes, Lanes(self._size, self._keepalive)
            former.close()
            for each in former.dismiss():
                await each.stream.close()

    async def _wait(self, ticket: Ticket[AsyncLane], limits: Limits) -> None:
        turn = _streams.Turn()
        ticket.wake = turn.come
        try:
            await turn.wait(limits.left(limits.pool))
        except BaseException as error:
            await self._leave(ticket)
            if isinstance(error, TimeoutError):
                text = f"all of the {self._size} connections were in use until the timeout"
                raise httpx.PoolTimeout(text) from error
            raise
        if not ticket.granted:
            raise RuntimeError("the transport has been closed")

    async def _leave(self, ticket: Ticket[AsyncLane]) -> None:
        self._lanes.leave(ticket, monotonic())
        for each in self._lanes.dismiss():
            await each.stream.close()

    async def _open(self, origin: Origin, stale: AsyncLane | None, limits: Limits) -> AsyncLane:
        lanes = self._lanes
        try:
            if stale is not None:
                await stale.stream.close()
            stream = await _streams.connect(origin, limits.left(limits.connect))
            fresh = AsyncLane(origin, stream, self.protocol())
        except BaseException as error:
            lanes.give_back(origin, stale, False, monotonic())
            if isinstance(error, _faults.FAULTS):
                raise _faults.fault(_faults.CONNECT, error) from error
            raise
        lanes.opened(fresh, stale)
        if lanes.closed:
            await self.release(fresh)
            raise RuntimeError("the transport has been closed")
        return fresh


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, transport: AsyncPooledTransport, lane: AsyncLane, limits: Limits) -> None:
        self._transport, self._lane, self._limits = transport, lane, limits
        self._is_open = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        lane, http = self._lane, self._lane.http
        try:
            while self._is_open:
                chunk = http.chunk()
                if chunk is None:
                    http.receive(await lane.read(self._limits))
                elif chunk:
                    yield chunk
                else:
                    return
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        if self._is_open:
            self._is_open = False
            await self._transport.release(self._lane)


async def _send(lane: AsyncLane, request: httpx.Request, limits: Limits) -> None:
    http, data = lane.http, lane.http.start(request)
    try:
        if isinstance(request.stream, httpx.ByteStream):
            data += b"".join(http.data(chunk) for chunk in request.stream)
        else:
            assert isinstance(request.stream, httpx.AsyncByteStream)  # an asynchronous client gives nothing else
            async for chunk in request.stream:
                data += http.data(chunk)
                if len(data) > WRITE_SIZE:
                    await lane.write(data, limits)
                    data = b""
        await lane.write(data + http.end(), limits)
    except httpx.WriteError:
        pass  # a server may turn a request away before it has read all of it: its answer says why
