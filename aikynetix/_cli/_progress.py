"""The progress bar: on stderr, and only where stderr is a terminal."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

Progress = Callable[[int, int | None], object]


def wants_bar(*, quiet: bool) -> bool:
    """Return whether to show a bar: a person is looking, on a terminal that can move its cursor."""
    return not quiet and sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def wants_board(*, quiet: bool) -> bool:
    """Return whether to show bars while results are printed.

    What reads a pipe (``| cat``, ``| tee``) may write to the same terminal, at moments that nobody here knows of: its
    lines and the bars would overwrite each other.
    """
    try:
        is_pipe = stat.S_ISFIFO(os.fstat(1).st_mode)
    except OSError:  # stdout is closed
        is_pipe = False
    return wants_bar(quiet=quiet) and not is_pipe


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
        # The clock starts with the first byte, not with the wait for the video to be made.
        task = bar.add_task(f"{label}: waiting", total=None, start=False)

        def show(done: int, total: int | None) -> None:
            bar.start_task(task)
            bar.update(task, description=label, completed=done, total=total)

        yield show


@contextmanager
def waiting(label: str, *, quiet: bool) -> Generator[None]:
    """Show that something is being waited for, for the time of a ``with`` block, where there would be a bar.

    Args:
        label: What is waited for.
        quiet: Show nothing.
    """
    if not wants_bar(quiet=quiet):
        yield
        return
    from ._bar import spinner

    with spinner(f"{label}: waiting"):
        yield
