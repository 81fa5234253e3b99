# ruff: noqa: E501 -- tables of changes, one to a line however long
"""Changes of schemas that the types of generated code do not show: conditions, sides, alternatives, kinds of address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.spec_changes._change import (
    BOTH,
    GENERATE,
    GET,
    LOUD,
    WORKS,
    Change,
    Edit,
    Json,
    answer_with,
    body,
    get,
    on_both,
    parameter,
    post,
    success,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Callable

_URL: Json = {"type": "string", "format": "uri"}
_FLAG: Json = {"type": "boolean"}
_FLAGS = ("is_jump", "is_weight")


def _object(*required: str, **properties: Any) -> Json:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def _body(schema: Json | Callable[[Json], Json]) -> Edit:
    """Put another schema in the place of the body's, made from it where that is a function."""

    def edit(spec: Json) -> None:
        media = post(spec)["requestBody"]["content"]["application/json"]
        media["schema"] = schema(media["schema"]) if callable(schema) else schema

    return edit


def _field(name: str, schema: Json, *required: str, **components: Json) -> Edit:
    """Describe one field of the body, and say which are required."""

    def edit(spec: Json) -> None:
        body(spec)["properties"][name] = schema
        body(spec).update({"required": list(required)} if required else {})
        spec["components"].update({"schemas": components} if components else {})

    return edit


def _with(**more: Any) -> Edit:
    return lambda spec: body(spec).update(more)


def _flag(schema: Json, **more: Any) -> Edit:
    return lambda spec: parameter(spec, "is_jump").update(schema=schema, **more)


def _written_as(kind: str, schema: Json) -> Edit:
    def edit(spec: Json) -> None:
        flag = parameter(spec, "is_jump")
        del flag["schema"]
        flag["content"] = {kind: {"schema": schema}}

    return edit


def _kinds(jump: Json, weight: Json, **more: Any) -> Edit:
    variants = [_object("kind", kind=jump, is_jump=_FLAG), _object("kind", kind=weight, is_weight=_FLAG)]
    return _body({"oneOf": variants, **more})


def _address(schema: Json) -> Edit:
    return on_both(lambda one: success(one)["properties"].update(analyzed_video_url=schema))


def _two_kinds_of_json(one: Json) -> None:
    schema = _object(data=_object(analyzed_video_url=_URL))
    one["responses"]["200"]["content"]["application/vnd.aikynetix.v2+json"] = {"schema": schema}


def _two_statuses(schema: Json) -> Edit:
    def change(one: Json) -> None:
        one["responses"]["201"] = one["responses"]["200"]
        one["responses"]["200"] = {"description": "done", "content": {"application/json": {"schema": schema}}}

    return on_both(change)


def _endless(spec: Json) -> None:
    spec["components"]["schemas"] = {"Loop": {"allOf": [{"$ref": "#/components/schemas/Loop"}]}}
    body(spec)["not"] = {"allOf": [{"$ref": "#/components/schemas/Loop"}, {"required": ["never"]}]}


_NOTES: Json = {"anyOf": [_object(note={"type": "string"}), _object(tag={"type": "string"})]}
_ONE_EACH = [
    _object(is_jump={"const": True}, is_weight={"const": False}),
    _object(is_jump={"const": False}, is_weight={"const": True}),
]

