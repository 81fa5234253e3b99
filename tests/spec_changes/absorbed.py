"""Changes that regenerating absorbs, and the whole of what the owner of a tree runs after each of them.

`python -m tests.spec_changes.absorbed [WORD...]` makes a copy of the tree for every change whose name has one of the
words (all without any), runs `make spec`, `make regen`, `make demo` and `make test` in it, and names what is not green.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.spec_changes._change import ROOT, Edit, Json, changed_document, move_path, published, recorded

_RECORDED = {one.name: one.edit for one in recorded()}


class Absorbed(NamedTuple):
    """A change that leaves nothing to do by hand.

    Attributes:
        name: What the vendor did.
        edit: Changes the vendor's first document.
        decided: Whether the owner has to accept where credentials go now.
    """

    name: str
    edit: Edit
    decided: bool = False


def _everything(spec: Json) -> Json:
    """Do what the moves do, and publish sixty operations more."""
    moves = ("flags camel-cased", "the address called url", "an error status added", "key header renamed")
    for name in (*moves, "server elsewhere"):
        _RECORDED[name](spec)
    move_path(spec, "/v3/sessions/{session_id}/analyzed-video")
    whole = published("service.json")
    others = {path: one for path, one in whole["paths"].items() if "analyzed" not in path}
    components = {**whole["components"], **spec["components"]}
    return {**spec, "paths": {**others, **spec["paths"]}, "components": components}


def _elsewhere(spec: Json) -> None:
    """Move the key, and take a form in the place of JSON."""
    for name in ("key in the query", "form in the place of JSON"):
        _RECORDED[name](spec)


_NAMES = (
    "nothing but words", "optional parameters with defaults", "OpenAPI 3.0.3", "an error status added",
    "one new endpoint", "fields of every kind", "the address called url", "flags camel-cased",
    "form in the place of JSON", "path under another prefix", "key header renamed", "key in the query",
    "server elsewhere", "JSON of a version", "multipart in the place of JSON", "a body for each analysis",
    "a required field that only answers say", "flags required", "flags of a GET in a body", "success as 201",
    "required fields in JSON of other kinds, and one error for all", "errors nested", "a condition without an end",
)  # fmt: skip
_DECIDED = ("key header renamed", "key in the query", "server elsewhere")
MOVES = (Absorbed("all of this at once", _everything, True), Absorbed("another key, and a form", _elsewhere, True))
ABSORBED = (
    *(Absorbed(name, _RECORDED[name], name in _DECIDED) for name in _NAMES),
    Absorbed("sixty operations", lambda spec: published("service.json")),
    *MOVES,
)


def run_all(words: list[str]) -> int:
    """Do what an owner does after each change, and print what is not green; return how many changes are not."""
    chosen = [one for one in ABSORBED if not words or any(word in one.name for word in words)]
    failed = 0
    for one in chosen:
        with tempfile.TemporaryDirectory(prefix="absorbed-") as folder:
            said = _run(one, Path(folder) / "tree")
        failed += bool(said)
        print(f"{one.name}: {'; '.join(said) or 'green'}", flush=True)
    return failed


def _run(change: Absorbed, tree: Path) -> list[str]:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, tracked.stdout.split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    page = tree.parent / "page.md"
    page.write_text(f"# The vendor's page\n\n```json\n{changed_document(change.edit)[1].decode()}\n```\n")
    steps = {
        "make spec": ["scripts.vendor_spec", str(page)],
        "make regen": ["scripts.regen", *(["--accept"] if change.decided else [])],
        "make demo": ["aikynetix", "demo"],
        "make test": ["pytest", "-n", "2", "--dist", "worksteal", "-q", "-p", "no:cacheprovider", "--no-header"],
    }
    environment = {**os.environ, "PYTHONPATH": f"{tree / 'generated'}{os.pathsep}{tree}"}
    for name, step in steps.items():
        command = [sys.executable, "-m", *step]
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            failures = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
            return [f"{name} exits {done.returncode}", *(failures or (done.stdout + done.stderr)[-500:].split("\n"))]
    return []


if __name__ == "__main__":
    sys.exit(run_all(sys.argv[1:]) and 1)
