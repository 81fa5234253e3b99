"""The look of the progress bars, and how much of an export is left."""

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
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import RenderableType
    from rich.status import Status

    from .. import ExportRecord

_MOST_FILES = 8
_LONGEST_LABEL, _LONGEST_BAR = 36, 24  # columns; a UUID has 36 characters
# Columns that the numbers take with the space before each; on a narrow terminal the rate is left out.
_NUMBERS, _RATE = 14 + 7 + 3, 10 + 1
_LEAST_FOR_RATE = 56


def spinner(label: str) -> Status:
    """Return a spinner on stderr; the label is shown as it is, not read as markup."""
    return Console(stderr=True).status(Text(plain(label)))


class _RateColumn(TransferSpeedColumn):
    """Bytes per second; nothing for a file that came in one piece, where rich would show a question mark."""

    def render(self, task: Task) -> Text:
        return super().render(task) if task.finished_speed or task.speed else Text("")


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
            DownloadColumn(table_column=kept),
            *([_RateColumn(table_column=kept)] if has_rate else []),
            TimeRemainingColumn(elapsed_when_finished=True, table_column=kept),
        ]
        super().__init__(*columns, console=console, transient=transient, redirect_stdout=False, redirect_stderr=False)

    def label(self, session_id: str) -> str:
        """Return a session's id as it fits a line: a long one loses its middle, for ids differ at their ends."""
        shown = plain(session_id)
        end = (self._width - 1) // 2
        return shown if len(shown) <= self._width else f"{shown[: self._width - 1 - end]}…{shown[-end:]}"


class ExportBars(Bars):
    """The state of an export: counts, one bar for all of it, and one for each of the first files on their way.

    Args:
        total: How many sessions there are; None where the list has no known end.
    """

    def __init__(self, total: int | None) -> None:
        super().__init__(transient=True)
        self._total = total
        self._counts: dict[str, int] = dict.fromkeys(("done", "already_there", "not_ready", "failed"), 0)
        self._arrived = 0
        self._files: dict[str, TaskID] = {}
        self._whole = self.add_task("all videos", total=None)

    def observe(self, session_id: str, done: int, total: int | None) -> None:
        """Take note of the bytes of a file; called from any thread, often."""
        if session_id not in self._files:
            shown = len(self._files) < _MOST_FILES
            self._files[session_id] = self.add_task(self.label(session_id), total=total, visible=shown)
        self.update(self._files[session_id], completed=done, total=total)

    def add(self, record: ExportRecord) -> None:
        """Take note of the end of a session."""
        self._counts[record.status] += 1
        self._arrived += record.size or 0 if record.status == "done" else 0
        file = self._files.pop(record.session_id, None)
        if file is not None:
            self.remove_task(file)
        for shown in list(self._files.values())[:_MOST_FILES]:
            self.update(shown, visible=True)

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self.console.print(Text(line), soft_wrap=True)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return the counts and the bars, called by rich several times a second."""
        if hasattr(self, "_whole"):
            self._look_ahead()
            ended, of = sum(self._counts.values()), "" if self._total is None else f" of {self._total}"
            words = [f"{ended}{of} sessions"]
            words += [
                f"{self._counts[state]} {state.replace('_', ' ')}"
                for state in ("not_ready", "failed")
                if self._counts[state]
            ]
            yield Text(", ".join(words), style="bold")
        yield self.make_tasks_table(self.tasks)

    def _look_ahead(self) -> None:
        whole, *files = self.tasks
        under_way = [(file.completed, file.total) for file in files]
        arrived = self._arrived + sum(done for done, _ in under_way)
        self.update(self._whole, completed=arrived)
        left = bytes_left(under_way, self._arrived, self._counts, self._total)
        # Not by `update`, which would begin to measure the rate anew.
        whole.total, whole.finished_time = None if left is None else arrived + left, None


def bytes_left(
    files: Sequence[tuple[float, float | None]], arrived: int, counts: Mapping[str, int], total: int | None
) -> float | None:
    """Return how many bytes of an export are still to come, as far as the sizes that are known tell; else None.

    A session that has not begun brings as many bytes as the others on average, and none as often as they.

    Args:
        files: Bytes done and bytes in all of each file on its way.
        arrived: Bytes of the sessions that are done.
        counts: Sessions that ended, by status.
        total: How many sessions there are.
    """
    sizes = [size for _, size in files if size]
    known = counts["done"] + len(sizes)
    if total is None or not known:
        return None
    mean = (arrived + sum(sizes)) / known
    share = known / (known + counts["not_ready"] + counts["failed"])
    waiting = max(0, total - sum(counts.values()) - len(files))
    return sum(max(0, (size or mean) - done) for done, size in files) + waiting * mean * share
