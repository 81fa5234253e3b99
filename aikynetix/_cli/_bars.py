"""The look of the progress bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text

from ._output import plain

if TYPE_CHECKING:
    from .. import ExportRecord

_LONGEST_LABEL, _LONGEST_BAR = 36, 24  # columns; a UUID has 36 characters
# Columns that the numbers take with the space before each; on a narrow terminal the rate is left out.
_NUMBERS, _RATE = 14 + 7 + 3, 10 + 1
_LEAST_FOR_RATE = 56


class _SizeColumn(DownloadColumn):
    """Bytes done and in all; for an export as a whole, sessions."""

    def render(self, task: Task) -> Text:
        sessions = task.fields.get("sessions")
        return super().render(task) if sessions is None else Text(sessions, style="progress.download")


class _RateColumn(TransferSpeedColumn):
    """Bytes per second, nothing where rich would show a question mark; for an export as a whole, what failed."""

    def render(self, task: Task) -> Text:
        is_known = (task.finished_speed or task.speed) and "failed" not in task.fields
        return super().render(task) if is_known else Text(task.fields.get("failed", ""), style="red")


class Bars(Progress):
    """A line for each file on stderr: label, bar, sizes, rate and time left; for the numbers the others give way."""

    def __init__(self, *, transient: bool = False) -> None:
        console, kept = Console(stderr=True), Column(no_wrap=True)
        has_rate = console.width >= _LEAST_FOR_RATE
        room = console.width - _NUMBERS - _RATE * has_rate
        self._width = max(8, min(_LONGEST_LABEL, room * 5 // 8))
        columns: list[ProgressColumn] = [
            TextColumn("{task.description}", markup=False, table_column=kept),
            BarColumn(bar_width=max(4, min(_LONGEST_BAR, room - self._width))),
            _SizeColumn(table_column=kept),
            *([_RateColumn(table_column=kept)] if has_rate else []),
            TimeRemainingColumn(elapsed_when_finished=True, table_column=kept),
        ]
        super().__init__(*columns, console=console, transient=transient, redirect_stdout=False)

    def label(self, session_id: str) -> str:
        """Return a session's id as it fits a line: a long one loses its middle, for ids differ at their ends."""
        shown = plain(session_id)
        end = (self._width - 1) // 2
        return shown if len(shown) <= self._width else f"{shown[: self._width - 1 - end]}…{shown[-end:]}"


class ExportBars(Bars):
    """The state of an export: one bar for all of it, and one for each file on its way."""

    def __init__(self, total: int | None) -> None:
        super().__init__(transient=True)
        self._total = total
        self._ended = self._failed = 0
        self._files: dict[str, TaskID] = {}
        self._whole = self.add_task("sessions", total=total, sessions="0", failed="")

    def observe(self, session_id: str, done: int, total: int | None) -> None:
        """Take note of the bytes of a file; called from any thread, often."""
        if session_id not in self._files:
            self._files[session_id] = self.add_task(self.label(session_id), total=total)
        self.update(self._files[session_id], completed=done, total=total)
        self._show_whole()

    def add(self, record: ExportRecord) -> None:
        """Take note of the end of a session."""
        self._ended += 1
        self._failed += record.status == "failed"
        file = self._files.pop(record.session_id, None)
        if file is not None:
            self.remove_task(file)
        self._show_whole()

    def _show_whole(self) -> None:
        # A session under way counts as far as it has come, so that the time left is told before the first has ended.
        parts = sum(task.completed / task.total for task in self.tasks[1:] if task.total)
        counted = f"{self._ended}/{self._total}" if self._total else str(self._ended)
        failed = f"{self._failed} failed" if self._failed else ""
        self.update(self._whole, sessions=counted, failed=failed, completed=self._ended + parts)

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self.console.print(Text(line), soft_wrap=True)
