"""How downloads reach the storage host: httpx clients that carry no credential, on the transports of the API client."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import attrs
import httpx

from .._call import OwnClient
from .._network import CANCELLED
from . import download

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    import anyio.from_thread

    from .._models import AnalyzedVideo, DownloadedVideo
    from . import OpenUrl, Options

T = TypeVar("T")


class _Client(OwnClient, httpx.Client):
    pass


class _AsyncClient(OwnClient, httpx.AsyncClient):
    pass


def opener(
    storage: Mapping[str, Any], timeout: httpx.Timeout, portal: anyio.from_thread.BlockingPortal | None = None
) -> OpenUrl:
    """Return what opens URLs of the storage host, through an asynchronous transport in the event loop of ``portal``."""
    is_async = portal is not None and isinstance(storage["transport"], httpx.AsyncBaseTransport)
    client: Any = (_AsyncClient if is_async else _Client)(timeout, storage)

    def open_url(url: str, headers: Mapping[str, str], *, cancelled: Callable[[], bool]) -> httpx.Response:
        request = client.build_request("GET", url, headers=headers, extensions={CANCELLED: cancelled})
        send: Callable[[], Any] = partial(client.send, request, stream=True, auth=None, follow_redirects=False)
        if portal is None or not is_async:
            return cast("httpx.Response", send())
        response = _in_loop(portal, send, cancelled)
        stream = _PortalStream(response, portal, cancelled)
        return httpx.Response(response.status_code, headers=response.headers, stream=stream, request=request)

    return open_url


class _PortalStream(httpx.SyncByteStream):
    """The body of an asynchronous response, read from a worker thread."""

    def __init__(
        self, response: httpx.Response, portal: anyio.from_thread.BlockingPortal, cancelled: Callable[[], bool]
    ) -> None:
        self._response, self._portal, self._cancelled = response, portal, cancelled

    def __iter__(self) -> Iterator[bytes]:
        # Not aiter_raw(): a mock's response may have been read already.
        chunks = aiter(cast("httpx.AsyncByteStream", self._response.stream))

        async def following() -> bytes | None:
            return await anext(chunks, None)

        while (chunk := _in_loop(self._portal, following, self._cancelled)) is not None:
            yield chunk

    def close(self) -> None:
        self._portal.call(self._response.aclose)


def _in_loop(
    portal: anyio.from_thread.BlockingPortal, function: Callable[[], Awaitable[T]], cancelled: Callable[[], bool]
) -> T:
    """Run ``function`` in the event loop of ``portal``; cancel it there once nobody wants the video."""
    found = portal.start_task_soon(function)
    while not found.done():
        if cancelled():
            found.cancel()
        wait([found], timeout=0.2)
    return found.result()


async def download_in_thread(
    session_id: str,
    to: Any,
    *,
    lookup: Callable[[], Awaitable[AnalyzedVideo]],
    storage: Mapping[str, Any],
    options: Options,
) -> DownloadedVideo:
    """Run `download` in a thread, ``lookup`` in the event loop; a cancellation stops it, and waits until it has ended.

    ``storage`` is synchronous, or a caller's asynchronous transport, which stays in its event loop.
    The thread is not one of anyio's: those are forty at most, and an asyncio task's ``cancel()`` leaves them alone.
    """
    import anyio.from_thread

    stop, done, wanted = threading.Event(), anyio.Event(), options.cancelled
    options = attrs.evolve(options, cancelled=lambda: stop.is_set() or wanted())
    pool = ThreadPoolExecutor(1, "aikynetix-download")
    async with anyio.from_thread.BlockingPortal() as portal:

        def work() -> DownloadedVideo:
            look = partial(_in_loop, portal, lookup, options.cancelled)
            try:
                open_url = opener(storage, options.timeout, portal)
                return download(session_id, to, lookup=look, open_url=open_url, options=options)
            finally:
                portal.start_task_soon(done.set)

        future = pool.submit(copy_context().run, work)
        try:
            await done.wait()
        except BaseException:
            stop.set()
            with anyio.CancelScope(shield=True):
                await done.wait()
            raise
        finally:
            pool.shutdown(wait=done.is_set())
    return future.result()  # pyright: ignore[reportPossiblyUnboundVariable] -- a portal swallows nothing
