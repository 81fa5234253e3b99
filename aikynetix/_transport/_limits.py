"""How long each step of a request may take."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from .._trial import DEADLINE

if TYPE_CHECKING:
    import httpx


class Limits:
    """The limits of one request.

    Args:
        request: Its extensions hold httpx's ``timeout``, seconds for each phase, and `DEADLINE`.

    Attributes:
        connect: Seconds for connecting to one address, and as many for the TLS handshake; None for no limit.
        read: Seconds without a byte from the server.
        write: Seconds without a byte taken by the server.
        pool: Seconds of waiting for a connection to be free.
    """

    __slots__ = ("_extensions", "connect", "pool", "read", "write")

    def __init__(self, request: httpx.Request) -> None:
        phases: dict[str, float | None] = request.extensions.get("timeout") or {}
        self.connect, self.read = phases.get("connect"), phases.get("read")
        self.write, self.pool = phases.get("write"), phases.get("pool")
        self._extensions = request.extensions

    def left(self, phase: float | None) -> float | None:
        """Return the seconds that a step may take: ``phase``, or what is left until the deadline if that is less.

        Raises:
            TimeoutError: Nothing is left.
        """
        # Looked up each time: it is lifted when a body is handed over for the caller to read at leisure.
        deadline: float | None = self._extensions.get(DEADLINE)
        if deadline is None:
            return phase
        left = deadline - monotonic()
        if left <= 0:
            raise TimeoutError("the time for this attempt is over")
        return left if phase is None or left < phase else phase
