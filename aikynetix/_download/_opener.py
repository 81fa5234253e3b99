"""How downloads reach the storage host: httpx clients that carry no credential, on the transports of the API client."""

from __future__ import annotations

import math
import threading
from concurrent.futures import CancelledError, Future, wait
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import attrs
import httpx

from .._call import AsyncCarriers, Carriers, httpx_options
from .._errors import AikynetixError, DownloadInterruptedError
from .._transport import CANCELLED, DEADLINE
from ._engine import download

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    import anyio.from_thread

    from .._models import AnalyzedVideo, DownloadedVideo
    from ._types import OpenUrl, Options

_LOOK_EVERY = 0.2  # seconds between two looks at whether the video is still wanted

T = TypeVar("T")


class StorageClient:
    """Opens URLs of the storage host.

    Args:
        carriers: The transport and the ``mounts`` of an httpx client.
        timeout: Per-phase limits in seconds.
    """

    def __init__(self, carriers: Carriers, timeout: httpx.Timeout) -> None:
        self._client = httpx.Client(**httpx_options(timeout, *carriers))

    def open_url(
        self, url: str, headers: Mapping[str, str], *, deadline: float | None, cancelled: Callable[[], bool]
    ) -> httpx.Response:
        """Send a GET, follow nothing, and return the response with its body unread; see `OpenUrl`."""
        extensions = {DEADLINE: deadline, CANCELLED: cancelled}
        request = self._client.build_request("GET", url, headers=headers, extensions=extensions)
        return self._client.send(request, stream=True, auth=None, follow_redirects=False)

    def opener(self, portal: object) -> OpenUrl:  # noqa: ARG002 -- as `AsyncStorageClient` has it
        """Return what opens a URL."""
        return self.open_url


class AsyncStorageClient:
    """Opens URLs of the storage host through an asynchronous transport, for a worker thread.

    Args:
        carriers: The transport and the ``mounts`` of an httpx client.
        timeout: Per-phase limits in seconds.
    """

    def __init__(self, carriers: AsyncCarriers, timeout: httpx.Timeout) -> None:
        self._client = httpx.AsyncClient(**httpx_options(timeout, *carriers))

    def opener(self, portal: anyio.from_thread.BlockingPortal) -> OpenUrl:
        """Return what opens a URL in the event loop of ``portal``, called from any thread."""

        def open_url(
            url: str, headers: Mapping[str, str], *, deadline: float | None, cancelled: Callable[[], bool]
        ) -> httpx.Response:
            extensions = {DEADLINE: deadline, CANCELLED: cancelled}
            request = self._client.build_request("GET", url, headers=headers, extensions=extensions)

            async def send() -> httpx.Response:
                return await self._client.send(request, stream=True, auth=None, follow_redirects=False)

            response = portal.call(send)
            return httpx.Response(
                response.status_code,
                headers=response.headers,
                stream=_PortalStream(response, portal),
                request=request,
            )

        return open_url


class _PortalStream(httpx.SyncByteStream):
    """The body of an asynchronous response, read from a worker thread."""

    def __init__(self, response: httpx.Response, portal: anyio.from_thread.BlockingPortal) -> None:
        self._response, self._portal = response, portal

    def __iter__(self) -> Iterator[bytes]:
        # Not aiter_raw(): a mock's response may have been read already.
        chunks = aiter(cast("httpx.AsyncByteStream", self._response.stream))

        async def following() -> bytes | None:
            return await anext(chunks, None)

        while (chunk := self._portal.call(following)) is not None:
            yield chunk

    def close(self) -> None:
        self._portal.call(self._response.aclose)


def until_cancelled(
    session_id: str, lookup: Callable[[], AnalyzedVideo], cancelled: Callable[[], bool]
) -> Callable[[], AnalyzedVideo]:
    """Return ``lookup`` as the engine wants it: what it fails with once nobody wants the video is a cancellation."""

    def looked_up() -> AnalyzedVideo:
        try:
            return lookup()
        except (AikynetixError, CancelledError) as error:
            if not cancelled():
                raise
            text = "the download was cancelled; a later call resumes it"
            raise DownloadInterruptedError(text, session_id=session_id, reason="cancelled") from error

    return looked_up


def _in_loop(
    portal: anyio.from_thread.BlockingPortal,
    lookup: Callable[[], Awaitable[AnalyzedVideo]],
    cancelled: Callable[[], bool],
) -> AnalyzedVideo:
    """Run ``lookup`` in the event loop of ``portal``; cancel it there once nobody wants the video."""
    found = portal.start_task_soon(lookup)
    while not found.done():
        if cancelled():
            found.cancel()
        wait([found], timeout=_LOOK_EVERY)
    return found.result()


async def download_in_thread(
    session_id: str,
    to: Any,
    *,
    lookup: Callable[[], Awaitable[AnalyzedVideo]],
    opener: Callable[[anyio.from_thread.BlockingPortal], OpenUrl],
    options: Options,
) -> DownloadedVideo:
    """Run the download engine in a worker thread; a cancellation tells it to stop, and waits until it has.

    Args:
        session_id: The session.
        to: See `download`.
        lookup: Says where the video is; runs in the event loop.
        opener: Given the way back into the event loop, returns what opens a URL.
        options: See `download`.
    """
    import anyio.from_thread
    import anyio.lowlevel

    stop, wanted = threading.Event(), options.cancelled
    options = attrs.evolve(options, cancelled=lambda: stop.is_set() or wanted())
    outcome: Future[DownloadedVideo] = Future()
    async with anyio.from_thread.BlockingPortal() as portal, anyio.create_task_group() as group:

        def work() -> DownloadedVideo:
            look = until_cancelled(session_id, partial(_in_loop, portal, lookup, options.cancelled), options.cancelled)
            return download(session_id, to, lookup=look, open_url=opener(portal), options=options)

        group.start_soon(_set_when_cancelled, stop)
        await _run_in_thread(partial(_settle, outcome, work), outcome, stop)
        await anyio.lowlevel.checkpoint_if_cancelled()
        group.cancel_scope.cancel()
    return outcome.result()


async def _set_when_cancelled(stop: threading.Event) -> None:
    import anyio

    try:
        await anyio.sleep_forever()
    finally:
        stop.set()


def _settle(outcome: Future[T], work: Callable[[], T]) -> None:
    if not outcome.set_running_or_notify_cancel():
        return
    try:
        outcome.set_result(work())
    except BaseException as error:
        outcome.set_exception(error)


async def _run_in_thread(settle: Callable[[], None], outcome: Future[Any], stop: threading.Event) -> None:
    import anyio
    import anyio.to_thread

    try:
        # Without a limit of threads: more than forty downloads at a time are nothing unusual.
        await anyio.to_thread.run_sync(settle, limiter=anyio.CapacityLimiter(math.inf))
    except BaseException:
        # The cancel() of an asyncio task passes every shield, and leaves the thread alone.
        stop.set()
        outcome.cancel()  # where the thread has not begun, it does nothing any more
        with anyio.CancelScope(shield=True):
            while not outcome.done():  # noqa: ASYNC110 -- a thread ends it, not the loop
                await anyio.sleep(0.005)
        raise
