"""httpx's own transports with an ear on them: a test has to see what the client never tells of a response."""

from __future__ import annotations

from typing import NamedTuple

import httpx


class Heard(NamedTuple):
    """A response as it came: status, media type, and what Prism says of it or of its request, empty for nothing."""

    status: int
    media_type: str = "application/json"
    violations: str = ""


class Wiretap(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport for one client after the other; `heard` has every response, in order."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self._sync, self._async = httpx.HTTPTransport(), httpx.AsyncHTTPTransport()
        self.close, self.aclose = self._sync.close, self._async.aclose  # type: ignore[method-assign]  # sent on as well

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._noted(self._sync.handle_request(request))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self._noted(await self._async.handle_async_request(request))

    def _noted(self, response: httpx.Response) -> httpx.Response:
        found = (response.headers.get(name, "") for name in ("content-type", "sl-violations"))
        self.heard.append(Heard(response.status_code, *found))
        return response
