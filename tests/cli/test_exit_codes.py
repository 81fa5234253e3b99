"""From an error to an exit code and a line."""

from __future__ import annotations

from typing import Any

import pytest

import aikynetix
from aikynetix import AikynetixError, SignedUrlExpiredError
from aikynetix._cli._exit_codes import as_json, code_and_hint, explain
from aikynetix._errors import APIStatusError, status_error_class


def answered(status: int, **details: Any) -> APIStatusError:
    return status_error_class(status)("the server's words", status_code=status, **details)


EXIT_CODES = {
    "ConfigurationError": 2,
    "InvalidArgumentError": 2,
    "APIConnectionError": 6,
    "APITimeoutError": 6,
    "VideoNotReadyError": 6,
    "DownloadInterruptedError": 6,
    "IntegrityError": 7,
}


def test_every_error_has_the_exit_code_that_scripts_rely_on() -> None:
    """0 to 7 are documented, so that a script can tell a wrong key from a server that is down; 1 is all the rest."""
    statuses = {401: 3, 403: 4, 404: 5, 408: 6, 429: 6, 500: 6, 520: 6, 302: 1, 400: 1, 409: 1, 422: 1}
    assert {status: code_and_hint(answered(status))[0] for status in statuses} == statuses
    public = [getattr(aikynetix, name) for name in aikynetix.__all__ if name.endswith("Error")]
    kinds = [kind for kind in public if not issubclass(kind, APIStatusError)]
    assert {kind.__name__: code_and_hint(kind.__new__(kind))[0] for kind in kinds} == {
        kind.__name__: EXIT_CODES.get(kind.__name__, 1) for kind in kinds
    }


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (answered(429, retry_after=7.0), "429: the server's words. Try again in 7 s."),
        (answered(429), "429: the server's words. Try again later."),
        (answered(503, retry_after=120.0), "503: the server's words. Try again in 120 s."),
        (answered(408), "408: the server's words. Try again later."),
        (answered(400), "400: the server's words."),
        (answered(404, request_method="POST"), "404: the server's words. Check the session id."),
        (
            status_error_class(400)("timeout=5 is too long", status_code=400, request_id="r-1"),
            "400: timeout=5 is too long (request id r-1).",
        ),
        (
            aikynetix.VideoNotReadyError("ask with a longer wait", session_id="s", waited=60.2),
            "ask with a longer wait. --wait SECONDS is how long.",
        ),
        (
            SignedUrlExpiredError("a", session_id="s"),
            "a. Try again later; `aikynetix generate` has the video made anew.",
        ),
        (aikynetix.ConfigurationError("first\nsecond"), "first second."),
        (aikynetix.ConfigurationError("verify= names 'proxy=x'.", setting="verify"), "--ca-file names 'proxy=x'."),
    ],
    ids=str,
)
def test_the_line_says_what_happened_and_what_to_do(error: AikynetixError, line: str) -> None:
    """In one line, in the language of the shell; a server's words are not rewritten, its request id is for support."""
    assert explain(error) == (line, code_and_hint(error)[0])


def test_a_failure_is_json_with_the_names_of_an_exports_records() -> None:
    """A program reads what happened without parsing prose."""
    told = as_json(answered(429, retry_after=7.0), "the line", 6)
    said = {"error": "RateLimitError", "message": "the line", "exit_code": 6, "status_code": 429, "retry_after": 7.0}
    assert told == said
