# ruff: noqa: E501 -- tables, one case to a line however long
"""A document with every kind of parameter and body, and operations that cannot be called."""

from __future__ import annotations

import json
from typing import Any

from tests.spec_changes._change import BASE

Json = dict[str, Any]
_TEXT: Json = {"type": "string"}
_INT: Json = {"type": "integer"}
_FILE: Json = {"type": "string", "format": "binary"}
_LIST: Json = {"type": "array", "items": _TEXT}
JSON, FORM, MULTIPART = "application/json", "application/x-www-form-urlencoded", "multipart/form-data"


def _object(*required: str, **properties: Any) -> Json:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _of(place: str, **schemas: Json) -> list[Json]:
    return [
        {"name": name.replace("_", "-"), "in": place, "required": place == "path", "schema": schema}
        for name, schema in schemas.items()
    ]


def _query(name: str, schema: Json, **more: Any) -> Json:
    return {"name": name, "in": "query", "schema": schema, **more}


_DEEP = _object(sport=_TEXT, level=_INT)
_UPLOAD = _object("file", file=_FILE, note={"type": ["string", "null"]}, is_jump={"type": "boolean"})
_CLIP_OR_LINK: Json = {
    "oneOf": [_object("kind", kind={"const": "clip"}, file=_FILE), _object("kind", kind={"const": "link"}, url=_TEXT)]
}
_SHARED = _object(
    "clip",
    clip={"allOf": [_ref("Clip")], "description": "x"},
    deep=_ref("Deep"),
    when={"type": "string", "format": "date"},
)
_DISCRIMINATED = {
    "oneOf": [_ref("Cat"), _ref("Dog")],
    "discriminator": {
        "propertyName": "kind",
        "mapping": {"cat": "#/components/schemas/Cat", "dog": "#/components/schemas/Dog"},
    },
}
_STYLES = [
    _query("repeated", _LIST),
    _query("joined", _LIST, explode=False),
    _query("piped", {"type": "array", "items": _INT}, style="pipeDelimited"),
    _query("spaced", _LIST, style="spaceDelimited", explode=False),
    _query("filter", _DEEP, style="deepObject", explode=True),
]
_KINDS: Json = {
    "n": {"type": "number"},
    "d": {"type": "string", "format": "date"},
    "u": {"type": "string", "format": "uuid"},
    "l": {"type": "array", "items": _INT},
    "b": {"type": "boolean"},
}

