# ruff: noqa: E501 -- tables of changes, one to a line however long
"""Changes of the document as a whole: servers, credentials, versions, spellings, damage."""

from __future__ import annotations

import io
import json
from typing import Any

from ruamel.yaml import YAML

from tests.spec_changes._change import (
    BASE,
    BOTH,
    GENERATE,
    GET,
    LOUD,
    PATH,
    REFUSED,
    WORKS,
    Change,
    Json,
    answer_with,
    both,
    get,
    on_both,
    post,
    success,
)

_HOSTILE = (
    '""" ; import os; os.system("x") ; \'\'\' \\" \\N{x} \\ux {{7*7}} {% raw %} <script> \u202e \u0000 ${x} %s {0} \\'
)
_LIST: Json = {"operationId": "sessions_list", "responses": {"200": {"description": "ok"}}}
_BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def _schemes(**schemes: Any) -> Any:
    def edit(spec: Json) -> None:
        spec["components"]["securitySchemes"] = schemes
        spec["security"] = [{name: []} for name in schemes]

    return edit


def _key(name: str = "API-KEY", place: str = "header") -> Json:
    return {"type": "apiKey", "name": name, "in": place}


def _servers(*servers: Json) -> Any:
    return lambda spec: spec.update(servers=list(servers))


def _old(version: str) -> Any:
    def edit(spec: Json) -> None:
        spec["openapi"] = version
        if version.startswith("3.0"):
            for operation in both(spec):
                success(operation)["properties"]["analyzed_video_url"]["nullable"] = True

    return edit


def _yaml(spec: Json) -> tuple[Json, bytes]:
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump(spec, stream)
    # Unquoted, a status is a number and a version may be one, as people write them.
    return spec, stream.getvalue().replace("'200':", "200:").replace("'404':", "404:").encode()


def _crlf(spec: Json) -> tuple[Json, bytes]:
    return spec, b"\xef\xbb\xbf" + json.dumps(spec, indent=2).replace("\n", "\r\n").encode()


def _utf16(spec: Json) -> tuple[Json, bytes]:
    return spec, json.dumps(spec).encode("utf-16")


def _reordered(spec: Json) -> Json:
    def turn(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: turn(node[key]) for key in reversed(node)}
        return [turn(one) for one in node] if isinstance(node, list) else node

    turned: Json = turn(spec)
    return turned


def _hostile(spec: Json) -> None:
    spec["info"].update(title=_HOSTILE, description=_HOSTILE, version=_HOSTILE)
    for operation in both(spec):
        operation.update(summary=_HOSTILE, description=_HOSTILE, operationId=_HOSTILE, tags=[_HOSTILE])
        for one in operation["parameters"]:
            one.update(description=_HOSTILE, example=_HOSTILE)
        success(operation).update(description=_HOSTILE, title=_HOSTILE, example=_HOSTILE)
        success(operation)["properties"][_HOSTILE] = {
            "type": "string",
            "enum": [_HOSTILE, "b"],
            "description": _HOSTILE,
            "default": _HOSTILE,
        }
        operation["parameters"].append(
            {"name": _HOSTILE, "in": "query", "schema": {"type": "string", "default": _HOSTILE}}
        )
    spec["paths"]['/x"/{y}/{__class__}/%7D/\\'] = {
        "get": {"responses": {"200": {"description": _HOSTILE}}, "operationId": "\u202eevil"}
    }


def _huge(spec: Json) -> None:
    get(spec)["description"] = "Very long. " * 10_000
    post(spec)["description"] = "x" * 100_000


def _broken(ref: str) -> Any:
    def edit(spec: Json) -> None:
        get(spec)["responses"]["200"]["content"]["application/json"]["schema"] = {"$ref": ref}

    return edit


def _looped(spec: Json) -> None:
    spec["components"]["parameters"] = {
        "A": {"$ref": "#/components/parameters/B"},
        "B": {"$ref": "#/components/parameters/A"},
    }
    get(spec)["parameters"].append({"$ref": "#/components/parameters/A"})


def _deep(spec: Json) -> None:
    schema: Json = {"type": "string"}
    for _ in range(400):
        schema = {"type": "array", "items": schema}
    success(get(spec))["properties"]["deep"] = schema


