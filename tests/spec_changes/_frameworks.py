# ruff: noqa: E501 -- tables of changes, one to a line however long
"""Changes as the tools that write documents for web frameworks make them, and as vendors who grow make them."""

from __future__ import annotations

import copy
import json
from typing import Any

from tests.spec_changes._change import (
    BASE,
    BOTH,
    GENERATE,
    LOUD,
    PATH,
    REFUSED,
    WORKS,
    Change,
    Json,
    add_parameter,
    answer_with,
    body,
    get,
    item,
    on_both,
    post,
    success,
)

_TEXT: Json = {"type": "string"}
_URL: Json = {"type": "string", "format": "uri"}
_KEY: Json = {"type": "apiKey", "in": "header", "name": "API-KEY"}
_JWT: Json = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
_COOKIE: Json = {"type": "apiKey", "in": "cookie", "name": "sessionid"}
_CSRF: Json = {"type": "apiKey", "in": "header", "name": "X-CSRFToken"}
_TOKEN: Json = {"type": "apiKey", "in": "header", "name": "Authorization", "description": 'Token-based authentication with required prefix "Token"'}  # fmt: skip


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Json, *required: str) -> Json:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def _spectacular(spec: Json) -> Json:
    """Write the whole document anew as drf-spectacular does: 3.0.3, components, enumerations, three kinds of body."""
    ours = {"tags": ["session-management"], "security": [{"cookieAuth": []}, {"ApiKeyAuth": []}, {"jwtAuth": []}]}
    session = {"in": "path", "name": "session_id", "schema": {"type": "string", "format": "uuid"}, "required": True}
    flags = [{"in": "query", "name": name, "schema": {"type": "boolean", "default": False}} for name in ("download", "is_jump", "is_weight")]  # fmt: skip
    answer = {"200": {"content": {"application/json; version=1.0": {"schema": _ref("AnalyzedVideo")}}, "description": ""}, "404": {"content": {"application/json; version=1.0": {"schema": _ref("Error")}}, "description": ""}}  # fmt: skip
    kinds = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    request = {"content": {kind: {"schema": _ref("AnalyzedVideoRequest")} for kind in kinds}}
    page = _object({"count": {"type": "integer", "example": 123}, "next": {**_URL, "nullable": True}, "results": {"type": "array", "items": _ref("Session")}}, "count", "results")  # fmt: skip
    sport = {"nullable": True, "oneOf": [_ref("SportEnum"), _ref("BlankEnum"), _ref("NullEnum")]}
    status = {"allOf": [_ref("StatusEnum")], "readOnly": True, "default": "pending"}
    return {
        "openapi": "3.0.3",
        "info": {"title": "AIKYNETIX WEB API", "version": "2.0.0 (v2)"},
        "paths": {
            PATH: {
                "get": {**ours, "operationId": "session_management_sessions_analyzed_video_retrieve", "parameters": [*flags, session], "responses": answer},
                "post": {**ours, "operationId": "session_management_sessions_analyzed_video_create", "parameters": [session], "requestBody": request, "responses": answer},
            },
            "/session-management/sessions/": {
                "get": {**ours, "operationId": "session_management_sessions_list", "parameters": [{"in": "query", "name": "page", "schema": {"type": "integer"}}], "responses": {"200": {"content": {"application/json; version=1.0": {"schema": _ref("PaginatedSessionList")}}, "description": ""}}},
            },
            "/session-management/sessions/{id}/": {
                "patch": {**ours, "operationId": "session_management_sessions_partial_update", "parameters": [{"in": "path", "name": "id", "schema": {"type": "integer"}, "required": True}], "requestBody": {"content": {"application/json": {"schema": _ref("PatchedSessionRequest")}}}, "responses": {"200": {"content": {"application/json": {"schema": _ref("Session")}}, "description": ""}}},
            },
        },
        "components": {
            "schemas": {
                "AnalyzedVideo": _object({"analyzed_video_url": {**_URL, "readOnly": True, "nullable": True}, "status": status, "sport": sport}, "analyzed_video_url", "status"),
                "AnalyzedVideoRequest": _object({name: {"type": "boolean", "default": False} for name in ("is_jump", "is_weight")}),
                "StatusEnum": {"enum": ["pending", "done"], "type": "string", "description": "* `pending` - Pending\n* `done` - Done"},
                "SportEnum": {"enum": ["jump", "weightlifting"], "type": "string"},
                "BlankEnum": {"enum": [""]},
                "NullEnum": {"enum": [None]},
                "Error": _object({"error": _TEXT}),
                "Session": _object({"id": {"type": "integer", "readOnly": True}, "weight": {"type": "string", "format": "decimal", "pattern": "^-?\\d{0,3}$"}, "meta": {}}, "id", "meta"),
                "PatchedSessionRequest": _object({"weight": {"type": "string", "format": "decimal"}, "meta": {}}),
                "PaginatedSessionList": page,
            },
            "securitySchemes": {"cookieAuth": _COOKIE, "ApiKeyAuth": _KEY, "jwtAuth": _JWT},
        },
        "servers": copy.deepcopy(spec["servers"]),
    }  # fmt: skip


