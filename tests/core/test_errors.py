"""The exception tree: classes, texts, pickling."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import httpx
import pytest

import aikynetix
from aikynetix import (
    AikynetixError,
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    ConfigurationError,
    DownloadError,
    VideoNotReadyError,
)

_ASKED = {"request_method": "GET", "request_url": "https://api.example.com/x"}
FIELDS: dict[type[AikynetixError], dict[str, Any]] = {
    APIStatusError: _ASKED
    | {
        "status_code": 429,
        "code": "slow_down",
        "body": {"error": "slow down"},
        "headers": httpx.Headers({"Retry-After": "3"}),
        "request_id": "r-1",
        "retry_after": 3.0,
    },
    APIResponseValidationError: _ASKED | {"status_code": 200, "request_id": "r-1"},
    APIConnectionError: _ASKED | {"is_permanent": True},
    APIError: _ASKED,
    VideoNotReadyError: {"session_id": "s", "waited": 2.5},
    DownloadError: {"session_id": "s", "path": Path("video.mp4")},
    ConfigurationError: {"setting": "api_key"},
}
"""What each part of the tree is made with."""


def subclasses(base: type[AikynetixError]) -> set[type[AikynetixError]]:
    return {base}.union(*(subclasses(child) for child in base.__subclasses__() if child.__module__ == "aikynetix"))


@pytest.mark.parametrize("kind", sorted(subclasses(AikynetixError), key=str))
def test_every_error_says_what_it_was_made_with_and_survives_pickling(kind: type[AikynetixError]) -> None:
    """Class, text and attributes are the same in another process; the class is importable from the package."""
    fields = next((fields for base, fields in FIELDS.items() if issubclass(kind, base)), {})
    error = kind("slow down", **fields)
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is kind
    assert str(copied) == str(error)
    assert copied.__dict__ == error.__dict__
    assert {name: getattr(error, name) for name in fields} == fields
    status, asked = ("429: ", " (request id r-1)") if issubclass(kind, APIStatusError) else ("", "")
    request = " [GET https://api.example.com/x]" if issubclass(kind, APIError) else ""
    assert str(error).startswith(f"{status}slow down{request}{asked}")
    assert getattr(aikynetix, kind.__name__) is kind


@pytest.mark.parametrize("kind", [APIError, APIConnectionError, APIResponseValidationError, aikynetix.NotFoundError])
def test_what_is_not_known_is_left_out_of_the_text(kind: type[APIError]) -> None:
    """Without a request and a request id an error is its message alone, with nothing in its headers."""
    error: Any = kind("gone", status_code=404) if issubclass(kind, APIStatusError) else kind("gone")
    assert str(error).removeprefix("404: ") == "gone"
    assert (error.request_method, error.request_url) == ("", "")
    assert (dict(getattr(error, "headers", {})), getattr(error, "body", None)) == ({}, None)
