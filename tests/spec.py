"""What the package under test says of the vendor's API, for tests that hold after any absorbed change of the document.

Paths, flags, fields, headers and servers are found by looking at the requests that `aikynetix_api.facade` makes, so
that a test which uses them holds on every package. Which one is tested is decided in `tests/first.py`.
"""

from __future__ import annotations

import json
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
from aikynetix_api import facade

if TYPE_CHECKING:
    from collections.abc import Mapping

GET, GENERATE = "get_analyzed_video", "generate_analyzed_video"

BASE_URL = facade.BASE_URL or "https://api.test"
ORIGIN = httpx.URL(BASE_URL).copy_with(raw_path=b"/")
KEY_PLACE, KEY_NAME = facade.API_KEY or ("header", "API-KEY")
TOKEN_HEADER, TOKEN_PREFIX = facade.BEARER or ("Authorization", "Bearer ")

_MARK = "session-mark"


def request(
    operation: str = GET, session_id: str = _MARK, *, said: Mapping[str, bool] | None = None, base_url: str = BASE_URL
) -> httpx.Request:
    """Return the request of a facade operation without a credential; flags that are not said are false."""
    names = ("is_jump", "is_weight", *(("download",) if operation == GET else ()))
    build = getattr(facade, operation)
    kwargs = build(session_id, **{name: (said or {}).get(name, False) for name in names})
    with httpx.Client(base_url=base_url, verify=False) as client:  # nothing is sent; certificates take long to load
        return client.build_request(**kwargs)


def method(operation: str = GET) -> str:
    """Return the method of a facade operation."""
    return request(operation).method


def path(session_id: str, operation: str = GET) -> str:
    """Return the path of a facade operation below the base URL, with the session percent-encoded."""
    return template(operation).replace("{session_id}", quote(session_id, safe=""))


def template(operation: str = GET) -> str:
    """Return the path of a facade operation below the base URL, with `{session_id}` where the session stands."""
    return (
        request(operation, base_url="https://api.test")
        .url.raw_path.decode()
        .partition("?")[0]
        .replace(_MARK, "{session_id}")
    )


def url(session_id: str, operation: str = GET) -> str:
    """Return the address of a facade operation at the document's server."""
    return BASE_URL + path(session_id, operation)


def said(sent: httpx.Request) -> set[str]:
    """Return the flags that a request of the facade says are true, by the facade's names."""
    operation = GET if sent.method == method(GET) else GENERATE
    return {flag for flag in ("is_jump", "is_weight", "download") if _is_true(sent, wire_name(flag, operation))}


def wire_name(flag: str, operation: str = GET) -> tuple[str, str]:
    """Return where a flag stands in a request (`query`, `header`, `cookie` or `body`), and its name there."""
    if flag == "download" and operation != GET:
        return ("query", flag)
    plain, with_flag = (_places(request(operation, said={flag: value})) for value in (False, True))
    return next(place for place, value in with_flag.items() if plain.get(place) != value)


def success(video_url: str, operation: str = GET) -> dict[str, Any]:
    """Return the body of a success with the video's URL where the document has it."""
    value: Any = video_url
    for key in reversed(facade.VIDEO_URL[operation][0]):
        value = {key: value}
    assert isinstance(value, dict)
    return value


def key_in(sent: httpx.Request) -> str | None:
    """Return the API key that a request carries where the document wants it."""
    return _places(sent).get((KEY_PLACE, KEY_NAME.lower() if KEY_PLACE == "header" else KEY_NAME))


def key_headers(key: str) -> dict[str, str]:
    """Return the headers that carry an API key; none where the document has it in the query."""
    return {"header": {KEY_NAME: key}, "cookie": {"Cookie": f"{KEY_NAME}={key}"}}.get(KEY_PLACE, {})


def base_path() -> str:
    """Return the path of the document's server, empty where it has none."""
    return urlsplit(BASE_URL).path.rstrip("/")


def _is_true(sent: httpx.Request, place: tuple[str, str]) -> bool:
    return str(_places(sent).get(place)).lower() == "true"


def _places(sent: httpx.Request) -> Mapping[tuple[str, str], Any]:
    cookies = SimpleCookie(sent.headers.get("cookie", ""))
    return {
        **{("query", name): value for name, value in sent.url.params.items()},
        **{("header", name): value for name, value in sent.headers.items() if not name.startswith("content-")},
        **{("cookie", name): one.value for name, one in cookies.items()},
        **{("body", name): value for name, value in _body(sent).items()},
    }


def _body(sent: httpx.Request) -> Mapping[str, Any]:
    kind = sent.headers.get("content-type", "")
    if kind.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(sent.read().decode()))
    if kind.startswith("multipart/"):
        parts = sent.read().split(b"\r\n--")
        named = [part.partition(b'name="')[2].partition(b'"') for part in parts]
        return {name.decode(): rest.partition(b"\r\n\r\n")[2].strip().decode() for name, _, rest in named if name}
    content = json.loads(sent.read() or b"{}") if "json" in kind else {}
    return content if isinstance(content, dict) else {}
