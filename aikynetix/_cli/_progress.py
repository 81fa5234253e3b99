"""The progress bar: on stderr, and only where stderr is a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

Progress = Callable[[int, int | None], object]


def wants_bar(*, quiet: bool) -> bool:
    """Return whether to show a bar: a person is looking, on a terminal that can move its cursor."""
    return not quiet and sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def progress_bar(label: str, *, quiet: bool) -> Generator[Progress | None]:
    """Show a bar for the time of a ``with`` block.

    Args:
        label: Stands before the bar.
        quiet: Show none.

    Yields:
        A function of the bytes done and the bytes in all, to be called from any thread; None where there is no bar.
    """
    if not wants_bar(quiet=quiet):
        yield None
        return
    # rich is the slowest import of the command, and scripts never see a bar.
    from ._bar import download_bar

    with download_bar() as bar:
        task = bar.add_task(label, total=None, start=False)  # the clock starts with the first byte, not with the wait

        def show(done: int, total: int | None) -> None:
            bar.start_task(task)
            bar.update(task, completed=done, total=total)

        yield show
