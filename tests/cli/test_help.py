"""What a newcomer reads."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click
import pytest

import aikynetix
from aikynetix import Analysis
from aikynetix._cli import _commands, _options
from aikynetix._cli._app import app

if TYPE_CHECKING:
    from .conftest import Command


@pytest.mark.parametrize("name", _commands.COMMANDS)
def test_the_table_tells_what_the_command_tells_of_itself(name: str) -> None:
    """The overview is plain data, and stays true."""
    module, attribute, summary = _commands.COMMANDS[name]
    command = getattr(import_module(f"aikynetix._cli.{module}"), attribute)
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.get_short_help_str(limit=200).startswith(summary.rstrip("."))


@pytest.mark.parametrize("name", _commands.COMMANDS)
def test_every_option_says_what_it_does(command: Command, name: str) -> None:
    """No option is listed with its name alone, and each screen fits one."""
    found = app.get_command(click.Context(app), name)
    assert found is not None
    assert all(option.help for option in found.params if isinstance(option, click.Option))
    ran = command(name, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("\n") <= 45


def test_both_doors_to_the_help_show_the_same(command: Command) -> None:
    """``--help`` alone is answered without click, and reads as with it."""
    assert command("--help").out == _commands.top_help() == command("-h").out


def test_the_overview_fits_a_terminal() -> None:
    """80 columns, less than 40 lines."""
    lines = _commands.top_help().splitlines()
    assert max(map(len, lines)) < 80
    assert len(lines) < 40


def test_both_doors_to_the_version_show_the_same(command: Command) -> None:
    """Click's own option is reached where something stands before it."""
    assert command("--version").out == f"aikynetix {aikynetix.__version__}\n"


def test_the_analyses_are_those_of_the_facade() -> None:
    """They are written twice, so that help needs no facade."""
    assert list(_options.ANALYSES) == [analysis.value for analysis in Analysis]


def test_no_option_takes_a_credential() -> None:
    """Arguments are seen by everybody on the machine."""
    commands = [app.get_command(click.Context(app), name) for name in _commands.COMMANDS]
    options = {word for command in commands if command for option in command.params for word in option.opts}
    assert not [
        word for word in options if word in ("--api-key", "--key", "--token", "--password", "--secret", "--auth")
    ]
