"""Which event loop is running, and a time limit that is cheap on it."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


def is_asyncio() -> bool:
    """Whether the code that asks runs as a task of asyncio."""
    try:
        return asyncio.current_task() is not None  # there is none where trio is a guest of asyncio
    except RuntimeError:
        return False


def fail_after(seconds: float | None) -> AbstractAsyncContextManager[object]:
    """Return a context that raises `TimeoutError` when it takes longer; asyncio's own costs a fifth of anyio's."""
    return asyncio.timeout(seconds) if is_asyncio() else _fail_after(seconds)


@asynccontextmanager
async def _fail_after(seconds: float | None) -> AsyncGenerator[None]:
    with anyio.fail_after(seconds):
        yield
