# ruff: noqa: E501 -- tables, one change to a line however long
"""Every change of a document is in the report, and is judged by what it means for callers."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from scripts.regen._diff import compare, to_markdown
from tests.spec_changes._change import (
    BASE,
    Edit,
    Json,
    answer_with,
    body,
    both,
    get,
    parameter,
    post,
    success,
)

_TEXT: Json = {"type": "string"}
_KEY: Json = {"type": "apiKey", "name": "API-KEY", "in": "header"}


def _before() -> Json:
    spec = copy.deepcopy(BASE)
    spec["components"]["schemas"] = {
        "Athlete": {"type": "object", "properties": {"name": _TEXT, "coach": {"$ref": "#/components/schemas/Athlete"}}},
        "Spare": {"type": "object", "properties": {"a": _TEXT}},
    }
    other = {"type": "object", "properties": {"job": _TEXT}}
    answer_with(post(spec), {"oneOf": [success(post(spec)), other]})
    success(get(spec)).update(additionalProperties=_TEXT)
    success(get(spec))["properties"]["athlete"] = {"$ref": "#/components/schemas/Athlete"}
    success(get(spec))["properties"]["trainer"] = {"$ref": "#/components/schemas/Athlete"}
    get(spec)["parameters"].append({"name": "tags", "in": "query", "schema": {"type": "array", "items": _TEXT}})
    return spec


def _key(spec: Json, scheme: str, **changes: str) -> None:
    del spec["components"]["securitySchemes"]["ApiKeyAuth"]
    spec["components"]["securitySchemes"][scheme] = {**_KEY, **changes}
    spec["security"] = [{"Bearer": []}, {scheme: []}]


def _charset(spec: Json) -> None:
    for operation in both(spec):
        content = operation["responses"]["200"]["content"]
        content["Application/JSON; charset=utf-8"] = content.pop("application/json")


def _in_content(spec: Json) -> None:
    one = parameter(spec, "is_jump")
    one["content"] = {"application/json": {"schema": one.pop("schema")}}


def _athlete(spec: Json) -> Json:
    fields: Json = spec["components"]["schemas"]["Athlete"]["properties"]
    return fields


@pytest.mark.parametrize(
    ("edit", "kind", "text"),
    [
        (lambda spec: parameter(spec, "session_id")["schema"].update(maxLength=8), "breaking", "`maxLength` of a path parameter is 8, was not stated"),
        (lambda spec: parameter(spec, "session_id")["schema"].update(pattern="^a"), "breaking", '`pattern` of a path parameter is "^a", was not stated'),
        (lambda spec: body(spec).update(additionalProperties=False), "breaking", "the body takes no other fields now"),
        (lambda spec: success(get(spec)).update(additionalProperties={"type": "integer"}), "breaking", "any other field of the answer 200 is integer, was string"),
        (lambda spec: success(get(spec))["properties"]["analyzed_video_url"].update(maxLength=99), "additive", "is 99, was not stated"),
        (lambda spec: success(get(spec))["properties"]["analyzed_video_url"].update(readOnly=True), "unjudged", "field `analyzed_video_url` of the answer 200 differs in `readOnly`"),
        (lambda spec: parameter(spec, "is_jump").update(style="spaceDelimited", explode=False), "additive", "query parameter `is_jump` has the style spaceDelimited, not exploded, had form, exploded"),
        (lambda spec: parameter(spec, "tags").update(style="spaceDelimited", explode=False), "breaking", "`tags` has the style"),
        (_in_content, "breaking", "query parameter `is_jump` is written as application/json, was text"),
        (lambda spec: parameter(spec, "is_jump").update(allowEmptyValue=True), "unjudged", "`is_jump` differs in `allowEmptyValue`"),
        (lambda spec: success(post(spec))["oneOf"][1]["properties"].pop("job"), "breaking", "field `job` of alternative 2 of the answer 200 is gone"),
        (lambda spec: success(post(spec))["oneOf"][1]["properties"].update(job={"type": "integer"}), "breaking", "is integer, was string"),
        (lambda spec: success(post(spec))["oneOf"].append({"type": "integer"}), "breaking", "1 more alternative"),
        (lambda spec: _athlete(spec).pop("name"), "breaking", "field `name` of field `athlete` of the answer 200 is gone"),
        (lambda spec: _athlete(spec).pop("name"), "breaking", "field `trainer` of the answer 200 changed as field `athlete` of the answer 200 did"),
        (lambda spec: get(spec)["responses"]["200"].update(headers={"X-Cost": {"schema": _TEXT}}), "unjudged", "the answer 200 differs in `headers`"),
        (lambda spec: post(spec).update(callbacks={"done": {}}), "unjudged", "it differs in `callbacks`"),
        (lambda spec: spec["components"]["schemas"]["Spare"]["properties"].update(a={"type": "integer"}), "unjudged", "`Spare` changed, which no operation refers to"),
        (lambda spec: spec.update({"x-limits": 3}), "unjudged", "`x-limits` changed"),
        (lambda spec: spec["info"].update(contact={"name": "x"}), "unjudged", "changed at `/info/contact`"),
        (lambda spec: spec.update(security=[]), "additive", "it accepts the credentials none, accepted ApiKeyAuth or Bearer"),
        (lambda spec: spec["security"].append({}), "additive", "it accepts the credentials ApiKeyAuth or Bearer or none"),
        (lambda spec: spec.update(security=[{"Bearer": ["read"]}, {"ApiKeyAuth": []}]), "breaking", "ApiKeyAuth or Bearer (read), accepted ApiKeyAuth or Bearer"),
        (lambda spec: spec.update(security=[{"Bearer": [], "ApiKeyAuth": []}]), "breaking", "ApiKeyAuth with Bearer"),
        (lambda spec: _key(spec, "Key"), "documentation", "the scheme `ApiKeyAuth` is called `Key` now"),
        (lambda spec: _key(spec, "ApiKeyAuth", name="Api-Key"), "documentation", "is spelled apiKey `Api-Key` in header"),
        (lambda spec: _key(spec, "ApiKeyAuth", name="X-Key"), "breaking", "is apiKey `X-Key` in header, was apiKey `API-KEY` in header"),
        (_charset, "documentation", "the answer 200 as application/json is written Application/JSON; charset=utf-8"),
        (lambda spec: get(spec).update(description="other words"), "documentation", "only descriptions and examples"),
    ],
)  # fmt: skip
def test_a_change_is_told_and_judged(edit: Edit, kind: str, text: str) -> None:
    """Nothing that changed is left out, and nothing else is said to have changed."""
    after = _before()
    edit(after)
    changes = compare(_before(), after)
    assert {one.kind for one in changes} == {kind}
    assert text in " / ".join(one.text for one in changes)


def test_what_is_not_judged_is_told_beside_other_changes() -> None:
    """A part that has no rule of its own does not disappear when something else changed."""
    after = _before()
    post(after)["callbacks"] = {"done": {}}
    after["paths"]["/new/"] = {"get": {"responses": {"200": {"description": "ok"}}}}
    text = to_markdown(compare(_before(), after))
    assert "### Unjudged (1)" in text
    assert "it differs in `callbacks`" in text


def test_the_vendor_cannot_write_lines_of_the_report() -> None:
    """A line break in a path is spelled out, so that it begins neither a heading nor an entry."""
    after = _before()
    after["paths"]["/x\n- \u202efake"] = {"get": {"responses": {"200": {"description": "x"}}}}
    text = to_markdown(compare(_before(), after))
    assert "- GET /x\\n- \\u202efake: new operation" in text.split("\n")


def test_models_that_all_hold_each_other_are_compared() -> None:
    """However many ways lead through some models, each pair is compared once."""
    specs: list[Any] = [_before(), _before()]
    for spec in specs:
        names = [f"M{number}" for number in range(20)]
        fields = {name: {"$ref": f"#/components/schemas/{name}"} for name in names}
        spec["components"]["schemas"].update({name: {"type": "object", "properties": fields} for name in names})
        success(get(spec))["properties"]["mesh"] = fields["M0"]
    specs[1]["components"]["schemas"]["M19"] = {"type": "object", "properties": {}}
    texts = [one.text for one in compare(*specs)]
    assert "field `M0` of field `M19` of" in texts[0]
    assert 20 < len(texts) < 1000
