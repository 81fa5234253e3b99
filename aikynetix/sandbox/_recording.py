"""What was asked of the sandbox: an ASGI middleware that dates and numbers each answer and records its request."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import format_datetime
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from ._credentials import MASK, masked

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ._state import State

__all__ = ["RecordedRequest", "Service", "recorded"]

Service = Literal["api", "storage"]
_MAX_BODY = 65_536
_SIGNATURE = re.compile(r"(?i)((?:^|&)X-Goog-Signature=)[^&]*")


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request that the sandbox answered, with its credentials and URL signature masked as ``***``.

    Attributes:
        service: Which of the two servers it reached.
        method: The method, in upper case.
        path: The path as it was sent, percent-encoded, without the query.
        query: The raw query without the leading ``?``; empty when there was none.
        headers: The headers by lower-case name. ``Authorization`` keeps its scheme: ``Bearer ***``.
        status: The status of the answer.
        body: What the API had read of the body when it answered, at most 64 KiB.
        request_id: What the API's answer has as its ``X-Request-Id``; empty for the storage, which gives none.
    """

    service: Service
    method: str
    path: str
    query: str
    headers: dict[str, str]
    status: int
    body: bytes = field(default=b"", repr=False)
    request_id: str = ""


def recorded(app: ASGIApp, service: Service, state: State) -> ASGIApp:
    """Wraps an application: every request is recorded before the caller sees the answer, which gets date and id."""

    async def recording(scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()

        async def receiving() -> Message:
            message = await receive()
            body.extend(message.get("body", b"")[: _MAX_BODY - len(body)])
            return message

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                record = _record(scope, service, (state.api_key, state.token), message["status"], bytes(body))
                state.keep(record)
                stamps = [(b"date", format_datetime(state.clock().astimezone(UTC), usegmt=True).encode())]
                stamps += [(b"x-request-id", record.request_id.encode())] if record.request_id else []
                message = {**message, "headers": [*message["headers"], *stamps]}
            await send(message)

        await app(scope, receiving, sending)

    return recording


def _record(scope: Scope, service: Service, secrets: tuple[str, ...], status: int, body: bytes) -> RecordedRequest:
    query = _SIGNATURE.sub(rf"\1{MASK}", scope["query_string"].decode("latin-1"))
    for secret in secrets:
        query = query.replace(secret, MASK)
    return RecordedRequest(
        service=service,
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=query,
        headers=masked(
            ((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]), secrets
        ),
        status=status,
        body=body,
        request_id=uuid4().hex if service == "api" else "",
    )