def _schemes(**schemes: Json) -> Any:
    def edit(spec: Json) -> None:
        spec["components"]["securitySchemes"] = schemes
        spec["security"] = [{name: []} for name in schemes]

    return edit


def _under_another_name(spec: Json) -> None:
    spec["paths"][PATH.replace("session_id", "id")] = json.loads(json.dumps(item(spec)).replace('"session_id"', '"id"'))


def _constants(spec: Json) -> None:
    add_parameter(get(spec), "X-API-Version", "header", {"type": "string", "enum": ["2"]}, required=True)
    add_parameter(get(spec), "v", "query", {"const": 3, "type": "integer"}, required=True)
    body(spec)["properties"]["kind"] = {"const": "analysis"}
    body(spec)["required"] = ["kind"]


def _version_in_components(spec: Json) -> None:
    spec["components"]["schemas"] = {"Version": {"type": "string", "enum": ["v3"]}}
    spec["paths"] = {"/{version}" + PATH: item(spec)}
    item(spec)["parameters"] = [{"name": "version", "in": "path", "required": True, "schema": _ref("Version")}]


def _styled(style: str) -> Any:
    return on_both(lambda one: one["parameters"][0].update(style=style))


def _unquoted(spec: Json) -> tuple[Json, bytes]:
    return spec, json.dumps(spec).replace('"3.1.1"', "3.1").encode()


def _properties(**properties: Any) -> Any:
    return on_both(lambda one: success(one).update(properties=properties))


def _elsewhere_too(one: Json) -> None:
    schema = _object({"data": success(one)})
    one["responses"]["201"] = {"description": "made", "content": {"application/json": {"schema": schema}}}


def _job(one: Json) -> None:
    variants = [success(one), _object({"url": _URL, "state": _TEXT}, "state")]
    answer_with(one, {"oneOf": variants, "discriminator": {"propertyName": "state"}})


FRAMEWORKS: tuple[Change, ...] = (
    Change("the whole document as drf-spectacular writes it", WORKS, _spectacular),
    Change("the cookie and the form token of a framework first", WORKS, _schemes(cookieAuth=_COOKIE, csrf=_CSRF, Jwt=_JWT, ApiKeyAuth=_KEY)),
    Change("a token with another prefix", WORKS, _schemes(tokenAuth=_TOKEN, ApiKeyAuth=_KEY)),
    Change("only a framework's cookie beside the token", LOUD, _schemes(cookieAuth=_COOKIE, Jwt=_JWT), BOTH, "no API key"),
    Change("post takes tokens alone", LOUD, lambda spec: post(spec).update(security=[{"Bearer": []}]), (GENERATE,), "no API key"),
    Change("an operation names an unknown scheme", REFUSED, lambda spec: get(spec).update(security=[{"Nope": []}]), says="Nope"),
    Change("post on a server of its own", LOUD, lambda spec: post(spec).update(servers=[{"url": "https://jobs.aikynetix.app"}]), (GENERATE,), "server of its own"),
    Change("a developer's machine among the servers", WORKS, lambda spec: spec.update(servers=[{"url": "http://localhost:8000"}, *spec["servers"]])),
    Change("the address is an object that holds it", WORKS, _properties(analyzed_video_url=_object({"url": _URL, "expires_at": _TEXT}))),
    Change("only the address of the recording", LOUD, _properties(original_video_url=_URL), BOTH, "one clear place"),
    Change("the recording beside the overlay", WORKS, _properties(original_video_url=_URL, overlay_video_url=_URL), answer=lambda url: {"original_video_url": "https://x.test/raw.mp4", "overlay_video_url": url}),
    Change("another place in another success", WORKS, on_both(_elsewhere_too), answer=lambda url: {"data": {"analyzed_video_url": url}}),
    Change("the address of a job is no video", WORKS, on_both(_job)),
    Change("path parameter in matrix style", WORKS, _styled("matrix")),
    Change("path parameter in label style", WORKS, _styled("label")),
    Change("the same path with another parameter's name", WORKS, _under_another_name),
    Change("required parts that can only be one", WORKS, _constants, required=("X-API-Version", "v", "kind")),
    Change("a version in components", WORKS, _version_in_components),
    Change("the version of OpenAPI as a number", WORKS, _unquoted),
    Change("parameters that are no list", REFUSED, lambda spec: get(spec).update(parameters={"is_jump": {}}), says="should be a list"),
    Change("an error message in the place of a document", REFUSED, lambda spec: '{"detail": "Not found."}', says="no `openapi` key"),
)  # fmt: skip
assert BASE["openapi"] == "3.1.1", "the change of its spelling needs it"
