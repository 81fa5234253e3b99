"""The pool of connections to the storage host."""

from __future__ import annotations

import httpx


class Storage:
    """Connections to the storage host: without credentials, cookies, proxies from the environment or redirects.

    Args:
        timeout: Limits in seconds.
        transport: An httpx transport to use in place of a pool of our own; it is not closed by `close`.
    """

    def __init__(self, *, timeout: httpx.Timeout, transport: httpx.BaseTransport | None = None) -> None:
        self._timeout = timeout
        self._owned = None if transport is not None else httpx.HTTPTransport(trust_env=False)
        self._transport: httpx.BaseTransport = transport if transport is not None else self._owned  # type: ignore[assignment]

    def open(self, url: str, headers: dict[str, str]) -> httpx.Response:
        """Ask for ``url`` and return the answer, its body unread."""
        request = httpx.Request(
            "GET", url, headers={"Accept-Encoding": "identity"} | headers, extensions={"timeout": self._timeout.as_dict()}
        )
        response = self._transport.handle_request(request)
        response.request = request
        return response

    def close(self) -> None:
        """Close the pool."""
        if self._owned is not None:
            self._owned.close()
