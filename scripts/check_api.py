"""Compare the public API of the facade with the last release: ``python -m scripts.check_api``.

Exits 1 on a breaking change, unless the version's leading number (or, before 1.0, its second) was raised for it.
"""

from __future__ import annotations

import subprocess
import sys

import griffe


def last_release() -> str | None:
    """Return the newest tag of the form ``v1.2.3``, or None when nothing has been released."""
    command = ["git", "tag", "--list", "v[0-9]*", "--sort=-v:refname"]
    tags = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    return tags[0] if tags else None


def breaking_series(version: str) -> tuple[str, ...]:
    """Return the part of ``version`` that has to change for a breaking change (semantic versioning, items 4 and 8)."""
    major, minor, *_ = version.lstrip("v").split(".")
    return (major, minor) if major == "0" else (major,)


def main() -> int:
    """Print the breaking changes since the last release; return the exit code."""
    tag = last_release()
    if tag is None:
        print("public API: nothing released yet, so there is nothing to compare with")
        return 0
    current = griffe.load("aikynetix")
    if breaking_series(str(current["__version__"].value).strip("'\"")) != breaking_series(tag):
        print(f"public API: a new series since {tag}; breaking changes are allowed")
        return 0
    breakages = list(griffe.find_breaking_changes(griffe.load_git("aikynetix", ref=tag), current))
    for breakage in breakages:
        print(breakage.explain())
    print(f"public API: {len(breakages)} breaking change(s) since {tag}")
    return 1 if breakages else 0


if __name__ == "__main__":
    sys.exit(main())
