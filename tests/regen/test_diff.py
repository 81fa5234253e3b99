# ruff: noqa: E501 -- tables, one change to a line however long
"""Every change of a document is in the report, and is judged by what it means for callers."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    planned_of,
    post,
    success,
)

if TYPE_CHECKING:
    from collections.abc import Callable

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


def _shared(spec: Json) -> None:
    """Move a response and the whole of a path to where they are shared."""
    responses = get(spec)["responses"]
    spec["components"]["responses"] = {"Video": responses.pop("200")}
    responses["200"] = {"$ref": "#/components/responses/Video"}
    path, item = spec["paths"].popitem()
    spec["components"]["pathItems"] = {"Session": item}
    spec["paths"][path] = {"$ref": "#/components/pathItems/Session"}


def _athlete(spec: Json) -> Json:
    fields: Json = spec["components"]["schemas"]["Athlete"]["properties"]
    return fields


@pytest.mark.parametrize(
    ("edit", "kind", "text"),
    [
        (lambda spec: parameter(spec, "session_id")["schema"].update(maxLength=8), "breaking", "`maxLength` of path parameter 1 is 8, was not stated"),
        (lambda spec: success(get(spec)).update(additionalProperties={"type": "integer"}), "breaking", "any other field of the response 200 is integer, was string"),
        (lambda spec: success(get(spec))["properties"]["analyzed_video_url"].update(readOnly=True), "unclassified", "field `analyzed_video_url` of the response 200 differs in `readOnly`"),
        (lambda spec: parameter(spec, "is_jump").update(style="spaceDelimited", explode=False), "unclassified", "query parameter `is_jump` differs in `style`"),
        (lambda spec: parameter(spec, "tags").update(style="spaceDelimited", explode=False), "breaking", "`tags` is written as spaceDelimited, was repeated values"),
        (_in_content, "breaking", "query parameter `is_jump` is string, was boolean"),
        (lambda spec: parameter(spec, "is_jump").update(allowEmptyValue=True), "unclassified", "`is_jump` differs in `allowEmptyValue`"),
        (lambda spec: success(post(spec))["oneOf"][1]["properties"].pop("job"), "breaking", "field `job` of alternative 2 of the response 200 is gone"),
        (lambda spec: success(post(spec))["oneOf"].append({"type": "integer"}), "breaking", "the response 200 is object or integer, was object"),
        (lambda spec: _athlete(spec).pop("name"), "breaking", "field `name` of field `athlete` of the response 200 is gone"),
        (lambda spec: get(spec)["responses"]["200"].update(headers={"X-Cost": {"schema": _TEXT}}), "unclassified", "the response 200 differs in `headers`"),
        (lambda spec: post(spec).update(callbacks={"done": {}}), "unclassified", "it differs in `callbacks`"),
        (lambda spec: spec["components"]["schemas"]["Spare"]["properties"].update(a={"type": "integer"}), "documentation", "changed at `/components/schemas/Spare/properties/a/type`"),
        (lambda spec: spec.update({"x-limits": 3}), "unclassified", "`x-limits` is 3, was null"),
        (lambda spec: spec["info"].update(contact={"name": "x"}), "documentation", '"contact": {"name": "x"}'),
        (lambda spec: spec.update(security=[]), "additive", "it accepts none, accepted `API-KEY` in the header or a token in `Authorization`"),
        (lambda spec: spec["security"].append({}), "additive", "it accepts `API-KEY` in the header or a token in `Authorization` or none"),
        (lambda spec: spec.update(security=[{"Bearer": ["read"]}, {"ApiKeyAuth": []}]), "breaking", "a token in `Authorization` with a token in `Authorization` for read, accepted"),
        (lambda spec: spec.update(security=[{"Bearer": [], "ApiKeyAuth": []}]), "breaking", "it accepts `API-KEY` in the header with `Authorization` in the header, accepted"),
        (lambda spec: _key(spec, "Key"), "documentation", "changed at `/security/1"),
        (lambda spec: _key(spec, "ApiKeyAuth", name="Api-Key"), "documentation", "changed at `/components/securitySchemes/ApiKeyAuth/name`"),
        (lambda spec: _key(spec, "ApiKeyAuth", name="X-Key"), "breaking", "it accepts `X-Key` in the header or a token in `Authorization`, accepted `API-KEY` in the header"),
        (lambda spec: spec["components"]["securitySchemes"].update(Bearer={"type": "http", "scheme": "bearer"}), "documentation", "which changes no operation"),
        (lambda spec: get(spec).update(security=spec["security"][::-1]), "documentation", "which changes no operation"),
        (_shared, "documentation", "which changes no operation"),
        (_charset, "documentation", "/responses/200/content/Application~1JSON; charset=utf-8"),
        (lambda spec: get(spec).update(description="other words"), "documentation", "only descriptions and examples"),
    ],
)  # fmt: skip
def test_a_change_is_told_and_judged(edit: Edit, kind: str, text: str) -> None:
    """Nothing that changed is left out, and nothing else is said to have changed."""
    after = _before()
    edit(after)
    changes = compare(planned_of(_before()), planned_of(after))
    assert {one.kind for one in changes} == {kind}
    assert text in " / ".join(one.text for one in changes)


# Pairs of schemas, and what going from the one to the other is in a request and in an answer: limits, kinds of values,
# formats, fixed values, defaults, lists, fields, alternatives, and fields of one side alone.
_ORDER = [json.loads(line) for line in (Path(__file__).parent / "data" / "order.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("row", _ORDER, ids=lambda row: f"{row['old']} to {row['new']}")
def test_one_order_judges_requests_and_answers(row: Json) -> None:
    """Narrower requests and wider answers break callers; the same in other words is documentation."""
    for side, place in (("request", body), ("answer", lambda spec: success(get(spec)))):
        specs = [_before(), _before()]
        for spec, schema in zip(specs, (row["old"], row["new"]), strict=True):
            place(spec)["properties"]["x"] = schema
        changes = compare(*map(planned_of, specs))
        assert {one.kind for one in changes} == {row[side]}, changes


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (lambda spec: spec.update(servers=[{"url": "https://eu.aikynetix.app"}]), "the base URL is https://eu.aikynetix.app, was https://api.aikynetix.app"),
        (lambda spec: _key(spec, "Key", name="X-Key"), "an API key goes to the header `X-Key`, went to the header `API-KEY`"),
        (lambda spec: _key(spec, "ApiKeyAuth", **{"in": "query"}), "an API key goes to the query `API-KEY`, went to the header `API-KEY`"),
        (lambda spec: spec["components"]["securitySchemes"]["Bearer"].update(description="Authorization: JWT <token>"), "a token goes to the header `Authorization` behind `JWT`, went to the header `Authorization` behind `Bearer`"),
        (lambda spec: spec.update(security=[{"Bearer": []}]), "an API key goes to nowhere, went to the header `API-KEY`"),
        (lambda spec: _key(spec, "Key", name="Api-Key"), None),
        (lambda spec: both(spec)[0]["parameters"].clear(), None),
    ],
    ids=["server", "header", "place", "prefix", "no key", "spelling", "something else"],
)  # fmt: skip
def test_what_moves_a_credential_is_to_be_decided(edit: Edit, text: str | None) -> None:
    """Where requests and their credentials go is told as the owner's decision, and nothing else is."""
    after = _before()
    edit(after)
    assert [one.text for one in compare(planned_of(_before()), planned_of(after)) if one.decide] == (
        [] if text is None else [text]
    )