SCHEMAS: tuple[Change, ...] = (
    # Fields that one side alone says.
    Change("a required field that only requests say", LOUD, _field("athlete_code", {"type": "string", "writeOnly": True}, "athlete_code"), (GENERATE,), "`athlete_code`"),
    Change("a required version that only requests say", WORKS, _field("version", {"type": "string", "const": "2", "writeOnly": True}, "version"), required=("version",)),
    Change("a required field that only answers say", WORKS, _field("id", {"type": "integer", "readOnly": True}, "id")),
    Change("a required field that refers to one that only answers say", WORKS, _field("id", {"$ref": "#/components/schemas/Id"}, "id", Id={"type": "integer", "readOnly": True})),
    Change("a flag that only answers say", LOUD, _field("is_jump", {"type": "boolean", "readOnly": True}), (GENERATE,), "readOnly"),
    Change("a flag that counts as true unless it is said", WORKS, lambda spec: parameter(spec, "is_jump")["schema"].update(default=True)),
    # Bodies of several kinds.
    Change("a body of a kind for each analysis", LOUD, _kinds({"const": "jump"}, {"const": "weight"}), (GENERATE,), "`kind`"),
    Change("a body told apart by its kind", LOUD, _kinds({"const": "jump"}, {"const": "weight"}, discriminator={"propertyName": "kind"}), (GENERATE,), "`kind`"),
    Change("a body of kinds that are enumerations of one", LOUD, _kinds({"enum": ["jump"]}, {"enum": ["weight"]}), (GENERATE,), "`kind`"),
    Change("a body of kinds that are the same", WORKS, _kinds({"const": "video", "title": "A"}, {"const": "video", "title": "B"}), required=("kind",)),
    Change("a body with one of two more fields", WORKS, _with(**_NOTES)),
    Change("a body combined of flags and one of two more fields", WORKS, _body(lambda flags: {"allOf": [flags, _NOTES]})),
    Change("a body with one of two more fields and a required one", LOUD, _with(**_NOTES, required=["athlete"], properties=dict.fromkeys((*_FLAGS, "athlete"), _FLAG)), (GENERATE,), "`athlete`"),
    Change("a required field that is described nowhere", LOUD, _with(required=["athlete_id"]), (GENERATE,), "athlete_id"),
    Change("a required field that is described nowhere, combined", LOUD, _body(lambda flags: {"allOf": [flags, {"required": ["athlete_id"]}]}), (GENERATE,), "athlete_id"),
    # Conditions on what a body may be.
    Change("a flag that needs another field", LOUD, _with(dependentRequired={"is_jump": ["height"]}), (GENERATE,), "'height'"),
    Change("a flag that must not be said", LOUD, _with(**{"not": {"required": ["is_jump"]}}), (GENERATE,), '{"is_jump": true}'),
    Change("a flag that can only be false", LOUD, _field("is_jump", {"const": False}), (GENERATE,), "False was expected"),
    Change("a body that is for one analysis or the other", LOUD, _with(required=list(_FLAGS), oneOf=_ONE_EACH), (GENERATE,), '{"is_jump": false, "is_weight": false}'),
    Change("a body with a condition that holds", WORKS, _with(**{"if": {"required": ["is_jump"]}, "then": {"not": {"required": ["is_weight"]}}})),
    Change("a condition without an end", WORKS, _endless),
    # Flags outside a body are text.
    Change("a flag that is 0 or 1", LOUD, _flag({"type": "string", "pattern": "^[01]$"}), (GET,), "yes-or-no"),
    Change("a flag of one character", LOUD, _flag({"type": "string", "maxLength": 1}), (GET,), "yes-or-no"),
    Change("a parameter that can only be false", LOUD, _flag({"type": "boolean", "enum": [False]}), (GET,), "yes-or-no"),
    Change("a required parameter that can only be true", LOUD, _flag({"type": "boolean", "const": True}, required=True), (GET,), "false is not allowed"),
    Change("a parameter that can only be true", WORKS, _flag({"type": "boolean", "const": True})),
    Change("a flag that is a number or a word", LOUD, _flag({"enum": [0, 1, "yes"]}), (GET,), "yes-or-no"),
    Change("a flag that is anything but a boolean", LOUD, _flag({"not": {"type": "boolean"}}), (GET,), "yes-or-no"),
    Change("a flag with a pattern that it has", WORKS, _flag({"type": "string", "pattern": "^(true|false)$"})),
    Change("a flag written as JSON", WORKS, _written_as("application/json", _FLAG)),
    Change("a flag written as JSON that is text", LOUD, _written_as("application/json", {"type": "string"}), (GET,), "yes-or-no"),
    Change("a flag written as XML", LOUD, _written_as("application/xml", _FLAG), (GET,), "it is written as application/xml"),
    Change("a required default that its own pattern excludes", LOUD, lambda spec: get(spec)["parameters"].append({"name": "v", "in": "query", "required": True, "schema": {"type": "string", "default": "x", "pattern": "^[0-9]$"}}), (GET,), "`v`"),
    # What stands where the address was.
    Change("the address alone or in an object, alone", WORKS, _address({"oneOf": [_URL, _object(url=_URL)]})),
    Change("the address alone or in an object, in it", WORKS, _address({"oneOf": [_URL, _object(url=_URL)]}), answer=lambda url: {"analyzed_video_url": {"url": url}}),
    Change("the address or a list", WORKS, _address({"type": ["string", "array"], "items": _URL}), answer=lambda url: {"analyzed_video_url": url}),
    Change("the address is always null", LOUD, _address({"type": "null"}), BOTH, "one clear place"),
    Change("the address can be nothing", LOUD, _address({"allOf": [_URL, {"type": "integer"}]}), BOTH, "one clear place"),
    Change("two kinds of JSON, the first", WORKS, on_both(_two_kinds_of_json)),
    Change("two kinds of JSON, the second", WORKS, on_both(_two_kinds_of_json), answer=lambda url: {"data": {"analyzed_video_url": url}}),
    Change("two successes with names of their own", WORKS, _two_statuses(_object(signed_url=_URL)), answer=lambda url: {"signed_url": url}),
    Change("two successes, one with a mere url", LOUD, _two_statuses(_object(url=_URL)), BOTH, "one clear place"),
    Change("the address on its way out beside the next", WORKS, on_both(lambda one: answer_with(one, _object(analyzed_video_url={"type": ["string", "null"], "deprecated": True}, signed_url=_URL))), answer=lambda url: {"analyzed_video_url": None, "signed_url": url}),
    Change("a mere url beside another address", LOUD, on_both(lambda one: answer_with(one, _object(url={**_URL, "description": "API address of this resource"}, overlay_url=_URL))), BOTH, "one clear place"),
)  # fmt: skip
