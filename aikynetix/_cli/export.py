"""``aikynetix export``."""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import ExitStack, closing, contextmanager
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from . import _connect, _show
from ._progress import wants_board

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from concurrent.futures import Executor
    from typing import BinaryIO

    from .. import Aikynetix, ExportRecord
    from .._export._input import Item
    from ._board import Board

_DONE, _FAILURE, _LATER = 0, 1, 6
_DASK_TIMEOUT = 15.0
_PRESENT = ("done", "already_there")
_SAID = {"done": "done", "already_there": "already there", "not_ready": "not ready", "failed": "failed"}
_ACTIONS = {"fetch": "to fetch", "already_there": "already there", "skip": "to leave alone"}


class Tally:
    """How many sessions of an export ended how."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.missing = self.fetched = 0
        self.began = monotonic()

    def add(self, record: ExportRecord) -> None:
        """Count a record in."""
        self.counts[record.status] += 1
        self.missing += record.error == "NotFoundError"
        if record.status == "done":
            self.fetched += record.size or 0

    def summary(self) -> str:
        """Return the counts as a sentence."""
        told = ", ".join(f"{self.counts[status]} {said}" for status, said in _SAID.items() if self.counts[status])
        number = self.counts.total()
        size, seconds = _show.human_size(self.fetched), monotonic() - self.began
        return f"{number} session{'' if number == 1 else 's'}: {told or 'nothing to do'}; {size} in {seconds:.1f} s."

    def advice(self, *, has_wait: bool) -> str:
        """Return what helps the sessions without a video, with a space before it.

        Args:
            has_wait: Whether missing videos were to be made.
        """
        if not self.counts["failed"]:
            return ""
        if self.missing and not has_wait:
            return " To have missing videos made: --wait SECONDS; what failed alone: --retry-failed."
        return " To try again what failed: --retry-failed."

    def exit_code(self) -> int:
        """Return 0 when every video is there, 6 when the others are only not ready yet, and else 1."""
        if self.counts["failed"]:
            return _FAILURE
        return _LATER if self.counts["not_ready"] else _DONE


@click.command
@click.argument("source", metavar="SESSIONS", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--to",
    "to",
    type=_connect.Place(),
    metavar="DIR",
    required=True,
    help="A folder, or an fsspec URL such as s3://bucket/videos.",
)
@_connect.analysis_option
@click.option(
    "--concurrency", type=click.IntRange(min=1), metavar="N", default=16, help="Lookups at a time. Default: 16."
)
@click.option("--retry-failed", is_flag=True, help="Do only what failed in an earlier export.")
@_connect.wait_option()
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--dask", "dask", metavar="ADDRESS", help="Work on a Dask cluster, such as tcp://scheduler:8786.")
@_connect.quiet_option
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each session.")
@_connect.connection_options
def export(
    source: str,
    to: str,
    analysis: str | None,
    concurrency: int,
    retry_failed: bool,
    wait: float,
    dry_run: bool,
    dask: str | None,
    quiet: bool,
    as_json: bool,
    connection: _connect.Connection,
) -> None:
    """Save the videos of many sessions into a folder, and print where they are.

    SESSIONS is a file with a session id on each line (a line that begins with "# " is a comment), a CSV file with a
    column session_id (and perhaps analysis), JSON lines with the same fields, or - for stdin. The folder gets
    index.html to look at the videos, and manifest.jsonl, with a line each time a session ends; its last one counts. Run
    it again to do what is missing.

    The exit code is 0 only when every session's video is there; 6 when some are not ready yet, 1 when some failed.
    """
    with ExitStack() as stack:
        file, is_stream = stack.enter_context(_input(source))
        if not is_stream:
            _check(file, source)
        if dry_run:
            _plan(_sessions(file, source), to, retry_failed=retry_failed, as_json=as_json)
            return
        client = stack.enter_context(_connect.connect(connection))
        executor = stack.enter_context(_cluster(dask)) if dask else None
        board = stack.enter_context(_board(file, source, is_stream=is_stream, quiet=quiet))
        records = _records(
            client,
            _sessions(file, source),
            to,
            analysis=analysis,
            concurrency=concurrency,
            retry_failed=retry_failed,
            wait=wait,
            executor=executor,
            observer=None if board is None else board.observe,
        )
        tally = Tally()
        with closing(records):
            _show_all(records, tally, board, as_json=as_json)
    if not quiet:
        _show.note(f"{tally.summary()}{tally.advice(has_wait=bool(wait))} {_where(to)}")
    click.get_current_context().exit(tally.exit_code())


@contextmanager
def _input(source: str) -> Generator[tuple[BinaryIO, bool]]:
    """Open the list; the second value says whether it can be read once only."""
    if source == "-":
        if sys.stdin is None:
            raise click.UsageError("stdin is closed; name a file, or give the sessions on stdin.")
        yield sys.stdin.buffer, True
        return
    with Path(source).open("rb") as file:
        yield file, not file.seekable()


def _sessions(file: BinaryIO, source: str) -> Iterator[Item]:
    from .._export._input import BadInputError, sessions

    try:
        yield from sessions(file, source)
    except BadInputError as error:
        raise click.UsageError(f"{'stdin' if source == '-' else source}: {error}") from None
    except OSError as error:
        error.filename = source  # else it would be taken for one of stdout
        raise


def _check(file: BinaryIO, source: str) -> None:
    """Find what is wrong with a list before anything is done about it."""
    for _ in _sessions(file, source):
        pass
    file.seek(0)


def _count(file: BinaryIO, source: str) -> int:
    """Return how many different sessions the list has."""
    from .._export._ledger import Ledger

    with closing(Ledger()) as ledger:
        total = sum(ledger.meet(session_id) for session_id, _ in _sessions(file, source))
    file.seek(0)
    return total


def _plan(sessions: Iterator[Item], to: str, *, retry_failed: bool, as_json: bool) -> None:
    from .._export import plan

    counts: Counter[str] = Counter()
    for session_id, what in plan(sessions, to, retry_failed=retry_failed):
        counts[what] += 1
        if as_json:
            _show.result_json({"session_id": session_id, "action": what})
        else:
            _show.result(f"{what}\t{_plain(session_id)}")
    told = ", ".join(f"{count} {_ACTIONS[what]}" for what, count in sorted(counts.items()))
    _show.note(f"Nothing was done. Of {counts.total()} sessions: {told or 'nothing to do'}.")


@contextmanager
def _cluster(address: str) -> Generator[Executor]:
    """Connect to a Dask cluster for the time of a ``with`` block."""
    try:
        distributed: Any = import_module("distributed")  # Dask ships no types
    except ImportError:
        raise ImportError("--dask needs Dask: pip install 'aikynetix[dask]'") from None
    try:
        cluster = distributed.Client(address, timeout=_DASK_TIMEOUT, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise click.UsageError(f"--dask: no scheduler answers at {address} ({type(error).__name__})") from None
    with cluster:
        executor: Executor = cluster.get_executor()
        yield executor


@contextmanager
def _board(file: BinaryIO, source: str, *, is_stream: bool, quiet: bool) -> Generator[Board | None]:
    if not wants_board(quiet=quiet):
        yield None
        return
    from ._board import Board

    with Board(None if is_stream else _count(file, source)) as board:
        yield board


def _records(client: Aikynetix, sessions: Iterator[Item], to: str, **options: Any) -> Generator[ExportRecord]:
    from .. import _export

    return _export.export(client, sessions, to, **options)


def _show_all(records: Iterator[ExportRecord], tally: Tally, board: Board | None, *, as_json: bool) -> None:
    """Print the records as they come, and count them."""
    say = _show.result if board is None or not sys.stdout.isatty() else board.say
    complain = _show.note if board is None else board.say
    for record in records:
        tally.add(record)
        if board is not None:
            board.add(record)
        if as_json:
            say(json.dumps(record.to_dict()))
        elif record.path is not None:
            say(str(record.path))
        else:
            complain(_plain(f"{record.session_id}: {_SAID[record.status]}: {_message(record)} ({record.error})"))


def _message(record: ExportRecord) -> str:
    from ._exits import in_shell

    message = record.message or ""
    return in_shell(message, [repr(record.session_id)]) if record.status == "not_ready" else message


def _plain(text: str) -> str:
    """Return ``text`` without what a terminal would obey instead of show."""
    from .._export._plain import visible

    return visible(text)


def _where(to: str) -> str:
    from .._export import PAGE

    return f"To look at the videos: {to.rstrip('/')}/{PAGE}"
