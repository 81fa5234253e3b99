"""The signed URL in use, and its replacement."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._models import AnalyzedVideo

_EXPIRES_SOON = timedelta(seconds=10)


class SignedUrls:
    """Gives a signed URL that works, as far as can be told; ``lookup`` asks the API."""

    def __init__(self, lookup: Callable[[], AnalyzedVideo]) -> None:
        self._lookup = lookup
        self._video: AnalyzedVideo | None = None
        self._since = 0.0

    def video(self) -> AnalyzedVideo:
        """Return the video with a URL that does not expire within seconds; it may ask the API."""
        age, now = time.monotonic() - self._since, datetime.now(UTC)
        if self._video is None or should_renew(now=now, expires_at=self._video.expires_at, age=age):
            return self.renew()
        return self._video

    def renew(self) -> AnalyzedVideo:
        """Ask the API for a fresh URL."""
        video, self._since = self._lookup(), time.monotonic()
        self._video = video
        return video


def should_renew(*, now: datetime, expires_at: datetime | None, age: float) -> bool:
    """Return whether a URL is to be replaced before it is used once more.

    A URL that is only seconds old is used as it is, however soon it ends: a fresher one would be no better, and by a
    clock that is wrong every URL would have expired.
    """
    return expires_at is not None and age > _EXPIRES_SOON.total_seconds() and now >= expires_at - _EXPIRES_SOON