def test_what_is_not_judged_is_told_beside_other_changes() -> None:
    """A part that has no rule disappears behind no other change, and its words begin no line of the report."""
    after = _before()
    post(after)["callbacks"] = {"done": {}}
    after["paths"]["/x\n- \u202efake"] = {"get": {"responses": {"200": {"description": "ok"}}}}
    text = to_markdown(compare(planned_of(_before()), planned_of(after)))
    assert "### Unclassified (1)" in text
    assert "it differs in `callbacks`" in text
    assert "- GET /x\\n- \\u202efake: new operation, `client.api.x_fake.get`" in text.split("\n")


@pytest.mark.parametrize("wrap", [lambda ref: ref, lambda ref: {"allOf": [ref], "nullable": True}])
def test_models_that_all_hold_each_other_are_compared(wrap: Callable[[Json], Json]) -> None:
    """However many ways lead through some models, each pair is compared once."""
    specs: list[Any] = [_before(), _before()]
    for spec in specs:
        names = [f"M{number}" for number in range(20)]
        fields = {name: wrap({"$ref": f"#/components/schemas/{name}"}) for name in names}
        spec["components"]["schemas"].update({name: {"type": "object", "properties": fields} for name in names})
        success(get(spec))["properties"]["mesh"] = fields["M0"]
    specs[1]["components"]["schemas"]["M19"] = {"type": "object", "properties": {}}
    texts = [one.text for one in compare(*map(planned_of, specs))]
    assert "field `M0` of field `M19` of field `mesh` of the response 200 is gone" in texts
    assert len(texts) < 400
