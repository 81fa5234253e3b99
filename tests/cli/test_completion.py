"""Completion, as the shells ask for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Command

BIN = Path(sys.executable).parent


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("aikynetix do", ["doctor", "download"]),
        ("aikynetix download --ov", ["--overwrite"]),
        ("aikynetix url s --analysis w", ["weightlifting"]),
        ("aikynetix completion z", ["zsh"]),
    ],
)
def test_bash_completes_commands_options_and_values(line: str, completed: list[str]) -> None:
    """The script that the command prints does it, in a real bash."""
    script = (
        f'eval "$(aikynetix completion bash)"; COMP_WORDS=({line}); COMP_CWORD={len(line.split()) - 1}; '
        '_aikynetix_completion aikynetix; echo "${COMPREPLY[@]}"'
    )
    environ = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "--norc", "-c", script], env=environ, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == completed


@pytest.mark.parametrize(
    ("line", "told"),
    [("aikynetix download --output v", "file,v"), ("aikynetix export list.txt --to v", "dir,v")],
)
def test_destinations_are_left_to_the_shell(command: Command, line: str, told: str) -> None:
    """It knows the files, and the folders where only a folder will do."""
    environ = {"_AIKYNETIX_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    assert command(**environ).out.split() == [told]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(command: Command, shell: str) -> None:
    """It calls the command back through the variable that click listens to."""
    ran = command("completion", shell)
    assert (ran.code, ran.err) == (0, "")
    assert f"_AIKYNETIX_COMPLETE={shell}_complete" in ran.out
    assert shell != "fish" or 'string split -m1 ","' in ran.out  # descriptions have commas of their own
