"""What `make docs` builds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_guides_and_the_reference_are_built_without_a_warning(tmp_path: Path) -> None:
    """Every public name with its docstring, README and guides as pages, no link that leads nowhere."""
    command = [sys.executable, "-m", "scripts.docs", str(tmp_path / "docs")]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    reference = (tmp_path / "docs" / "aikynetix.html").read_text("utf-8")
    assert 'id="AnalyzedVideos.download"' in reference
    assert "Two commands" in (tmp_path / "docs" / "index.html").read_text("utf-8")
