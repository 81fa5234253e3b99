"""`make regen` as its user sees it: exit codes, the report, and a folder that is never half changed."""

from __future__ import annotations

import copy
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scripts.regen._pipeline import build, changes_between, main, tree_files
from scripts.regen._rules import FACADE_SOURCE
from tests.first import DOCUMENT
from tests.spec_changes._change import BASE, ROOT, get, planned_of, success

if TYPE_CHECKING:
    from scripts.regen._facade import Plan

Json = dict[str, Any]


class Regen:
    """A folder in which the vendor's first document, whatever is committed now, was generated once."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.folder = folder
        self.spec = copy.deepcopy(BASE)
        self.before = self.tree()

    def run(self, *options: str, text: str = "") -> tuple[int, str, str]:
        """Generate what the document is now, or a text; return the exit code and what is said and complained of."""
        source = self.folder / "openapi.json"
        source.write_text(text or json.dumps(self.spec), encoding="utf-8")
        self._capsys.readouterr()
        code = main(["--spec", str(source), "--output", str(self.folder / "generated"), *options])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def tree(self) -> dict[str, bytes]:
        """Return the folder's files."""
        assert [path.name for path in (self.folder / "generated").iterdir()] == ["aikynetix_api"]
        return tree_files(self.folder / "generated" / "aikynetix_api")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first")
    assert main(["--spec", str(DOCUMENT), "--output", str(folder)]) == 0
    return folder


