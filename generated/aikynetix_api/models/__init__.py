"""Contains all the data models used in inputs/outputs; each is imported when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .analyzed_video_response import AnalyzedVideoResponse
    from .error_response import ErrorResponse
    from .generate_analyzed_video_body import GenerateAnalyzedVideoBody

_MODULES: dict[str, str] = {
    "AnalyzedVideoResponse": "analyzed_video_response",
    "ErrorResponse": "error_response",
    "GenerateAnalyzedVideoBody": "generate_analyzed_video_body",
}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{module}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})


__all__ = (
    "AnalyzedVideoResponse",
    "ErrorResponse",
    "GenerateAnalyzedVideoBody",
)
