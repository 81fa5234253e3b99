"""The transports that carry requests when the caller brings none."""

from __future__ import annotations

import httpx


def default_transport(base_url: httpx.URL) -> httpx.BaseTransport:
    """Return the synchronous transport for ``base_url``."""
    return httpx.HTTPTransport(verify=base_url.scheme == "https", trust_env=False)


def default_async_transport(base_url: httpx.URL) -> httpx.AsyncBaseTransport:
    """Return the asynchronous transport for ``base_url``."""
    return httpx.AsyncHTTPTransport(verify=base_url.scheme == "https", trust_env=False)
