"""A sandbox for the command, and the command run in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import pytest

from aikynetix._cli._app import run

if TYPE_CHECKING:
    from aikynetix.sandbox import Sandbox


class Ran(NamedTuple):
    """What a run of the command left behind."""

    code: int
    out: str
    err: str


Command = Callable[..., Ran]


@pytest.fixture
def sandbox(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The same, and the environment points to it."""
    for name, value in sandbox.env.items():
        monkeypatch.setenv(name, value)
    return sandbox


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command in this process, where stdin is no terminal; keywords are the environment from then on."""

    def ran(*arguments: str, **environ: str) -> Ran:
        for name, value in environ.items():  # an empty variable counts as unset
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        code = run(arguments)
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return ran
