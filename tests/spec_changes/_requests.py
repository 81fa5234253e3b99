# ruff: noqa: E501 -- tables of changes, one to a line however long
"""Changes of what is requested: operations, paths, names, parameters, bodies."""

from __future__ import annotations

import copy
import json
from typing import Any

from tests.spec_changes._change import (
    BOTH,
    GENERATE,
    GET,
    LOUD,
    PATH,
    REFUSED,
    WORKS,
    Change,
    Json,
    add_parameter,
    body,
    both,
    drop_parameter,
    get,
    item,
    move_path,
    on_both,
    parameter,
    post,
    set_all,
)  # fmt: skip

_LIST: Json = {
    "operationId": "sessions_list",
    "tags": ["session-management"],
    "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "default": 20}}],
    "responses": {
        "200": {
            "description": "ok",
            "content": {"application/json": {"schema": {"type": "array", "items": {"type": "string"}}}},
        }
    },
}


def _add_path(path: str, operation: Json, method: str = "get") -> Any:
    return lambda spec: spec["paths"].update({path: {method: operation}})


def _three_hundred(spec: Json) -> None:
    for number in range(300):
        schema = {"type": "object", "properties": {f"field_{number}": {"type": "string"}, "error": {"type": "string"}}}
        spec["paths"][f"/things-{number % 30}/{{thing_id}}/part-{number}/"] = {
            "get": {
                "operationId": f"things_{number}_read",
                "tags": [f"things-{number % 30}"],
                "parameters": [{"name": "thing_id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {
                    code: {"description": "x", "content": {"application/json": {"schema": schema}}}
                    for code in ("200", "400", "404")
                },
            }
        }


def _prefer_parameters(spec: Json) -> None:
    parameters = [one for one in get(spec)["parameters"] if one["name"] == "session_id"]
    item(spec)["parameters"] = parameters
    for operation in both(spec):
        drop_parameter(operation, "session_id")


def _rename_path_parameter(name: str) -> Any:
    def edit(spec: Json) -> None:
        for operation in both(spec):
            parameter(spec, "session_id", operation)["name"] = name
        move_path(spec, PATH.replace("session_id", name))

    return edit


def _of_athletes(spec: Json) -> None:
    _rename_path_parameter("athlete_id")(spec)
    move_path(spec, "/athletes/{athlete_id}/analyzed-video/")


def _path_format(schema: Json) -> Any:
    return on_both(lambda operation: operation["parameters"][0].update(schema=schema))


def _swap_ids(spec: Json) -> None:
    one, other = both(spec)
    one["operationId"], other["operationId"] = other["operationId"], one["operationId"]


def _camel(spec: Json) -> None:
    for wire, camel in (("is_jump", "isJump"), ("is_weight", "isWeight")):
        parameter(spec, wire)["name"] = camel
        body(spec)["properties"][camel] = body(spec)["properties"].pop(wire)


def _ref_parameters(spec: Json) -> None:
    spec["components"]["parameters"] = {one["name"]: one for one in get(spec)["parameters"]}
    get(spec)["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in spec["components"]["parameters"]]


def _new_segment(schema: Json, path: str) -> Any:
    def edit(spec: Json) -> None:
        for operation in both(spec):
            operation["parameters"].insert(0, {"name": "version", "in": "path", "required": True, "schema": schema})
        move_path(spec, path)

    return edit


def _to_query(spec: Json) -> None:
    fields = body(spec)["properties"]
    for name, schema in fields.items():
        add_parameter(post(spec), name, schema=schema)
    del post(spec)["requestBody"]


def _flags_to_enum(spec: Json) -> None:
    drop_parameter(get(spec), "is_jump")
    drop_parameter(get(spec), "is_weight")
    add_parameter(get(spec), "analysis", schema={"type": "string", "enum": ["jump", "weight"]})


def _content(*kinds: str, keep: bool = True) -> Any:
    def edit(spec: Json) -> None:
        content = post(spec)["requestBody"]["content"]
        for kind in kinds:
            content[kind] = {"schema": body(spec)}
        if not keep:
            del content["application/json"]

    return edit


def _multipart_first(spec: Json) -> None:
    request = post(spec)["requestBody"]
    request["content"] = {"multipart/form-data": {"schema": body(spec)}, **request["content"]}


def _header_flag(spec: Json) -> None:
    parameter(spec, "is_jump")["in"] = "header"


def _cookie_flag(spec: Json) -> None:
    parameter(spec, "is_jump")["in"] = "cookie"


def _versions_side_by_side(spec: Json) -> None:
    new = {method: dict(operation) for method, operation in spec["paths"][PATH].items()}
    for method, operation in new.items():
        operation["operationId"] = f"v3_{method}"
        spec["paths"][PATH][method]["deprecated"] = True
    spec["paths"]["/v3" + PATH] = new


def _array_and_defaults(spec: Json) -> None:
    add_parameter(get(spec), "tags", schema={"type": "array", "items": {"type": "string"}, "default": ["a"]})
    add_parameter(get(spec), "quality", schema={"type": "string", "enum": ["low", "high"], "default": "low"})
    add_parameter(get(spec), "since", schema={"type": "string", "format": "date-time", "default": "not a date"})
    add_parameter(get(spec), "size", schema={"type": "integer", "default": 3})
    parameter(spec, "is_weight")["schema"]["default"] = True
    body(spec)["properties"]["is_jump"]["default"] = True
    body(spec)["properties"]["note"] = {"type": "string", "default": "hello"}


def _also_at(path: str) -> Any:
    return lambda spec: spec["paths"].update({path: copy.deepcopy(item(spec))})


def _one_body_each(spec: Json) -> None:
    variants = [{"type": "object", "properties": {name: {"type": "boolean"}}} for name in ("is_jump", "is_weight")]
    post(spec)["requestBody"]["content"]["application/json"]["schema"] = {"oneOf": variants}


def _renamed_all(spec: Json) -> None:
    set_all(spec, "operationId", "overlay")
    move_path(spec, "/overlay/{session_id}")


def _odd_names(spec: Json) -> None:
    for name in ("class", "import", "client", "body", "self", "url", "params", "headers", "session_id", "response", "quote", "a-b", "a_b", "a.b", "№", "日付"):  # fmt: skip
        add_parameter(get(spec), name)
    for name in ("X-Client", "headers", "cookies"):
        add_parameter(get(spec), name, "header")
    for name in ("class", "d", "cls", "field_dict", "additional_properties", "to_dict", "", "@", "#", "is-jump"):
        body(spec)["properties"][name] = {"type": "string"}


def _helpers(operation: Json) -> None:
    for name in ("path_text", "query_values", "header_values"):
        add_parameter(operation, name)


def _only_one_thing(spec: Json) -> None:
    body(spec)["properties"].update(schema_version={"const": 3}, kind={"enum": ["video"]})
    body(spec)["required"] = ["schema_version", "kind"]
    add_parameter(get(spec), "ack", required=True, schema={"type": "boolean", "const": True})
    add_parameter(post(spec), "X-Level", "header", required=True, schema={"enum": [2]})


def _required_defaults(spec: Json) -> None:
    levels = {"type": "string", "enum": ["low", "high"], "default": "low"}
    body(spec)["properties"].update(
        fps={"type": "integer", "default": 30}, ratio={"type": "number", "default": 0.5}, quality=levels
    )
    body(spec)["required"] = ["fps", "ratio", "quality"]
    add_parameter(post(spec), "X-Client", "header", required=True, schema={"type": "string", "default": "web"})
    add_parameter(get(spec), "lang", required=True, schema={"type": "string", "default": 'e"n'})
    add_parameter(get(spec), "strict", "cookie", required=True, schema={"type": "boolean", "default": False})


def _moved(path: str) -> Any:
    return lambda spec: move_path(spec, path)


def _must_be(name: str, place: str, value: str) -> Any:
    schema = {"type": "string", "const": value}
    return lambda spec: add_parameter(post(spec), name, place, schema, required=True)


def _query_in_path(spec: Json) -> tuple[Json, bytes]:
    published = copy.deepcopy(spec)
    move_path(published, PATH + "?v=2&kind=overlay")
    for operation in both(spec):
        add_parameter(operation, "v", required=True, schema={"type": "string", "enum": ["2"]})
        add_parameter(operation, "kind", required=True, schema={"type": "string", "enum": ["overlay"]})
    return spec, json.dumps(published).encode()


REQUESTS: tuple[Change, ...] = (
    Change("one new endpoint", WORKS, _add_path("/sessions/", _LIST)),
    Change("three hundred new endpoints", WORKS, _three_hundred),
    Change("a new method on our path", WORKS, lambda spec: item(spec).update(delete={**_LIST, "parameters": get(spec)["parameters"][:1]})),
    Change("put beside post", WORKS, lambda spec: item(spec).update(put={**post(spec), "operationId": "replace"})),
    Change("a webhook", WORKS, lambda spec: spec.update(webhooks={"videoReady": {"post": {"responses": {"200": {"description": "ok"}}}}})),
    Change("optional parameters with defaults", WORKS, _array_and_defaults),
    Change("an optional header", WORKS, lambda spec: add_parameter(get(spec), "X-Trace", "header")),
    Change("an optional cookie", WORKS, lambda spec: add_parameter(get(spec), "theme", "cookie")),
    Change("a header that OpenAPI says to ignore", WORKS, on_both(lambda one: add_parameter(one, "Authorization", "header", required=True))),
    Change("the key as a parameter", WORKS, on_both(lambda one: add_parameter(one, "API-KEY", "header", required=True))),
    Change("names that Python or the templates use", WORKS, _odd_names),
    Change("a new optional body field", WORKS, lambda spec: body(spec)["properties"].update(note={"type": "string"})),
    Change("operation identifiers renamed", WORKS, lambda spec: (get(spec).update(operationId="fetchIt"), post(spec).update(operationId="make"))[0]),
    Change("operation identifiers swapped", WORKS, _swap_ids),
    Change("operation identifiers removed", WORKS, on_both(lambda one: one.pop("operationId"))),
    Change("operation identifiers the same", WORKS, lambda spec: set_all(spec, "operationId", "video")),
    Change("an identifier of ours taken", WORKS, _add_path("/x/", {**_LIST, "operationId": "get_analyzed_video", "tags": ["analyzed_videos"]})),
    Change("identifiers that differ in case", WORKS, lambda spec: spec["paths"].update({"/a/": {"get": {**_LIST, "operationId": "listAll"}}, "/b/": {"get": {**_LIST, "operationId": "list_all"}}})),
    Change("tags renamed", WORKS, lambda spec: set_all(spec, "tags", ["Videos & more"])),
    Change("tags removed", WORKS, on_both(lambda one: one.pop("tags"))),
    Change("a tag named import", WORKS, lambda spec: set_all(spec, "tags", ["import"])),
    Change("parameters at path level", WORKS, _prefer_parameters),
    Change("parameters in components", WORKS, _ref_parameters),
    Change("path parameter renamed", WORKS, _rename_path_parameter("id")),
    Change("path parameter camel-cased", WORKS, _rename_path_parameter("sessionId")),
    Change("path parameter with a dot", WORKS, _rename_path_parameter("session.id")),
    Change("path parameter a keyword", WORKS, _rename_path_parameter("class")),
    Change("path parameter a uuid", WORKS, _path_format({"type": "string", "format": "uuid"})),
    Change("path parameter an integer", WORKS, _path_format({"type": "integer"})),
    Change("path parameter an enumeration", WORKS, _path_format({"type": "string", "enum": ["a", "b"]})),
    Change("path parameter undeclared", WORKS, on_both(lambda one: drop_parameter(one, "session_id"))),
    Change("flags camel-cased", WORKS, _camel),
    Change("path with a version", WORKS, lambda spec: move_path(spec, "/v3" + PATH)),
    Change("path without the slash", WORKS, lambda spec: move_path(spec, PATH.rstrip("/"))),
    Change("path under another prefix", WORKS, lambda spec: move_path(spec, "/coach/sessions/{session_id}/analyzed-video/")),
    Change("path with underscores and plural", WORKS, lambda spec: move_path(spec, "/Session/{session_id}/analyzed_videos")),
    Change("a query in the path", WORKS, _query_in_path, required=("v", "kind")),
    Change("a query in the path with a gap", REFUSED, lambda spec: move_path(spec, PATH + "?v={v}"), says="query with a parameter"),
    *(
        Change(f"a path {name}", REFUSED, _moved(path), says=says)
        for name, path, says in (
            ("without its first slash", PATH[1:], "does not begin with a slash"),
            ("that is an address", "https://api.aikynetix.app" + PATH, "does not begin with a slash"),
            ("with two slashes first", "/" + PATH, "begins with two slashes"),
            ("with a fragment", PATH + "#jump", "has a fragment"),
            ("with a query template", PATH + "{?is_jump,is_weight}", "query template"),
            ("with a pattern", PATH.replace("_id}", "_id:[0-9a-f]{24}}"), "braces that are not around the name"),
        )
    ),
    Change("a query template in another path", REFUSED, _add_path("/list{?page,size}", _LIST), says="query template"),
    Change("the session twice in the path", LOUD, lambda spec: move_path(spec, "/t/{session_id}/sessions/{session_id}/analyzed-video/"), BOTH, "needs more than a session: session_id"),
    Change("a format behind the session", LOUD, lambda spec: move_path(spec, PATH.replace("_id}", "_id}.{format}")), BOTH, "needs more than a session: format"),
    Change("a tenant in the path that has a default", LOUD, _new_segment({"type": "string", "default": "main"}, "/{version}" + PATH), BOTH, "needs more than a session: version (default 'main')"),
    Change("path renamed, identifiers kept", WORKS, lambda spec: move_path(spec, "/athletes/recordings/{session_id}/overlay/")),
    Change("path and identifiers renamed", LOUD, _renamed_all, BOTH, "no GET operation"),
    Change("two versions side by side", WORKS, _versions_side_by_side),
    Change("post became put", WORKS, lambda spec: item(spec).update(put=item(spec).pop("post"))),
    Change("get became head", LOUD, lambda spec: item(spec).update(head=item(spec).pop("get")), (GET,), "no GET operation"),
    Change("get removed", LOUD, lambda spec: item(spec).pop("get"), (GET,), "no GET operation"),
    Change("get became a post", LOUD, lambda spec: spec["paths"].update({"/video/{session_id}/": {"post": item(spec).pop("get")}}), (GET,), "_analyzed-video_list` is POST /video/{session_id}/ now"),
    Change("post removed", LOUD, lambda spec: item(spec).pop("post"), (GENERATE,), "POST"),
    Change("another thing in the path", LOUD, _of_athletes, BOTH),
    Change("a version in the path that can only be one", WORKS, _new_segment({"type": "string", "enum": ["v3"]}, "/{version}" + PATH)),
    Change("an organization in the path", LOUD, _new_segment({"type": "string"}, "/{version}" + PATH), BOTH, "needs more than a session"),
    Change("a flag required", WORKS, lambda spec: parameter(spec, "is_jump").update(required=True)),
    Change("body fields required", WORKS, lambda spec: body(spec).update(required=["is_jump", "is_weight"])),
    Change("a flag may be null", WORKS, lambda spec: parameter(spec, "is_jump")["schema"].update(type=["boolean", "null"])),
    Change("a flag spelled as text", WORKS, lambda spec: parameter(spec, "is_jump").update(schema={"type": "string", "enum": ["true", "false"]})),
    Change("a flag is a number", LOUD, lambda spec: parameter(spec, "is_jump").update(schema={"type": "integer"}), (GET,), "yes-or-no"),
    Change("a flag removed", LOUD, lambda spec: drop_parameter(get(spec), "is_weight"), (GET,), "`is_weight`"),
    Change("download removed", LOUD, lambda spec: drop_parameter(get(spec), "download"), (GET,), "`download`"),
    Change("a body field removed", LOUD, lambda spec: body(spec)["properties"].pop("is_jump"), (GENERATE,), "`is_jump`"),
    Change("flags became an enumeration", LOUD, _flags_to_enum, (GET,), "`is_jump`"),
    Change("flags nested in the body", LOUD, lambda spec: body(spec).update(properties={"options": {"type": "object", "properties": body(spec)["properties"]}}), (GENERATE,), "`is_jump`"),
    Change("required parts that can only be one thing", WORKS, _only_one_thing, required=("schema_version", "kind", "ack", "X-Level")),
    Change("required parts with a default", WORKS, _required_defaults, required=("fps", "ratio", "quality", "X-Client", "lang", "strict")),
    Change("a required part with a default that is none", LOUD, lambda spec: add_parameter(get(spec), "since", required=True, schema={"type": "string", "format": "date", "default": "today"}), (GET,), "`since`"),
    Change("a required part with a default of another type", LOUD, lambda spec: add_parameter(get(spec), "since", required=True, schema={"type": "integer", "default": "3"}), (GET,), "`since`"),
    Change("a required part that may not be its default", LOUD, lambda spec: add_parameter(get(spec), "since", required=True, schema={"type": "string", "enum": ["a", "b"], "default": "c"}), (GET,), "`since`"),
    Change("a flag required with a default", WORKS, lambda spec: (parameter(spec, "is_jump").update(required=True, schema={"type": "boolean", "default": True}), body(spec).update(required=["is_jump"]), body(spec)["properties"]["is_jump"].update(default=True))[0]),
    Change("a new required parameter", LOUD, lambda spec: add_parameter(get(spec), "reason", required=True), (GET,), "`reason`"),
    Change("a new required header", LOUD, lambda spec: add_parameter(post(spec), "X-Team", "header", required=True), (GENERATE,), "`X-Team`"),
    Change("a new required body field", LOUD, lambda spec: body(spec).update(required=["athlete"], properties={**body(spec)["properties"], "athlete": {"type": "string"}}), (GENERATE,), "`athlete`"),
    *(
        Change(f"a {place} {name!r} that must be {value!r}", LOUD, _must_be(name, place, value), (GENERATE,), says)
        for place, name, value, says in (
            ("header", "X-Équipe", "1", "'X-Équipe' cannot be sent: no header"),
            ("header", "X Team", "1", "'X Team' cannot be sent: no header"),
            ("header", "X-Team", "a\r\nEvil: 1", "its value has control characters"),
            ("header", "Content-Length", "2", "HTTP itself decides"),
            ("header", "Host", "x.test", "HTTP itself decides"),
            ("cookie", "a;b", "1", "'a;b' cannot be sent: no header or cookie"),
        )
    ),
    Change("a flag in a header that cannot be sent", LOUD, lambda spec: parameter(spec, "is_jump").update({"in": "header", "name": "is jump"}), (GET,), "'is jump' cannot be sent"),
    Change("an optional header that cannot be sent", WORKS, lambda spec: add_parameter(get(spec), "X-Équipe", "header")),
    Change("a parameter required in words", REFUSED, lambda spec: parameter(spec, "is_jump").update(required="true"), says='`required: "true"`'),
    Change("a body required in words", REFUSED, lambda spec: post(spec)["requestBody"].update(required="yes"), says='`required: "yes"`'),
    Change("a flag moved to a header", WORKS, _header_flag),
    Change("a flag moved to a cookie", WORKS, _cookie_flag),
    Change("body optional", WORKS, lambda spec: post(spec)["requestBody"].pop("required")),
    Change("body may be null", WORKS, lambda spec: post(spec)["requestBody"]["content"].update({"application/json": {"schema": {"anyOf": [body(spec), {"type": "null"}]}}})),
    Change("body in components", WORKS, lambda spec: (spec["components"].update(requestBodies={"B": post(spec)["requestBody"]}), post(spec).update(requestBody={"$ref": "#/components/requestBodies/B"}))[0]),
    Change("body strict", WORKS, lambda spec: body(spec).update(additionalProperties=False)),
    Change("body flags moved to the query", WORKS, _to_query),
    Change("the same operations for administrators", WORKS, _also_at("/admin/sessions/{session_id}/analyzed-video/")),
    Change("the same operations in a new version", WORKS, _also_at("/v3" + PATH)),
    Change("the same operations of a user", WORKS, _also_at("/users/{user_id}/sessions/{session_id}/analyzed-video/")),
    Change("the same path without the slash too", WORKS, _also_at(PATH.rstrip("/"))),
    Change("an operation below ours", WORKS, _also_at(PATH + "status/")),
    Change("a body for each analysis", WORKS, _one_body_each),
    Change("a body that needs one of the flags", LOUD, lambda spec: body(spec).update(oneOf=[{"required": ["is_jump"]}, {"required": ["is_weight"]}]), (GENERATE,), "{} is not valid under any of the given schemas"),
    Change("a body that needs any of the flags", LOUD, lambda spec: body(spec).update(anyOf=[{"required": ["is_jump"]}, {"required": ["is_weight", "note"]}]), (GENERATE,), "{} is not valid under any of the given schemas"),
    Change("a body that needs a field", LOUD, lambda spec: body(spec).update(minProperties=1), (GENERATE,), "{} should be non-empty"),
    Change("a body whose required flag is one of those needed", WORKS, lambda spec: body(spec).update(required=["is_jump"], minProperties=1, anyOf=[{"required": ["is_jump"]}, {"required": ["is_weight"]}])),
    Change("body removed", LOUD, lambda spec: post(spec).pop("requestBody"), (GENERATE,), "`is_jump`"),
    Change("form offered beside JSON", WORKS, _content("application/x-www-form-urlencoded")),
    Change("multipart offered before JSON", WORKS, _multipart_first),
    Change("three kinds of body", WORKS, _content("application/x-www-form-urlencoded", "multipart/form-data", "application/xml")),
    Change("form in the place of JSON", WORKS, _content("application/x-www-form-urlencoded", keep=False)),
    Change("multipart in the place of JSON", WORKS, _content("multipart/form-data", keep=False)),
    Change("JSON of the vendor's own kind", WORKS, _content("application/vnd.aikynetix+json", keep=False)),
    Change("JSON of any kind", WORKS, _content("application/*+json", keep=False)),
    Change("body a list", LOUD, lambda spec: post(spec)["requestBody"]["content"].update({"application/json": {"schema": {"type": "array", "items": {"type": "string"}}}}), (GENERATE,), "no object with fields"),
    Change("body as bytes", LOUD, lambda spec: post(spec)["requestBody"].update(content={"video/mp4": {}}), (GENERATE,), "no object with fields"),
    Change("JSON of a version", WORKS, _content("application/json; version=2.0", keep=False)),
    Change("names of what writes parameters", WORKS, on_both(_helpers)),
    Change("the session as JSON", LOUD, on_both(lambda one: (one["parameters"][0].pop("schema"), one["parameters"][0].update(content={"application/json": {"schema": {"type": "string"}}}))), BOTH, "written as"),
    Change("a parameter in no known place", REFUSED, lambda spec: add_parameter(get(spec), "x", "formData"), says="formData"),
)  # fmt: skip
