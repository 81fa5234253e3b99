# ruff: noqa: E501 -- a table, one change to a line however long
"""Changes that are no list of what is set and dropped: how a document is written, its damage, its size, its order."""

from __future__ import annotations

import copy
import io
import json
from functools import partial
from typing import Any

from ruamel.yaml import YAML

from tests.spec_changes._change import (
    PATH,
    REFUSED,
    ROOT,
    WORKS,
    Change,
    Edit,
    Json,
    add_parameter,
    answer_with,
    body,
    both,
    get,
    move_path,
    post,
    published,
    success,
)

# Quotes, escapes and templates; and what would end the run if a docstring, a string, a comment or a line let it out.
_HOSTILE = (
    '""" ; import os; os.system("x") ; \'\'\' \\" \\N{x} \\ux {{7*7}} {% raw %} <script> \u202e \u0000 ${x} %s {0} \\',
    *(
        f"{opened}\nraise SystemExit\n{closed}"
        for opened, closed in (('"""', '"""'), ("'''", "'''"), ('\\"""', "#"), ('")', '("'), ("')", "('"), ("x", "#"))
    ),
    *("', exit(), '", '" + str(exit()) + "', "{exit()}", "{{ cycler.__init__.__globals__.os.abort() }}", "x\rexit()"),
)
_VIDEO: Json = {"type": "object", "properties": {"analyzed_video_url": {"type": "string", "format": "uri"}}}
_SIZE: Json = {"properties": {"size": {"type": "integer"}}}
_TEXT: Json = {"type": "string"}


def _yaml(spec: Json) -> tuple[Json, bytes]:
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump(spec, stream)
    # Unquoted, a status is a number and a version may be one, as people write them.
    return spec, stream.getvalue().replace("'200':", "200:").replace("'404':", "404:").encode()


def _written(write: Any) -> Edit:
    """Publish the document in another spelling."""
    return lambda spec: (spec, write(json.dumps(spec)))


def _commented(text: str) -> bytes:
    lines = json.dumps(json.loads(text), indent=1)[1:].replace('"\n', '",\n').replace(",,", ",")
    return f"{{ // made by hand\n{lines} /* end */".encode()


def _reordered(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _reordered(node[key]) for key in reversed(node)}
    return [_reordered(one) for one in node] if isinstance(node, list) else node


def _hostile(text: str, spec: Json) -> None:
    spec["info"].update(title=text, description=text, version=text)
    for operation in both(spec):
        operation.update(summary=text, description=text, operationId=text, tags=[text])
        for one in operation["parameters"]:
            one.update(description=text, example=text)
        success(operation).update(description=text, title=text, example=text)
        field = {**_TEXT, "enum": [text, "b"], "description": text, "default": text}
        success(operation)["properties"][text] = field
        add_parameter(operation, text, schema={**_TEXT, "default": text})
    responses = {"200": {"description": text}}
    spec["paths"]['/x"/{y}/{__class__}/%7D/\\'] = {"get": {"responses": responses, "operationId": "\u202eevil"}}


def _deep(levels: int, around: Any) -> Edit:
    def edit(spec: Json) -> None:
        schema = _TEXT
        for _ in range(levels):
            schema = around({"type": "array", "items": schema})
        success(get(spec))["properties"]["deep"] = schema

    return edit


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _of_schemas(schemas: Json) -> Edit:
    """Put schemas into the components and answer with the last of them."""

    def edit(spec: Json) -> None:
        spec["components"]["schemas"] = schemas
        for operation in both(spec):
            answer_with(operation, _ref(list(schemas)[-1]))

    return edit


def _doubled(key: str, *more: Json) -> Edit:
    pairs = {f"S{n}": {key: [_ref(f"S{n - 1}"), {"allOf": [_ref(f"S{n - 1}"), *more]}]} for n in range(1, 31)}
    return _of_schemas({"S0": _VIDEO, **pairs})


def _lists(spec: Json) -> None:
    spec["components"]["schemas"] = {"S0": _TEXT}
    for number in range(30):
        items = {"type": "array", "items": _ref(f"S{number}")}
        spec["components"]["schemas"][f"S{number + 1}"] = {"oneOf": [items, {"type": "array", "items": items}]}
    success(get(spec))["properties"]["lists"] = _ref("S30")


def _chain(spec: Json) -> None:
    links = {f"Link{n}": {"type": "object", "properties": {"next": _ref(f"Link{n + 1}")}} for n in range(200)}
    spec["components"]["schemas"] = {**links, "Link200": {"type": "object", "properties": {"end": _TEXT}}}
    success(get(spec))["properties"]["chain"] = _ref("Link0")


