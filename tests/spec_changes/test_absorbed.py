"""After a change that regenerating absorbs, the main job is done by the package that it made, with nothing by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import first
from tests.spec_changes._change import ROOT, changed_document
from tests.spec_changes.absorbed import MOVES, Absorbed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("change", [pytest.param(one, id=one.name.replace(" ", "-")) for one in MOVES])
def test_the_demo_works_after(change: Absorbed, tmp_path: Path) -> None:
    """`make regen` accepts the change, and `make demo` does its job with the package that it made."""
    spec = tmp_path / "openapi.json"
    spec.write_bytes(changed_document(change.edit)[1])
    regen = ["-m", "scripts.regen", "--spec", str(spec), "--output", str(tmp_path)]
    demo = ["-m", "aikynetix", "demo", "--output", str(tmp_path / "demo")]
    for step in ([*regen, "--accept"] if change.decided else regen, demo):
        environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
        command = [sys.executable, *step]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(first.is_committed(), reason="every test runs with the committed package")
@pytest.mark.timeout(600)
def test_what_follows_the_document_follows_the_committed_one() -> None:
    """The sandbox and the README's code do with the committed package what they did with the first."""
    rooms = [f"tests/{room}" for room in ("sandbox", "docs")]
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", *rooms]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {first.COMMITTED: "1", "PYTHONPATH": f"{ROOT / 'generated'}{os.pathsep}{ROOT}"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, done.stdout[-8000:]
