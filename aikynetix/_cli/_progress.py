"""What a person sees while a command works: on stderr, and only where stderr is a terminal that can move its cursor.

rich is the slowest import of the command, and scripts never see a bar: `_bars` is imported when there is one.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ._bars import ExportBars

    Progress = Callable[[int, int | None], object]


def _wants_bar(*, quiet: bool) -> bool:
    return not quiet and sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


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


@contextmanager
def export_bars(total: int | None, *, quiet: bool) -> Generator[ExportBars | None]:
    """Show what an export of ``total`` sessions does for the time of a ``with`` block; None where there are no bars.

    What reads a pipe (``| cat``, ``| tee``) may write to the same terminal, at moments that nobody here knows of: its
    lines and the bars would overwrite each other.
    """
    if stat.S_ISFIFO(os.fstat(1).st_mode) or not _wants_bar(quiet=quiet):
        yield None
        return
    from ._bars import ExportBars

    with ExportBars(total) as bars:
        yield bars
