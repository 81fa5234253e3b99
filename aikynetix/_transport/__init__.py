"""The transports that carry requests when the caller brings none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


def default_transport() -> httpx.BaseTransport:
    """Return the synchronous transport."""
    from ._sync import PooledTransport

    return PooledTransport()


def default_async_transport() -> httpx.AsyncBaseTransport:
    """Return the asynchronous transport."""
    from ._async import AsyncPooledTransport

    return AsyncPooledTransport()


def describe(transport: object = None) -> str:
    """Return in a few words which transport carries the requests.

    Args:
        transport: The transport in use; None for the one that is used when the caller brings none.
    """
    from importlib.metadata import version

    from ._http1 import Http1, best

    protocol = getattr(transport, "protocol", best() if transport is None else None)
    if protocol is None:
        return f"{type(transport).__module__}.{type(transport).__qualname__}"
    parser = "h11" if protocol is Http1 else "httptools"
    return f"own pool, HTTP by {parser} {version(parser)}"
