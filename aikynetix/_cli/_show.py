"""What the command prints: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .. import AnalyzedVideo, DownloadedVideo


def result(text: str) -> None:
    """Print a result line to stdout, at once: whoever reads it through a pipe may be waiting for it."""
    print(text, flush=True)


def result_json(value: Mapping[str, object]) -> None:
    """Print a result as one line of JSON to stdout."""
    result(json.dumps(value))


def note(text: str) -> None:
    """Print a line for the person, not for a program, to stderr."""
    with suppress(OSError, ValueError):  # stderr that is closed or full ends no work
        print(text, file=sys.stderr, flush=True)


def complain(text: str) -> None:
    """Print the one line that says what went wrong to stderr."""
    note(f"aikynetix: {text}")


def human_size(size: int) -> str:
    """Return ``size`` bytes as a person says it, in powers of 1,000."""
    if size < 1000:
        return f"{size} bytes"
    amount = float(size)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 1000:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:.1f} TB"


def video(found: AnalyzedVideo, *, as_json: bool) -> None:
    """Print where a video is."""
    if not as_json:
        result(found.url)
        return
    result_json(
        {
            "session_id": found.session_id,
            "url": found.url,
            "expires_at": found.expires_at.isoformat() if found.expires_at else None,
            "filename": found.filename,
            "request_id": found.request_id,
        }
    )


def saved(done: DownloadedVideo, *, as_json: bool) -> None:
    """Print where a video was saved."""
    if not as_json:
        result(str(done.path))
        return
    result_json(
        {
            "session_id": done.session_id,
            "path": str(done.path if isinstance(done.path, str) else done.path.absolute()),
            "size": done.size,
            "sha256": done.sha256,
            "verified": done.verified,
            "resumed_from": done.resumed_from,
            "seconds": round(done.elapsed, 3),
        }
    )
