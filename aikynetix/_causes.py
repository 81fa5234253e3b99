"""Foreign exceptions, made safe to keep as the cause of one of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar, cast

import httpx

from ._redact import scrub

if TYPE_CHECKING:
    from collections.abc import Sequence

E = TypeVar("E", bound=BaseException)

# What OSError and SyntaxError keep beside their arguments.
_KEPT_APART = ("strerror", "filename", "filename2", "msg", "text")


def detached(error: E, secrets: Sequence[str] = (), outer: BaseException | None = None) -> E:
    """Return ``error`` without what could give a credential away, and without the frames that hold it alive.

    The frames below httpx have the request's headers among their local variables, and tools such as rich and pytest
    print local variables; an httpx exception also carries the request itself, and its text may quote the server. Those
    of parsers hold the whole of what they could not parse. The types of all exceptions in the chain stay, and their
    texts but for the secrets.

    Args:
        error: What was raised.
        secrets: What the request carried as credentials.
        outer: What the caller was handling when the work began; it ends the chain, being the caller's own.
    """
    seen = {id(None), id(outer)}
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        link.__traceback__ = None
        _empty(link, secrets)
        if isinstance(link, httpx.RequestError):
            link._request = None
        if isinstance(link, BaseExceptionGroup):
            waiting.extend(link.exceptions)
        waiting += [link.__cause__, link.__context__]
    return error


def _empty(error: BaseException, secrets: Sequence[str]) -> None:
    """Scrub the texts that ``error`` holds, and drop what it could not make sense of."""

    def clean(value: object, depth: int = 3) -> object:
        if isinstance(value, str):
            return scrub(value, secrets)
        if isinstance(value, tuple | list) and depth:
            kind = list if isinstance(value, list) else tuple
            return kind(clean(item, depth - 1) for item in cast("Sequence[object]", value))
        if isinstance(value, Mapping) and depth:
            return {name: clean(item, depth - 1) for name, item in cast("Mapping[object, object]", value).items()}
        return b"" if isinstance(value, bytes | bytearray | memoryview) else value

    error.args = tuple(clean(arg) for arg in error.args)
    for name, value in vars(error).items():
        vars(error)[name] = clean(value)
    for name in _KEPT_APART:
        value = getattr(error, name, None)
        if isinstance(value, str | bytes):
            with suppress(Exception):
                setattr(error, name, clean(value))
    if isinstance(error, AttributeError):
        error.obj = None
    elif isinstance(error, json.JSONDecodeError):
        error.doc = ""
    elif isinstance(error, UnicodeDecodeError):
        error.object = b""
    elif isinstance(error, UnicodeEncodeError | UnicodeTranslateError):
        error.object = ""
