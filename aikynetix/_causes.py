"""Foreign exceptions, made safe to keep as the cause of one of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import httpx

from ._redact import scrub

if TYPE_CHECKING:
    from collections.abc import Sequence

E = TypeVar("E", bound=BaseException)


def detached(error: E, secrets: Sequence[str] = (), outer: BaseException | None = None) -> E:
    """Return ``error`` without what could give a credential away, and without the frames that hold it alive.

    The frames below httpx have the request's headers among their local variables, and tools such as rich and pytest
    print local variables; an httpx exception also carries the request itself, and its text may quote the server. The
    types of all exceptions in the chain stay, and their texts but for the secrets.

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
        link.args = tuple(scrub(arg, secrets) if isinstance(arg, str) else arg for arg in link.args)
        if isinstance(link, httpx.RequestError):
            link._request = None
        if isinstance(link, BaseExceptionGroup):
            waiting.extend(link.exceptions)
        waiting += [link.__cause__, link.__context__]
    return error
