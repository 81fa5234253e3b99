"""The exception tree: classes, texts, pickling."""

from __future__ import annotations

import pickle
from pathlib import Path

import httpx
import pytest

import aikynetix

STATUS_ARGUMENTS = {
    "status_code": 429,
    "code": "slow_down",
    "body": {"error": "slow down"},
    "headers": httpx.Headers({"Retry-After": "3"}),
    "request_id": "r-1",
    "retry_after": 3.0,
    "request_method": "GET",
    "request_url": "https://api.example.com/x",
}


def subclasses(base: type[BaseException]) -> set[type[BaseException]]:
    return {base}.union(*(subclasses(child) for child in base.__subclasses__() if child.__module__ == "aikynetix"))


def example(kind: type[BaseException]) -> BaseException:
    if issubclass(kind, aikynetix.APIStatusError):
        return kind("slow down", **STATUS_ARGUMENTS)  # type: ignore[arg-type]  # one table for all parameters
    if issubclass(kind, aikynetix.APIResponseValidationError):
        return kind("no URL", status_code=200, request_id="r-1", request_method="GET", request_url="https://a.example")
    if issubclass(kind, aikynetix.APIError):
        return kind("refused", request_method="GET", request_url="https://a.example")
    if issubclass(kind, aikynetix.VideoNotReadyError):
        return kind("not ready", session_id="s", waited=2.5)
    if issubclass(kind, aikynetix.DownloadError):
        return kind("half", session_id="s", path=Path("video.mp4"))
    return kind("a text")


@pytest.mark.parametrize("kind", sorted(subclasses(aikynetix.AikynetixError), key=str))
def test_every_error_survives_pickling_with_its_attributes(kind: type[BaseException]) -> None:
    """An error keeps class, text and attributes across a process boundary, and is importable from the package."""
    error = example(kind)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error)
    assert copy.__dict__ == error.__dict__
    assert getattr(aikynetix, kind.__name__) is kind


@pytest.mark.parametrize(
    ("kind", "text", "fields"),
    [
        ("APIError", "refused [GET https://a.example]", {"message": "refused", "request_url": "https://a.example"}),
        ("APITimeoutError", "refused [GET https://a.example]", {"message": "refused", "request_method": "GET"}),
        (
            "APIResponseValidationError",
            "no URL [GET https://a.example]",
            {"status_code": 200, "request_id": "r-1", "request_method": "GET", "request_url": "https://a.example"},
        ),
        ("VideoNotReadyError", "not ready", {"session_id": "s", "waited": 2.5}),
        ("IntegrityError", "half", {"session_id": "s", "path": Path("video.mp4")}),
        (
            "RateLimitError",
            "429: slow down [GET https://api.example.com/x] (request id r-1)",
            {"code": "slow_down", "retry_after": 3.0, "request_id": "r-1", "body": {"error": "slow down"}},
        ),
    ],
)
def test_an_error_says_what_it_was_made_with(kind: str, text: str, fields: dict[str, object]) -> None:
    """Its text begins with the message, and every attribute has the value that was given."""
    error = example(getattr(aikynetix, kind))
    assert str(error).startswith(text)
    assert {name: getattr(error, name) for name in fields} == fields


def test_what_is_not_known_is_left_out_of_the_text() -> None:
    """Without a request and a request id an error is its message alone, with nothing in its headers."""
    error = aikynetix.NotFoundError("gone", status_code=404)
    assert str(error) == "404: gone"
    assert (error.request_method, error.request_url, dict(error.headers), error.body) == ("", "", {}, None)
    for plain in (
        aikynetix.APIError("x"),
        aikynetix.APIConnectionError("x"),
        aikynetix.APIResponseValidationError("x"),
    ):
        assert str(plain) == "x"
        assert (plain.request_method, plain.request_url) == ("", "")
