"""`make regen` as its user sees it: exit codes, the report, and a folder that is never half changed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from scripts.regen._command import main
from scripts.regen._rules import FACADE_SOURCE
from scripts.regen._text import lines_of
from scripts.regen._verify import tree_files
from scripts.vendor_spec import make_spec

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "generated" / "aikynetix_api"
PATH = "/session-management/sessions/{session_id}/analyzed-video/"


PAGE = Path(__file__).with_name("data") / "analyzed-video.md"


@pytest.fixture
def spec() -> dict[str, Any]:
    """Return the document that the vendor published first, whatever is committed now."""
    return make_spec([("analyzed-video.md", PAGE.read_text("utf-8"))])


def _regen(tmp_path: Path, spec: object, *options: str) -> int:
    source = tmp_path / "openapi.json"
    source.write_text(spec if isinstance(spec, str) else json.dumps(spec), encoding="utf-8")
    return main(["--spec", str(source), "--output", str(tmp_path / "generated"), *options])


def _tree(tmp_path: Path) -> dict[str, bytes]:
    return tree_files(tmp_path / "generated")


def test_the_committed_package_is_what_regeneration_makes(tmp_path: Path) -> None:
    """Anywhere, below any pyproject and from run to run, the same document gives the committed bytes."""
    (tmp_path / "pyproject.toml").write_text(
        '[tool.ruff]\nline-length = 60\n[tool.ruff.format]\nquote-style = "single"\n'
    )
    _regen(tmp_path, json.loads((ROOT / "openapi.json").read_text("utf-8")), "--accept")
    assert tree_files(tmp_path / "generated" / "aikynetix_api") == tree_files(COMMITTED)
    assert main(["--spec", str(ROOT / "openapi.json"), "--output", str(ROOT / "generated"), "--check"]) == 0


def test_values_that_differ_in_case_alone_have_one_order(tmp_path: Path, spec: dict[str, Any]) -> None:
    """The generator keeps the values as a set, whose order changes from process to process; the bytes do not."""
    values = ["low", "Low", "lOw", "loW", "LOw", "LoW", "lOW", "LOW"]
    spec["paths"]["/levels/"] = {
        "get": {
            "operationId": "levels",
            "parameters": [{"name": "level", "in": "query", "schema": {"type": "string", "enum": values}}],
            "responses": {"204": {"description": "done"}},
        }
    }
    assert _regen(tmp_path, spec) == 0
    source = _tree(tmp_path)["aikynetix_api/models/levels_level.py"].decode()
    assert f"Literal[{', '.join(json.dumps(value) for value in sorted(values))}]" in source


def test_ten_error_schemas_are_one_model(tmp_path: Path, spec: dict[str, Any]) -> None:
    """The facade's answers have one success and one error model, whatever the vendor inlines."""
    _regen(tmp_path, spec)
    models = {path.stem for path in (tmp_path / "generated" / "aikynetix_api" / "models").glob("*.py")}
    assert models == {"__init__", "analyzed_video_response", "error_response", "generate_analyzed_video_body"}


