"""A sandbox for the command, and the command run in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from aikynetix._cli._app import run
from aikynetix.sandbox import Sandbox


class Ran(NamedTuple):
    """What a run of the command left behind."""

    code: int
    out: str
    err: str


Command = Callable[..., Ran]


@pytest.fixture(scope="module")
def module_sandbox() -> Iterator[Sandbox]:
    with Sandbox(polls=1) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(module_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox with fresh state, which the environment points to."""
    module_sandbox.reset()
    for name, value in module_sandbox.env.items():
        monkeypatch.setenv(name, value)
    return module_sandbox


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
