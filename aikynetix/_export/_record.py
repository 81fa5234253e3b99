"""What came of a session: the record that the caller gets and the manifest keeps. Pure.

Annotations are not postponed here, for the reason that ``aikynetix/_models.py`` gives.
"""

import reprlib
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from attrs import field, frozen

from .._errors import (
    AikynetixError,
    APIError,
    AuthenticationError,
    ConfigurationError,
    RateLimitError,
    VideoNotReadyError,
)
from .._redact import one_line

LONGEST_ID = 1_024
"""Characters of a session id that a record keeps; a longer one is refused before any request anyhow."""

_LONGEST_MESSAGE = 500
_PACKAGE = __file__[: -len("_export/_record.py")]


class ExportStatus(StrEnum):
    """What came of one session of an export."""

    __module__ = "aikynetix"

    DONE = "done"
    """The video was downloaded and verified."""
    ALREADY_THERE = "already_there"
    """An earlier export downloaded it, and the file still has its size."""
    NOT_READY = "not_ready"
    """There is no video yet; a later export will find it."""
    FAILED = "failed"
    """It could not be had; ``error`` and ``message`` say why."""


@frozen(kw_only=True)
class ExportRecord:
    """What came of one session of an export.

    Attributes:
        session_id: The session.
        status: ``"done"``, ``"already_there"``, ``"not_ready"`` or ``"failed"``.
        path: Where the video is: a ``Path`` in a local destination, a ``str`` that is a URL in an fsspec one. None
            where there is none.
        size: Bytes; None where there is no video.
        sha256: Of the whole file, in hexadecimal; None where there is no video.
        seconds: How long the session took, waiting included.
        attempts: How often the session was begun: 1 where nothing went wrong, 0 where nothing had to be done.
        error: The class of the error, such as ``"NotFoundError"``; None where there was none.
        message: One line that says what went wrong; None where nothing did.
        finished_at: When the video was complete, or the session was given up; aware, in UTC.
    """

    __module__ = "aikynetix"

    session_id: str
    status: ExportStatus
    path: Path | str | None = None
    size: int | None = None
    sha256: str | None = None
    seconds: float = 0.0
    attempts: int = 0
    error: str | None = None
    message: str | None = None
    finished_at: datetime = field(factory=lambda: datetime.now(UTC))

    def to_dict(self) -> dict[str, str | int | float | None]:
        """Return the record as JSON has it: the path as text, the time in ISO 8601."""
        return {
            "session_id": self.session_id,
            "status": self.status.value,
            "path": None if self.path is None else str(self.path),
            "size": self.size,
            "sha256": self.sha256,
            "seconds": round(self.seconds, 3),
            "attempts": self.attempts,
            "error": self.error,
            "message": self.message,
            "finished_at": self.finished_at.isoformat(timespec="seconds"),
        }


def failed(
    session_id: object, error: Exception, *, seconds: float = 0.0, attempts: int = 0, is_argument: bool = False
) -> ExportRecord:
    """Return the record of a session that ended in ``error``.

    The text of an error of ours is shown; that of a foreign one may hold anything, a signed URL too, so its class has
    to do. A `VideoNotReadyError` is no failure.

    Args:
        session_id: What the caller's iterable gave, a string or not.
        error: What the session ended in.
        seconds: How long it took.
        attempts: How often it was begun.
        is_argument: Whether the error is the refusal of an argument, whose text is ours too.
    """
    status = ExportStatus.NOT_READY if isinstance(error, VideoNotReadyError) else ExportStatus.FAILED
    return ExportRecord(
        session_id=shown_id(session_id),
        status=status,
        seconds=seconds,
        attempts=attempts,
        error=type(error).__name__,
        message=_message(error, is_argument),
    )


def shown_id(session_id: object) -> str:
    """Return a session id as a record keeps it: text of a bounded length, whatever the caller's iterable gave."""
    try:
        text = session_id if isinstance(session_id, str) else reprlib.repr(session_id)
    except Exception:  # of a number of thousands of digits there is no text, and an object's own may fail as it likes
        text = f"<{type(session_id).__name__}>"
    return text if len(text) <= LONGEST_ID else text[: LONGEST_ID - 1] + "…"


def stops_everything(error: BaseException) -> bool:
    """Return whether ``error`` is about the client and not about one session, so that every other would end in it too.

    That is a credential refused (401), a setting that is wrong, and a client that has been closed.
    """
    return isinstance(error, AuthenticationError | ConfigurationError) or type(error) is AikynetixError


def retry_after(error: BaseException) -> float | None:
    """Return how many seconds the API asked to wait, None where it said nothing."""
    return error.retry_after if isinstance(error, RateLimitError) else None


def _message(error: Exception, is_argument: bool) -> str:
    if isinstance(error, APIError):
        text = error.message
    elif isinstance(error, AikynetixError) or is_argument:
        text = str(error)
    else:
        text = f"unexpected {type(error).__name__} at {_place(error)}; please report it"
    return one_line(text, limit=_LONGEST_MESSAGE)


def _place(error: Exception) -> str:
    """Return the innermost line of this package that ``error`` came through."""
    place, trace = "an unknown place", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename.startswith(_PACKAGE):
            place = f"{code.co_filename[len(_PACKAGE) :]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
