"""The ``aikynetix`` command as a click group that imports a command when it is used."""

from __future__ import annotations

import contextlib
import os.path
import signal
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, cast

import click

from .. import __version__
from . import _output

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_PROGRAM = "aikynetix"
# A module each, in the order of the help.
COMMANDS = ("url", "generate", "download", "export", "open", "doctor", "sandbox", "demo", "completion")
# Commands that keep what they have when they are interrupted.
_RESUMED = ("download", "export", "open")
_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120 -- pathlib is a slow import
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
    try:
        with _ended_in_good_order():
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
        return _failed(error, arguments)
    finally:
        if f"{__package__}._bars" in sys.modules:  # a signal that comes while a bar begins leaves the cursor hidden
            from rich.console import Console

            Console(stderr=True).show_cursor()
    return code if isinstance(code, int) else 0


@contextlib.contextmanager
def _ended_in_good_order() -> Generator[None]:
    """Have SIGTERM and SIGHUP end the command as Ctrl-C does: the cursor comes back, files are whole."""

    def end(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)

    known = [number for number in signal.Signals if number.name in ("SIGTERM", "SIGHUP")]
    numbers = [number for number in known if signal.getsignal(number) is signal.SIG_DFL]  # not what nohup ignores
    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _failed(error: Exception, arguments: Sequence[str]) -> int:
    """Say what went wrong, and return the exit code that stands for it."""
    from ._exit_codes import as_json

    message, code = _explained(error)
    if "--json" in arguments:
        _output.result_json(as_json(error, message, code))
    _output.note(f"{_PROGRAM}: {message}")
    return code


def _explained(error: Exception) -> tuple[str, int]:
    """Return one line about what went wrong, and its exit code."""
    from traceback import extract_tb

    from .._errors import AikynetixError
    from ._exit_codes import Exit, exit_code, explain

    if isinstance(error, AikynetixError):
        return explain(error), exit_code(error)
    frames = [frame for frame in extract_tb(error.__traceback__) if frame.filename.startswith(_PACKAGE)]
    places = [f"aikynetix/{frame.filename.removeprefix(_PACKAGE)}:{frame.lineno}" for frame in frames]
    code, place = Exit.FAILURE, places[-1] if places else "an unknown place"
    said = f"unexpected {type(error).__name__} at {place}; please report it."
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx is not None else _PROGRAM
        said, code = f"{error.format_message().strip()} `{path} --help` shows how it is used.", Exit.USAGE
    elif isinstance(error, click.ClickException):
        said = error.format_message()
    elif isinstance(error, OSError):
        said = f"{error.filename}: {error.strerror or type(error).__name__}"
    # The facade raises ValueError for bad arguments alone, and ImportError where an extra is missing. The text of any
    # other exception may hold anything, a signed URL too: the place says enough for a report.
    elif isinstance(error, ValueError) or (isinstance(error, ImportError) and "pip install" in str(error)):
        said, code = str(error), Exit.USAGE
    return " ".join(said.split()), code
