"""One way to drive both transports: a scenario is written once, as a coroutine function."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import TYPE_CHECKING, Any

import httpx
import trio

from aikynetix._transport._async import AsyncPooledTransport
from aikynetix._transport._http1 import Http1
from aikynetix._transport._sync import PooledTransport
from aikynetix._trial import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TIMEOUT: dict[str, float | None] = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}


class Wire:
    """A transport, whichever it is, behind one face."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport

    async def open(
        self,
        url: str,
        *,
        method: str = "GET",
        content: Any = None,
        headers: dict[str, str] | None = None,
        deadline: float | None = None,
        **timeout: float | None,
    ) -> httpx.Response:
        """Send a request and return its answer, the body unread."""
        extensions = {"timeout": TIMEOUT | timeout, DEADLINE: deadline}
        request = httpx.Request(method, url, content=content, headers=headers, extensions=extensions)
        if isinstance(self.transport, httpx.BaseTransport):
            return self.transport.handle_request(request)
        response: httpx.Response = await self.transport.handle_async_request(request)
        return response

    async def get(self, url: str, **options: Any) -> bytes:
        """Send a request and return the body of its answer."""
        return await body_of(await self.open(url, **options))

    async def close(self) -> None:
        """Close the transport."""
        if isinstance(self.transport, httpx.BaseTransport):
            self.transport.close()
        else:
            await self.transport.aclose()


async def body_of(response: httpx.Response) -> bytes:
    """Read an answer to its end."""
    return response.read() if isinstance(response.stream, httpx.SyncByteStream) else await response.aread()


async def leave(response: httpx.Response) -> None:
    """Close an answer, read or not."""
    if isinstance(response.stream, httpx.SyncByteStream):
        response.close()
    else:
        await response.aclose()


def run_sync(scenario: Callable[[Wire], Awaitable[None]], **options: Any) -> None:
    """Run ``scenario`` on the synchronous transport."""
    _run_in(asyncio.run, lambda: PooledTransport(**options), scenario)


def run_asyncio(scenario: Callable[[Wire], Awaitable[None]], **options: Any) -> None:
    """Run ``scenario`` on the asynchronous transport under asyncio."""
    _run_in(asyncio.run, lambda: AsyncPooledTransport(**options), scenario)


def run_trio(scenario: Callable[[Wire], Awaitable[None]], **options: Any) -> None:
    """Run ``scenario`` on the asynchronous transport under trio."""
    _run_in(lambda main: trio.run(lambda: main), lambda: AsyncPooledTransport(**options), scenario)


def _run_in(start: Callable[[Any], None], make: Callable[[], Any], scenario: Callable[[Wire], Awaitable[None]]) -> None:
    async def main() -> None:
        wire = Wire(make())
        try:
            await scenario(wire)
        finally:
            await wire.close()

    start(main())


def _fast(runner: Callable[..., None]) -> Callable[..., None]:
    from aikynetix._transport._fast import FastHttp1

    return lambda scenario, **options: runner(scenario, protocol=FastHttp1, **options)


def _plain(runner: Callable[..., None]) -> Callable[..., None]:
    return lambda scenario, **options: runner(scenario, protocol=Http1, **options)


SYNC = {"sync": _plain(run_sync)}
ASYNC = {"asyncio": _plain(run_asyncio), "trio": _plain(run_trio)}
if importlib.util.find_spec("httptools") is not None:
    SYNC["sync-fast"] = _fast(run_sync)
    ASYNC["asyncio-fast"] = _fast(run_asyncio)
