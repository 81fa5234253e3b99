"""The Makefile: what a newcomer types first."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


@pytest.mark.parametrize("pip", ["true", "false"], ids=["whole", "half made"])
def test_a_half_made_environment_is_made_again(tmp_path: Path, pip: str) -> None:
    """One without pip is what an interrupt leaves; what is installed, how much and how long it takes is said first."""
    python, inner, log = tmp_path / "python", tmp_path / "venv" / "bin" / "python", tmp_path / "log"
    inner.parent.mkdir(parents=True)
    for program, does in {python: f'echo "$@" >> {log}', inner: pip}.items():
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
    venv = inner.parents[1]
    command = ["make", f"PYTHON={python}", f"VENV={venv}", f"{venv}/.run"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert re.match(r"Installing the package into .*: \d+ MB, ", ran.stdout)
    assert (f"-m venv --clear {venv}" in log.read_text(), (venv / ".run").exists()) == (pip == "false", pip == "true")


def test_every_target_is_phony_and_has_a_line_of_help() -> None:
    """A file of a target's name stops nothing, and `make help` leaves none out."""
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == targets
    helped = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[0] for line in helped.splitlines()} == targets - {"help"}
