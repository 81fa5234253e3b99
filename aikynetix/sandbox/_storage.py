"""The storage host as an ASGI application: signed URLs, byte ranges and errors as Cloud Storage's XML API has them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ._ranges import Selection, select
from ._signing import Refusal, SigningKey, check

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from starlette.types import ASGIApp, Receive, Scope, Send

    from ._objects import StoredObject

__all__ = ["StorageBackend", "storage_app"]

_CHUNK = 262_144
_NOT_ALLOWED = Refusal(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")


@dataclass(frozen=True, slots=True)
class StorageBackend:
    """What the application is given.

    Attributes:
        key: The key that the URLs are signed with.
        now: Gives the present moment, aware; expiry is judged by it.
        find: Gives the object at a percent-encoded path, or ``None``.
    """

    key: SigningKey
    now: Callable[[], datetime]
    find: Callable[[str], StoredObject | None]


def storage_app(backend: StorageBackend) -> ASGIApp:
    """Makes the application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = _respond(backend, Request(scope))
        await response(scope, receive, send)

    return app


def _respond(backend: StorageBackend, request: Request) -> Response:
    if request.method not in ("GET", "HEAD"):
        return _refused(_NOT_ALLOWED, {"Allow": "GET, HEAD"})
    path = request.scope["raw_path"].decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    host = request.headers.get("host", "")
    refusal = check(request.method, path, query, host, backend.key, backend.now())
    if refusal is not None:
        return _refused(refusal)
    stored = backend.find(path)
    if stored is None:
        return _refused(_no_such_key(path))
    headers = _object_headers(stored, query)
    selection = select(request.method, request.headers, stored)
    if selection.status in (200, 206):
        return _content(request.method, stored, selection, headers)
    return _without_content(selection.status, stored, headers)


def _object_headers(stored: StoredObject, query: str) -> dict[str, str]:
    headers = {
        "Content-Type": "video/mp4",
        "Cache-Control": "private, max-age=0",
        "Accept-Ranges": "bytes",
        "ETag": stored.etag,
        "Last-Modified": format_datetime(stored.last_modified, usegmt=True),
        "x-goog-generation": str(stored.generation),
        "x-goog-metageneration": "1",
        "x-goog-hash": stored.hashes,
        "x-goog-storage-class": "STANDARD",
        "x-goog-stored-content-encoding": "identity",
        "x-goog-stored-content-length": str(len(stored.data)),
    }
    disposition = dict(parse_qsl(query)).get("response-content-disposition")
    return headers if disposition is None else headers | {"Content-Disposition": disposition}


def _content(method: str, stored: StoredObject, selection: Selection, headers: dict[str, str]) -> Response:
    start, stop = selection.start, selection.stop
    headers |= {"Content-Length": str(stop - start)}
    if selection.status == 206:
        headers |= {"Content-Range": f"bytes {start}-{stop - 1}/{len(stored.data)}"}
    if method == "HEAD":
        return Response(status_code=selection.status, headers=headers)

    async def chunks() -> AsyncIterator[bytes]:
        for offset in range(start, stop, _CHUNK):
            yield stored.data[offset : min(offset + _CHUNK, stop)]
            await asyncio.sleep(0)  # lets the loop hear that the client has gone; it complains of writing on and on

    return StreamingResponse(chunks(), selection.status, headers)


def _without_content(status: int, stored: StoredObject, headers: dict[str, str]) -> Response:
    if status == 304:
        return Response(status_code=304, headers=headers)
    if status == 416:
        refusal = Refusal(416, "InvalidRange", "The requested range cannot be satisfied.")
        return _refused(refusal, {"Content-Range": f"bytes */{len(stored.data)}"})
    return _refused(
        Refusal(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
    )


def _no_such_key(path: str) -> Refusal:
    return Refusal(
        404, "NoSuchKey", "The specified key does not exist.", (("Details", f"No such object: {path.lstrip('/')}"),)
    )


def _refused(refusal: Refusal, headers: dict[str, str] | None = None) -> Response:
    fields = (("Code", refusal.code), ("Message", refusal.message), *refusal.fields)
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields)
    document = f"<?xml version='1.0' encoding='UTF-8'?><Error>{inner}</Error>"
    return Response(document, refusal.status, headers, media_type="application/xml; charset=UTF-8")
