"""Print the oldest versions that the project allows, as pins: ``python -m scripts.oldest [extra ...]``.

What is promised by a lower bound is tested by installing exactly that bound.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
_BOUND = re.compile(r"^([A-Za-z0-9._-]+(?:\[[^]]*\])?)(?:\s*>=\s*([0-9][0-9.]*))?$")


def pins(requirements: list[str]) -> list[str]:
    """Return ``name==bound`` for every ``name>=bound``, and ``name`` alone for what has no bound.

    Raises:
        ValueError: A requirement is bounded in a way that this does not understand.
    """
    found = [(_BOUND.match(requirement.split(";")[0].strip()), requirement) for requirement in requirements]
    unbounded = [requirement for match, requirement in found if match is None]
    if unbounded:
        raise ValueError(f"not a plain lower bound: {', '.join(unbounded)}")
    return [f"{match[1]}=={match[2]}" if match[2] else match[1] for match, _ in found if match is not None]


def main(extras: list[str]) -> int:
    """Print the pins of the required dependencies and of ``extras``; return the exit code."""
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    required = list(project["dependencies"])
    for extra in extras:
        required += project["optional-dependencies"][extra]
    print("\n".join(pins(required)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
