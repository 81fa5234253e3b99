"""Every operation of the vendor's API as a method: `client.api.<group>.<method>(...)`; made by `make regen`, never edited by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .sessions import AsyncSessionsOperations, SessionsOperations


class Api:
    """The vendor's operations, by group."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    @property
    def sessions(self) -> SessionsOperations:
        """Methods: `create_analyzed_video`, `get_analyzed_video`."""
        from .sessions import SessionsOperations

        return SessionsOperations(self._call)


class AsyncApi:
    """The vendor's operations, by group."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    @property
    def sessions(self) -> AsyncSessionsOperations:
        """Methods: `create_analyzed_video`, `get_analyzed_video`."""
        from .sessions import AsyncSessionsOperations

        return AsyncSessionsOperations(self._call)
