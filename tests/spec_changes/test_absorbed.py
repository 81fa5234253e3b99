"""After a change that regenerating absorbs, the package is made without a word by hand, and the main job is done."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.spec_changes.absorbed import ABSORBED, ROOT, Absorbed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("change", [pytest.param(one, id=one.name.replace(" ", "-")) for one in ABSORBED])
def test_the_demo_works_after(change: Absorbed, tmp_path: Path) -> None:
    """`make regen` accepts the change, and `make demo` does its job with the package that it made."""
    spec = tmp_path / "openapi.json"
    spec.write_bytes(change.document())
    regen = ["-m", "scripts.regen", "--spec", str(spec), "--output", str(tmp_path)]
    demo = ["-m", "aikynetix", "demo", "--output", str(tmp_path / "demo")]
    for step in ([*regen, "--accept"] if change.decided else regen, demo):
        environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
        command = [sys.executable, *step]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
