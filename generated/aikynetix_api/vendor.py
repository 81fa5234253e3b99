"""What the facade takes from the vendor's document; made by `make regen`, never edited by hand."""

from __future__ import annotations

TITLE: str = "AIKYNETIX WEB API"
"""The title of the vendor's document."""

VERSION: str = "v2"
"""The version of the vendor's document."""

BASE_URL: str | None = "https://api.aikynetix.app"
"""The vendor's first usable server, without a slash at its end."""

API_KEY: tuple[str, str] | None = ("header", "API-KEY")
"""Where an API key goes: place and name."""

BEARER: tuple[str, str] | None = ("Authorization", "Bearer ")
"""Where a token goes: header name and prefix."""

OPERATIONS: dict[str, str | None] = {
    "get_analyzed_video": "aikynetix_api.api.analyzed_videos.get_analyzed_video",
    "generate_analyzed_video": "aikynetix_api.api.analyzed_videos.generate_analyzed_video",
}
"""Facade operation to its generated module."""

VIDEO_URL: dict[str, tuple[tuple[str, ...], ...]] = {
    "get_analyzed_video": (("analyzed_video_url",),),
    "generate_analyzed_video": (("analyzed_video_url",),),
}
"""Facade operation to the places of the video's address in its answers, each the keys that lead there."""

ALL_OPERATIONS: tuple[str, ...] = (
    "aikynetix_api.api.analyzed_videos.generate_analyzed_video",
    "aikynetix_api.api.analyzed_videos.get_analyzed_video",
)
"""Every generated operation."""
