"""`client.api` on a whole service: uploads, filters, exports, deletions, keys, each normalized, in both clients."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import jedi  # type: ignore[import-untyped]  # it ships no types
import pytest

from scripts.regen._pipeline import build
from tests.spec_changes._change import ROOT, planned_of, published
from tests.spec_changes._server import BROKEN, MISSING, TABLE, VIDEO
from tests.spec_changes._use import digest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.spec_changes.conftest import User

_EXPECTED = {
    "sessions.list": {"type": "ListSessionsResponse200", "text": None},
    "athletes.get": {"type": "Athlete", "text": None},
    "keys.create": {"type": "Key", "text": None},
    "keys.rotate": {"type": "Key", "text": None},
    "videos.create": {"type": "Session", "text": None},
    "videos.replace": {"type": "NoneType", "text": None},
    "users.delete": {"type": "NoneType", "text": None},
    "videos.get": {"bytes": digest(VIDEO)},
    "videos.get_thumbnail": {"bytes": digest(VIDEO)},
    "exports.get_data": {"type": "str", "text": TABLE},
    "users.get_me": {"type": "User", "text": None},
    "lookups.import_": {"type": "list", "text": None},
}
_FAILURES = {
    MISSING: {"error": "NotFoundError", "status": 404},
    BROKEN: {"error": "InternalServerError", "status": 520},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("service")
    planned = planned_of(published("service.json"))
    assert planned.findings == []
    assert len(planned.operations) > 60
    build(planned, folder)
    return folder


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_every_operation_is_a_method(folder: Path, user: User, kind: str) -> None:
    """Each operation gives its success model, text or bytes; each failure is one of our errors."""
    used = user.use(folder, published("service.json"), kind=kind)
    called = {name: told for name, told in used["results"].items() if "analyzed_video" not in name}
    assert _EXPECTED.keys() <= {name.split()[0] for name in called}
    assert used["unfit"] == []
    for name, told in called.items():
        operation, value = name.split()
        if value == "x":
            assert not told.keys() & {"error", "untyped"}, (name, told)
            assert told == _EXPECTED.get(operation, told), (name, told)
        else:
            assert told == _FAILURES[value], (name, told)
    assert len(called) > 130
    uploaded = [one["said"] for one in used["seen"] if digest(VIDEO) in one["said"].values() and one["path"] == ["x"]]
    assert [list(said) for said in uploaded] == [["file"], ["body"]]


_HEAD = [
    "from aikynetix import Aikynetix, AsyncAikynetix",
    "from aikynetix_api import models",
    "from aikynetix_api.api.keys import rotate_key",
]


def _program(folder: Path, kind: str, lines: list[str]) -> Path:
    """Write a program that uses one of the clients in a function, each line of it after the head's."""
    program = folder / f"{kind}_program.py"
    start = "def use(client: Aikynetix)" if kind == "sync" else "async def use(client: AsyncAikynetix)"
    program.write_text("\n".join([*_HEAD, f"{start} -> None:", *(f"    {line}" for line in lines), ""]))
    return program


def _checked(checker: str, folder: Path, program: Path) -> str:
    """Return what a type checker says of a program, with the package in `folder` in the place of the committed one."""
    paths = f"{folder}{os.pathsep}{ROOT}"
    (folder / "pyrightconfig.json").write_text(json.dumps({"extraPaths": [str(folder), str(ROOT)]}))
    commands = {
        "mypy": [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(folder / ".mypy")],
        "pyright": [sys.executable, "-m", "pyright", "--project", str(folder), "--pythonpath", sys.executable],
    }
    environment = {**os.environ, "MYPYPATH": paths, "PYTHONPATH": paths}
    command = [*commands[checker], str(program)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment, timeout=110, check=False
    )
    return done.stdout + done.stderr


def _methods(folder: Path) -> list[str]:
    """List the methods of the generated package as a program writes them."""
    modules = [path for path in (folder / "aikynetix_api" / "operations").glob("*.py") if path.stem != "__init__"]
    names = {path.stem: re.findall(r"^    def ([a-z]\w*)\(", path.read_text(), re.MULTILINE) for path in modules}
    return [f"client.api.{group}.{name}" for group in sorted(names) for name in names[group]]


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_every_method_has_its_model_for_type_checkers(folder: Path, checker: str, kind: str) -> None:
    """No method returns Any, whichever type checker is asked, and what is called wrongly is found."""
    wait = "" if kind == "sync" else "await "
    methods = _methods(folder)
    lines = [f"reveal_type({one})" for one in methods]
    right = [f"key: models.Key = {wait}client.api.keys.rotate('k', x_reason='lost')"]
    right += [f"same: models.Key = {wait}client.call(rotate_key, 'k', x_reason='lost')", "print(key, same)"]
    wrong = ["client.api.keys.rotate()", "client.api.keys.rotate('k', x_reson='x')", "client.api.keys.rotate(1)"]
    wrong += ["client.call(rotate_key)", "client.call(rotate_key, 'k', x_reson='x')", "client.call(rotate_key, 1)"]
    said = _checked(checker, folder, _program(folder, kind, [*lines, *right, *(f"{wait}{one}" for one in wrong)]))
    revealed = re.findall(r"(?:Revealed type is|Type of \".*\" is) \"(.*)\"", said)
    assert len(revealed) == len(methods) > 60, said
    assert [one for one in revealed if re.search(r"-> (def|Coroutine\[Any, Any, )?Any\b", one)] == []
    first = len(_HEAD) + 2 + len(lines) + len(right)
    errors = {int(line) for line in re.findall(r":(\d+):(?:\d+)? -? ?error", said)}
    assert errors == set(range(first, first + len(wrong))), said


def test_editors_that_read_source_complete_every_method(folder: Path) -> None:
    """Jedi, which asks no type checker, finds groups, methods, docstrings and the fields of what is returned."""
    project = jedi.Project(folder, added_sys_path=[str(folder), str(ROOT)])
    source = "from aikynetix import Aikynetix\nclient = Aikynetix()\n"

    def completed(line: str) -> set[str]:
        return {one.name for one in jedi.Script(source + line, project=project).complete()}

    assert {"keys", "sessions", "videos", "lookups"} <= completed("client.api.")
    assert {"list", "create", "get", "update", "delete", "rotate"} <= completed("client.api.keys.")
    assert {"label", "scopes", "expires_at"} <= completed("client.api.keys.get('k').")
    (found,) = jedi.Script(f"{source}client.api.lookups.import_", project=project).help(3, 24)
    assert "Import what is called oddly" in found.docstring()


_LOADED = """
import sys, aikynetix
client = aikynetix.Aikynetix(api_key="k")
parts = ("aikynetix_api.operations", "aikynetix_api.api")
def loaded(): return {name for name in sys.modules if name.startswith(parts)}
assert loaded() == set(), loaded()
import inspect
assert "keys" in dir(client.api) and "rotate" in dir(client.api.keys)
assert str(inspect.signature(client.api.keys.rotate)).startswith("(key_id: 'str', *, x_reason: 'str | Unset' =")
told = inspect.getdoc(client.api.lookups.import_)
assert "Deprecated by the vendor" in told and "self_: The self." in told and "class_: The class." in told, told
assert loaded() == {"aikynetix_api.operations" + name for name in ("", ".keys", ".lookups")}, loaded()
"""


def test_methods_cost_nothing_until_they_are_used(folder: Path) -> None:
    """A client imports no operation; `dir()`, signatures and docstrings import their group and no generated module."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    program = [sys.executable, "-W", "error", "-c", _LOADED]
    done = subprocess.run(program, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
