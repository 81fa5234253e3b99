"""The signed URL in use, and its replacement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._rules import should_resign

if TYPE_CHECKING:
    from datetime import datetime

    from .._models import AnalyzedVideo
    from ._types import Clock, Source


class Urls:
    """Gives a signed URL that works, as far as can be told.

    Args:
        source: Where URLs come from.
        clock: By which expiry and age are judged.
    """

    def __init__(self, source: Source, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._video: AnalyzedVideo | None = None
        self._expires_at: datetime | None = None
        self._since = 0.0
        self.count = 0
        """How many URLs the API has given; the last of them is in use, and may be equal to an earlier one."""

    def video(self) -> AnalyzedVideo:
        """Return the video with a URL that does not expire within seconds; it may ask the API."""
        video = self._video
        age = self._clock.monotonic() - self._since
        if video is None or should_resign(now=self._clock.now(), expires_at=self._expires_at, age=age):
            video = self.renew()
        return video

    def renew(self) -> AnalyzedVideo:
        """Ask the API for a fresh URL."""
        video = self._video = self._source.resolve()
        self._expires_at, self._since = video.expires_at, self._clock.monotonic()
        self.count += 1
        return video
