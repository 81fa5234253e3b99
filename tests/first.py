"""The package that tests of hand-written code are written against: the one of the vendor's first document.

While `openapi.json` is that document, it is the committed package. After the vendor's next change it is made anew from
the copy in `tests/data`, once, so that a change that regenerating absorbs breaks no test; what follows the document by
nature (the sandbox, the README) is then tested on the committed package too, by `tests/spec_changes/test_absorbed.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import filelock

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = Path(__file__).with_name("data") / "openapi.json"
COMMITTED = "AIKYNETIX_TESTS_COMMITTED"
"""Environment variable: set to test the committed package whatever it was made of."""


def is_committed() -> bool:
    """Return whether the committed document is the first one."""
    return bool(json.loads((ROOT / "openapi.json").read_bytes()) == json.loads(DOCUMENT.read_bytes()))


def use() -> None:
    """Put the first package before the committed one, for this process and those that it starts."""
    if not os.environ.get(COMMITTED) and not is_committed():
        folder = str(_made())
        sys.path.insert(0, folder)
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))


def _made() -> Path:
    pipeline = sorted((ROOT / "scripts" / "regen").rglob("*.*"))
    sources = b"".join(path.read_bytes() for path in (*pipeline, DOCUMENT) if path.suffix in (".py", ".jinja", ".json"))
    folder = ROOT / ".cache" / "first" / hashlib.sha256(sources).hexdigest()[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder.with_suffix(".lock")):  # each worker of a run asks for it
        if not folder.is_dir():
            from scripts.regen._pipeline import build, plan

            making = folder.with_suffix(".new")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            build(plan(DOCUMENT.read_bytes(), DOCUMENT.name), making)
            making.rename(folder)
    return folder
