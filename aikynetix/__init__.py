"""Client for the Aikynetix web API: annotated videos of jumps, lifts and runs, by session.

from aikynetix import Aikynetix

with Aikynetix() as client:  # the key comes from AIKYNETIX_API_KEY
    video = client.analyzed_videos.download("session-id", "jump.mp4", wait=300)
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"

# Type checkers know the name; importing it from typing would cost more than all the rest of this module.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from ._auth import ApiKey, BearerToken
    from ._client import Aikynetix, AsyncAikynetix
    from ._config import AsyncToken, Token
    from ._errors import (
        AikynetixError,
        APIConnectionError,
        APIError,
        APIResponseValidationError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        ConfigurationError,
        ConflictError,
        DownloadError,
        DownloadInterruptedError,
        IntegrityError,
        InternalServerError,
        InvalidArgumentError,
        NotFoundError,
        PermissionDeniedError,
        RateLimitError,
        SignedUrlExpiredError,
        UnprocessableEntityError,
        VideoNotReadyError,
    )
    from ._export import ExportRecord, ExportStatus
    from ._models import AnalyzedVideo, DownloadedVideo
    from ._operations import Analysis, RawClient
    from ._videos import AnalyzedVideos, AsyncAnalyzedVideos, ExportItem, Progress, StrPath

# Names load when they are used: `import aikynetix` costs next to nothing.
_HOMES = {
    "_auth": ("ApiKey", "BearerToken"),
    "_client": ("Aikynetix", "AsyncAikynetix"),
    "_config": ("AsyncToken", "Token"),
    "_export": ("ExportRecord", "ExportStatus"),
    "_models": ("AnalyzedVideo", "DownloadedVideo"),
    "_operations": ("Analysis", "RawClient"),
    "_videos": ("AnalyzedVideos", "AsyncAnalyzedVideos", "ExportItem", "Progress", "StrPath"),
    "_errors": (
        "AikynetixError",
        "APIConnectionError",
        "APIError",
        "APIResponseValidationError",
        "APIStatusError",
        "APITimeoutError",
        "AuthenticationError",
        "BadRequestError",
        "ConfigurationError",
        "ConflictError",
        "DownloadError",
        "DownloadInterruptedError",
        "IntegrityError",
        "InternalServerError",
        "InvalidArgumentError",
        "NotFoundError",
        "PermissionDeniedError",
        "RateLimitError",
        "SignedUrlExpiredError",
        "UnprocessableEntityError",
        "VideoNotReadyError",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "Aikynetix",
    "AikynetixError",
    "Analysis",
    "AnalyzedVideo",
    "AnalyzedVideos",
    "ApiKey",
    "AsyncAikynetix",
    "AsyncAnalyzedVideos",
    "AsyncToken",
    "AuthenticationError",
    "BadRequestError",
    "BearerToken",
    "ConfigurationError",
    "ConflictError",
    "DownloadError",
    "DownloadInterruptedError",
    "DownloadedVideo",
    "ExportItem",
    "ExportRecord",
    "ExportStatus",
    "IntegrityError",
    "InternalServerError",
    "InvalidArgumentError",
    "NotFoundError",
    "PermissionDeniedError",
    "Progress",
    "RateLimitError",
    "RawClient",
    "SignedUrlExpiredError",
    "StrPath",
    "Token",
    "UnprocessableEntityError",
    "VideoNotReadyError",
    "__version__",
]


if not TYPE_CHECKING:  # a checker that saw it would take every misspelt name for one that exists

    def __getattr__(name: str) -> object:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(f".{home}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