def test_a_loud_change_leaves_the_package_until_it_is_accepted(
    tmp_path: Path, spec: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """What the facade loses is named with its line, the exit code is 1, and only `--accept` updates the package."""
    _regen(tmp_path, spec)
    before = _tree(tmp_path)
    spec["paths"][PATH]["get"]["parameters"].append({"name": "team", "in": "query", "required": True, "schema": {}})
    capsys.readouterr()
    assert _regen(tmp_path, spec, "--report", str(tmp_path / "report.md")) == 1
    said = capsys.readouterr().out
    line = lines_of(ROOT / FACADE_SOURCE)["get_analyzed_video"]
    assert f"**get_analyzed_video** (`aikynetix/_operations.py:{line}`)" in said
    assert "`team`" in said
    assert "What to do:" in said
    assert (tmp_path / "report.md").read_text("utf-8").strip() == said.strip()
    assert _tree(tmp_path) == before
    by_hand = said.partition("By hand:\n")[2].strip()
    assert by_hand.startswith(f"- **get_analyzed_video** (`aikynetix/_operations.py:{line}`): decide what")
    assert "\n" not in by_hand
    assert _regen(tmp_path, spec, "--accept") == 0
    assert b"team" in _tree(tmp_path)["aikynetix_api/api/analyzed_videos/get_analyzed_video.py"]


def test_the_report_tells_additive_from_breaking(
    tmp_path: Path, spec: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Changes stand under their kind, and again as a draft for the changelog with the version that they ask for."""
    _regen(tmp_path, spec)
    capsys.readouterr()
    spec["paths"]["/sessions/"] = {"get": {"operationId": "list", "responses": {"200": {"description": "ok"}}}}
    operation = spec["paths"][PATH]["get"]
    operation["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["size"] = {"type": "integer"}
    del operation["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["analyzed_video_url"][
        "format"
    ]
    operation["parameters"][1]["schema"] = {"type": "boolean", "enum": [True]}
    assert _regen(tmp_path, spec) == 0
    said = capsys.readouterr().out
    breaking, _, additive = said.partition("### Additive")
    assert "`is_jump` has a fixed set of values - touches get_analyzed_video (`aikynetix/_operations.py" in breaking
    assert "3 operations.\n" in breaking
    assert "what changed below is absorbed" in breaking
    assert "- GET /sessions/: new operation" in additive
    assert "new field `size` of the answer 200" in additive
    draft = said.partition("## Draft for CHANGELOG.md")[2]
    assert "(minor, as breaking changes are before 1.0.0)" in draft
    assert draft.index("### Added") < draft.index("- GET /sessions/: new operation.") < draft.index("### Changed")
    assert "- **Breaking:** GET" in draft
    assert "By hand:" not in said


def test_where_credentials_go_is_the_owners_decision(
    tmp_path: Path, spec: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Another server or place for the credential is written only when it is accepted, and is then done."""
    _regen(tmp_path, spec)
    before = _tree(tmp_path)
    spec["servers"] = [{"url": "https://eu.aikynetix.app"}]
    capsys.readouterr()
    assert _regen(tmp_path, spec) == 1
    report, _, by_hand = capsys.readouterr().out.partition("By hand:\n")
    assert "is absorbed" not in report
    assert "the base URL is https://eu.aikynetix.app, was https://api" in by_hand
    assert "`make regen ACCEPT=1`" in by_hand
    assert _tree(tmp_path) == before
    assert _regen(tmp_path, spec, "--accept") == 0
    assert "By hand:" not in capsys.readouterr().out
    assert _tree(tmp_path) != before


def test_a_name_that_callers_lose_is_told(
    tmp_path: Path, spec: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """The old and the new package are compared, so that a module that is gone is in the report as breaking."""
    spec["paths"]["/gone/"] = {"get": {"operationId": "gone", "responses": {"204": {"description": "ok"}}}}
    _regen(tmp_path, spec)
    capsys.readouterr()
    spec["paths"]["/gone/"]["get"]["operationId"] = "moved"
    _regen(tmp_path, spec)
    breaking = capsys.readouterr().out.partition("### Additive")[0]
    assert "`aikynetix_api.api.default.gone` is called `aikynetix_api.api.default.moved` now" in breaking


def test_the_report_of_no_change_speaks_of_none(
    tmp_path: Path, spec: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing below is absorbed where nothing is below."""
    _regen(tmp_path, spec)
    capsys.readouterr()
    assert _regen(tmp_path, spec) == 0
    said = capsys.readouterr().out
    assert "Every facade method can still do its job.\n" in said
    assert "Nothing changed." in said


@pytest.mark.parametrize("text", ["", '{"openapi": "3.1.0", "info"', "<html></html>", '{"swagger": "2.0"}'])
def test_a_refused_document_changes_nothing(
    tmp_path: Path, spec: dict[str, Any], capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """The exit code is 2, the reason is one paragraph, and the folder holds what it held."""
    _regen(tmp_path, spec)
    before = _tree(tmp_path)
    capsys.readouterr()
    assert _regen(tmp_path, text, "--accept") == 2
    said = capsys.readouterr().err.strip().split("\n")
    assert len(said) == 2
    assert said[0].startswith("regen: refused.")
    assert _tree(tmp_path) == before
    assert [path.name for path in (tmp_path / "generated").iterdir()] == ["aikynetix_api"]


def test_a_document_that_nobody_foresaw_changes_nothing(
    tmp_path: Path, spec: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """What goes wrong in the pipeline itself is a refusal too, with the cause in it and no stack of calls."""
    chain = {f"S{n}": {"oneOf": [{"$ref": f"#/components/schemas/S{n + 1}"}, {"type": "string"}]} for n in range(6000)}
    spec["components"]["schemas"] = {**chain, "S6000": {"type": "integer"}}
    answer = spec["paths"][PATH]["get"]["responses"]["200"]["content"]["application/json"]
    answer["schema"]["properties"]["size"] = {"$ref": "#/components/schemas/S0"}
    assert _regen(tmp_path, spec) == 2
    said = capsys.readouterr().err.strip().split("\n")
    assert len(said) == 2
    assert "RecursionError" in said[0]
    assert not (tmp_path / "generated").exists()


def test_a_report_that_cannot_be_written_is_said(
    tmp_path: Path, spec: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that cannot be written is no fault of the document; it is named, and the package is as it was."""
    assert _regen(tmp_path, spec, "--report", str(tmp_path)) == 2
    assert f"regen: refused. {tmp_path}: Is a directory." in capsys.readouterr().err


def test_check_names_the_files_that_differ(
    tmp_path: Path, spec: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` writes nothing, exits 1 and names changed, missing and surplus files."""
    _regen(tmp_path, spec)
    package = tmp_path / "generated" / "aikynetix_api"
    (package / "facade.py").write_text("BASE_URL = None\n")
    (package / "extra.py").write_text("")
    (package / "types.py").unlink()
    before = _tree(tmp_path)
    capsys.readouterr()
    assert _regen(tmp_path, spec, "--check") == 1
    said = capsys.readouterr().err
    assert "facade.py: different" in said
    assert "extra.py: not generated" in said
    assert "types.py: missing" in said
    assert _tree(tmp_path) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay", [0.35, 0.6])
def test_an_interruption_leaves_nothing_behind(
    tmp_path: Path, spec: dict[str, Any], number: signal.Signals, delay: float
) -> None:
    """However early or late it is stopped, the folder holds the old package or the new one and nothing else."""
    _regen(tmp_path, spec)
    before = _tree(tmp_path)
    spec["servers"] = [{"url": "https://eu.aikynetix.app"}]
    (tmp_path / "openapi.json").write_text(json.dumps(spec))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    options = ["--spec", str(tmp_path / "openapi.json"), "--output", str(tmp_path / "generated")]
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
    after = _tree(tmp_path)
    assert after == before or (
        b"eu.aikynetix.app" in after["aikynetix_api/facade.py"] and after.keys() == before.keys()
    )
    assert [path.name for path in (tmp_path / "generated").iterdir()] == ["aikynetix_api"]
    if run.returncode >= 0:  # a signal before the program had begun to listen ends the interpreter itself
        assert list(scratch.iterdir()) == []
