"""The vendor's API: the facade's two operations as the document has them, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING
from urllib.parse import unquote

from starlette.responses import JSONResponse, Response

from ._spec import GENERATE, KEY_LOCATION, KEY_NAME, TOKEN_HEADER, TOKEN_PREFIX, InvalidError, Operation, operations

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from ._state import State


def api(state: State, quit_event: asyncio.Event) -> Callable[[Request], Awaitable[Response]]:
    """Makes what responds; the latency that it is set to ends with ``quit_event``."""
    known = operations()

    async def respond(request: Request) -> Response:
        if state.latency:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(quit_event.wait(), state.latency)
        return _response(state, known, request, await request.body())

    return respond


def _response(state: State, known: tuple[Operation, ...], request: Request, body: bytes) -> Response:
    path = request.scope["raw_path"].decode("latin-1")
    here = [(one, found) for one in known if (found := one.path.fullmatch(path))]
    if not here:
        return _error(404, "Not found.", None)
    operation, found = next(((one, match) for one, match in here if one.method == request.method), (None, here[0][1]))
    if operation is None:
        return _error(405, "Method not allowed.", None, {"Allow": ", ".join(sorted({one.method for one, _ in here}))})
    # A `%2F` belongs to the id, a `/` does not.
    session_id, query = unquote(found[1]), request.scope["query_string"].decode("latin-1")
    if not _accepted(request, state.api_key, state.token):
        challenge = {"WWW-Authenticate": 'Bearer realm="aikynetix sandbox"'}
        return _error(401, "Token is missing or invalid.", operation, challenge)
    try:
        operation.check(query, request.headers.get("content-type", ""), body)
    except InvalidError as error:
        return _error(400, f"Invalid parameters: {error}", operation)
    given = state.respond(session_id, operation.name == GENERATE)
    if given.error is not None:
        return _error(given.status, given.error, operation)
    as_attachment = operation.asks_for_attachment(query)
    status, told = operation.success(state.signed_url(session_id, as_attachment) if given.with_url else None)
    return JSONResponse(told, status)


def _accepted(request: Request, api_key: str, token: str) -> bool:
    """Tells whether a request carries a credential in a form that the vendor documents.

    The forms are the spec's two security schemes and ``Authorization: API-KEY <key>`` (the prose of the vendor's page).
    The spec's ``security`` lists alternatives, so one is enough; but whatever is presented has to be right, because a
    wrong credential beside a right one is a mistake that should show here and not at the vendor's. Scheme names are
    compared without regard to case (RFC 9110, section 11.1).
    """
    forms = [
        ("header", "Authorization", f"API-KEY {api_key}"),
        ("header", TOKEN_HEADER, f"{TOKEN_PREFIX}{token}"),
        (KEY_LOCATION, KEY_NAME, api_key),
    ]
    sent = {"header": request.headers, "query": request.query_params, "cookie": request.cookies}
    right = {(location, name.lower(), _normal(value)) for location, name, value in forms}
    asked = {(location, name) for location, name, _ in forms if name in sent[location]}
    presented = {(location, name.lower(), _normal(sent[location][name])) for location, name in asked}
    return bool(presented) and presented <= right


def _normal(value: str) -> str:
    scheme, separator, rest = value.partition(" ")
    return f"{scheme.lower()} {rest.strip()}" if separator else value


def _error(status: int, text: str, operation: Operation | None, headers: dict[str, str] | None = None) -> Response:
    body = {"error": text} if operation is None else operation.failure(status, text)
    return JSONResponse(body, status, headers)
