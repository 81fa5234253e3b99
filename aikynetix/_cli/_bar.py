"""The look of the progress bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text

if TYPE_CHECKING:
    from rich.status import Status


class _RateColumn(TransferSpeedColumn):
    """Bytes per second; nothing for a file that came in one piece, where rich would show a question mark."""

    def render(self, task: Task) -> Text:
        return super().render(task) if task.finished_speed or task.speed else Text("")


def download_bar() -> Progress:
    """Return a bar on stderr for downloads; labels are shown as they are, not read as markup."""
    kept = Column(no_wrap=True)  # on a narrow terminal the bar gives way
    return Progress(
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
        BarColumn(),
        DownloadColumn(table_column=kept),
        _RateColumn(table_column=kept),
        TimeRemainingColumn(elapsed_when_finished=True, table_column=kept),
        console=Console(stderr=True),
    )


def spinner(label: str) -> Status:
    """Return a spinner on stderr; the label is shown as it is."""
    return Console(stderr=True).status(Text(label))
