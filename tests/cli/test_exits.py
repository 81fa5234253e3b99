"""From an error to an exit code and a line."""

from __future__ import annotations

import pytest

import aikynetix
from aikynetix import AikynetixError
from aikynetix._cli._exits import Exit, exit_code, explain
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
            aikynetix.DownloadError("it exists; pass overwrite=True to replace it", session_id="s"),
            "it exists; use --overwrite to replace it.",
        ),
        (
            aikynetix.VideoNotReadyError("ask again with a longer wait=", session_id="s", waited=1.0),
            "ask again with a longer --wait.",
        ),
        (
            aikynetix.ConfigurationError("the token (token=, AIKYNETIX_TOKEN) is empty"),
            "the token (AIKYNETIX_TOKEN) is empty.",
        ),
    ],
)
def test_the_line_speaks_the_language_of_the_shell(error: AikynetixError, line: str) -> None:
    """What the facade calls an argument is an option here."""
    assert explain(error) == line


@pytest.mark.parametrize(
    "error",
    [
        aikynetix.DownloadError("wait=5/x.mp4: no folder wait=5", session_id="s", path="wait=5/x.mp4"),
        aikynetix.DownloadError("a wait= b/x: no folder a wait= b", session_id="s", path="a wait= b/x"),
        aikynetix.VideoNotReadyError("no video of 'a wait= b'", session_id="a wait= b", waited=0.0),
        aikynetix.DownloadError("url?timeout=5: refused", session_id="s"),
    ],
    ids=str,
)
def test_names_that_people_gave_are_not_rewritten(error: AikynetixError) -> None:
    """A path or an id may look like an argument of the facade."""
    assert explain(error).startswith(str(error))


@pytest.mark.parametrize(("may_wait", "hint"), [(True, "--wait SECONDS has it made."), (False, "session id.")])
def test_a_missing_video_can_be_made_where_that_was_not_asked_for(may_wait: bool, hint: str) -> None:
    """Who has waited in vain is not told to wait."""
    assert explain(answered(404), may_wait=may_wait).endswith(hint)


def test_the_words_of_a_server_are_not_rewritten() -> None:
    """Only our own texts name our own arguments."""
    error = status_error_class(400)("timeout=5 is too long", status_code=400, request_id="r-1")
    assert explain(error) == "400: timeout=5 is too long (request id r-1)."
    error = status_error_class(404)("Not found.", status_code=404, request_id="r-1")
    assert explain(error).startswith("404: Not found (request id r-1). ")


def test_the_line_is_one_line() -> None:
    """Scripts and logs take stderr line by line."""
    assert explain(aikynetix.ConfigurationError("first\nsecond")) == "first second."
