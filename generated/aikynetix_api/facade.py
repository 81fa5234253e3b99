"""What the facade takes from the vendor's document; made by `make regen`, never edited by hand."""

from __future__ import annotations

from typing import Any

TITLE: str = "AIKYNETIX WEB API"
"""The title of the vendor's document."""

VERSION: str = "v2"
"""The version of the vendor's document."""

BASE_URL: str | None = "https://api.aikynetix.app"
"""The vendor's first usable server, without a slash at its end."""

API_KEY: tuple[str, str] | None = ("header", "API-KEY")
"""Where an API key goes: location and name."""

BEARER: tuple[str, str] | None = ("Authorization", "Bearer ")
"""Where a token goes: header name and prefix."""

UNSUPPORTED: dict[str, str] = {}
"""Facade operation to the reason why it cannot be called."""

VIDEO_URL: dict[str, tuple[tuple[str, ...], ...]] = {
    "get_analyzed_video": (("analyzed_video_url",),),
    "generate_analyzed_video": (("analyzed_video_url",),),
}
"""Facade operation to the JSON paths of the video's address in its responses, each the keys that lead there."""

MODULES: dict[str, str] = {
    "get_analyzed_video": "aikynetix_api.api.analyzed_videos.get_analyzed_video",
    "generate_analyzed_video": "aikynetix_api.api.analyzed_videos.generate_analyzed_video",
}
"""Facade operation to its generated module."""


def get_analyzed_video(session_id: str, *, is_jump: bool, is_weight: bool, download: bool) -> dict[str, Any]:
    """Return what makes the request of `get_analyzed_video`, as httpx takes it."""
    from .api.analyzed_videos.get_analyzed_video import _get_kwargs
    from .types import UNSET

    return _get_kwargs(session_id, is_jump=is_jump or UNSET, is_weight=is_weight or UNSET, download=download or UNSET)


def generate_analyzed_video(session_id: str, *, is_jump: bool, is_weight: bool) -> dict[str, Any]:
    """Return what makes the request of `generate_analyzed_video`, as httpx takes it."""
    from .api.analyzed_videos.generate_analyzed_video import _get_kwargs
    from .models.generate_analyzed_video_body import GenerateAnalyzedVideoBody
    from .types import UNSET

    body = GenerateAnalyzedVideoBody(is_jump=is_jump or UNSET, is_weight=is_weight or UNSET)
    return _get_kwargs(session_id, body=body)
