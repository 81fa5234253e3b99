"""``aikynetix export``."""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import ExitStack, closing, contextmanager
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from . import _options, _output
from ._progress import export_bars

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from concurrent.futures import Executor
    from typing import BinaryIO

    from .. import ExportRecord
    from ._bars import ExportBars

_DASK_TIMEOUT = 15.0
_STDIN = "<stdin>"
_STATUSES = ("done", "already_there", "not_ready", "failed")
_ACTIONS = {"fetch": "to fetch", "already_there": "already there", "skip": "to leave alone"}


class Summary:
    """How many sessions of an export ended how."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.missing = self.fetched = 0
        self.began = monotonic()

    def add(self, record: ExportRecord) -> None:
        """Count a record in."""
        self.counts[record.status] += 1
        self.missing += record.error == "NotFoundError"
        self.fetched += record.size or 0 if record.status == "done" else 0

    def sentence(self, *, has_wait: bool) -> str:
        """Return the counts, and what helps the sessions without a video; with ``--wait`` they were to be made."""
        told = ", ".join(f"{self.counts[one]} {one.replace('_', ' ')}" for one in _STATUSES if self.counts[one])
        number, size = self.counts.total(), _output.human_size(self.fetched)
        sessions = f"{number} session{'' if number == 1 else 's'}"
        line = f"{sessions}: {told or 'nothing to do'}; {size} in {monotonic() - self.began:.1f} s."
        if self.missing and not has_wait:
            return f"{line} To have missing videos made: --wait SECONDS; what failed alone: --retry-failed."
        return f"{line} To try again what failed: --retry-failed." if self.counts["failed"] else line

    def exit_code(self) -> int:
        """Return 0 when every video is there, 6 when the others are only not ready yet, and else 1."""
        from ._exit_codes import Exit

        if self.counts["failed"]:
            return Exit.FAILURE
        return Exit.LATER if self.counts["not_ready"] else Exit.DONE


@click.command(short_help="Save the videos of many sessions into a folder.")
@click.argument("source", metavar="SESSIONS", type=click.File("rb"))
@click.option("--to", type=click.Path(file_okay=False), metavar="DIR", required=True, help="Folder or fsspec URL.")
@_options.analysis_option
@click.option(
    "--concurrency", type=click.IntRange(min=1), metavar="N", default=16, help="Sessions at a time. Default: 16."
)
@click.option("--retry-failed", is_flag=True, help="Do only what failed in an earlier export.")
@_options.wait_option
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--dask", metavar="ADDRESS", help="Work on a Dask cluster, such as tcp://scheduler:8786.")
@_options.quiet_option
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each session.")
@_options.connection_options
def export(source: BinaryIO, to: str, dry_run: bool, dask: str | None, quiet: bool, as_json: bool, **how: Any) -> None:
    """Save the videos of many sessions into a folder, and print where they are.

    SESSIONS is a file with a session id on each line (a line that begins with "# " is a comment), a CSV file with a
    column session_id (and perhaps analysis), JSON lines with the same fields, or - for stdin. The folder gets
    index.html to look at the videos, and manifest.jsonl, with a line each time a session ends; its last one counts. Run
    it again to do what is missing.

    The exit code is 0 only when every session's video is there; 6 when some are not ready yet, 1 when some failed.
    """
    from .._export import PAGE

    with ExitStack() as stack:
        count = _counted(source)
        if dry_run:
            _plan(_sessions(source), to, retry_failed=how["retry_failed"], as_json=as_json)
            return
        client = stack.enter_context(_options.connect())
        executor = stack.enter_context(_cluster(dask)) if dask else None
        bars = stack.enter_context(export_bars(count, quiet=quiet))
        observer = None if bars is None else bars.observe
        records = client.analyzed_videos.export(_sessions(source), to, executor=executor, progress=observer, **how)
        summary = Summary()
        with closing(records):
            _show_all(records, summary, bars, as_json=as_json)
    if not quiet:
        page = f"{to.rstrip('/')}/{PAGE}"
        _output.note(f"{summary.sentence(has_wait=bool(how['wait']))} To look at the videos: {page}")
    click.get_current_context().exit(summary.exit_code())


def _sessions(file: BinaryIO) -> Iterator[Any]:
    from .._export._input import BadInputError, sessions

    try:
        yield from sessions(file, file.name)
    except BadInputError as error:
        raise click.UsageError(f"{file.name.strip('<>')}: {error}") from None
    except OSError as error:
        error.filename = file.name  # else it would be taken for one of stdout
        raise


def _counted(file: BinaryIO) -> int | None:
    """Find what is wrong with a list before anything is done; return how many sessions it has, None for a stream."""
    if file.name == _STDIN or not file.seekable():
        return None
    count = len({session_id for session_id, _ in _sessions(file)})
    file.seek(0)
    return count


def _plan(sessions: Iterator[Any], to: str, *, retry_failed: bool, as_json: bool) -> None:
    from .._export import plan

    counts: Counter[str] = Counter()
    for session_id, what in plan(sessions, to, retry_failed=retry_failed):
        counts[what] += 1
        if as_json:
            _output.result_json({"session_id": session_id, "action": what})
        else:
            _output.result(f"{what}\t{_output.plain(session_id)}")
    told = ", ".join(f"{count} {_ACTIONS[what]}" for what, count in sorted(counts.items()))
    _output.note(f"Nothing was done. Of {counts.total()} sessions: {told or 'nothing to do'}.")


@contextmanager
def _cluster(address: str) -> Generator[Executor]:
    """Connect to a Dask cluster for the time of a ``with`` block."""
    try:
        distributed: Any = import_module("distributed")  # Dask ships no types
    except ImportError:
        raise ImportError("--dask needs Dask: pip install 'aikynetix[dask]'") from None
    try:
        cluster = distributed.Client(address, timeout=_DASK_TIMEOUT, set_as_default=False)
    except (OSError, ValueError, TypeError):
        raise click.UsageError(f"--dask: no scheduler answers at {address}") from None
    with cluster:
        executor: Executor = cluster.get_executor()
        yield executor


def _show_all(records: Iterator[ExportRecord], summary: Summary, bars: ExportBars | None, *, as_json: bool) -> None:
    """Print the records as they come, and count them."""
    say = _output.result if bars is None or not sys.stdout.isatty() else bars.say
    complain = _output.note if bars is None else bars.say
    for record in records:
        summary.add(record)
        if bars is not None:
            bars.add(record)
        if as_json:
            say(json.dumps(record.to_dict()))
        elif record.path is not None:
            say(str(record.path))
        else:
            why = "ask again later, or with --wait" if record.status == "not_ready" else record.message
            complain(_output.plain(f"{record.session_id}: {record.status.replace('_', ' ')}: {why}"))
