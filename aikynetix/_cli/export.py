"""``aikynetix export``."""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import closing
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from . import _options, _output

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor
    from typing import BinaryIO

    from .. import ExportRecord
    from ._bars import ExportBars

_STDIN = "<stdin>"
_STATUSES = ("done", "already_there", "not_ready", "failed")
_ACTIONS = {"fetch": "to fetch", "already_there": "already there", "skip": "to leave alone"}


@click.command(short_help="Save the videos of many sessions into a folder.")
@click.argument("source", metavar="SESSIONS", type=click.File("rb"))
@click.option("--to", type=click.Path(file_okay=False), metavar="DIR", required=True, help="Folder or fsspec URL.")
@_options.analysis_option
@click.option(
    "--concurrency", type=click.IntRange(min=1), metavar="N", default=16, help="Sessions at a time. Default: 16."
)
@click.option("--retry-failed", is_flag=True, help="Ask only for what failed in an earlier export.")
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
    index.html to look at the videos, and manifest.jsonl, a line for each end of a session. Run it again for the rest.

    Exit code 0: every video is there (--retry-failed: of those tried again). 6: some are not ready yet. 1: some failed.
    """
    from .._export import PAGE
    from .._redact import without_user_info

    context, count = click.get_current_context(), _counted(source)
    if dry_run:
        _options.show_log()
        _plan(_sessions(source), to, retry_failed=how["retry_failed"], as_json=as_json)
        return
    videos, executor, began = _options.connect().analyzed_videos, _executor(dask) if dask else None, monotonic()
    with _output.export_bars(count, quiet=quiet) as bars:
        observe = None if bars is None else bars.observe
        records = videos.export(_sessions(source), to, executor=executor, progress=observe, **how)
        with closing(records):
            counts = _show_all(records, bars, as_json=as_json)
    if not quiet:
        told = _summary(counts, monotonic() - began, has_wait=bool(how["wait"]))
        _output.note(f"{told} To look at the videos: {without_user_info(to)}{'' if to.endswith('/') else '/'}{PAGE}")
    context.exit(1 if counts["failed"] else 6 if counts["not_ready"] else 0)


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
    _output.note(f"Nothing was done. Sessions: {told or 'nothing to do'}.")


def _executor(address: str) -> Executor:
    """Connect to a Dask cluster until the command ends."""
    try:
        distributed: Any = import_module("distributed")  # Dask ships no types
    except ImportError:
        raise ImportError("--dask needs Dask: pip install 'aikynetix[dask]'") from None
    try:
        distributed.comm.get_address_host_port(
            address, strict=True
        )  # where this fails, Client hangs when it is dropped
        cluster = distributed.Client(address, timeout=15, set_as_default=False)
    except (OSError, ValueError, TypeError):
        raise click.UsageError(f"--dask: no scheduler responds at {address}; write tcp://HOST:PORT") from None
    executor: Executor = click.get_current_context().with_resource(cluster).get_executor()
    return executor


def _show_all(records: Iterator[ExportRecord], bars: ExportBars | None, *, as_json: bool) -> Counter[str]:
    """Print the records as they come; count their statuses, the ``bytes`` and the sessions with ``no video``."""
    counts: Counter[str] = Counter()
    say = _output.result if bars is None or not sys.stdout.isatty() else bars.say
    for record in records:
        counts[record.status] += 1
        counts["no video"] += record.error == "NotFoundError"
        counts["bytes"] += record.size or 0 if record.status == "done" else 0
        if bars is not None:
            bars.add(record)
        if as_json:
            say(json.dumps(record.to_dict()))
        elif record.path is not None:
            say(str(record.path))
        else:
            why = "ask again later, or with --wait" if record.status == "not_ready" else record.message
            _output.note(f"{record.session_id}: {record.status.replace('_', ' ')}: {why}")
    return counts


def _summary(counts: Counter[str], seconds: float, *, has_wait: bool) -> str:
    """Return how many sessions ended how, and what helps those without a video that ``--wait`` did not have made."""
    from rich.filesize import decimal

    told = ", ".join(f"{counts[one]} {one.replace('_', ' ')}" for one in _STATUSES if counts[one])
    number, size = sum(counts[one] for one in _STATUSES), decimal(counts["bytes"])
    line = f"{number} session{'' if number == 1 else 's'}: {told or 'nothing to do'}; {size} in {seconds:.1f} s."
    if counts["no video"] and not has_wait:
        return f"{line} To have missing videos made: --wait SECONDS; to do only what failed: --retry-failed."
    return f"{line} To try again what failed: --retry-failed." if counts["failed"] else line