def _moderately_deep(spec: Json) -> None:
    schema: Json = {"type": "string"}
    for _ in range(30):
        schema = {"type": "object", "properties": {"in": {"type": "array", "items": schema}}}
    success(get(spec))["properties"]["deep"] = schema


def _split_item(**more: Any) -> Any:
    """Keep a part of the path item in the components, and the rest beside the reference to it."""

    def edit(spec: Json) -> None:
        whole = spec["paths"][PATH]
        spec["components"]["pathItems"] = {"Video": {"get": whole["get"], "summary": "a"}}
        spec["paths"][PATH] = {"$ref": "#/components/pathItems/Video", "post": whole["post"], "summary": "b", **more}

    return edit


def _anchored(ref: str, *names: str) -> Any:
    def edit(spec: Json) -> None:
        schema = success(get(spec))
        spec["components"]["schemas"] = {
            f"V{number}": {**schema, "$anchor": name, "minProperties": number} for number, name in enumerate(names)
        }
        for operation in both(spec):
            answer_with(operation, {"$ref": ref})

    return edit


def _on_a_server_of_ours(spec: Json) -> None:
    spec["paths"][PATH]["servers"] = [{"url": "https://video.aikynetix.app"}]
    spec["paths"]["/sessions/"] = {"get": _LIST}