@pytest.fixture
def regen(first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Regen:
    shutil.copytree(first, tmp_path / "generated")
    return Regen(tmp_path, capsys)


def test_the_committed_package_is_what_regeneration_makes(regen: Regen) -> None:
    """Anywhere, below any pyproject and from run to run, the same document gives the committed bytes."""
    pyproject = '[tool.ruff]\nline-length = 60\n[tool.ruff.format]\nquote-style = "single"\n'
    (regen.folder / "pyproject.toml").write_text(pyproject)
    regen.run("--accept", text=(ROOT / "openapi.json").read_text("utf-8"))
    assert regen.tree() == tree_files(ROOT / "generated" / "aikynetix_api")
    assert main(["--spec", str(ROOT / "openapi.json"), "--output", str(ROOT / "generated"), "--check"]) == 0


def test_values_that_differ_in_case_alone_have_one_order(regen: Regen) -> None:
    """The generator keeps the values as a set, whose order changes from process to process; the bytes do not."""
    values = ["low", "Low", "lOw", "loW", "LOw", "LoW", "lOW", "LOW"]
    level = {"name": "level", "in": "query", "schema": {"type": "string", "enum": values}}
    levels = {"operationId": "levels", "parameters": [level], "responses": {"204": {"description": "done"}}}
    regen.spec["paths"]["/levels/"] = {"get": levels}
    assert regen.run()[0] == 0
    source = regen.tree()["models/levels_level.py"].decode()
    assert f"Literal[{', '.join(json.dumps(value) for value in sorted(values))}]" in source


def test_a_loud_change_leaves_the_package_until_it_is_accepted(regen: Regen) -> None:
    """What the facade loses is named with its line, the exit code is 1, and only `--accept` updates the package."""
    get(regen.spec)["parameters"].append({"name": "team", "in": "query", "required": True, "schema": {}})
    code, said, _ = regen.run("--report", str(regen.folder / "report.md"))
    assert code == 1
    before = (ROOT / FACADE_SOURCE).read_text("utf-8").partition("def get_analyzed_video(")[0]
    place = f"**get_analyzed_video** (`{FACADE_SOURCE}:{before.count(chr(10)) + 1}`)"
    assert all(words in said for words in (place, "`team`", "What to do:"))
    assert (regen.folder / "report.md").read_text("utf-8").strip() == said.strip()
    assert regen.tree() == regen.before
    by_hand = said.partition("By hand:\n")[2].strip()
    assert by_hand.startswith(f"- {place}: decide what")
    assert "\n" not in by_hand
    assert regen.run("--accept")[0] == 0
    assert b"team" in regen.tree()["api/analyzed_videos/get_analyzed_video.py"]


def test_the_report_tells_additive_from_breaking(regen: Regen) -> None:
    """Changes stand under their kind, and again as a draft for the changelog with the version that they ask for."""
    regen.spec["paths"]["/sessions/"] = {"get": {"operationId": "list", "responses": {"200": {"description": "ok"}}}}
    fields = success(get(regen.spec))["properties"]
    fields["size"] = {"type": "integer"}
    del fields["analyzed_video_url"]["format"]
    get(regen.spec)["parameters"][1]["schema"] = {"type": "boolean", "enum": [True]}
    code, said, _ = regen.run()
    assert code == 0
    breaking, _, additive = said.partition("### Additive")
    assert "`is_jump` is true, was not stated - touches get_analyzed_video (`aikynetix/_operations.py:" in breaking
    assert "3 operations.\n" in breaking
    assert "what changed below is absorbed" in breaking
    assert "- GET /sessions/: new operation, `client.api.sessions.list`" in additive
    assert "new field `size` of the response 200" in additive
    draft = said.partition("## Draft for CHANGELOG.md")[2]
    assert " (minor)" in draft
    assert draft.index("### Added") < draft.index("- GET /sessions/: new operation, `") < draft.index("### Changed")
    assert "- **Breaking:** GET" in draft
    assert "By hand:" not in said


def test_a_step_that_was_not_judged_is_left_to_a_person(regen: Regen) -> None:
    """What no rule knows promises callers nothing more."""
    regen.spec["x-limits"] = 3
    assert " (minor, or more: a person should look at what was not classified)" in regen.run()[1]


def test_where_credentials_go_is_the_owners_decision(regen: Regen) -> None:
    """Another server or place for the credential is written only when it is accepted, and is then done."""
    regen.spec["servers"] = [{"url": "https://eu.aikynetix.app"}]
    code, said, _ = regen.run()
    report, _, by_hand = said.partition("By hand:\n")
    assert code == 1
    assert "is absorbed" not in report
    assert "the base URL is https://eu.aikynetix.app, was https://api" in by_hand
    assert "`make regen ACCEPT=1`" in by_hand
    assert regen.tree() == regen.before
    code, said, _ = regen.run("--accept")
    assert code == 0
    assert "By hand:" not in said
    assert regen.tree() != regen.before


# Two documents by what they have beside our operations, and what is told of how they and their packages differ.
_PACKAGES = [json.loads(line) for line in (Path(__file__).parent / "data" / "package.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("row", _PACKAGES, ids=[row["change"] for row in _PACKAGES])
def test_every_change_is_told_once(row: Json, tmp_path: Path) -> None:
    """What is the same under another name leads there; what else is new, gone or of another type stands once."""
    sides: list[tuple[Plan, dict[str, bytes]]] = []
    for side in ("before", "after"):
        spec = copy.deepcopy(BASE)
        spec["paths"].update(row[side]["paths"])
        spec["components"]["schemas"] = row[side].get("schemas", {})
        planned = planned_of(spec)
        sides.append((planned, tree_files(build(planned, tmp_path / side))))
    found = sorted(f"{one.kind}: {one.where}: {one.text}" for one in changes_between(*sides))
    assert [one[: len(told)] for one, told in zip(found, row["told"], strict=True)] == row["told"]


def test_the_report_of_no_change_speaks_of_none(regen: Regen) -> None:
    """Nothing below is absorbed where nothing is below; one success and one error model are all that the facade has."""
    code, said, _ = regen.run()
    assert code == 0
    assert "Every facade method can still do its job.\n" in said
    assert "Nothing changed." in said
    models = {name for name in regen.before if name.startswith("models/")}
    expected = ("__init__", "analyzed_video_response", "error_response", "generate_analyzed_video_body")
    assert models == {f"models/{name}.py" for name in expected}


_CHAIN = {f"S{n}": {"oneOf": [{"$ref": f"#/components/schemas/S{n + 1}"}, {"type": "string"}]} for n in range(6000)}
_FIELDS = {"type": "object", "properties": {"size": {"$ref": "#/components/schemas/S0"}}}
_ANSWER = {"200": {"description": "ok", "content": {"application/json": {"schema": _FIELDS}}}}
_UNFORESEEN = {
    "openapi": "3.1.0",
    "info": {},
    "paths": {"/": {"get": {"responses": _ANSWER}}},
    "components": {"schemas": {**_CHAIN, "S6000": {"type": "integer"}}},
}


_FORMS = {f"to{n}": {"$ref": f"#/components/schemas/T{n}", "required": [f"to{n}"]} for n in range(12)}
_ENDLESS = {
    **_UNFORESEEN,
    "components": {
        "schemas": {f"T{n}": {"properties": {**_FORMS, f"own{n}": {}}} for n in range(12)}
        | {"S0": {"$ref": "#/components/schemas/T0"}}
    },
}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\n", "is empty"),
        ('{"openapi": "3.1.0", "info"', "is not complete JSON"),
        ("<html></html>", "is a web page"),
        ('{"swagger": "2.0"}', "Swagger 2.0"),
        (json.dumps(_UNFORESEEN), "It is a fault of this project; please report it"),
        (json.dumps(_ENDLESS), "models hold each other in ever new forms"),
    ],
)
def test_a_refused_document_changes_nothing(regen: Regen, text: str, says: str) -> None:
    """The exit code is 2, the reason is one paragraph without a stack of calls, and the folder holds what it held."""
    code, _, complaint = regen.run("--accept", text=text)
    said = complaint.strip().split("\n")
    assert code == 2
    assert len(said) == 2
    assert said[0].startswith("regen: refused.")
    assert says in said[0]
    assert regen.tree() == regen.before


def test_a_report_that_cannot_be_written_is_said(regen: Regen) -> None:
    """A file that cannot be written is no fault of the document; it is named, and the package is as it was."""
    code, _, complaint = regen.run("--report", str(regen.folder))
    assert code == 2
    assert f"regen: refused. {regen.folder}: Is a directory." in complaint


def test_check_names_the_files_that_differ(regen: Regen) -> None:
    """`--check` writes nothing, exits 1 and names changed, missing and surplus files."""
    package = regen.folder / "generated" / "aikynetix_api"
    (package / "facade.py").write_text("BASE_URL = None\n")
    (package / "extra.py").write_text("")
    (package / "types.py").unlink()
    before = regen.tree()
    code, _, said = regen.run("--check")
    assert code == 1
    assert all(words in said for words in ("facade.py: different", "extra.py: not generated", "types.py: missing"))
    assert regen.tree() == before


@pytest.mark.parametrize(("number", "delay"), [(signal.SIGINT, 0.35), (signal.SIGTERM, 0.6)])
def test_an_interruption_leaves_nothing_behind(regen: Regen, number: signal.Signals, delay: float) -> None:
    """However early or late it is stopped, the folder holds the old package or the new one and nothing else."""
    regen.spec["servers"] = [{"url": "https://eu.aikynetix.app"}]
    (regen.folder / "openapi.json").write_text(json.dumps(regen.spec))
    scratch = regen.folder / "scratch"
    scratch.mkdir()
    options = ["--accept", "--spec", str(regen.folder / "openapi.json"), "--output", str(regen.folder / "generated")]
    run = subprocess.Popen(
        [sys.executable, "-m", "scripts.regen", *options],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    time.sleep(delay)
    run.send_signal(number)
    run.wait(timeout=30)
    after = regen.tree()
    assert after == regen.before or (b"eu.aikynetix.app" in after["facade.py"] and after.keys() == regen.before.keys())
    if run.returncode >= 0:  # a signal before the program had begun to listen ends the interpreter itself
        assert list(scratch.glob("regen-*")) == []  # Python itself may leave the file by which it tries the folder
