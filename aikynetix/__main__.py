"""The ``aikynetix`` command; ``python -m aikynetix`` is the same.

``--version`` is printed before anything is imported: shells and scripts ask for it often.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder

TYPE_CHECKING = False  # the typing module is a slow import
if TYPE_CHECKING:
    from typing import Any, TextIO


class _Lenient:
    """A stderr that may be closed or full: what cannot be said there ends no work and changes no exit code."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
        try:  # noqa: SIM105 -- contextlib is a slow import
            self._stream.flush()
        except (OSError, ValueError):
            pass


def main() -> None:
    """Run the command with the arguments of this process, and exit with its code."""
    if sys.stderr is None:  # closed by the caller; print() would then write messages to stdout
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 -- pathlib is slow; open to the end
    sys.stderr = _Lenient(sys.stderr)  # all that printing needs
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 -- the same
    if sys.stdout is None:
        print("aikynetix: cannot write the output: stdout is closed", file=sys.stderr)
        sys.exit(1)
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130  # as shells have it: 128 and the signal's number
    except OSError as error:
        code = _lost_output(error)
    if code >= 128:
        # A signal may strike between a lock that the standard library takes and the block that would release it; the
        # threads that wait for that lock never end, and an interpreter would wait for them. What they fetched is kept.
        os._exit(code)
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    if arguments == ["--version"]:
        from . import __version__

        print(f"aikynetix {__version__}")
        return 0
    missing = [name for name in ("click", "rich") if PathFinder.find_spec(name) is None]
    if missing:
        print(f"aikynetix: the command needs {' and '.join(missing)}: pip install 'aikynetix[cli]'", file=sys.stderr)
        return 2
    from ._cli._app import run

    return run(arguments)


def _lost_output(error: OSError) -> int:
    """Nobody reads the output any more, or it cannot be written: keep the interpreter from trying again at its exit."""
    if not isinstance(error, BrokenPipeError):
        print(f"aikynetix: cannot write the output: {error.strerror}", file=sys.stderr)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


if __name__ == "__main__":
    main()
