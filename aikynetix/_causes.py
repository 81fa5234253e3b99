"""Foreign exceptions, made safe to keep as the cause of one of ours."""

from __future__ import annotations

import httpx


def detached(error: BaseException) -> BaseException:
    """Return ``error`` without what could give a credential away, and without the frames that hold it alive.

    The frames below httpx have the request's headers among their local variables, and tools such as rich and pytest
    print local variables; an httpx exception also carries the request itself. Type and text of every exception in the
    chain stay.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        link.__traceback__ = None
        if isinstance(link, httpx.RequestError):
            link._request = None
        if isinstance(link, BaseExceptionGroup):
            waiting.extend(link.exceptions)
        waiting += [link.__cause__, link.__context__]
    return error
