"""The vendor's API as an ASGI application: the facade's two operations as the document has them, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ._credentials import accepted
from ._spec import InvalidError, Operation, operations

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ._state import State

__all__ = ["api_app"]

_MAX_BODY = 65_536


def api_app(state: State, quit_event: asyncio.Event) -> ASGIApp:
    """Makes the application; the latency that it is set to ends with ``quit_event``."""
    known = operations()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if state.latency:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(quit_event.wait(), state.latency)
        request = Request(scope, receive)
        try:
            response = await _respond(state, known, request)
        except Exception:
            response = _error(500, "An unexpected error occurred on the server.", known[0] if known else None)
        await response(scope, receive, send)

    return app


async def _respond(state: State, known: tuple[Operation, ...], request: Request) -> Response:
    path = request.scope["raw_path"].decode("latin-1")
    here = [(one, found) for one in known if (found := one.path.fullmatch(path))]
    if not here:
        return _error(404, "Not found.", None)
    operation, found = next(((one, match) for one, match in here if one.method == request.method), (None, here[0][1]))
    if operation is None:
        return _error(405, "Method not allowed.", None, {"Allow": ", ".join(sorted({one.method for one, _ in here}))})
    # A `%2F` belongs to the id, a `/` does not.
    session_id, query = unquote(found[1]), request.scope["query_string"].decode("latin-1")
    if not accepted(request.headers, request.query_params, request.cookies, state.api_key, state.token):
        challenge = {"WWW-Authenticate": 'Bearer realm="aikynetix sandbox"'}
        return _error(401, "Token is missing or invalid.", operation, challenge)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        operation.check(query, media_type, await _body(request))
    except InvalidError as error:
        return _error(400, f"Invalid parameters: {error}", operation)
    answer = state.answer(session_id, operation.generates)
    if answer.error is not None:
        return _error(answer.status, answer.error, operation)
    as_attachment = operation.asks_for_attachment(query)
    status, body = operation.success(state.signed_url(session_id, as_attachment) if answer.with_url else None)
    return JSONResponse(body, status)


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body.extend(chunk)
            if len(body) > _MAX_BODY:
                raise InvalidError("the body is too large.")
    except ClientDisconnect:
        raise InvalidError("the body is incomplete.") from None
    return bytes(body)


def _error(status: int, text: str, operation: Operation | None, headers: dict[str, str] | None = None) -> Response:
    body = {"error": text} if operation is None else operation.failure(status, text)
    return JSONResponse(body, status, headers)
