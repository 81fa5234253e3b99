"""What is known of every session of an export: ids in memory, their records in a temporary file."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from itertools import chain
from typing import TYPE_CHECKING

from .._errors import DownloadError
from ._record import load

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from ._record import ExportRecord


class Index:
    """The last record of every session, and which sessions this export has met.

    Iterating gives the records in the order of the list, then those of earlier exports, with paths relative to the
    folder. Calls may come from different threads, one at a time.

    Raises:
        DownloadError: There is no room for temporary files.
    """

    def __init__(self) -> None:
        with _room():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by `close`
        self._places: dict[str, int] = {}
        self._seen: dict[str, None] = {}

    def load(self, lines: Iterable[bytes]) -> bool:
        """Take in a manifest, oldest line first; return whether any is a record, or there is no whole line at all."""
        is_ours, is_empty = False, True
        for line in lines:
            record = load(line)
            if record is not None:
                self.keep(record, line)
                is_ours = True
            is_empty = is_empty and not line.endswith(b"\n")
        return is_ours or is_empty

    def keep(self, record: ExportRecord, line: bytes) -> None:
        """Take in a record and its line in the manifest."""
        with _room():
            place = self._file.seek(0, os.SEEK_END)
            self._file.write(line.rstrip(b"\n") + b"\n")
        self._places[record.session_id] = place

    def add_seen(self, session_id: str) -> bool:
        """Return whether this export meets the session for the first time."""
        count = len(self._seen)
        self._seen.setdefault(session_id)
        return len(self._seen) > count

    def last(self, session_id: str) -> ExportRecord | None:
        """Return the session's last record, its path relative to the folder; None where there is none."""
        place = self._places.get(session_id)
        if place is None:
            return None
        with _room():
            self._file.seek(place)
            return load(self._file.readline())

    def __iter__(self) -> Iterator[ExportRecord]:
        for session_id in chain(self._seen, (one for one in self._places if one not in self._seen)):
            record = self.last(session_id)
            if record is not None:
                yield record

    def close(self) -> None:
        """Forget everything."""
        with suppress(OSError):  # what could not be written is not wanted any more
            self._file.close()


@contextmanager
def _room() -> Generator[None]:
    try:
        yield
    except OSError as error:
        text = f"no room for the export's temporary file ({error.strerror}); the variable TMPDIR says where it goes"
        raise DownloadError(text, session_id="") from error
