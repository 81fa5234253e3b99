"""The ``aikynetix`` command as a click group that imports a command when it is used."""

from __future__ import annotations

import contextlib
import signal
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, cast

import click

from .. import __version__
from . import _output
from ._exit_codes import as_json, explain

if TYPE_CHECKING:
    from collections.abc import Sequence

_PROGRAM = "aikynetix"
# A module each, in the order of the help.
COMMANDS = ("url", "generate", "download", "export", "open", "doctor", "sandbox", "demo", "completion")
# Commands that keep what they have when they are interrupted.
_RESUMED = ("download", "export", "open")
_EPILOG = """\b
Exit codes:
    0  done                          4  not allowed (403)
    1  failure                       5  not found (404)
    2  usage or configuration        6  try again later (429, 5xx, network,
    3  credential refused (401)         not ready)
  130  interrupted                   7  the download failed verification

New here? `aikynetix demo` needs no account.
"""


class _LazyGroup(click.Group):
    """Imports the module of a command when it is used or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            members = vars(import_module(f".{cmd_name}", __package__)).values()
            return next(member for member in members if isinstance(member, click.Command))
        if ctx.resilient_parsing or cmd_name.startswith("-"):  # a shell that completes, or an option
            return None
        near = " or ".join(f"'{name}'" for name in get_close_matches(cmd_name, COMMANDS))
        raise click.UsageError(f"No such command '{cmd_name}'.{near and f' Did you mean {near}?'}", ctx)


@click.group(
    cls=_LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)
@click.version_option(__version__, prog_name=_PROGRAM, message="%(prog)s %(version)s")
@click.pass_context
def app(ctx: click.Context) -> None:
    """Annotated videos of Aikynetix sessions, from the shell.

    Results go to stdout, everything else to stderr. The credential comes from AIKYNETIX_API_KEY or AIKYNETIX_TOKEN,
    else it is asked for; it is never an argument.
    """
    if ctx.invoked_subcommand is None:
        _output.note(ctx.get_help())
        ctx.exit(2)


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code; errors become one line on stderr, with ``--json`` one on stdout too."""
    for stream in (sys.stdout, sys.stderr):  # what an encoding cannot say is escaped; pytest's have no encoding
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # the line above
    _end_in_good_order()
    try:
        code = app.main(list(arguments), prog_name=_PROGRAM, standalone_mode=False)
    except SystemExit as end:
        return cast("int", end.code)
    except click.Abort:
        goes_on = "; run it again to go on from there" if arguments and arguments[0] in _RESUMED else ""
        _output.note(f"interrupted{goes_on}")
        return 130
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None:
            raise  # of stdout; sockets fail with errors of ours, files with their name
        message, code = explain(error)
        if "--json" in arguments:
            _output.result_json(as_json(error, message, code))
        _output.note(f"{_PROGRAM}: {message}")
        return code
    finally:
        if f"{__package__}._bars" in sys.modules:  # a signal that comes while a bar begins leaves the cursor hidden
            from rich.console import Console

            Console(stderr=True).show_cursor()
    return code if isinstance(code, int) else 0


def _end_in_good_order() -> None:
    """Have SIGTERM and SIGHUP end the command as Ctrl-C does: the cursor comes back, files are whole."""

    def end(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for number in signal.Signals:
        # What is ignored already, as by nohup, stays so.
        if number.name in ("SIGTERM", "SIGHUP") and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)
