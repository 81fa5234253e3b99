"""What is known of every session of an export, on disk instead of in memory.

SQLite's private temporary database holds it: the first pages stay in a cache of bounded size, the rest goes to a
temporary file that the operating system removes with the connection. Ten sessions and ten million cost the same memory.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from hashlib import blake2b
from threading import RLock
from typing import TYPE_CHECKING, TypeVar

from .._errors import DownloadError
from . import _manifest
from ._record import ExportRecord, ExportStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_CACHE_KIB = 1_024
_ROWS_AT_ONCE = 256

T = TypeVar("T")

# SQLite has locks of its own for the whole process, and the child of a fork would wait for ever for one that another
# thread held at that moment. So no call is under way while a fork is.
_calls = RLock()  # the garbage collector may come to a cursor in the middle of a call
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_calls.acquire, after_in_parent=_calls.release, after_in_child=_calls.release)


class Ledger:
    """The last record of every session, and which sessions this export has met.

    Calls may come from different threads, one at a time.

    Raises:
        DownloadError: There is no room for temporary files. So do all methods.
    """

    def __init__(self) -> None:
        with _calls:
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
                self.keep(record, line)

    def keep(self, record: ExportRecord, line: bytes) -> None:
        """Take in a record and its line in the manifest."""
        self._place += 1
        statement = "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)"
        row = (_key(record.session_id), self._place, record.status.value, line)
        self._call(lambda database: database.execute(statement, row).close())

    def meet(self, session_id: str) -> bool:
        """Return whether this export meets the session for the first time."""
        statement, values = "INSERT OR IGNORE INTO met VALUES (?)", (_key(session_id),)
        return self._call(lambda database: database.execute(statement, values).rowcount == 1)

    def last(self, session_id: str) -> ExportRecord | None:
        """Return the session's last record, its path relative to the folder; None where there is none."""
        query, values = "SELECT line FROM records WHERE key = ?", (_key(session_id),)
        row = self._call(lambda database: database.execute(query, values).fetchone())
        return None if row is None else _manifest.load(row[0])

    def records(self, *statuses: ExportStatus) -> Iterator[ExportRecord]:
        """Return the last record of every session with one of ``statuses``, in the order in which they came about."""
        marks = ", ".join("?" * len(statuses))
        query = f"SELECT line FROM records WHERE status IN ({marks}) ORDER BY place"  # noqa: S608 -- marks alone
        cursor = self._call(lambda database: database.execute(query, statuses))
        try:
            while rows := self._call(lambda _: cursor.fetchmany(_ROWS_AT_ONCE)):
                for (line,) in rows:
                    record = _manifest.load(line)
                    if record is not None:
                        yield record
        finally:
            with suppress(sqlite3.ProgrammingError):  # left half read, it may outlive the database
                self._call(lambda _: cursor.close())

    def __iter__(self) -> Iterator[ExportRecord]:
        return self.records(*ExportStatus)

    def close(self) -> None:
        """Forget everything."""
        self._call(lambda database: database.close())

    def _call(self, use: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with _calls:
                return use(self._database)
        except sqlite3.OperationalError as error:
            cause = error.with_traceback(None)
        text = f"no room for the export's temporary files ({cause}); TMPDIR says where they go"
        raise DownloadError(text, session_id="") from cause


def _key(session_id: str) -> bytes:
    """An id may be long, and hold halves of surrogate pairs that SQLite's text cannot."""
    return blake2b(session_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
