"""Which event loop is running."""

from __future__ import annotations

import asyncio


def is_asyncio() -> bool:
    """Whether the code that asks runs as a task of asyncio."""
    try:
        return asyncio.current_task() is not None  # there is none where trio is a guest of asyncio
    except RuntimeError:
        return False
