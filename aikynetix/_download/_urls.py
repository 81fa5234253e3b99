"""The signed URL in use, and its replacement."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ._failures import should_renew

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._models import AnalyzedVideo


class SignedUrls:
    """Gives a signed URL that works, as far as can be told.

    Args:
        lookup: Asks the API.

    Attributes:
        generation: How many URLs the API has given; the last of them is in use, and may be equal to an earlier one.
    """

    def __init__(self, lookup: Callable[[], AnalyzedVideo]) -> None:
        self._lookup = lookup
        self._video: AnalyzedVideo | None = None
        self._expires_at: datetime | None = None
        self._since = 0.0
        self.generation = 0

    def video(self) -> AnalyzedVideo:
        """Return the video with a URL that does not expire within seconds; it may ask the API."""
        age = time.monotonic() - self._since
        if self._video is None or should_renew(now=datetime.now(UTC), expires_at=self._expires_at, age=age):
            return self.renew()
        return self._video

    def renew(self) -> AnalyzedVideo:
        """Ask the API for a fresh URL."""
        video = self._video = self._lookup()
        self._expires_at, self._since = video.expires_at, time.monotonic()
        self.generation += 1
        return video
