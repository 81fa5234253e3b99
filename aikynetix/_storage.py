"""Opens the storage's URLs for the downloads of a client: no credentials, no cookies, no redirects."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import httpx

from ._errors import client_closed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._download import OpenUrl


class StoragePool:
    """Connections to the storage host, opened when the first download needs them.

    Args:
        transport: An httpx transport to use in place of one of our own; `close` leaves it open.
    """

    def __init__(self, transport: httpx.BaseTransport | None) -> None:
        self._given = transport
        self._own: httpx.HTTPTransport | None = None
        self._lock = threading.Lock()
        self.closed = False

    def opener(self, timeout: httpx.Timeout) -> OpenUrl:
        """Return a function that sends a GET."""

        def open_url(
            url: str, headers: Mapping[str, str], *, deadline: float | None, cancelled: Callable[[], bool]
        ) -> httpx.Response:
            del deadline, cancelled
            request = httpx.Request(
                "GET", url, headers={"User-Agent": "aikynetix", **headers}, extensions={"timeout": timeout.as_dict()}
            )
            response = self._transport().handle_request(request)
            response.request = request
            return response

        return open_url

    def close(self) -> None:
        """Close the connections."""
        self.closed = True
        if self._own is not None:
            self._own.close()

    def _transport(self) -> httpx.BaseTransport:
        if self.closed:
            raise client_closed()
        if self._given is not None:
            return self._given
        with self._lock:
            if self._own is None:
                self._own = httpx.HTTPTransport(limits=httpx.Limits(max_connections=None))
            return self._own
