"""The lines of ``manifest.jsonl``: one JSON object each time a session ends; the last one of a session counts. Pure.

A line never holds a URL, and its path is relative to the export's folder, so that the folder may be moved.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from attrs import evolve

from ._record import LONGEST_ID, ExportRecord, ExportStatus

NAME = "manifest.jsonl"

LONGEST_LINE = 64 * 1024
"""Bytes of a line that are read; a longer one is none of ours."""

_LONGEST_NAME = 1_024
_LARGEST_SIZE = 2**63
_LONG_AGO = datetime.fromtimestamp(0, UTC)
_PRESENT = frozenset({ExportStatus.DONE, ExportStatus.ALREADY_THERE})


def dump(record: ExportRecord, name: str | None) -> bytes:
    """Return the line for ``record``, line end included.

    Args:
        record: What came of the session.
        name: The file's path relative to the export's folder; None where there is no file.
    """
    return json.dumps(record.to_dict() | {"path": name}).encode() + b"\n"


def load(line: bytes) -> ExportRecord | None:
    """Return the record in a line, its path relative as it stands there; None for anything that is no record.

    A line may be cut off by a crash, or come from anybody: what does not hold together is as if it were not there.
    """
    if len(line) > LONGEST_LINE:
        return None
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return _record(value) if isinstance(value, dict) else None


def _record(value: dict[str, Any]) -> ExportRecord | None:
    session_id, status = value.get("session_id"), value.get("status")
    if not isinstance(session_id, str) or len(session_id) > LONGEST_ID or status not in list(ExportStatus):
        return None
    record = ExportRecord(
        session_id=session_id,
        status=ExportStatus(status),
        seconds=_number(value.get("seconds")),
        attempts=_count(value.get("attempts")) or 0,
        error=_text(value.get("error")),
        message=_text(value.get("message")),
        finished_at=_moment(value.get("finished_at")),
    )
    if record.status not in _PRESENT:
        return record
    name, size = value.get("path"), _count(value.get("size"))
    if not isinstance(name, str) or not is_inside(name) or size is None:
        return None
    return evolve(record, path=name, size=size, sha256=_text(value.get("sha256")))


def is_inside(name: str) -> bool:
    """Return whether ``name`` is a relative path that stays below the folder it is joined to, on every system."""
    if not 0 < len(name) <= _LONGEST_NAME or any(char < " " or char in "\\:\x7f" for char in name):
        return False
    if any("\ud800" <= char < "\udc80" or "\udcff" < char <= "\udfff" for char in name):
        return False  # PEP 383 gives undecodable bytes of a name the rest of these; no file name has others
    return all(part not in ("", ".", "..") for part in name.split("/"))


def _text(value: object) -> str | None:
    return value[:_LONGEST_NAME] if isinstance(value, str) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST_SIZE else None


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < _LARGEST_SIZE else 0.0


def _moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else _LONG_AGO
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return _LONG_AGO
