"""The Makefile: what a newcomer types first."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


@pytest.mark.skipif(find_spec("ensurepip") is None, reason="this Python makes no environments with pip")
def test_a_half_made_environment_is_made_again(tmp_path: Path) -> None:
    """One without pip is what an interrupt leaves; what is installed, how much and how long it takes is said first."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    assert not list(venv.glob("lib/python*/site-packages/pip"))
    # What it then installs would have to be fetched; without an index it ends there.
    ran = subprocess.run(
        ["make", f"PYTHON={sys.executable}", f"VENV={venv}", f"{venv}/.run"],
        cwd=ROOT,
        env={**os.environ, "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.match(r"Installing the package into .*: \d+ MB, ", ran.stdout)
    assert list(venv.glob("lib/python*/site-packages/pip"))


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
