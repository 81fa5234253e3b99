"""From an error to an exit code and one line for the person at the shell. Pure."""

from __future__ import annotations

from enum import IntEnum

from .._errors import (
    AikynetixError,
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    DownloadInterruptedError,
    IntegrityError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    VideoNotReadyError,
)


class Exit(IntEnum):
    """What the exit codes of the command mean."""

    DONE = 0
    FAILURE = 1
    USAGE = 2
    CREDENTIAL = 3
    NOT_ALLOWED = 4
    NOT_FOUND = 5
    LATER = 6
    UNVERIFIED = 7
    INTERRUPTED = 130


# First match wins, so a class stands before its base classes.
_CODES: tuple[tuple[type[AikynetixError], Exit], ...] = (
    (ConfigurationError, Exit.USAGE),
    (AuthenticationError, Exit.CREDENTIAL),
    (PermissionDeniedError, Exit.NOT_ALLOWED),
    (NotFoundError, Exit.NOT_FOUND),
    (RateLimitError, Exit.LATER),
    (InternalServerError, Exit.LATER),
    (APIConnectionError, Exit.LATER),
    (VideoNotReadyError, Exit.LATER),
    (DownloadInterruptedError, Exit.LATER),
    (IntegrityError, Exit.UNVERIFIED),
)

_HINTS: tuple[tuple[type[AikynetixError], str], ...] = (
    (AuthenticationError, "Check AIKYNETIX_API_KEY or AIKYNETIX_TOKEN; `aikynetix doctor` tries the header styles."),
    (PermissionDeniedError, "The account may not see this session, or its plan does not include the video."),
    (NotFoundError, "Check the session id; if only the video is missing, --wait SECONDS has it made."),
    (APIConnectionError, "Check the network and the base URL; `aikynetix doctor` helps."),
    (InternalServerError, "The trouble is on the server's side; try again later."),
    (DownloadInterruptedError, "Run the command again to go on from there."),
    (IntegrityError, "Nothing was kept under the final name; try again."),
)

# The facade's texts name its arguments; at the shell they are options.
_SPELLINGS = {
    "pass overwrite=True": "use --overwrite",
    "overwrite=True": "--overwrite",
    "wait=": "--wait",
    "base_url=": "--base-url",
    "timeout=": "--timeout",
    "max_retries=": "--max-retries",
    "connections=": "--connections",
    "max_bytes=": "--max-bytes",
}


def exit_code(error: AikynetixError) -> Exit:
    """Return the exit code that stands for ``error``."""
    if isinstance(error, APIStatusError) and error.status_code == 408:
        return Exit.LATER  # the server gave up waiting for the request (RFC 9110, section 15.5.9), which may pass
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.FAILURE)


def happened(error: AikynetixError) -> str:
    """Return what happened as one line."""
    if isinstance(error, APIStatusError):  # the words of a server are its own, and stay as they are
        if not error.request_id:
            return f"{error.status_code}: {error.message}"
        return f"{error.status_code}: {error.message.removesuffix('.')} (request id {error.request_id})"
    said = " ".join(str(error).split())
    for python, shell in _SPELLINGS.items():
        said = said.replace(python, shell)
    return said


def explain(error: AikynetixError) -> str:
    """Return one line that says what happened and, where it is known, what to do."""
    said = happened(error).rstrip(".")
    hint = next((hint for kind, hint in _HINTS if isinstance(error, kind)), "")
    if isinstance(error, RateLimitError):
        hint = _when(error.retry_after)
    return f"{said}. {hint}".rstrip()


def _when(retry_after: float | None) -> str:
    return "Try again later." if retry_after is None else f"Try again in {retry_after:.0f} s."
