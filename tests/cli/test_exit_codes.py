"""From an error to an exit code and a line."""

from __future__ import annotations

import pytest

import aikynetix
from aikynetix import AikynetixError
from aikynetix._cli._exit_codes import Exit, as_json, exit_code, explain
from aikynetix._errors import APIStatusError, status_error_class


def answered(status: int, **details: float) -> APIStatusError:
    retry_after = details.get("retry_after")
    return status_error_class(status)("the server's words", status_code=status, retry_after=retry_after)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (aikynetix.ConfigurationError("x"), 2),
        (answered(401), 3),
        (answered(403), 4),
        (answered(404), 5),
        (answered(408), 6),
        (answered(429), 6),
        (answered(500), 6),
        (answered(520), 6),
        (aikynetix.APIConnectionError("x"), 6),
        (aikynetix.APITimeoutError("x"), 6),
        (aikynetix.VideoNotReadyError("x", session_id="s", waited=1.0), 6),
        (aikynetix.DownloadInterruptedError("x", session_id="s"), 6),
        (aikynetix.IntegrityError("x", session_id="s"), 7),
        (answered(400), 1),
        (answered(409), 1),
        (answered(302), 1),
        (aikynetix.APIResponseValidationError("x"), 1),
        (aikynetix.SignedUrlExpiredError("x", session_id="s"), 1),
        (aikynetix.DownloadError("x", session_id="s"), 1),
        (AikynetixError("x"), 1),
    ],
    ids=lambda value: f"{type(value).__name__}-{getattr(value, 'status_code', '')}".rstrip("-"),
)
def test_every_error_has_the_exit_code_that_scripts_rely_on(error: AikynetixError, code: int) -> None:
    """0 to 7 are documented, so that a script can tell a wrong key from a server that is down."""
    assert exit_code(error) == code


def test_every_public_error_class_is_in_the_table_above() -> None:
    """A class added later is not forgotten: it has a code, even if it is that of its base class."""
    names = [name for name in aikynetix.__all__ if name.endswith("Error")]
    kinds = [getattr(aikynetix, name) for name in names]
    assert all(
        isinstance(exit_code(kind.__new__(kind)), Exit) for kind in kinds if not issubclass(kind, APIStatusError)
    )
    assert len(kinds) >= 18


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (answered(429, retry_after=7.0), "429: the server's words. Try again in 7 s."),
        (answered(429), "429: the server's words. Try again later."),
        (answered(400), "400: the server's words."),
        (
            status_error_class(400)("timeout=5 is too long", status_code=400, request_id="r-1"),
            "400: timeout=5 is too long (request id r-1).",
        ),
        (
            aikynetix.VideoNotReadyError("wait=", session_id="s", waited=60.2),
            "the video of session 's' is not there yet after 60 s. Ask again later, or with a longer --wait.",
        ),
        (aikynetix.ConfigurationError("first\nsecond"), "first second."),
    ],
    ids=str,
)
def test_the_line_says_what_happened_and_what_to_do(error: AikynetixError, line: str) -> None:
    """In one line, in the language of the shell; a server's words are not rewritten, its request id is for support."""
    assert explain(error) == line


def test_a_failure_is_json_with_the_names_of_an_exports_records() -> None:
    """A program reads what happened without parsing prose."""
    told = as_json(answered(429, retry_after=7.0), "the line", 6)
    assert told == {
        "error": "RateLimitError",
        "message": "the line",
        "exit_code": 6,
        "status_code": 429,
        "retry_after": 7.0,
    }
