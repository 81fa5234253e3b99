"""What a newcomer reads, and what a shell waits for."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from aikynetix import Analysis
from aikynetix._cli import _options
from aikynetix._cli._app import COMMANDS, app

if TYPE_CHECKING:
    from .conftest import Command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(command: Command, name: str) -> None:
    """No option is listed with its name alone or takes a credential, and each screen fits one."""
    found = app.get_command(click.Context(app), name)
    assert found is not None
    assert found.name == name
    assert all(option.help for option in found.params if isinstance(option, click.Option))
    words = {word for option in found.params for word in option.opts}
    assert not words & {"--api-key", "--key", "--token", "--password", "--secret", "--auth"}
    ran = command(name, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("\n") <= 45


def test_the_overview_names_every_command_and_exit_code(command: Command) -> None:
    """It fits a terminal, and stands on stderr with exit code 2 where no command is given."""
    ran, none = command("--help"), command()
    assert (none.code, none.out, none.err) == (2, "", ran.out)
    lines = ran.out.splitlines()
    assert {line.split()[0] for line in lines if line.startswith("  ")} >= {*COMMANDS, *"0123", "130"}
    assert "..." not in ran.out.partition("Commands:")[2]
    assert max(map(len, lines)) < 80
    assert len(lines) < 40


def test_the_analyses_are_those_of_the_facade() -> None:
    """They are written twice, so that help needs no facade."""
    assert list(_options.ANALYSES) == [analysis.value for analysis in Analysis]


@pytest.mark.parametrize(
    ("arguments", "left_out"),
    [
        (["--version"], {"click", "typing"}),
        *(([*name, "--help"], {"aikynetix._client", "asyncio"}) for name in ([], ["url"], ["export"], ["doctor"])),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_version_and_help_import_nothing_that_is_for_work(arguments: list[str], left_out: set[str]) -> None:
    """Shells and scripts ask for them often."""
    code = (
        f"import sys; sys.argv = ['aikynetix', *{arguments!r}]\nfrom aikynetix.__main__ import main\n"
        "try:\n main()\nfinally:\n print(*sys.modules, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    imported = set(ran.stderr.split())
    assert "aikynetix.__main__" in imported
    assert not imported & {"httpx", "httpcore", "rich", "attr", "starlette", "uvicorn", *left_out}
