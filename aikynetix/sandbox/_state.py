"""What both of the sandbox's services share: settings, progress of the sessions, stored videos, recorded requests."""

from __future__ import annotations

import re
import secrets
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import format_datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote
from uuid import uuid4

from starlette.requests import Request

from ._sessions import UNKNOWN, ApiResponse, SandboxSession, respond
from ._spec import KEY_NAME, TOKEN_HEADER, TOKEN_PREFIX
from ._storage import StoredObject, sign, stored_object

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime

    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    Respond = Callable[[Request], Awaitable[Response]]

Service = Literal["api", "storage"]
_MASK = "***"
_MAX_BODY = 65_536
_SECRET_HEADERS = {"authorization", "cookie", "proxy-authorization", KEY_NAME.lower(), TOKEN_HEADER.lower()}
_SCHEMES = {"api-key", "basic", "bearer", TOKEN_PREFIX.strip().lower()}
_SIGNATURE = re.compile(r"(?i)((?:^|&)X-Goog-Signature=)[^&]*")
_ATTACHMENT = ("response-content-disposition", "attachment; filename=analyzed_video.mp4")
_KEPT_REQUESTS = 10_000


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


@dataclass
class State:
    """See `Sandbox` for the settings. The thread of the servers alone looks up and notes what sessions are asked."""

    api_key: str
    token: str
    url_lifetime: int
    latency: float
    polls: int
    video: bytes
    sessions: dict[str, SandboxSession]
    clock: Callable[[], datetime]
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(20), repr=False)
    storage_url: str = ""
    requests: deque[RecordedRequest] = field(default_factory=lambda: deque(maxlen=_KEPT_REQUESTS))
    _left: dict[str, int | None] = field(default_factory=dict)

    def reset(self) -> None:
        """Forgets every request."""
        self._left.clear()
        self.requests.clear()

    def respond(self, session_id: str, generates: bool) -> ApiResponse:
        """Decides (and remembers) the response for a session; the flag asks for its video to be made."""
        session = self.sessions.get(session_id, UNKNOWN)
        given, self._left[session.id] = respond(session, generates, self._left.get(session.id), self.polls)
        return given

    def signed_url(self, session_id: str, as_attachment: bool) -> str:
        """Makes the URL of a session's video, perhaps one that a browser saves instead of showing it."""
        extra = (_ATTACHMENT,) if as_attachment else ()
        return sign(self.storage_url, _path_of(session_id), self.secret, self.clock(), self.url_lifetime, extra)

    def find(self, path: str) -> StoredObject | None:
        """Gives the object at a percent-encoded path."""
        session = next((one for one in self.sessions.values() if path == _path_of(one.id)), UNKNOWN)
        seen, _ = respond(session, False, self._left.get(session.id), self.polls)
        if not seen.with_url:
            return None
        return stored_object(self.video if session.video is None else session.video)


def _path_of(session_id: str) -> str:
    return f"/aikynetix-sandbox/sessions/{quote(session_id, safe='-_.~')}/analyzed_video.mp4"


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
