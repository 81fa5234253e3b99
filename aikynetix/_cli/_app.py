"""The ``aikynetix`` command as a click group that imports a command when it is used."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os.path
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING, cast

import click
from click.shell_completion import CompletionItem

from .. import __version__
from ._commands import COMMANDS, top_help
from ._show import complain, note

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_PROGRAM = "aikynetix"
# What a write to stdout may fail with; sockets and files fail with errors of ours, or with a file's name.
_STDOUT_ERRORS = (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG)
# Commands that keep what they have when they are interrupted.
_RESUMED = ("download", "export", "open")
# Commands that only with --wait have a missing video made.
_WAITING = ("url", "download", "open")
_ESCAPED = "aikynetix-escaped"
_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120 -- pathlib is a slow import


class _LazyGroup(click.Group):
    """Finds commands, and their lines of help and completion, in the table instead of importing every one of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- as above
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        return cast("click.Command", getattr(import_module(f".{module}", __package__), attribute))

    def get_help(self, ctx: click.Context) -> str:  # noqa: ARG002 -- as above
        return top_help().rstrip("\n")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [CompletionItem(name, help=row[2]) for name, row in COMMANDS.items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=_PROGRAM, message="%(prog)s %(version)s")
def app() -> None:
    """Annotated videos of Aikynetix sessions, from the shell."""


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code; errors become one line on stderr.

    Args:
        arguments: Without the program's name.

    Raises:
        OSError: stdout cannot be written to.
    """
    _let_any_name_through()
    try:
        with _ended_in_good_order():
            code = app.main(list(arguments), prog_name=_PROGRAM, standalone_mode=False)
    except click.Abort:
        goes_on = "; run it again to go on from there" if arguments and arguments[0] in _RESUMED else ""
        note(f"interrupted{goes_on}")
        return 130
    except click.ClickException as error:
        complain(_usage(error))
        return error.exit_code if isinstance(error, click.UsageError) else 1
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None and error.errno in _STDOUT_ERRORS:
            raise
        has_wait = any(word.partition("=")[0] == "--wait" for word in arguments)
        return _failed(error, may_wait=not has_wait and bool(arguments) and arguments[0] in _WAITING)
    return code if isinstance(code, int) else 0


@contextlib.contextmanager
def _ended_in_good_order() -> Generator[None]:
    """Have SIGTERM and SIGHUP end the command as Ctrl-C does: the cursor comes back, files are whole."""

    def end(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _let_any_name_through() -> None:
    """Print what the terminal's encoding cannot say: a file name's odd bytes as they are, other characters escaped."""
    codecs.register_error(_ESCAPED, _escaped)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):  # it may be a stand-in without an encoding
            stream.reconfigure(errors=_ESCAPED)  # type: ignore[union-attr]  # the line above


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)


def _usage(error: click.ClickException) -> str:
    said = " ".join(error.format_message().split())
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx is not None else _PROGRAM
        return f"{said.rstrip('.')}. `{path} --help` shows how it is used."
    return said


def _failed(error: Exception, *, may_wait: bool = False) -> int:
    """Say what went wrong, and return the exit code that stands for it."""
    from .._errors import AikynetixError
    from ._exits import Exit, exit_code, explain

    if isinstance(error, AikynetixError):
        complain(explain(error, may_wait=may_wait))
        return exit_code(error)
    if isinstance(error, ImportError) and "pip install" in str(error):  # an extra is missing, and the text says which
        complain(str(error))
        return Exit.USAGE
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename is not None else ""
        complain(f"{error.strerror or type(error).__name__}{where}")
        return Exit.FAILURE
    # The text of a foreign exception may hold anything, a signed URL too: the place says enough for a report.
    complain(f"unexpected {type(error).__name__} at {_place(error)}; please report it.")
    return Exit.FAILURE


def _place(error: Exception) -> str:
    """Return the innermost line of this package that ``error`` came through."""
    place, trace = "an unknown place", error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(_PACKAGE):
            place = f"aikynetix/{file.removeprefix(_PACKAGE)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