# Name of an operation to its method and path, its parameters, and its kinds of body with their schemas.
_OPERATIONS: dict[str, tuple[str, list[Json], Json]] = {
    "search": ("get /search", _STYLES, {}),
    "collide": ("get /collide", [_query("filter", _object(name=_TEXT)), _query("sort", _object(name=_TEXT)), _query("name", _TEXT)], {}),
    "named": ("get /named", [_query(name, _TEXT) for name in ("operation", "self", "client", "request", "str")], {}),
    "headed": ("get /headed", _of("header", X_Note=_TEXT, **{f"X_{name}": one for name, one in _KINDS.items()}), {}),
    "baked": ("get /baked", _of("cookie", **_KINDS), {}),
    "odd": ("get /odd", [{"name": name, "in": place, "schema": _TEXT} for name, place in (("X-Équipe", "header"), ("Content-Length", "header"), ("thème", "cookie"))], {}),
    "remove": ("delete /things/{id}", _of("path", id=_TEXT), {}),
    "placed": ("get /at/{d}/{l}", _of("path", d=_KINDS["d"], l=_KINDS["l"]), {}),
    "undeclared": ("get /un/{id}", [], {}),
    "nullable": ("post /nullable", [], {JSON: {"anyOf": [_DEEP, {"type": "null"}]}}),
    "versioned": ("post /versioned", [], {"application/json; version=2": _DEEP}),
    "pet": ("post /pet", [], {JSON: _DISCRIMINATED}),
    "shared_json": ("post /shared", [], {JSON: _ref("Shared")}),
    "shared_parts": ("post /shared-parts", [], {MULTIPART: _ref("Shared")}),
    "upload": ("post /upload", [], {MULTIPART: _UPLOAD}),
    "either": ("post /either", [], {FORM: _UPLOAD, MULTIPART: _UPLOAD}),
    "variants": ("post /variants", [], {MULTIPART: _CLIP_OR_LINK}),
    "shapeless": ("post /shapeless", [], {MULTIPART: None}),
    "bare": ("post /bare", [], {MULTIPART: _FILE}),
    "many": ("post /many", [], {MULTIPART: _object(files={"type": "array", "items": _FILE}, tags=_LIST, deep=_DEEP)}),
    "shaped": ("post /shaped", [], {FORM: _object(deep=_DEEP, many={"type": "array", "items": _DEEP}, tags=_LIST, b={"type": "boolean"})}),
    "form_variants": ("post /form-variants", [], {FORM: {"oneOf": [_object(a=_TEXT), _object(b=_INT)]}}),
    "form_shapeless": ("post /form-shapeless", [], {FORM: None}),
    "picture": ("post /picture", [], {"image/*": _FILE}),
    "pictures": ("post /pictures", [], {"image/png": _FILE, "image/jpeg": _FILE}),
    "film": ("post /film", [], {"video/*": None}),
    "words": ("post /words", [], {"text/plain": _TEXT}),
    "anything": ("post /anything", [], {"*/*": None}),
}  # fmt: skip
_COMPONENTS = {
    "Clip": _FILE,
    "Deep": _DEEP,
    "Shared": _SHARED,
    "Cat": _object("kind", kind=_TEXT, lives=_INT),
    "Dog": _object("kind", kind=_TEXT, bark=_TEXT),
}
# What no request can be, or not with every credential, and what is said of it.
TROUBLE: dict[str, tuple[Json, str]] = {
    "lost": ({"parameters": _of("path", jump_id=_TEXT)}, "describes the path parameter `jump-id`, for which its path has no place"),
    "exploded": ({"parameters": [{**_of("header", X_A=_TEXT)[0], "name": "X A", "required": True}]}, "'X A' cannot be sent"),
    "xml_part": ({"requestBody": {"required": True, "content": {MULTIPART: {"schema": _object(a=_DEEP), "encoding": {"a": {"contentType": "application/xml"}}}}}}, "application/xml"),
    "token_alone": ({"security": [{"Bearer": []}]}, "take a bearer token (token=)"),
    "no_credential": ({"security": [{"Basic": []}]}, "take a credential that this client cannot give"),
    "nowhere": ({"servers": [{"url": "http://up.aikynetix.app"}]}, "names no server for this operation"),
}  # fmt: skip


def _answer(schema: Json, kind: str = JSON, status: str = "200") -> Json:
    return {status: {"description": "", "content": {kind: {"schema": schema}}}}


# What other operations than those of the first table answer, or where they are.
_MORE: dict[str, tuple[str, Json]] = {
    "pets": ("get /pets", {"responses": _answer(_DISCRIMINATED, status="201")}),
    "other": ("get /other", {"servers": [{"url": "https://up.aikynetix.app/v2"}]}),
    "plain": ("get /plain", {"responses": _answer(_TEXT, "text/plain")}),
    **{name: (f"post /trouble/{name}", more) for name, (more, _) in TROUBLE.items()},
}


def wire_document() -> Json:
    """Return the document."""
    spec: Json = json.loads(json.dumps(BASE))
    spec["components"]["schemas"] = _COMPONENTS
    spec["components"]["securitySchemes"]["Basic"] = {"type": "http", "scheme": "basic"}
    operations = dict(_MORE)
    for name, (target, parameters, content) in _OPERATIONS.items():
        media = {kind: {} if schema is None else {"schema": schema} for kind, schema in content.items()}
        body = {"requestBody": {"required": True, "content": media}} if media else {}
        operations[name] = (target, {"parameters": parameters, **body})
    for name, (target, more) in operations.items():
        method, path = target.split()
        spec["paths"][path] = {method: {"operationId": name, "tags": ["wire"], "responses": _answer({}), **more}}
    return spec
