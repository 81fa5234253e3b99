"""Make a release, and publish nothing: ``python -m scripts.release ready|build VERSION``.

``ready`` says what is still missing. ``build`` leaves wheel, sdist and SHA256SUMS in ``dist/`` and an annotated tag in
this repository; the tests belong between the two (``make release``).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import aikynetix

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"


def git(*arguments: str) -> str:
    """Return what ``git`` prints."""
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def notes(version: str, changelog: str) -> str:
    """Return what the changelog has below the heading of ``version``, empty where it has no such heading."""
    found = re.search(rf"^## \[{re.escape(version)}\].*\n([\s\S]*?)(?=^## \[|\Z)", changelog, re.MULTILINE)
    return found[1].strip() if found else ""


def missing(version: str, changelog: str) -> list[str]:
    """Return what has to be done before ``version`` can be released."""
    problems: list[str] = []
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        problems.append(f"{version} is no version of the form 1.2.3")
    if aikynetix.__version__ != version:
        problems.append(f"set __version__ in aikynetix/_version.py, which is {aikynetix.__version__}, to {version}")
    if not notes(version, changelog):
        problems.append(f'turn "## [Unreleased]" in CHANGELOG.md into "## [{version}] - YYYY-MM-DD"')
    elif notes("Unreleased", changelog):
        problems.append(f'move the entries of "## [Unreleased]" in CHANGELOG.md to {version}')
    if git("status", "--porcelain"):
        problems.append("commit or remove what `git status` shows")
    if git("tag", "--list", f"v{version}"):
        problems.append(f"v{version} is tagged already; a release is never made twice")
    return problems


def build(version: str, changelog: str) -> None:
    """Build both distributions and their checksums, and tag the commit they were made of."""
    shutil.rmtree(DIST, ignore_errors=True)
    # The time of the commit in the archives: whoever builds the tag again gets the same bytes.
    environ = {**os.environ, "SOURCE_DATE_EPOCH": git("log", "-1", "--format=%ct")}
    command = [sys.executable, "-m", "build", "--outdir", str(DIST)]
    subprocess.run(command, cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)
    files = sorted(path for path in DIST.iterdir() if path.suffix in (".whl", ".gz"))
    sums = "".join(f"{sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    (DIST / "SHA256SUMS").write_text(sums, "utf-8")
    message = f"{version}\n\n{notes(version, changelog)}"
    git("tag", "--annotate", f"v{version}", "--cleanup=verbatim", "--message", message)
    print(sums, end="")
    print(f"dist/ is complete, and v{version} is tagged here. To publish: git push origin v{version}, upload dist/.")


def main(step: str, version: str) -> int:
    """Do one step; return the exit code."""
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    problems = missing(version, changelog)
    if problems:
        print("\n".join(["not ready to release:", *(f"- {problem}" for problem in problems)]), file=sys.stderr)
        return 1
    if step == "build":
        build(version, changelog)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
