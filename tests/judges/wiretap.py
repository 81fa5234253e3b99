"""The clients' own transports with an ear on them: a test has to see what the client never tells of an answer."""

from __future__ import annotations

from typing import NamedTuple

import httpx

from aikynetix._transport import default_async_transport, default_transport


class Heard(NamedTuple):
    """An answer as it came.

    Attributes:
        status: Its status.
        media_type: Its ``Content-Type``.
        violations: What Prism says of it, or of the request that it answers; empty where it found nothing.
    """

    status: int
    media_type: str = "application/json"
    violations: str = ""


class Wiretap(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport for any number of clients, one after the other, that only adds headers to the requests.

    Args:
        headers: To add.

    Attributes:
        heard: Every answer, in order.
    """

    def __init__(self, headers: dict[str, str] | None = None) -> None:
        self.heard: list[Heard] = []
        self._headers = headers or {}
        self._sync: httpx.BaseTransport | None = None
        self._async: httpx.AsyncBaseTransport | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it on."""
        self._sync = self._sync or default_transport()
        request.headers.update(self._headers)
        return self._noted(self._sync.handle_request(request))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it on."""
        self._async = self._async or default_async_transport()
        request.headers.update(self._headers)
        return self._noted(await self._async.handle_async_request(request))

    def close(self) -> None:
        """Close what was opened for a synchronous client."""
        opened, self._sync = self._sync, None
        if opened is not None:
            opened.close()

    async def aclose(self) -> None:
        """Close what was opened for an asynchronous client."""
        opened, self._async = self._async, None
        if opened is not None:
            await opened.aclose()

    def _noted(self, response: httpx.Response) -> httpx.Response:
        headers = response.headers
        self.heard.append(
            Heard(response.status_code, headers.get("content-type", ""), headers.get("sl-violations", ""))
        )
        return response
