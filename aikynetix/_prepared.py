"""Requests without a body, made faster than by httpx and to the same effect.

`httpx.Client.build_request` parses the URL three times and copies the headers four times, a third of what a whole call
costs on top of its transport. Here the URL is parsed once, and what does not change from call to call is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from . import _header_fields
from ._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_KNOWN = frozenset({"method", "url", "params"})
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})


# What the regeneration writes before the path of an operation none of whose servers can be used.
_NO_SERVER = "no-server:"


class _Kept(NamedTuple):
    base_url: httpx.URL
    raw: list[tuple[bytes, bytes]]
    base: str
    headers: httpx.Headers


class Prepared:
    """Makes the requests of one httpx client.

    Args:
        client: Whose base URL, headers and timeout the requests get.
    """

    def __init__(self, client: httpx.Client | httpx.AsyncClient) -> None:
        self._client = client
        # One tuple, so that another thread sees all of it or nothing of it.
        self._kept = _Kept(httpx.URL(""), [], "", httpx.Headers())

    def request(self, kwargs: Mapping[str, Any]) -> httpx.Request:
        """Return what the client's ``build_request(**kwargs)`` does; what is out of the ordinary is left to that.

        Raises:
            ConfigurationError: The vendor's spec names no server that can be used for the operation.
            ValueError: The arguments make no request: no URL, perhaps because one of them is very long, or a header
                that cannot be sent.
        """
        try:
            return self._request(kwargs)
        except httpx.InvalidURL as error:
            text = f"the arguments make no URL: {error}"
        except UnicodeError as error:
            text = f"the arguments make no request: {error}"
        raise ValueError(text)

    def _request(self, kwargs: Mapping[str, Any]) -> httpx.Request:
        client = self._client
        if not _is_plain(kwargs) or client.params or client.cookies or "host" in client.headers:
            return client.build_request(**_sendable(kwargs))
        kept = self._current()
        url, params = kept.base + kwargs["url"], kwargs.get("params")
        if params:
            url = f"{url}?{httpx.QueryParams(params)}"
        return httpx.Request(
            kwargs["method"],
            url,
            headers=kept.headers,
            # A stream, even an empty one, tells httpx that the headers are complete.
            stream=httpx.ByteStream(b""),
            extensions={"timeout": client.timeout.as_dict()},
        )

    def _current(self) -> _Kept:
        """Notice when the client's base URL or headers were changed."""
        base_url, raw, kept = self._client.base_url, self._client.headers.raw, self._kept
        if base_url is not kept.base_url or raw != kept.raw:
            headers = httpx.Headers([(b"Host", base_url.netloc), *raw])
            kept = self._kept = _Kept(base_url, raw, str(base_url).removesuffix("/"), headers)
        return kept


def _sendable(kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what httpx takes, checked; it takes None as JSON for no body, where the vendor's spec means ``null``."""
    if str(kwargs.get("url")).startswith(_NO_SERVER):
        raise ConfigurationError(
            "the vendor's spec names no server for this operation that can be used (https, or http on loopback); "
            "send it with an HTTP client of your own, or ask the vendor for the address."
        )
    _header_fields.check(kwargs.get("headers") or {})
    if "json" in kwargs and kwargs["json"] is None:
        return {**{name: value for name, value in kwargs.items() if name != "json"}, "content": b"null"}
    return kwargs


def _is_plain(kwargs: Mapping[str, Any]) -> bool:
    url = kwargs.get("url")
    return (
        kwargs.keys() <= _KNOWN
        and isinstance(url, str)
        and url.startswith("/")
        and not url.startswith("//")
        and "?" not in url
        and "#" not in url
        and str(kwargs.get("method")).upper() in _BODILESS
    )
