"""What came of a session: the record that the caller gets, and its line in ``manifest.jsonl``. Pure.

The manifest has one JSON object each time a session ends; the last one of a session counts. A line never holds a URL,
and its path is relative to the export's folder, so that the folder may be moved.

Annotations are not postponed here, for the reason that ``aikynetix/_models.py`` gives.
"""

import errno
import json
import re
import reprlib
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, field, fields, frozen

from .._errors import (
    AikynetixError,
    APIConnectionError,
    APIError,
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    DownloadInterruptedError,
    VideoNotReadyError,
)
from .._redact import one_line
from .._responses import cause_of

LONGEST_LINE = 64 * 1024  # bytes of a manifest's line that are read; a longer one is none of ours
BEGINNING = b'{"session_id"'  # of every line of a manifest
_LONGEST_ID, _LONGEST_MESSAGE = 1_024, 500
_FILE_NAME = re.compile(r"(?!\.\.?$)[^/\\:\x00-\x1f\x7f\ud800-\udc7f\udd00-\udfff]{1,1024}")


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

    @property
    def has_video(self) -> bool:
        """Whether the video is in the folder."""
        return self in (ExportStatus.DONE, ExportStatus.ALREADY_THERE)


@frozen(kw_only=True)
class ExportRecord:
    """What came of one session of an export.

    Attributes:
        session_id: The session.
        status: ``"done"``, ``"already_there"``, ``"not_ready"`` or ``"failed"``.
        path: Where the video is: a ``Path`` in a local destination, a ``str`` that is a URL in an fsspec one. None
            where there is none.
        size: Bytes; None where there is no video.
        sha256: Of the whole file, in hexadecimal; None where there is no video, or another export is about to note it.
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
        path, seconds = None if self.path is None else str(self.path), round(self.seconds, 3)
        finished_at = self.finished_at.isoformat(timespec="seconds")
        changed = {"status": self.status.value, "path": path, "seconds": seconds, "finished_at": finished_at}
        return asdict(self, recurse=False) | changed


_FIELDS: Any = fields(ExportRecord)  # with their types


def dump(record: ExportRecord, name: str | None) -> bytes:
    """Return the manifest's line for ``record``, line end included; ``name`` is the file's name in the folder."""
    return json.dumps(record.to_dict() | {"path": name}).encode() + b"\n"


def load(line: bytes) -> ExportRecord | None:
    """Return the record in a line, its path the file's name; None for anything that `dump` did not write.

    A line may be cut off by a crash, or come from anybody: what does not hold together is as if it were not there.
    """
    try:
        value: Any = json.loads(line) if len(line) <= LONGEST_LINE else None
        given: dict[str, Any] = {each.name: value[each.name] for each in _FIELDS}
        given["status"], given["seconds"] = ExportStatus(given["status"]), float(given["seconds"])
        given["finished_at"] = datetime.fromisoformat(given["finished_at"]).astimezone(UTC)
        if not all(isinstance(given[each.name], each.type) for each in _FIELDS):
            return None
        record = ExportRecord(**given)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    if not record.status.has_video:
        return evolve(record, path=None)
    is_file = isinstance(record.path, str) and _FILE_NAME.fullmatch(record.path)
    return record if is_file and record.size is not None and 0 <= record.size < 2**63 else None


def failed(session_id: object, error: BaseException) -> ExportRecord:
    """Return the record of a session that ended in ``error``; a `VideoNotReadyError` is no failure."""
    return ExportRecord(
        session_id=shown_id(session_id),
        status=ExportStatus.NOT_READY if isinstance(error, VideoNotReadyError) else ExportStatus.FAILED,
        error=type(error).__name__,
        message=one_line(error.message if isinstance(error, APIError) else str(error), limit=_LONGEST_MESSAGE),
    )


def shown_id(session_id: object) -> str:
    """Return a session id as a record keeps it: text of a bounded length, whatever the caller's iterable gave."""
    text = session_id if isinstance(session_id, str) else reprlib.repr(session_id)
    return text if len(text) <= _LONGEST_ID else text[: _LONGEST_ID - 1] + "…"


def is_fatal(error: BaseException) -> bool:
    """Return whether every other session would end so: a refused credential, a wrong setting, a closed client."""
    return isinstance(error, AuthenticationError | ConfigurationError) or type(error) is AikynetixError


def is_starved(error: BaseException) -> bool:
    """Return whether this process, or the system, has too many files and connections open."""
    cause = cause_of(error, OSError)
    return cause is not None and cause.errno in (errno.EMFILE, errno.ENFILE)


def is_passing(error: BaseException) -> bool:
    """Return whether the same session may well succeed in a moment."""
    if isinstance(error, APIConnectionError):
        return not error.is_permanent
    if isinstance(error, APIStatusError):
        return error.status_code == 408 or (error.status_code >= 500 and error.status_code != 501)
    return isinstance(error, DownloadInterruptedError)
