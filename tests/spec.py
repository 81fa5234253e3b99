"""What the package under test says of the vendor's API, for tests that hold after any absorbed change of the document.

Paths, headers and servers are found by looking at the requests that `aikynetix_api.facade` makes, so that a test which
uses them holds on every package. Which one is tested is decided in `tests/first.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from aikynetix_api import facade

if TYPE_CHECKING:
    from collections.abc import Mapping

GET, GENERATE = "get_analyzed_video", "generate_analyzed_video"

BASE_URL = facade.BASE_URL or "https://api.test"
KEY_LOCATION, KEY_NAME = facade.API_KEY or ("header", "API-KEY")
TOKEN_HEADER, TOKEN_PREFIX = facade.BEARER or ("Authorization", "Bearer ")


def request(
    operation: str = GET, session_id: str = "s", *, said: Mapping[str, bool] | None = None, base_url: str = BASE_URL
) -> httpx.Request:
    """Return the request of a facade operation without a credential; flags that are not said are false."""
    names = ("is_jump", "is_weight", *(("download",) if operation == GET else ()))
    build = getattr(facade, operation)
    kwargs = build(session_id, **{name: (said or {}).get(name, False) for name in names})
    with httpx.Client(base_url=base_url, verify=False) as client:  # nothing is sent; certificates take long to load
        built = client.build_request(**kwargs)
    built.read()
    return built


def method(operation: str = GET) -> str:
    """Return the method of a facade operation."""
    return request(operation).method


def path(session_id: str, operation: str = GET) -> str:
    """Return the path of a facade operation below the base URL, with the session percent-encoded."""
    return request(operation, session_id, base_url="https://api.test").url.raw_path.decode().partition("?")[0]


def success(video_url: str, operation: str = GET) -> dict[str, Any]:
    """Return the body of a success with the video's URL where the document has it."""
    value: Any = video_url
    for key in reversed(facade.VIDEO_URL[operation][0]):
        value = {key: value}
    assert isinstance(value, dict)
    return value


def key_headers(key: str) -> dict[str, str]:
    """Return the headers that carry an API key; none where the document has it in the query."""
    return {"header": {KEY_NAME: key}, "cookie": {"Cookie": f"{KEY_NAME}={key}"}}.get(KEY_LOCATION, {})


def base_path() -> str:
    """Return the path of the document's server, empty where it has none."""
    return urlsplit(BASE_URL).path.rstrip("/")
