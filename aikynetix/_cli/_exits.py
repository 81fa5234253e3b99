"""From an error to an exit code and one line for the person at the shell. Pure."""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import PurePath
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from collections.abc import Iterable


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
    (NotFoundError, "Check the session id."),
    (APIConnectionError, "Check the network and the base URL; `aikynetix doctor` helps."),
    (InternalServerError, "The trouble is on the server's side; try again later."),
    (DownloadInterruptedError, "Run the command again to go on from there."),
    (IntegrityError, "Nothing was kept under the final name; try again."),
)

_MAY_BE_MADE = "Check the session id; if only the video is missing, --wait SECONDS has it made."

# The facade's texts name its arguments; at the shell they are options.
_SPELLINGS = {
    "pass overwrite=True": "use --overwrite",
    "wait=": "--wait",
    "base_url=": "--base-url",
    "max_retries=": "--max-retries",
    "timeout=": "--timeout",
    ", or an httpx.Timeout of such numbers": "",
    "ApiKey(header=...)": "--key-header",
    "ApiKey(key, header=...)": "--key-header",
    "(api_key=, AIKYNETIX_API_KEY)": "(AIKYNETIX_API_KEY)",
    "(token=, AIKYNETIX_TOKEN)": "(AIKYNETIX_TOKEN)",
    "api_key= or AIKYNETIX_API_KEY": "AIKYNETIX_API_KEY",
    "token= or AIKYNETIX_TOKEN": "AIKYNETIX_TOKEN",
}
# As words of their own: `wait=5` is part of somebody's file name.
_PYTHON = re.compile("|".join(rf"(?:(?<![^\s(])|(?=,)){re.escape(python)}(?![^\s,;.:)])" for python in _SPELLINGS))


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
    said = str(error)
    if isinstance(error, ConfigurationError):
        said = in_shell(said)
    elif isinstance(error, VideoNotReadyError):
        said = in_shell(said, [repr(error.session_id)])
    elif isinstance(error, DownloadError):
        path = error.path or ""
        said = in_shell(said, [str(path), str(PurePath(path).parent)])
    return " ".join(said.split())


def in_shell(text: str, foreign: Iterable[str] = ()) -> str:
    """Return a text of the facade's with options in place of arguments.

    Args:
        text: The text.
        foreign: Parts that are not the facade's own, such as a path; they stay as they are.
    """
    pattern = "|".join(re.escape(part) for part in foreign if part)
    parts = re.split(f"({pattern})", text) if pattern else [text]
    parts[::2] = [_PYTHON.sub(lambda found: _SPELLINGS[found[0]], part) for part in parts[::2]]
    return "".join(parts)


def explain(error: AikynetixError, *, may_wait: bool = False) -> str:
    """Return one line that says what happened and, where it is known, what to do.

    Args:
        error: What happened.
        may_wait: Whether ``--wait`` could help, which was not given.
    """
    said = happened(error).rstrip(".")
    hint = next((hint for kind, hint in _HINTS if isinstance(error, kind)), "")
    if isinstance(error, RateLimitError):
        hint = _when(error.retry_after)
    if isinstance(error, NotFoundError) and may_wait:
        hint = _MAY_BE_MADE
    return f"{said}. {hint}".rstrip()


def _when(retry_after: float | None) -> str:
    return "Try again later." if retry_after is None else f"Try again in {retry_after:.0f} s."
