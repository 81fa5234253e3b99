# ruff: noqa: E501 -- tables of changes, one to a line however long
"""Changes of what is answered."""

from __future__ import annotations

from typing import Any

from tests.spec_changes._change import (
    BOTH,
    GENERATE,
    LOUD,
    REFUSED,
    WORKS,
    Change,
    Edit,
    Json,
    answer_with,
    both,
    get,
    on_both,
    post,
    success,
)  # fmt: skip

_URL: Json = {"type": "string", "format": "uri"}
_VIDEO: Json = {"type": "object", "properties": {"analyzed_video_url": _URL}}


def _hoist(spec: Json) -> None:
    schemas = spec["components"].setdefault("schemas", {})
    schemas["VideoOut"], schemas["Problem"] = (
        success(get(spec)),
        get(spec)["responses"]["400"]["content"]["application/json"]["schema"],
    )
    for operation in both(spec):
        for status, response in operation["responses"].items():
            name = "VideoOut" if status == "200" else "Problem"
            response["content"]["application/json"]["schema"] = {"$ref": f"#/components/schemas/{name}"}


def _hoist_responses(spec: Json) -> None:
    spec["components"]["responses"] = {"Denied": get(spec)["responses"]["403"]}
    for operation in both(spec):
        operation["responses"]["403"] = {"$ref": "#/components/responses/Denied"}


def _fields(operation: Json) -> None:
    success(operation)["properties"].update(
        created={"type": "string", "format": "date-time"},
        state={"type": "string", "enum": ["new", "done", None]},
        thumbnail_url=_URL,
        athlete={"type": "object", "properties": {"name": {"type": "string"}, "class": {"type": "integer"}}},
        score={"oneOf": [{"type": "number"}, {"type": "object", "properties": {"value": {"type": "number"}}}]},
        parent={"type": ["string", "null"]},
    )


def _errors(schema: Json) -> Edit:
    def change(operation: Json) -> None:
        for status, response in operation["responses"].items():
            if status != "200":
                response["content"] = {"application/json": {"schema": schema}}

    return on_both(change)


def _recursive(spec: Json) -> None:
    node: Json = {
        "type": "object",
        "properties": {
            "children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
            "next": {"$ref": "#/components/schemas/Node"},
        },
    }
    spec["components"]["schemas"] = {
        "Node": node,
        "Tree": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
        "Loop": {
            "allOf": [
                {"$ref": "#/components/schemas/Loop"},
                {"type": "object", "properties": {"a": {"type": "string"}}},
            ]
        },
    }
    for operation in both(spec):
        success(operation)["properties"].update(
            {name: {"$ref": f"#/components/schemas/{name}"} for name in ("Node", "Tree", "Loop")}
        )


def _status(code: str) -> Edit:
    return on_both(lambda one: one["responses"].update({code: one["responses"].pop("200")}))


def _also(code: str, response: Json) -> Edit:
    return on_both(lambda one: one["responses"].update({code: response}))


def _conflicting(spec: Json) -> None:
    spec["components"]["schemas"] = {
        name: {"type": "object", "title": "Same", "properties": {f"f{number}": {"type": "string"}}}
        for number, name in enumerate(("ErrorResponse", "Error_Response", "errorResponse", "Response", "File", "Client", "Any", "Unset", "AnalyzedVideoResponse", "T", "HTTPError", "HttpError"))
    }  # fmt: skip
    for operation in both(spec):
        success(operation)["properties"].update(
            {f"p{n}": {"$ref": f"#/components/schemas/{name}"} for n, name in enumerate(spec["components"]["schemas"])}
        )


def _chain(spec: Json) -> None:
    schemas = {
        f"Link{n}": {"type": "object", "properties": {"next": {"$ref": f"#/components/schemas/Link{n + 1}"}}}
        for n in range(1200)
    }
    schemas["Link1200"] = {"type": "object", "properties": {"end": {"type": "string"}}}
    spec["components"]["schemas"] = schemas
    success(get(spec))["properties"]["chain"] = {"$ref": "#/components/schemas/Link0"}


def _of_schemas(**schemas: Any) -> Edit:
    """Put schemas into the components and answer with the last of them."""

    def edit(spec: Json) -> None:
        spec["components"]["schemas"] = schemas
        for operation in both(spec):
            answer_with(operation, _ref(list(schemas)[-1]))

    return edit


