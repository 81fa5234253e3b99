"""What ``pip`` is in the README's shell blocks: it holds an installation of this project against pyproject.toml."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Return 0 if the arguments install this project with extras that exist."""
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    if arguments[:1] != ["install"] or len(arguments) != 2:
        return 1
    found = re.fullmatch(r"(?:\.|aikynetix)(?:\[([\w,]+)\])?", arguments[1])
    if found is None:
        return 1
    extras = set((found[1] or "").split(",")) - {""}
    return 0 if extras <= set(project["optional-dependencies"]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
