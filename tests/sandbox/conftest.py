"""Fixtures of the sandbox's own tests: a running sandbox, and plain HTTP that knows nothing of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from aikynetix_api import facade

from aikynetix.sandbox import Sandbox
from tests import spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Ask = Callable[..., httpx.Response]

OPERATIONS = {"GET": spec.GET, "POST": spec.GENERATE}
"""What the vendor's first document does with these methods."""


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """One running sandbox for a module."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """A bare HTTP client; one for all tests, because making one reads the machine's certificates."""
    with httpx.Client(verify=False) as client:  # every request goes to the loopback address without TLS
        yield client


@pytest.fixture
def ask(http: httpx.Client) -> Ask:
    """Sends a request as the facade would: to a sandbox, of one of the two operations, for a session."""

    def asking(sandbox: Sandbox, name: str, session_id: str, *, key: str | None = None, **said: bool) -> httpx.Response:
        request = spec.request(OPERATIONS[name], session_id, said=said, base_url=sandbox.base_url)
        return http.send(with_key(request, sandbox.api_key if key is None else key))

    return asking


def with_key(request: httpx.Request, key: str) -> httpx.Request:
    """Add an API key to a request, where the document wants it."""
    if spec.KEY_LOCATION == "query":
        request.url = request.url.copy_add_param(spec.KEY_NAME, key)
    request.headers.update(spec.key_headers(key))
    return request


def video_url(answer: httpx.Response, operation: str = spec.GET) -> Any:
    """Return the video's URL in an answer, None without one."""
    value: Any = answer.json()
    for name in facade.VIDEO_URL[operation][0]:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def error_of(answer: httpx.Response) -> str:
    """Return the text of an error, whatever the document calls it."""
    body: Any = answer.json()
    while isinstance(body, dict):
        body = next(value for name, value in body.items() if name in ("error", "detail", "message", "title"))
    return str(body)
