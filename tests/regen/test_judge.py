"""What the facade sends is judged by the vendor's own schemas, whatever they are, in bounded work."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.regen._judge import Judge, UndecidedError
from scripts.regen._pipeline import plan
from scripts.regen._report import report
from scripts.regen._schemas import ModelBook
from tests.spec_changes._change import BASE
from tests.spec_changes._schemas import SCHEMAS

Json = dict[str, Any]


def _judge(**components: Any) -> Judge:
    return Judge(ModelBook({"openapi": "3.1.1", "$self": "x", "info": {}, "components": {"schemas": components}}))


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"type": "boolean"}, True, ""),
        ({"type": "boolean", "const": True}, False, "True was expected"),
        (_ref("A"), {}, "'b' is a required property"),
        ({"allOf": [_ref("A")], "unevaluatedProperties": False}, {"b": 1, "c": 1}, "'c' was unexpected"),
        ({"oneOf": [{"type": "object"}, {"required": ["b"]}]}, {"b": 1}, ""),
        ({"exclusiveMinimum": True, "minimum": 1, "type": "integer"}, 1, ""),
        ({"required": ["b"], "properties": {"b": {"readOnly": True}}}, {}, ""),
        ({"required": ["b"], "properties": {"b": {"readOnly": True}}}, {"b": 1}, "`readOnly`"),
        ({"required": ["b"], "properties": {"b": {"writeOnly": True}}}, {}, "'b' is a required property"),
        (False, True, "False schema"),
        (True, {}, ""),
    ],
)
def test_a_value_is_taken_or_what_is_wrong_with_it_is_said(schema: Any, value: object, said: str) -> None:
    """An empty complaint is none; of alternatives any may fit; what answers alone say is neither missed nor allowed."""
    complaint = _judge(A={"type": "object", "properties": {"b": {}}, "required": ["b"]}).complaint(schema, value)
    assert said in complaint
    assert bool(said) is bool(complaint)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (_ref("Loop"), {}),
        (_ref("S40"), {}),
        ({"type": "file"}, True),
        ({"type": "integer", "multipleOf": 0}, 3),
        ({"pattern": "\\p{L}"}, "true"),
        ({"pattern": "^(a+)+$"}, "a" * 40 + "b"),
        ({"patternProperties": {"^(a+)+$": {}}}, {"a" * 40 + "b": True}),
        ({"required": 3}, {}),
        ({"$dynamicRef": "#nowhere"}, {}),
    ],
)
def test_what_cannot_be_judged_says_so(schema: Any, value: object) -> None:
    """Schemas without an end, of doubling work, or that are none, end in one error and take no time."""
    doubled = {f"S{n}": {"allOf": [_ref(f"S{n - 1}"), {"allOf": [_ref(f"S{n - 1}")]}]} for n in range(1, 41)}
    judge = _judge(Loop={"allOf": [{"anyOf": [{"not": _ref("Loop")}]}]}, S0={"type": "object"}, **doubled)
    with pytest.raises(UndecidedError):
        judge.complaint(schema, value)


@pytest.mark.parametrize(
    "name", ["the address or a list", "a condition without an end", "a flag that counts as true unless it is said"]
)
def test_what_a_person_had_better_look_at_is_in_the_report(name: str) -> None:
    """Nothing is known to fail then, so the run ends well and says what was not judged or is not read."""
    change = next(one for one in SCHEMAS if one.name == name)
    planned = plan(change.apply()[1], "openapi.json")
    assert planned.findings == []
    assert planned.remarks
    assert f"## To be looked at by a person\n\n- {planned.remarks[0]}" in report(planned, None, {})


def test_there_is_nothing_to_look_at_in_the_committed_document() -> None:
    """The section is there only when something is in it."""
    planned = plan(json.dumps(BASE).encode(), "openapi.json")
    assert planned.remarks == []
    assert "looked at" not in report(planned, None, {})
