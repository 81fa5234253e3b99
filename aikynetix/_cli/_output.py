"""What the command prints: results to stdout, everything else to stderr.

A bar is shown only where stderr is a terminal that can move its cursor. rich is the slowest import of the command, and
scripts never see a bar: `_bars` is imported when there is one.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from .. import AnalyzedVideo
    from ._bars import ExportBars

    Progress = Callable[[int, int | None], object]

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


def video(found: AnalyzedVideo, *, as_json: bool) -> None:
    """Print where a video is."""
    if not as_json:
        result(found.url)
        return
    told = {name: getattr(found, name) for name in ("session_id", "url", "expires_at", "filename", "request_id")}
    result_json(told | {"expires_at": found.expires_at and found.expires_at.isoformat()})


def _wants_bar(*, quiet: bool) -> bool:
    return not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def progress_bar(label: str, *, quiet: bool, transient: bool = False) -> Generator[Progress | None]:
    """Show a bar for the time of a ``with`` block; after an error, or a mere wait, nothing of it is left."""
    if not _wants_bar(quiet=quiet):
        yield None
        return
    from ._bars import Bars

    with Bars(transient=transient) as bars:
        # The clock starts with the first byte, not with the wait for the video to be made.
        task = bars.add_task(f"{bars.label(label)}: waiting", total=None, start=False)

        def show(done: int, total: int | None) -> None:
            bars.start_task(task)
            bars.update(task, description=bars.label(label), completed=done, total=total)

        try:
            yield show
        except BaseException:
            bars.live.transient = True
            raise


def export_bars(total: int | None, *, quiet: bool) -> AbstractContextManager[ExportBars | None]:
    """Show what an export of ``total`` sessions does for the time of a ``with`` block; None where there are no bars.

    What reads a pipe (``| cat``, ``| tee``) may write to the same terminal, at moments that nobody here knows of: its
    lines and the bars would overwrite each other.
    """
    if stat.S_ISFIFO(os.fstat(1).st_mode) or not _wants_bar(quiet=quiet):
        return nullcontext()
    from ._bars import ExportBars

    return ExportBars(total)
