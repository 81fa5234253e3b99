"""What ``pip`` and ``pipx`` are in the README's shell blocks: they hold an installation against pyproject.toml."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text("utf-8"))["project"]


def fits(arguments: list[str]) -> bool:
    """Return whether the arguments install this project with extras that exist."""
    found = re.fullmatch(r"install \.(?:\[([\w,]+)\])?", " ".join(arguments))
    return found is not None and set((found[1] or "cli").split(",")) <= set(PROJECT["optional-dependencies"])


if __name__ == "__main__":
    sys.exit(not fits(sys.argv[1:]))
