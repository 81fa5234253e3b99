"""How downloads reach the storage host: httpx clients that carry no credential, on the transports of the API client."""

from __future__ import annotations

import math
import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any, cast

import attrs
import httpx

from .._call import AsyncCarriers, Carriers, httpx_options
from .._errors import DownloadInterruptedError
from .._transport import CANCELLED, DEADLINE
from ._engine import download

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    import anyio.from_thread

    from .._models import AnalyzedVideo, DownloadedVideo
    from ._types import OpenUrl, Options


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
    import anyio
    import anyio.from_thread
    import anyio.lowlevel
    import anyio.to_thread

    stop, begun = threading.Event(), threading.Event()
    outcome: Future[DownloadedVideo] = Future()
    wanted = options.cancelled
    options = attrs.evolve(options, cancelled=lambda: stop.is_set() or wanted())

    async def stop_when_cancelled() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            stop.set()

    async with anyio.from_thread.BlockingPortal() as portal, anyio.create_task_group() as group:

        def work() -> None:
            begun.set()
            try:
                found = download(
                    session_id,
                    to,
                    lookup=lambda: _looked_up(portal.start_task_soon(lookup), session_id, to, options),
                    open_url=opener(portal),
                    options=options,
                )
            except BaseException as error:
                outcome.set_exception(error)
            else:
                outcome.set_result(found)

        group.start_soon(stop_when_cancelled)
        try:
            # Without a limit of threads: more than forty downloads at a time are nothing unusual.
            await anyio.to_thread.run_sync(work, limiter=anyio.CapacityLimiter(math.inf))
        except BaseException:
            # The cancel() of an asyncio task passes every shield, and leaves the thread alone.
            stop.set()
            with anyio.CancelScope(shield=True):
                while begun.is_set() and not outcome.done():  # noqa: ASYNC110 -- a thread ends it, not the loop
                    await anyio.sleep(0.005)
            raise
        await anyio.lowlevel.checkpoint_if_cancelled()
        group.cancel_scope.cancel()
    return outcome.result()


def _looked_up(found: Future[AnalyzedVideo], session_id: str, to: Any, options: Options) -> AnalyzedVideo:
    """Wait in a worker thread for a lookup in the event loop, which a cancelled download ends."""
    while not wait((found,), 0.2).done:
        if options.cancelled():
            found.cancel()
            text = "the download was cancelled while its URL was looked up"
            raise DownloadInterruptedError(text, session_id=session_id, path=to, reason="cancelled")
    return found.result()
