"""What was asked of the sandbox, and the frame of both services: it responds, dates and numbers, and records."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import format_datetime
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from starlette.requests import Request

from ._spec import KEY_NAME, TOKEN_HEADER, TOKEN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ._state import State

    Respond = Callable[[Request], Awaitable[Response]]

Service = Literal["api", "storage"]
_MASK = "***"
_MAX_BODY = 65_536
_SECRET_HEADERS = {"authorization", "cookie", "proxy-authorization", KEY_NAME.lower(), TOKEN_HEADER.lower()}
_SCHEMES = {"api-key", "basic", "bearer", TOKEN_PREFIX.strip().lower()}
_SIGNATURE = re.compile(r"(?i)((?:^|&)X-Goog-Signature=)[^&]*")


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request that the sandbox got, with its credentials and URL signature masked as ``***``.

    Attributes:
        service: Which of the two servers it reached.
        method: The method, in upper case.
        path: The path as it was sent, percent-encoded, without the query.
        query: The raw query without the leading ``?``; empty when there was none.
        headers: The headers by lower-case name. ``Authorization`` keeps its scheme: ``Bearer ***``.
        status: The status of the response.
        body: What the API read of the body, at most 64 KiB.
        request_id: What the API's response has as its ``X-Request-Id``; empty for the storage, which gives none.
    """

    service: Service
    method: str
    path: str
    query: str
    headers: dict[str, str]
    status: int
    body: bytes = field(default=b"", repr=False)
    request_id: str = ""


def application(state: State, api_port: int, api: Respond, storage: Respond) -> ASGIApp:
    """Makes the application: every request is recorded before the caller sees the response, which gets date and id."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        service: Service = "api" if scope["server"][1] == api_port else "storage"
        response = await (api if service == "api" else storage)(request)
        record = _record(request, service, (state.api_key, state.token), response.status_code)
        state.requests.append(record)
        response.headers["Date"] = format_datetime(state.clock().astimezone(UTC), usegmt=True)
        if record.request_id:
            response.headers["X-Request-Id"] = record.request_id
        await response(scope, receive, send)

    return app


def _record(request: Request, service: Service, secrets: tuple[str, ...], status: int) -> RecordedRequest:
    query = _SIGNATURE.sub(rf"\1{_MASK}", request.scope["query_string"].decode("latin-1"))
    for secret in secrets:
        query = query.replace(secret, _MASK)
    return RecordedRequest(
        service=service,
        method=request.method,
        path=request.scope["raw_path"].decode("latin-1"),
        query=query,
        headers=_masked(request.headers.items(), secrets),
        status=status,
        body=getattr(request, "_body", b"")[:_MAX_BODY],  # where starlette keeps what was read
        request_id=uuid4().hex if service == "api" else "",
    )


def _masked(headers: Iterable[tuple[str, str]], secrets: Iterable[str]) -> dict[str, str]:
    """Gives headers as they may be kept: by lower-case name, repeated ones joined, credentials replaced by ``***``.

    The scheme of a credential is kept, because it tells which of the documented forms was used. A known secret is
    replaced in every other header as well.
    """
    kept: dict[str, str] = {}
    for name, value in headers:
        shown, key = value, name.lower()
        for secret in secrets:
            shown = shown.replace(secret, _MASK)
        if key in _SECRET_HEADERS:
            scheme, separator, _ = value.partition(" ")
            shown = f"{scheme} {_MASK}" if separator and scheme.lower() in _SCHEMES else _MASK
        kept[key] = f"{kept[key]}, {shown}" if key in kept else shown
    return kept
