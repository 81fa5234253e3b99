"""From an error to an exit code, to one line for the person at the shell, and to JSON for a program. Pure."""

from __future__ import annotations

from enum import IntEnum

from .._errors import (
    AikynetixError,
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    DownloadError,
    DownloadInterruptedError,
    IntegrityError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    VideoNotReadyError,
)
from ._options import SETTINGS


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


# Class, exit code, what to do about it. The first match wins, so a class stands before its base classes.
_KINDS: tuple[tuple[type[AikynetixError], Exit, str], ...] = (
    (ConfigurationError, Exit.USAGE, ""),
    (AuthenticationError, Exit.CREDENTIAL, "Check the key or token; `aikynetix doctor` tries the header styles."),
    (PermissionDeniedError, Exit.NOT_ALLOWED, "The account may not see this session, or lacks the plan for its video."),
    (NotFoundError, Exit.NOT_FOUND, "Check the session id; if only the video is missing, --wait SECONDS has it made."),
    (RateLimitError, Exit.LATER, "Try again later."),
    (InternalServerError, Exit.LATER, "The trouble is on the server's side; try again later."),
    (APIConnectionError, Exit.LATER, "`aikynetix doctor` shows proxy, certificates and base URL."),
    (VideoNotReadyError, Exit.LATER, "Ask again later, or with a longer --wait."),
    (DownloadInterruptedError, Exit.LATER, "Run the command again to go on from there."),
    (IntegrityError, Exit.UNVERIFIED, "Nothing was kept under the final name; try again."),
    (AikynetixError, Exit.FAILURE, ""),
)


def exit_code(error: AikynetixError) -> Exit:
    """Return the exit code that stands for ``error``."""
    if isinstance(error, APIStatusError) and error.status_code == 408:
        return Exit.LATER  # the server gave up waiting for the request (RFC 9110, section 15.5.9), which may pass
    if isinstance(error, ValueError):
        return Exit.USAGE  # an argument that was refused before any request
    return next(code for kind, code, _ in _KINDS if isinstance(error, kind))


def happened(error: AikynetixError) -> str:
    """Return what happened as one line, in the words of the shell."""
    said = str(error)
    if isinstance(error, APIStatusError):
        traced = f" (request id {error.request_id})" if error.request_id else ""
        said = f"{error.status_code}: {error.message.removesuffix('.') if traced else error.message}{traced}"
    elif isinstance(error, ConfigurationError):
        for argument, option in SETTINGS.items():
            said = said.replace(argument, option)
    elif isinstance(error, VideoNotReadyError):
        waited = f" after {error.waited:.0f} s" if error.waited >= 1 else ""
        said = f"the video of session {error.session_id!r} is not there yet{waited}"
    elif isinstance(error, DownloadError) and error.reason == "exists":
        said = f"{error.path} exists already; to replace it use --overwrite"
    return " ".join(said.split())


def explain(error: AikynetixError) -> str:
    """Return one line that says what happened and, where it is known, what to do."""
    hint = next(hint for kind, _, hint in _KINDS if isinstance(error, kind))
    if isinstance(error, RateLimitError) and error.retry_after is not None:
        hint = f"Try again in {error.retry_after:.0f} s."
    return f"{happened(error).rstrip('.')}. {hint}".rstrip()


def as_json(error: Exception, message: str, code: int) -> dict[str, object]:
    """Return what ``--json`` prints of a failure: the same names as in the records of an export."""
    told: dict[str, object] = {"error": type(error).__name__, "message": message, "exit_code": int(code)}
    for name in ("session_id", "status_code", "request_id", "retry_after"):
        if (value := getattr(error, name, None)) is not None:
            told[name] = value
    return told
