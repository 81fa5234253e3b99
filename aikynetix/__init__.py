"""Client for the Aikynetix web API: annotated videos of jumps, lifts and runs, by session.

from aikynetix import Aikynetix

with Aikynetix() as client:  # the key comes from AIKYNETIX_API_KEY
    video = client.analyzed_videos.download("session-id", "jump.mp4", wait=300)
"""

from ._version import __version__ as __version__

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

TYPE_CHECKING = bool()  # noqa: UP018 -- jedi takes what stands under a plain False for dead; typing is a slow import
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
else:
    _HOMES = ("_errors", "_auth", "_config", "_operations", "_models", "_videos", "_client", "_export")

    def __getattr__(name: str) -> object:
        """Load a name when it is used, so that ``import aikynetix`` costs next to nothing."""
        from importlib import import_module

        for home in _HOMES if name in __all__ else ():
            module = import_module(f".{home}", __name__)
            if hasattr(module, name):
                return globals().setdefault(name, getattr(module, name))
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
