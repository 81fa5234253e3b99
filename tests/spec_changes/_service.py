# ruff: noqa: E501 -- a table, one operation to a line however long
"""The document of a whole video-analysis service, and a server for it: what `client.call` is for."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from tests.spec_changes._change import BASE

if TYPE_CHECKING:
    from tests.spec_changes._server import Json

_TEXT: Json = {"type": "string"}
_TIME: Json = {"type": "string", "format": "date-time"}
_ERROR: Json = {
    "description": "no",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}

# Each resource: its fields, and whether it is nested below a team.
RESOURCES: dict[str, Json] = {
    "sessions": {"name": _TEXT, "sport": {"type": "string", "enum": ["jump", "lift", "run"]}, "recorded_at": _TIME},
    "athletes": {"name": _TEXT, "class": _TEXT, "height_cm": {"type": "number"}, "notes": {"type": ["string", "null"]}},
    "teams": {"name": _TEXT, "members": {"type": "array", "items": {"$ref": "#/components/schemas/Athlete"}}},
    "users": {"email": _TEXT, "role": {"type": "string", "enum": ["coach", "admin"]}, "active": {"type": "boolean"}},
    "keys": {"label": _TEXT, "scopes": {"type": "array", "items": _TEXT}, "expires_at": _TIME},
    "exports": {"format": {"type": "string", "enum": ["csv", "json"]}, "ready": {"type": "boolean"}},
    "reports": {"title": _TEXT, "body": {"oneOf": [_TEXT, {"type": "object", "properties": {"html": _TEXT}}]}},
    "tags": {"name": _TEXT, "colour": _TEXT},
    "devices": {"serial": _TEXT, "fps": {"type": "integer"}},
    "overlays": {"kind": _TEXT, "from": {"type": "integer"}, "d": {"type": "integer"}},
}


def _answer(schema: Json | None, kind: str = "application/json") -> Json:
    return {"description": "ok", **({"content": {kind: {"schema": schema}}} if schema is not None else {})}


def _operation(name: str, tag: str, success: Json, status: str = "200", **more: Any) -> Json:
    return {"operationId": name, "tags": [tag], "responses": {status: success, "4XX": _ERROR, "5XX": _ERROR}, **more}


def _path_parameter(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}


def _query(name: str, schema: Json, **more: Any) -> Json:
    return {"name": name, "in": "query", "schema": schema, **more}


def _json_body(schema: Json) -> Json:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _crud(spec: Json, resource: str, fields: Json) -> None:
    single = resource.removesuffix("s")
    model = {"$ref": f"#/components/schemas/{single.capitalize()}"}
    draft = {"$ref": f"#/components/schemas/{single.capitalize()}Draft"}
    schemas = spec["components"]["schemas"]
    schemas[f"{single.capitalize()}Draft"] = {"type": "object", "required": [next(iter(fields))], "properties": fields}
    schemas[single.capitalize()] = {
        "allOf": [
            schemas[f"{single.capitalize()}Draft"],
            {"type": "object", "required": ["id"], "properties": {"id": _TEXT}},
        ]
    }
    page = {
        "type": "object",
        "properties": {"results": {"type": "array", "items": model}, "next": {"type": ["string", "null"]}},
    }
    filters = [
        _query("limit", {"type": "integer", "default": 20}),
        _query("order-by", _TEXT),
        _query("tag", {"type": "array", "items": _TEXT}),
    ]
    spec["paths"][f"/{resource}/"] = {
        "get": _operation(f"list-{resource}", resource, _answer(page), parameters=filters),
        "post": _operation(f"create-{single}", resource, _answer(model), "201", requestBody=_json_body(draft)),
    }
    spec["paths"][f"/{resource}/{{{single}-id}}/"] = {
        "parameters": [_path_parameter(f"{single}-id")],
        "get": _operation(f"get-{single}", resource, _answer(model)),
        "patch": _operation(f"update-{single}", resource, _answer(model), requestBody=_json_body(draft)),
        "delete": _operation(f"delete-{single}", resource, _answer(None), "204"),
    }


_UPLOAD = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "string", "format": "binary"}, "is_jump": {"type": "boolean"}, "note": _TEXT},
}
_ODD = [
    _query(name, _TEXT, required=True, description=f"The {name}.")
    for name in ("self", "operation", "class", "from", "call", "list", "body")
]
_DESCRIBED: Json = {
    "summary": "Import what is called oddly",
    "description": 'Says `"""` and \\\\n.',
    "deprecated": True,
}
_PICTURES = ("thumbnail", "skeleton", "forces")


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


# Request to operationId, tag, status and answer, and what else is said.
_OTHERS: dict[str, tuple[str, str, str, Json, Json]] = {
    "post /sessions/{session_id}/video/": ("upload-video", "videos", "201", _answer(_ref("Session")), {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _UPLOAD}}}}),
    "put /sessions/{session_id}/video/": ("replace-video", "videos", "204", _answer(None), {"requestBody": {"required": True, "content": {"video/mp4": {}}}}),
    "get /sessions/{session_id}/video/": ("download-video", "videos", "200", _answer({}, "video/mp4"), {}),
    "delete /sessions/{session_id}/video/": ("delete-video", "videos", "204", _answer(None), {}),
    **{f"get /sessions/{{session_id}}/{name}/": (f"get-{name}", "videos", "200", _answer({}, "application/octet-stream"), {}) for name in _PICTURES},
    "get /exports/{export-id}/data/": ("export-data", "exports", "200", _answer(_TEXT, "text/csv"), {}),
    "post /keys/{key-id}/rotate/": ("rotate-key", "keys", "200", _answer(_ref("Key")), {"parameters": [{"name": "X-Reason", "in": "header", "schema": _TEXT}]}),
    "get /users/me/": ("whoami", "users", "200", _answer(_ref("User")), {"security": [{"Bearer": []}]}),
    "get /lookups/import/": ("odd-names", "lookups", "200", _answer({"type": "array", "items": _ref("Session")}), {**_DESCRIBED, "parameters": _ODD}),
}  # fmt: skip


def service() -> Json:
    """Return the document: more than sixty operations beside the facade's two."""
    spec = copy.deepcopy(BASE)
    spec["components"]["schemas"] = {"Problem": {"type": "object", "properties": {"error": _TEXT, "code": _TEXT}}}
    for resource, fields in RESOURCES.items():
        _crud(spec, resource, fields)
    for target, (name, tag, status, answer, more) in _OTHERS.items():
        method, path = target.split()
        item = spec["paths"].setdefault(path, {})
        item["parameters"] = [_path_parameter(one) for one in re.findall(r"{(.*?)}", path)]
        item[method] = _operation(name, tag, answer, status, **more)
    return spec
