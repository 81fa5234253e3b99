"""What a person sees while an export runs: one bar for all of it, and the files that are on their way."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .._export._plain import visible
from ._show import human_size

if TYPE_CHECKING:
    from types import TracebackType

    from .. import ExportRecord

_MOST_FILES = 8
_NAME_WIDTH = 28
_BAR_WIDTH = 22
_PER_SECOND = 8


class Board:
    """Shows an export on stderr for the time of a ``with`` block.

    Args:
        total: How many sessions there are; None where the list has no known end.
    """

    def __init__(self, total: int | None) -> None:
        self._total = total
        self._began = monotonic()
        self._ended = self._not_ready = self._failed = self._arrived = 0
        self._files: dict[str, tuple[int, int | None]] = {}
        self._console = Console(stderr=True)
        # Results go to stdout as they are; rich would take them for its own.
        self._live = Live(
            get_renderable=self._picture,
            console=self._console,
            refresh_per_second=_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def observe(self, session_id: str, done: int, total: int | None) -> None:
        """Take note of the bytes of a file; called from any thread, often."""
        self._files[session_id] = (done, total)

    def add(self, record: ExportRecord) -> None:
        """Take note of the end of a session."""
        self._files.pop(record.session_id, None)
        self._ended += 1
        self._not_ready += record.status == "not_ready"
        self._failed += record.status == "failed"
        self._arrived += record.size or 0 if record.status == "done" else 0

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._console.print(Text(line), soft_wrap=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.clear()
        self._live.stop()

    def _picture(self) -> Group:
        files = list(self._files.items())
        table = Table.grid(padding=(0, 1))
        table.add_column(width=_NAME_WIDTH, no_wrap=True, overflow="ellipsis")
        table.add_column(width=_BAR_WIDTH)
        table.add_column(no_wrap=True)
        for session_id, (done, total) in files[:_MOST_FILES]:
            size = human_size(done) if total is None else f"{human_size(done)} of {human_size(total)}"
            table.add_row(Text(visible(session_id)), _bar(done, total), Text(size))
        more = len(files) - _MOST_FILES
        rest = [Text(f"and {more} more")] if more > 0 else []
        return Group(self._overall(sum(done for _, (done, _) in files)), table, *rest)

    def _overall(self, on_the_way: int) -> Table:
        seconds = monotonic() - self._began
        of = "" if self._total is None else f" of {self._total}"
        told = [f"{self._ended}{of} sessions"]
        counts = ((self._not_ready, "not ready"), (self._failed, "failed"))
        told += [f"{count} {what}" for count, what in counts if count]
        told.append(f"{human_size(int((self._arrived + on_the_way) / max(seconds, 0.1)))}/s")
        if self._total is not None and self._ended:
            left = seconds / self._ended * max(0, self._total - self._ended)
            told.append("{}:{:02} left".format(*divmod(round(left), 60)))
        table = Table.grid(padding=(0, 1))
        table.add_column(width=_BAR_WIDTH)
        table.add_column(no_wrap=True)
        table.add_row(_bar(self._ended, self._total), Text(", ".join(told), style="bold"))
        return table


def _bar(done: int, total: int | None) -> ProgressBar:
    return ProgressBar(total=total, completed=done, width=_BAR_WIDTH, pulse=total is None)