DOCUMENTS: tuple[Change, ...] = (
    Change("server with a path", WORKS, _servers({"url": "https://api.aikynetix.app/v3/"})),
    Change("server elsewhere", WORKS, _servers({"url": "https://eu.aikynetix.com"})),
    Change("server templated", WORKS, _servers({"url": "https://{region}.aikynetix.app/{base}", "variables": {"region": {"default": "eu"}, "base": {"default": "x"}}})),
    Change("server relative", WORKS, _servers({"url": "/api"})),
    Change("servers removed", WORKS, lambda spec: spec.pop("servers")),
    Change("several servers", WORKS, _servers({"url": "https://api.aikynetix.app"}, {"url": "https://staging.aikynetix.app"})),
    Change("only a plain http server", LOUD, _servers({"url": "http://api.aikynetix.app"}), BOTH, "no server"),
    Change("key header renamed", WORKS, _schemes(Bearer=_key("Authorization"), ApiKeyAuth=_key("X-API-Key"))),
    Change("key in the query", WORKS, _schemes(Bearer=_key("Authorization"), ApiKeyAuth=_key("api_key", "query"))),
    Change("key in a cookie", WORKS, _schemes(Bearer=_key("Authorization"), ApiKeyAuth=_key("sid", "cookie"))),
    Change("http bearer", WORKS, _schemes(Jwt=_BEARER, ApiKeyAuth=_key())),
    Change("OAuth2", WORKS, _schemes(O={"type": "oauth2", "flows": {}}, ApiKeyAuth=_key())),
    Change("OpenID Connect", WORKS, _schemes(O={"type": "openIdConnect", "openIdConnectUrl": "https://x.test"}, ApiKeyAuth=_key())),
    Change("scheme names changed", WORKS, _schemes(Key=_key(), Token=_key("Authorization"))),
    Change("security per operation", WORKS, lambda spec: [one.update(security=spec["security"]) for one in both(spec)] and spec.pop("security")),
    Change("an unused scheme added", WORKS, lambda spec: spec["components"]["securitySchemes"].update(Admin=_key("X-Admin"))),
    Change("the key scheme removed", LOUD, _schemes(Bearer=_key("Authorization")), BOTH, "no API key"),
    Change("the token scheme removed", LOUD, _schemes(ApiKeyAuth=_key()), BOTH, "no bearer token"),
    *(
        Change(f"key in the {place} {name!r}", LOUD, _schemes(Bearer=_key("Authorization"), ApiKeyAuth=_key(name, place)), BOTH, "no API key")
        for place, name in (("header", "API KEY"), ("header", "X\r\nEvil: 1"), ("header", "API-KÉY"), ("cookie", "a;b=c"), ("header", "Host"), ("header", "content-length"))
    ),
    Change("key in a query parameter of any name", WORKS, _schemes(Bearer=_key("Authorization"), ApiKeyAuth=_key("API KÉY", "query"))),
    Change("only basic", LOUD, _schemes(Basic={"type": "http", "scheme": "basic"}), BOTH, "Basic"),
    Change("only mutual TLS", LOUD, _schemes(Tls={"type": "mutualTLS"}), BOTH, "Tls"),
    Change("both credentials at once", LOUD, lambda spec: spec.update(security=[{"Bearer": [], "ApiKeyAuth": []}]), BOTH, "no API key"),
    Change("security names an unknown scheme", REFUSED, lambda spec: spec.update(security=[{"Nope": []}]), says="Nope"),
    Change("OpenAPI 3.0.3", WORKS, _old("3.0.3")),
    Change("OpenAPI 3.1.0", WORKS, _old("3.1.0")),
    Change("OpenAPI 3.2.0", WORKS, _old("3.2.0")),
    Change("OpenAPI 3.2 with a query method", WORKS, lambda spec: (spec.update(openapi="3.2.0"), spec["paths"].update({"/search": {"query": {"operationId": "search", "responses": {"200": {"description": "ok"}}}}}))[0]),
    Change("YAML", WORKS, _yaml),
    Change("a byte-order mark and CRLF", WORKS, _crlf),
    Change("UTF-16", WORKS, _utf16),
    Change("JSON with comments and commas at ends", WORKS, lambda spec: (spec, ("{ // made by hand\n" + json.dumps(spec, indent=1)[1:].replace('"\n', '",\n').replace(",,", ",") + " /* end */").encode())),
    Change("a flow mapping of YAML", WORKS, lambda spec: (spec, json.dumps(spec).replace('{"info":', "{info:").replace('{"openapi":', "{openapi:").encode())),
    Change("keys in another order", WORKS, _reordered),
    Change("hostile names and words", WORKS, _hostile),
    Change("huge descriptions", WORKS, _huge),
    Change("deeply nested schemas", WORKS, _moderately_deep),
    Change("new title and version", WORKS, lambda spec: spec.update(info={"title": "AIKYNETIX", "version": "2030-01-01"})),
    Change("extensions everywhere", WORKS, lambda spec: [one.update({"x-a": {"$ref": "nowhere"}}) for one in (spec, spec["info"], spec["paths"][PATH], get(spec), get(spec)["responses"], success(get(spec)))]),
    Change("an operation with a server of its own", WORKS, lambda spec: spec["paths"].update({"/up/": {"post": {"operationId": "up", "servers": [{"url": "https://upload.aikynetix.app"}], "responses": {"200": {"description": "ok"}}}}})),
    Change("our path on a server of its own", WORKS, _on_a_server_of_ours),
    Change("our path on a server that cannot be used", LOUD, lambda spec: post(spec).update(servers=[{"url": "http://up.aikynetix.app"}]), (GENERATE,), "its own server cannot be used; it names http://up.aikynetix.app"),
    Change("a path item in components with more beside it", WORKS, _split_item()),
    Change("a path item in components with something else beside it", REFUSED, _split_item(get=_LIST), says="has a `get` and refers to a path item with another"),
    Change("path items in a circle", REFUSED, lambda spec: (spec["components"].update(pathItems={"A": {"$ref": "#/components/pathItems/A"}}), spec["paths"].update({"/a": {"$ref": "#/components/pathItems/A"}}))[0], says="back to itself"),
    Change("reference to an anchor", REFUSED, _anchored("#video", "video", "other"), says="written as the place itself"),
    Change("reference to an anchor that is not there", REFUSED, _anchored("#nope", "video"), says="`#nope`"),
    Change("reference to an anchor that is there twice", REFUSED, _anchored("#video", "video", "video"), says="leads nowhere"),
    Change("reference to a part of a schema", WORKS, lambda spec: (spec["components"].update(schemas={"A~B/C": success(get(spec))}), success(post(spec))["properties"].update(analyzed_video_url={"$ref": "#/components/schemas/A~0B~1C/properties/analyzed_video_url"}))[0]),
    Change("half a download", REFUSED, lambda spec: json.dumps(spec)[:3000], says="half a download"),
    Change("a web page", REFUSED, lambda spec: "<!DOCTYPE html>\n<html><body>Sign in</body></html>", says="web page"),
    Change("a web page behind a comment", REFUSED, lambda spec: b"\xef\xbb\xbf\n<!-- x --><!DOCTYPE html><html>Sign in</html>", says="web page"),
    Change("a part of a web page", REFUSED, lambda spec: "<div>404</div>", says="web page"),
    Change("a message in XML", REFUSED, lambda spec: "<Error><Code>AccessDenied</Code></Error>", says="XML"),
    Change("an empty file", REFUSED, lambda spec: "", says="empty"),
    Change("a picture", REFUSED, lambda spec: b"\x89PNG\r\n\x1a\n\x00\xff\xfe", says="not text"),
    Change("plain words", REFUSED, lambda spec: "not found", says="plain text"),
    Change("a number that JSON does not have", REFUSED, lambda spec: json.dumps(spec, indent=1).replace('"required": true', '"required": NaN', 1), says="NaN"),
    Change("JSON of brackets alone", REFUSED, lambda spec: '{"openapi": ' + "[" * 100_000, says="too deeply"),
    Change("YAML of brackets alone", REFUSED, lambda spec: "openapi: " + "[" * 20_000, says="too deeply"),
    Change("a list", REFUSED, lambda spec: "[1, 2]", says="a list"),
    Change("Swagger 2.0", REFUSED, lambda spec: json.dumps({"swagger": "2.0", "info": {}, "paths": {}}), says="Swagger 2.0"),
    Change("OpenAPI 4", REFUSED, lambda spec: spec.update(openapi="4.0.0"), says="4.0.0"),
    Change("no paths", REFUSED, lambda spec: json.dumps({**BASE, "paths": {}}), says="no `paths`"),
    Change("paths without operations", REFUSED, lambda spec: spec["paths"].update({PATH: {}}), says="no operation"),
    Change("no info", REFUSED, lambda spec: spec.pop("info"), says="`info`"),
    Change("a broken reference", REFUSED, _broken("#/components/schemas/Gone"), says="leads nowhere"),
    Change("a reference to another file", REFUSED, _broken("common.yaml#/Video"), says="another document"),
    Change("references in a circle", REFUSED, _looped, says="back to itself"),
    Change("nested 400 levels deep", REFUSED, _deep, says="levels deep"),
    Change("the same key twice", REFUSED, lambda spec: json.dumps(spec)[:-1] + ', "openapi": "3.0.0"}', says="twice"),
    Change("YAML that multiplies", REFUSED, lambda spec: "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)), says="multiply"),
    Change("responses a list", REFUSED, lambda spec: get(spec).update(responses=[]), says="should be an object"),
    Change("security a number", REFUSED, lambda spec: spec.update(security=3.5), says="`security` that is a number"),
    Change("security an object", REFUSED, lambda spec: get(spec).update(security={"Bearer": []}), says=".get.security` that is an object"),
    Change("security of words", REFUSED, lambda spec: get(spec).update(security=["Bearer"]), says=".get.security[0]` that is plain text"),
    Change("another operation's security names an unknown scheme", REFUSED, lambda spec: spec["paths"].update({"/a/": {"get": {**_LIST, "security": [{"Nope": []}]}}}), says="The `security` of GET /a/ names the scheme `Nope`"),
    Change("servers an object", REFUSED, lambda spec: spec.update(servers={"url": "https://x.test"}), says="`servers` that is an object"),
    Change("servers of words", REFUSED, lambda spec: spec["paths"][PATH].update(servers=["https://x.test"]), says="servers[0]` that is plain text"),
    Change("schemas a list", REFUSED, lambda spec: spec["components"].update(schemas=[]), says="`components.schemas` that is a list"),
    Change("components a list", REFUSED, lambda spec: spec.update(components=[]), says="`components` that is a list"),
    Change("a method in capitals", REFUSED, lambda spec: spec["paths"][PATH].update(GET=spec["paths"][PATH].pop("get")), says="under `GET`, where OpenAPI has `get`"),
    Change("webhooks a list", REFUSED, lambda spec: spec.update(webhooks=[["a"]]), says="`webhooks` that is a list"),
    Change("allOf a number", REFUSED, lambda spec: success(get(spec)).update(allOf=3.5), says=".schema.allOf` that is a number"),
    Change("required lists a list", REFUSED, lambda spec: success(get(spec)).update(required=[["a"]]), says="names of fields"),
    Change("path item a text", REFUSED, lambda spec: spec["paths"].update({"/x": "soon"}), says="should be an object"),
    Change("get removed and words changed", LOUD, lambda spec: (spec["paths"][PATH].pop("get"), post(spec).update(description="new"))[0], (GET,), "no GET operation"),
    Change("nothing but words", WORKS, on_both(lambda one: one.update(description="new", summary="new"))),
)  # fmt: skip
