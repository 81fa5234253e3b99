"""How much of a processor this process uses."""

from __future__ import annotations

import time

_WINDOW = 0.02


class Load:
    """The share of one processor that this process used lately, measured over no less than 20 ms.

    Args:
        now: Seconds, monotonic.
    """

    def __init__(self, now: float) -> None:
        self._since, self._cpu, self._busy = now, time.process_time(), 0.0

    def at(self, now: float) -> float:
        """Return the share, 0 to 1, at ``now``."""
        if now - self._since >= _WINDOW:
            used = time.process_time()
            self._busy = min(1.0, (used - self._cpu) / (now - self._since))
            self._since, self._cpu = now, used
        return self._busy
