"""The vendor's API as an ASGI application: the two documented operations, statuses and schemas, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ._credentials import accepted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ._sessions import Answer

__all__ = ["ApiBackend", "api_app"]

_MAX_BODY = 65_536
_PREFIX = "/session-management/sessions/"
_SUFFIX = "/analyzed-video/"
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class ApiBackend:
    """What the application is given.

    Attributes:
        api_key: The key that is accepted.
        token: The bearer token that is accepted.
        answer: Decides (and remembers) the answer for a method and a session id.
        sign: Makes the URL of a session's video; the flag asks for one that a browser saves instead of showing it.
        wait: Waits for the latency that the sandbox is set to.
    """

    api_key: str
    token: str
    answer: Callable[[str, str], Answer]
    sign: Callable[[str, bool], str]
    wait: Callable[[], Awaitable[None]]


class _InvalidError(Exception):
    """The request does not conform to the spec; the text says in what."""


def api_app(backend: ApiBackend) -> Starlette:
    """Makes the application."""

    async def endpoint(request: Request) -> Response:
        await backend.wait()
        return await _respond(backend, request)

    # Starlette would add HEAD to every GET route; the vendor documents GET and POST only.
    route = Route(f"{_PREFIX}{{session_id:path}}{_SUFFIX}", endpoint)
    route.methods = {"GET", "POST"}
    app = Starlette(routes=[route], exception_handlers={HTTPException: _http_error, Exception: _crash})
    # A redirect to the path with the slash would be a status that the vendor does not document.
    app.router.redirect_slashes = False
    return app


async def _respond(backend: ApiBackend, request: Request) -> Response:
    if not accepted(request.headers, backend.api_key, backend.token):
        return _error(401, "Token is missing or invalid.", {"WWW-Authenticate": 'Bearer realm="aikynetix sandbox"'})
    session_id = _session_id(request)
    if session_id is None:
        return _error(404, "Not found.")
    try:
        as_attachment = await _checked_input(request)
    except _InvalidError as error:
        return _error(400, f"Invalid parameters: {error}")
    answer = backend.answer(request.method, session_id)
    if answer.error is not None:
        return _error(answer.status, answer.error)
    body = {"analyzed_video_url": backend.sign(session_id, as_attachment)} if answer.with_url else {}
    return JSONResponse(body, answer.status)


def _session_id(request: Request) -> str | None:
    """Reads the id from the path as it was sent: a ``%2F`` belongs to the id, a ``/`` does not."""
    raw: bytes = request.scope["raw_path"]
    segment = raw.decode("latin-1").removeprefix(_PREFIX).removesuffix(_SUFFIX)
    return unquote(segment) if segment and "/" not in segment else None


async def _checked_input(request: Request) -> bool:
    if request.method == "POST":
        _check_body(await _body(request))
        return False
    flags = _query_flags(request.scope["query_string"].decode("latin-1"))
    return flags.get("download", False)


def _query_flags(query: str) -> dict[str, bool]:
    flags: dict[str, bool] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in ("is_jump", "is_weight", "download"):
            continue
        if name in flags:
            raise _InvalidError(f"{name} is given more than once.")
        if value not in _BOOLEANS:
            raise _InvalidError(f"{name} must be true or false.")
        flags[name] = _BOOLEANS[value]
    return flags


async def _body(request: Request) -> bytes:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise _InvalidError("the body must be application/json.")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body.extend(chunk)
            if len(body) > _MAX_BODY:
                raise _InvalidError("the body is too large.")
    except ClientDisconnect:
        raise _InvalidError("the body is incomplete.") from None
    return bytes(body)


def _check_body(body: bytes) -> None:
    try:
        # Python's own NaN and Infinity are not JSON (RFC 8259, section 6).
        value: Any = json.loads(body, parse_constant=_not_json)
    except (ValueError, RecursionError):
        raise _InvalidError("the body is not JSON.") from None
    if not isinstance(value, dict):
        raise _InvalidError("the body must be an object.")
    for name in ("is_jump", "is_weight"):
        if name in value and not isinstance(value[name], bool):
            raise _InvalidError(f"{name} must be true or false.")


def _not_json(constant: str) -> None:
    raise ValueError(constant)


def _error(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": text}, status, headers)


async def _http_error(_request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        return _error(405, "Method not allowed.", dict(error.headers or {}))
    return _error(404, "Not found.")


async def _crash(_request: Request, _failure: Exception) -> Response:
    return _error(500, "An unexpected error occurred on the server.")
