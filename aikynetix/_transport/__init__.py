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


def describe() -> str:
    """Return which transport is used when the caller brings none, and what speaks HTTP in it."""
    from importlib.metadata import version

    from ._http1 import Http1, best

    parser = "h11" if best() is Http1 else "httptools"
    return f"aikynetix's own pool, {parser} {version(parser)}"
