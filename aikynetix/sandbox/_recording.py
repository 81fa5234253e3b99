"""What was asked of the sandbox: an ASGI middleware that dates and numbers each answer and records its request."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from ._credentials import MASK, masked

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["RecordedRequest", "Recorder", "Service"]

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


class Recorder:
    """Hands a record of every request to ``keep`` before the caller sees the answer; sets the answer's date and id."""

    def __init__(
        self,
        app: ASGIApp,
        service: Service,
        secrets: tuple[str, ...],
        now: Callable[[], datetime],
        keep: Callable[[RecordedRequest], None],
    ) -> None:
        self._app = app
        self._service: Service = service
        self._secrets = secrets
        self._now = now
        self._keep = keep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the application and records the request when the answer starts."""
        body = bytearray()

        async def receiving() -> Message:
            message = await receive()
            body.extend(message.get("body", b"")[: _MAX_BODY - len(body)])
            return message

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                record = self._record(scope, message["status"], bytes(body))
                self._keep(record)
                message = {**message, "headers": [*message["headers"], *self._stamps(record)]}
            await send(message)

        await self._app(scope, receiving, sending)

    def _stamps(self, record: RecordedRequest) -> list[tuple[bytes, bytes]]:
        date = format_datetime(self._now().astimezone(UTC), usegmt=True)
        stamps = [(b"date", date.encode())]
        return [*stamps, (b"x-request-id", record.request_id.encode())] if record.request_id else stamps

    def _record(self, scope: Scope, status: int, body: bytes) -> RecordedRequest:
        headers = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        return RecordedRequest(
            service=self._service,
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1"),
            query=_SIGNATURE.sub(rf"\1{MASK}", scope["query_string"].decode("latin-1")),
            headers=masked(headers, self._secrets),
            status=status,
            body=body,
            request_id=uuid4().hex if self._service == "api" else "",
        )
