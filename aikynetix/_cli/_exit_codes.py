"""From an exception to an exit code, to one line for the person at the shell, and to JSON for a program. Pure."""

from __future__ import annotations

import os.path
from traceback import extract_tb

import click

import aikynetix

from ._options import SETTINGS

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120 -- pathlib is a slow import

# Class, exit code (the command's help says what each stands for), what to do about it. The first match wins, so a class
# stands before its base classes.
_KINDS: tuple[tuple[type[aikynetix.AikynetixError], int, str], ...] = (
    (aikynetix.ConfigurationError, 2, ""),
    (aikynetix.InvalidArgumentError, 2, ""),
    (aikynetix.AuthenticationError, 3, "Check the key or token; `aikynetix doctor` tries the header styles."),
    (aikynetix.PermissionDeniedError, 4, "The account may not see this session, or lacks the plan for its video."),
    (aikynetix.NotFoundError, 5, "Check the session id; if only the video is missing, --wait SECONDS has it made."),
    (aikynetix.RateLimitError, 6, "Try again later."),
    (aikynetix.InternalServerError, 6, "The trouble is on the server's side; try again later."),
    (aikynetix.APIConnectionError, 6, "`aikynetix doctor` shows what --base-url, --proxy and --ca-file set."),
    (aikynetix.VideoNotReadyError, 6, "--wait SECONDS is how long."),
    (aikynetix.SignedUrlExpiredError, 1, "Try again later; `aikynetix generate` has the video made anew."),
    (aikynetix.DownloadInterruptedError, 6, "Run the command again to go on from there."),
    (aikynetix.IntegrityError, 7, "Nothing was kept under the final name; try again."),
    (aikynetix.AikynetixError, 1, ""),
)


def code_and_hint(error: aikynetix.AikynetixError) -> tuple[int, str]:
    """Return the exit code that stands for ``error``, and what to do about it."""
    kind, status, seconds = type(error), getattr(error, "status_code", None), getattr(error, "retry_after", None)
    if status == 408:  # the server gave up waiting for the request (RFC 9110, section 15.5.9), which may pass
        kind = aikynetix.RateLimitError
    code, hint = next((code, hint) for base, code, hint in _KINDS if issubclass(kind, base))
    if status == 404 and getattr(error, "request_method", "") == "POST":
        hint = "Check the session id."  # its video was to be made
    return code, hint if seconds is None or code != 6 else f"Try again in {seconds:.0f} s."


def happened(error: aikynetix.AikynetixError) -> str:
    """Return what happened as one line, in the words of the shell."""
    said = str(error)
    if isinstance(error, aikynetix.APIStatusError):
        traced = f" (request id {error.request_id})" if error.request_id else ""
        said = f"{error.status_code}: {error.message.removesuffix('.') if traced else error.message}{traced}"
    elif isinstance(error, aikynetix.ConfigurationError) and said.startswith(f"{error.setting}="):
        said = SETTINGS[str(error.setting)] + said.removeprefix(f"{error.setting}=")
    elif isinstance(error, aikynetix.DownloadError) and error.reason == "exists":
        said = f"{error.path} exists already; to replace it use --overwrite"
    return " ".join(said.split())


def explain(error: Exception) -> tuple[str, int]:
    """Return one line that says what happened and, where it is known, what to do; and the exit code."""
    if isinstance(error, aikynetix.AikynetixError):
        code, hint = code_and_hint(error)
        return f"{happened(error).rstrip('.')}. {hint}".rstrip(), code
    frames = [frame for frame in extract_tb(error.__traceback__) if frame.filename.startswith(_PACKAGE)]
    places = [f"aikynetix/{frame.filename.removeprefix(_PACKAGE)}:{frame.lineno}" for frame in frames]
    code, place = 1, places[-1] if places else "an unknown place"
    said = f"unexpected {type(error).__name__} at {place}; please report it."
    if isinstance(error, click.UsageError):
        said, code = _usage(error), 2
    elif isinstance(error, click.ClickException):
        said = error.format_message()
    elif isinstance(error, OSError):
        said = f"{error.filename}: {error.strerror or type(error).__name__}"
    # The facade raises ValueError for bad arguments alone, and ImportError where an extra is missing. The text of any
    # other exception may hold anything, a signed URL too: the place says enough for a report.
    elif isinstance(error, ValueError) or (isinstance(error, ImportError) and "pip install" in str(error)):
        said, code = str(error), 2
    return " ".join(said.split()), code


def _usage(error: click.UsageError) -> str:
    """Return what is wrong with the arguments, with the line to write for a session id that begins with a hyphen."""
    said, context = error.format_message().strip(), error.ctx
    path = "aikynetix" if context is None else context.command_path
    takes_session = context is not None and any(param.name == "session_id" for param in context.command.params)
    if isinstance(error, click.NoSuchOption) and not error.possibilities and takes_session:
        said += f" If that is how the session id begins: {path} -- ID."
    return f"{said}{'' if said.endswith(('.', '?')) else '.'} `{path} --help` shows how it is used."


def as_json(error: Exception, message: str, code: int) -> dict[str, object]:
    """Return what ``--json`` prints of a failure: the same names as in the records of an export."""
    told: dict[str, object] = {"error": type(error).__name__, "message": message, "exit_code": int(code)}
    names = ("session_id", "status_code", "request_id", "retry_after")
    return told | {name: value for name in names if (value := getattr(error, name, None)) is not None}