def _mesh(spec: Json) -> None:
    names = [f"Mesh{number}" for number in range(20)]
    fields = {name: {"type": "array", "items": _ref(name)} for name in names}
    spec["components"]["schemas"] = {name: {"type": "object", "properties": fields} for name in names}
    body(spec)["properties"]["mesh"] = success(get(spec))["properties"]["mesh"] = _ref("Mesh0")


def _conflicting(spec: Json) -> None:
    names = "ErrorResponse Error_Response errorResponse Response File Client Any Unset AnalyzedVideoResponse T HTTPError HttpError"
    spec["components"]["schemas"] = {
        name: {"type": "object", "title": "Same", "properties": {f"f{number}": _TEXT}}
        for number, name in enumerate(names.split())
    }
    for operation in both(spec):
        success(operation)["properties"].update({f"p{n}": _ref(name) for n, name in enumerate(names.split())})


def _odd_names(spec: Json) -> None:
    words = "class import client body self url params headers session_id response quote a-b a_b a.b № 日付"
    for name in (*words.split(), "long" * 40 + "a", "long" * 40 + "b"):
        add_parameter(get(spec), name)
    for name in ("X-Client", "headers", "cookies"):
        add_parameter(get(spec), name, "header")
    for name in ("", *["class", "d", "cls", "field_dict", "additional_properties", "to_dict", "@", "#", "is-jump"]):
        body(spec)["properties"][name] = _TEXT


def _query_in_path(spec: Json) -> tuple[Json, bytes]:
    published = copy.deepcopy(spec)
    move_path(published, PATH + "?v=2&kind=overlay")
    for operation in both(spec):
        add_parameter(operation, "v", required=True, schema={"type": "string", "enum": ["2"]})
        add_parameter(operation, "kind", required=True, schema={"type": "string", "enum": ["overlay"]})
    return spec, json.dumps(published).encode()


def _spectacular(spec: Json) -> Json:
    document: Json = json.loads((ROOT / "tests" / "data" / "drf-spectacular.json").read_text("utf-8"))
    return {**document, "servers": spec["servers"]}


SPECIAL: tuple[Change, ...] = (
    Change("the whole document as drf-spectacular writes it", WORKS, _spectacular),
    Change("sixty new endpoints", WORKS, lambda _: published("service.json")),
    Change("names that Python or the templates use", WORKS, _odd_names),
    Change("names that fall together", WORKS, _conflicting),
    Change("a query in the path", WORKS, _query_in_path, required=("v", "kind")),
    Change("a schema combined twice, thirty times over", WORKS, _doubled("allOf", _SIZE), answer={"analyzed_video_url": "URL"}),
    Change("alternatives doubled thirty times", WORKS, _doubled("oneOf"), answer={"analyzed_video_url": "URL"}),
    Change("lists of alternatives doubled thirty times", WORKS, _lists),
    Change("a thousand references in a row", WORKS, _of_schemas({"S0": _VIDEO, **{f"S{n}": _ref(f"S{n - 1}") for n in range(1, 1000)}})),
    Change("twenty models that all hold each other", WORKS, _mesh),
    Change("a chain of 200 models", WORKS, _chain),
    Change("YAML", WORKS, _yaml),
    Change("a byte-order mark and CRLF", WORKS, _written(lambda text: b"\xef\xbb\xbf" + json.dumps(json.loads(text), indent=2).replace("\n", "\r\n").encode())),
    Change("UTF-16", WORKS, _written(lambda text: text.encode("utf-16"))),
    Change("JSON with comments and commas at ends", WORKS, _written(_commented)),
    Change("the version of OpenAPI as a number", WORKS, _written(lambda text: text.replace('"3.1.1"', "3.1").encode())),
    Change("keys in another order", WORKS, _reordered),
    *(Change(f"hostile names and words {n}", WORKS, partial(_hostile, text)) for n, text in enumerate(_HOSTILE)),
    Change("huge descriptions", WORKS, lambda spec: (get(spec).update(description="Very long. " * 10_000), post(spec).update(description="x" * 100_000))[0]),
    Change("deeply nested schemas", WORKS, _deep(30, lambda list_: {"type": "object", "properties": {"in": list_}})),
    Change("nested 400 levels deep", REFUSED, _deep(400, lambda list_: list_), says="levels deep"),
    Change("half a download", REFUSED, lambda spec: json.dumps(spec)[:3000], says="half a download"),
    Change("a picture", REFUSED, lambda spec: b"\x89PNG\r\n\x1a\n\x00\xff\xfe", says="not text"),
    Change("a number that JSON does not have", REFUSED, lambda spec: json.dumps(spec).replace('"required": true', '"required": NaN', 1), says="NaN"),
    Change("YAML of brackets alone", REFUSED, lambda spec: "openapi: " + "[" * 20_000, says="too deeply"),
    Change("the same key twice", REFUSED, lambda spec: json.dumps(spec)[:-1] + ', "openapi": "3.0.0"}', says="twice"),
)  # fmt: skip