def _plainly(url: str) -> Json:
    return {"analyzed_video_url": url}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _doubled(key: str, *more: Json) -> Edit:
    schemas: Json = {"S0": _VIDEO}
    for n in range(1, 31):
        schemas[f"S{n}"] = {key: [_ref(f"S{n - 1}"), {"allOf": [_ref(f"S{n - 1}"), *more]}]}
    return _of_schemas(**schemas)


def _web(key: str) -> Edit:
    names = [f"S{n}" for n in range(14)]
    return _of_schemas(**{one: {**_VIDEO, "title": one, key: [_ref(name) for name in names]} for one in names})


def _strange_schemas(operation: Json) -> None:
    success(operation)["properties"].update(
        yes=True,
        no=False,
        odd={"type": "file"},
        mixed={"enum": [1, "a", None, 2.5, {"x": 1}]},
        empty={"enum": []},
        constant={"const": 5},
        text={"const": "always"},
        tuple={"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
        bare={"type": "array"},
        many={"type": ["string", "integer", "object", "null"]},
        free={"type": "object", "additionalProperties": {"type": "integer"}},
        data={"type": "string", "format": "binary"},
        merged={"allOf": [{"type": "string"}, {"type": "integer"}]},
        bound={"type": "integer", "exclusiveMinimum": True, "multipleOf": 0},
        same_case={"type": "string", "enum": ["a", "A", "a-b", "a_b", "", " ", '"""', "\\"]},
    )  # fmt: skip


ANSWERS: tuple[Change, ...] = (
    Change("fields of every kind", WORKS, on_both(_fields)),
    Change("the address required", WORKS, on_both(lambda one: success(one).update(required=["analyzed_video_url"]))),
    Change("the address may be null (3.1)", WORKS, on_both(lambda one: success(one)["properties"]["analyzed_video_url"].update(type=["string", "null"]))),
    Change("the address without a format", WORKS, on_both(lambda one: success(one)["properties"].update(analyzed_video_url={"type": "string"}))),
    Change("the address camel-cased", WORKS, on_both(lambda one: success(one).update(properties={"analyzedVideoUrl": _URL}))),
    Change("the address nested", WORKS, on_both(lambda one: success(one).update(properties={"analyzed_video": {"type": "object", "properties": {"url": _URL, "thumbnail_url": _URL}}}))),
    Change("the answer in an envelope", WORKS, on_both(lambda one: answer_with(one, {"type": "object", "properties": {"data": success(one), "ok": {"type": "boolean"}}}))),
    Change("the address called url", WORKS, on_both(lambda one: success(one).update(properties={"url": _URL}))),
    Change("the address called something else", LOUD, on_both(lambda one: success(one).update(properties={"thumbnail": _URL})), BOTH, "one clear place"),
    Change("two addresses", LOUD, on_both(lambda one: success(one).update(properties={"front": {"type": "object", "properties": {"video_url": _URL}}, "side": {"type": "object", "properties": {"video_url": _URL}}})), BOTH, "one clear place"),
    Change("the analysis beside the recording", LOUD, on_both(lambda one: success(one).update(properties={"video_url": _URL, "annotated_url": _URL})), BOTH, "one clear place"),
    Change("a job's address from post alone", LOUD, lambda spec: answer_with(post(spec), {"type": "object", "properties": {"id": {"type": "string"}, "status": {"type": "string"}, "url": _URL}}), (GENERATE,), "another address"),
    Change("the address may be relative", LOUD, on_both(lambda one: success(one)["properties"].update(analyzed_video_url={"type": "string", "format": "uri-reference"})), BOTH, "one clear place"),
    Change("answer by allOf", WORKS, on_both(lambda one: answer_with(one, {"allOf": [success(one), {"type": "object", "properties": {"id": {"type": "integer"}}}]}))),
    Change("answer by oneOf", WORKS, on_both(lambda one: answer_with(one, {"oneOf": [success(one), {"type": "object", "properties": {"job": {"type": "string"}}}]}))),
    Change("schemas hoisted to components", WORKS, _hoist),
    Change("responses hoisted to components", WORKS, _hoist_responses),
    Change("schemas titled", WORKS, on_both(lambda one: [success(one).update(title="Video"), one["responses"]["400"]["content"]["application/json"]["schema"].update(title="Video")])),
    Change("names that fall together", WORKS, _conflicting),
    Change("models that hold themselves", WORKS, _recursive),
    Change("answers that are each other", WORKS, _of_schemas(B={"oneOf": [_ref("A")]}, A={"oneOf": [_ref("B"), _VIDEO]}), answer=_plainly),
    Change("an answer with itself as an alternative", WORKS, _of_schemas(A={**_VIDEO, "oneOf": [_ref("A"), {"properties": {"size": {"type": "integer"}}}]}), answer=_plainly),
    Change("a schema combined twice, thirty times over", REFUSED, _doubled("allOf", {"properties": {"size": {"type": "integer"}}}), says="over and over"),
    Change("alternatives doubled thirty times", WORKS, _doubled("oneOf"), answer=_plainly),
    Change("alternatives that are combined thirty times over", REFUSED, _doubled("oneOf", {"properties": {"size": {"type": "integer"}}}), says="over and over"),
    Change("schemas each combined of all", REFUSED, _web("allOf"), says="over and over"),
    Change("a thousand references in a row", WORKS, _of_schemas(S0=_VIDEO, **{f"S{n}": _ref(f"S{n - 1}") for n in range(1, 1000)})),
    Change("a chain of 1,200 models", WORKS, _chain),
    Change("schemas that the generator does not know", WORKS, on_both(_strange_schemas)),
    Change("an error status added", WORKS, _also("409", {"description": "again", "content": {"application/json": {"schema": {"type": "object", "properties": {"detail": {"type": "string"}}}}}})),
    Change("a default answer", WORKS, _also("default", {"description": "any"})),
    Change("ranges of statuses", WORKS, on_both(lambda one: [one["responses"].pop(code) for code in ("400", "401", "403", "404")] and one["responses"].update({"4XX": {"description": "no", "content": {"application/json": {"schema": {"type": "object", "properties": {"error": {"type": "string"}}}}}}}))),
    Change("no errors documented", WORKS, on_both(lambda one: one.update(responses={"200": one["responses"]["200"], "default": {"description": "any"}}))),
    Change("errors without schema", WORKS, on_both(lambda one: [one["responses"][code].pop("content") for code in ("400", "404")])),
    Change("errors as problem+json", WORKS, on_both(lambda one: one["responses"]["404"].update(content={"application/problem+json": {"schema": {"type": "object", "properties": {"title": {"type": "string"}}}}}))),
    Change("errors nested", WORKS, _errors({"type": "object", "properties": {"error": {"type": "object", "properties": {"message": {"type": "string"}, "code": {"type": "string"}}}}})),
    Change("error_code added", WORKS, _errors({"type": "object", "required": ["error", "error_code"], "properties": {"error": {"type": "string"}, "error_code": {"type": "integer"}}})),
    Change("errors as HTML too", WORKS, on_both(lambda one: one["responses"]["500"].update(content={"text/html": {"schema": {"type": "string"}}, "application/pdf": {}}))),
    Change("success as 201", WORKS, _status("201")),
    Change("success as a range", WORKS, _status("2XX")),
    Change("a job answered with 202 beside 200", WORKS, _also("202", {"description": "later", "content": {"application/json": {"schema": {"type": "object", "properties": {"job_id": {"type": "string"}}}}}})),
    Change("a job answered with 202 alone", LOUD, on_both(lambda one: answer_with(one, {"type": "object", "properties": {"job_id": {"type": "string"}}}, "202")), BOTH, "202"),
    Change("any object answered", LOUD, on_both(lambda one: answer_with(one, {"type": "object"})), BOTH, "none is described as an object with named fields"),
    Change("the address alone answered", LOUD, on_both(lambda one: answer_with(one, _URL)), BOTH, "none is described as an object with named fields"),
    Change("nothing answered", LOUD, on_both(lambda one: one.update(responses={"204": {"description": "done"}})), BOTH, "204"),
    Change("a list answered", LOUD, on_both(lambda one: answer_with(one, {"type": "array", "items": success(one)})), BOTH, "one clear place"),
    Change("the video itself answered", LOUD, on_both(lambda one: one["responses"].update({"200": {"description": "video", "content": {"video/mp4": {}}}})), BOTH, "one clear place"),
    Change("success without schema", LOUD, on_both(lambda one: one["responses"].update({"200": {"description": "ok"}})), BOTH, "one clear place"),
    Change("an answer with headers and links", WORKS, on_both(lambda one: one["responses"]["200"].update(headers={"X-A": {"schema": {"type": "string"}}}, links={"l": {"operationId": "x"}}))),
    Change("a status that is none", REFUSED, _also("20x0", {"description": "?"}), says="20X0"),
    Change("post answers differently", WORKS, lambda spec: success(post(spec))["properties"].update(queued={"type": "boolean"})),
)  # fmt: skip
