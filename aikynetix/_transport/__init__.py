"""The transports that carry requests when the caller brings none."""

from __future__ import annotations

import httpx


def default_transport() -> httpx.BaseTransport:
    """Return the synchronous transport."""
    from ._sync import PooledTransport

    return PooledTransport()


def default_async_transport() -> httpx.AsyncBaseTransport:
    """Return the asynchronous transport."""
    return httpx.AsyncHTTPTransport(trust_env=False)
