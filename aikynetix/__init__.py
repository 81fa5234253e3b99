"""Client for the Aikynetix web API: annotated videos of jumps, lifts and runs, by session.

from aikynetix import Aikynetix

with Aikynetix() as client:  # the key comes from AIKYNETIX_API_KEY
    video = client.analyzed_videos.download("session-id", "jump.mp4", wait=300)
"""

__version__ = "0.1.0"

# Names load when they are used, so that `import aikynetix` costs next to nothing; type checkers and editors read the
# stub beside this file.
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
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*sorted(_HOME_OF), "__version__"]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
