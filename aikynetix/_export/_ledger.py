"""What is known of every session of an export, on disk instead of in memory.

SQLite's private temporary database holds it: the first pages stay in a cache of bounded size, the rest goes to a
temporary file that the operating system removes with the connection. Ten sessions and ten million cost the same memory.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING

from .._errors import DownloadError
from . import _manifest
from ._record import ExportRecord, ExportStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_CACHE_KIB = 1_024


class Ledger:
    """The last record of every session, and which sessions this export has met.

    Calls may come from different threads, one at a time.

    Raises:
        DownloadError: There is no room for temporary files. So do all methods.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(
            f"""
            PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -{_CACHE_KIB};
            CREATE TABLE met (key BLOB PRIMARY KEY) WITHOUT ROWID;
            CREATE TABLE records (key BLOB PRIMARY KEY, place INTEGER, status TEXT, line BLOB) WITHOUT ROWID;
            """
        )
        self._place = 0

    def load(self, lines: Iterable[bytes]) -> None:
        """Take in the lines of a manifest, oldest first; lines that are no records are passed over."""
        for line in lines:
            record = _manifest.load(line)
            if record is not None:
                self._keep(record, line)

    def keep(self, record: ExportRecord, name: str | None) -> None:
        """Take in a record of this export, with the path of its file relative to the folder."""
        self._keep(record, _manifest.dump(record, name))

    def meet(self, session_id: str) -> bool:
        """Return whether this export meets the session for the first time."""
        return self._execute("INSERT OR IGNORE INTO met VALUES (?)", (_key(session_id),)).rowcount == 1

    def last(self, session_id: str) -> ExportRecord | None:
        """Return the session's last record, its path relative to the folder; None where there is none."""
        query = "SELECT line FROM records WHERE key = ?"
        row = self._execute(query, (_key(session_id),)).fetchone()
        return None if row is None else _manifest.load(row[0])

    def records(self, *statuses: ExportStatus) -> Iterator[ExportRecord]:
        """Return the last record of every session with one of ``statuses``, in the order in which they came about."""
        marks = ", ".join("?" * len(statuses))
        query = f"SELECT line FROM records WHERE status IN ({marks}) ORDER BY place"  # noqa: S608 -- marks alone
        for (line,) in self._execute(query, statuses):
            record = _manifest.load(line)
            if record is not None:
                yield record

    def counts(self) -> Counter[ExportStatus]:
        """Return how many sessions have which status."""
        rows = self._execute("SELECT status, count(*) FROM records GROUP BY status")
        return Counter({ExportStatus(status): count for status, count in rows})

    def close(self) -> None:
        """Forget everything."""
        self._database.close()

    def _execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        try:
            return self._database.execute(statement, values)
        except sqlite3.OperationalError as error:
            cause = error.with_traceback(None)
        text = f"no room for the export's temporary files ({cause}); TMPDIR says where they go"
        raise DownloadError(text, session_id="") from cause

    def _keep(self, record: ExportRecord, line: bytes) -> None:
        self._place += 1
        row = (_key(record.session_id), self._place, record.status.value, line)
        self._execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", row)


def _key(session_id: str) -> bytes:
    """An id may be long, and hold halves of surrogate pairs that SQLite's text cannot."""
    return blake2b(session_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
