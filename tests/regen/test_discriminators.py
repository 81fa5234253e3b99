"""A discriminator decides which model an answer is, or the report says that it does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.regen._flatten import follow_discriminators
from scripts.regen._pipeline import build, plan
from scripts.vendor_spec import make_spec

Json = dict[str, Any]
PAGE = Path(__file__).with_name("data") / "analyzed-video.md"
_READ = """
import sys, json, httpx
sys.path.insert(0, sys.argv[1])
from aikynetix_api.api.default import things
for kind in ("lift", "sprint", "Jump"):
    answer = httpx.Response(200, json={"kind": kind})
    print(kind, type(things._parse_response(client=None, response=answer)).__name__)
"""


def _object(**fields: Json) -> Json:
    return {"type": "object", "properties": fields}


def _document(schema: Json) -> Json:
    spec = make_spec([("analyzed-video.md", PAGE.read_text("utf-8"))])
    text: Json = {"type": "string"}
    spec["components"]["schemas"] = {
        "Run": _object(kind=text, speed={"type": "number"}),
        "Lift": _object(kind={"$ref": "#/components/schemas/Kind"}, weight={"type": "number"}),
        "Base": _object(kind={"$ref": "#/components/schemas/Kind"}),
        "Kind": {"type": "string", "enum": ["sprint", "lift", "Jump"]},
        "Jump": {"allOf": [{"$ref": "#/components/schemas/Base"}, _object(height={"type": "number"})]},
    }
    answer = {"200": {"description": "ok", "content": {"application/json": {"schema": schema}}}}
    spec["paths"]["/things/"] = {"get": {"operationId": "things", "responses": answer}}
    return spec


def test_the_model_of_an_answer_is_the_one_that_its_discriminator_names(tmp_path: Path) -> None:
    """By the mapping, with two values for one model, or by the schema's own name, in any order."""
    mapping = {"run": "#/components/schemas/Run", "sprint": "Run", "lift": "#/components/schemas/Lift"}
    ways = [{"$ref": f"#/components/schemas/{name}"} for name in ("Jump", "Run", "Lift")]
    schema = {"oneOf": ways, "discriminator": {"propertyName": "kind", "mapping": mapping}}
    planned = plan(json.dumps(_document(schema)).encode(), "openapi.json")
    build(planned, tmp_path)
    read = subprocess.run([sys.executable, "-c", _READ, str(tmp_path)], capture_output=True, text=True, check=True)
    assert read.stdout.split("\n")[:-1] == ["lift Lift", "sprint Run", "Jump Jump"]
    assert planned.canonical.notes == []


def test_a_discriminator_that_cannot_be_followed_is_noted() -> None:
    """Where alternatives are not listed, or have no name, the document stays as it is and the note says so."""
    for ways, why in (
        ([], "no alternatives are listed"),
        ([_object(kind={"type": "string"})], "not every alternative"),
    ):
        spec = _document({"discriminator": {"propertyName": "kind"}, **({"oneOf": ways} if ways else {})})
        followed, notes = follow_discriminators(spec)
        assert followed is spec
        assert len(notes) == 1
        assert why in notes[0]
