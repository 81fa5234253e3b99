"""What the command prints: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .. import AnalyzedVideo, DownloadedVideo

# What a terminal would obey instead of show: C0 and C1 controls, and marks that turn the direction of writing.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def result(text: str) -> None:
    """Print a result line to stdout, at once: whoever reads it through a pipe may be waiting for it."""
    print(text, flush=True)


def result_json(value: Mapping[str, object]) -> None:
    """Print a result as one line of JSON to stdout."""
    result(json.dumps(value))


def note(text: str) -> None:
    """Print a line for the person, not for a program, to stderr."""
    print(plain(text), file=sys.stderr, flush=True)


def plain(text: str) -> str:
    """Return ``text`` without what a terminal would obey instead of show."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def human_size(size: float) -> str:
    """Return ``size`` bytes as a person says it, in powers of 1,000."""
    from rich.filesize import decimal

    return decimal(int(size))


def video(found: AnalyzedVideo, *, as_json: bool) -> None:
    """Print where a video is."""
    if not as_json:
        result(found.url)
        return
    told = {name: getattr(found, name) for name in ("session_id", "url", "expires_at", "filename", "request_id")}
    result_json(told | {"expires_at": found.expires_at and found.expires_at.isoformat()})


def saved(done: DownloadedVideo, *, as_json: bool) -> None:
    """Print where a video was saved."""
    if not as_json:
        result(str(done.path))
        return
    told = {name: getattr(done, name) for name in ("session_id", "size", "sha256", "verified", "resumed_from")}
    path = done.path if isinstance(done.path, str) else done.path.absolute()
    result_json(told | {"path": str(path), "seconds": round(done.elapsed, 3)})
