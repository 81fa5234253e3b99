"""The house rules that a linter does not know."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
# A path of somebody's machine, or the host of a package registry, would tie the project to one place.
PLACES = re.compile(r"/(?:home|Users)/\w+/|pypi\.org|files\.pythonhosted|registry\.npmjs|deb\.debian")
LONGEST_FILE, LONGEST_FUNCTION = 400, 40


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not in a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    doc = ast.get_docstring(node, clean=False) or ""
    return (node.end_lineno or node.lineno) - node.lineno + 1 - doc.count("\n")


def test_every_test_says_in_a_sentence_what_it_shows() -> None:
    """A failing test's docstring is the first thing its reader gets."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in tracked("tests/*.py")
        for node in functions(path)
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert not silent


def test_no_file_names_a_machine_or_a_registry() -> None:
    """The project is the same wherever it is checked out, and whatever mirror its packages come from."""
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked()
        if path != Path(__file__) and path.suffix not in (".mp4", ".png")
        for match in PLACES.finditer(path.read_text("utf-8", "replace"))
    ]
    assert not found


def test_the_top_level_is_the_layout_that_was_agreed() -> None:
    """A newcomer sees what there is at one glance."""
    agreed = {
        *("openapi.json", "generated", "aikynetix", "scripts", "tests", "pyproject.toml", "Makefile"),
        *("README.md", "CHANGELOG.md", "LICENSE", ".gitignore", ".ci"),
    }
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} <= agreed


def test_files_and_functions_have_one_subject_each() -> None:
    """A long file is two rooms, a long function two ideas."""
    long = [
        f"{path.relative_to(ROOT)}: {lines} lines"
        for path in tracked("aikynetix/*.py", "scripts/*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > LONGEST_FILE
    ]
    long += [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {code_lines(node)} lines"
        for path in tracked("aikynetix/*.py", "scripts/*.py")
        for node in functions(path)
        if code_lines(node) > LONGEST_FUNCTION
    ]
    assert not long
