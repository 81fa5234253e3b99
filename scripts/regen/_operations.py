"""The operations of a document with everything they share resolved into them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from scripts.regen._document import METHODS, RefusedError, resolve

if TYPE_CHECKING:
    from scripts.regen._document import Json

PARAMETER_IN_PATH = re.compile(r"\{([^{}/]*)\}")
_LOCATIONS = ("path", "query", "header", "cookie", "querystring")
# OpenAPI 3.1.1, section 4.8.12.2: header parameters with these names are to be ignored.
_IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})
# What HTTP itself says of a message (RFC 9110, sections 7.2 and 8.6; RFC 9112, section 6.1).
_OF_THE_MESSAGE = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_READ = frozenset({"parameters", "requestBody", "responses", "security", "servers", "deprecated"})


@dataclass(frozen=True)
class Operation:
    """One operation of the vendor's document."""

    path: str  # as in the document, with the fragment that tells it from another of the same path
    method: str  # lower case, except for methods that only OpenAPI 3.2 can name
    identifier: str  # the vendor's `operationId`, or one made of method and path
    # Those of the path and of the operation together, references resolved, unique by location and name.
    parameters: tuple[Json, ...]
    body: Json | None  # the request body with its references resolved, None when there is none
    responses: dict[str, Json]  # status (or range, or ``default``) to response, references resolved
    security: list[Json] | None  # the requirements that hold for it, None when the document says nothing
    servers: tuple[Json, ...]  # the servers that hold for it
    summary: str  # the vendor's one line
    description: str  # the vendor's text
    deprecated: bool  # whether the vendor advises against it
    own_servers: bool  # whether `servers` are stated for it or its path
    tag: str  # the vendor's first tag, or ``default``
    more: Json  # what else the vendor says of it: words and names, callbacks and extensions

    @property
    def label(self) -> str:
        """Name the operation in messages."""
        return f"{self.method.upper()} {self.path}"

    @property
    def bare_path(self) -> str:
        """The path without the names of its parameters."""
        return PARAMETER_IN_PATH.sub("{}", self.path)

    @property
    def path_parameters(self) -> list[str]:
        """Names of the parameters in the path, in order."""
        return PARAMETER_IN_PATH.findall(self.path)


def operations_of(spec: Json) -> list[Operation]:
    """List the operations of a document in its order."""
    found: list[Operation] = []
    for stated, shared in (spec.get("paths") or {}).items():
        if not stated.startswith("x-"):
            path, fixed = _split_path(stated)
            item = _path_item(spec, shared, f"`paths.{stated}`")
            own = [(method, item[method]) for method in METHODS if item.get(method) is not None]
            for method, raw in [*own, *(item.get("additionalOperations") or {}).items()]:
                operation = _operation(spec, path, method, item, raw)
                found.append(replace(operation, parameters=(*operation.parameters, *fixed)))
    if not found:
        raise RefusedError("The document has no `paths`, or no operation under them: there is nothing to generate.")
    return found


def _split_path(stated: str) -> tuple[str, list[Json]]:
    """Return a path and, as parameters with one value each, the query that OpenAPI does not allow in it."""
    whole, mark, fragment = stated.partition("#")
    bare, _, query = whole.partition("?")
    if not re.fullmatch(r"/(?!/)([^?{}]|\{[^{}/?]*\})*(\?[^{}]*)?", whole) or re.search(r"[{}]", fragment):
        raise RefusedError(
            f"The path `{stated[:200]}` does not begin with a slash, or with two, or has a query with a parameter or a "
            "template in it, or braces that are not around the name of a parameter. OpenAPI has the address of a "
            "server in `servers`, query parameters beside the path, and patterns in a parameter's schema. Ask the "
            "vendor which path is meant, and write that."
        )
    return f"{bare}{mark}{fragment}", [
        {"name": name, "in": "query", "required": True, "schema": {"type": "string", "enum": [value]}}
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]


def _path_item(spec: Json, raw: Any, where: str) -> Json:
    """Return a path item with what it refers to; beside a `$ref` it may say more (OpenAPI 3.1.1, section 4.8.9.1)."""
    item = dict(raw)
    if "$ref" in item:
        target = resolve(spec, {"$ref": item.pop("$ref")}, where)
        for key in item.keys() & target.keys() - {"summary", "description"}:
            if item[key] != target[key]:
                raise RefusedError(
                    f"The path item at {where} has a `{key}` and refers to a path item with another; OpenAPI does not "
                    "say which one holds. Ask the vendor, and take the other one out."
                )
        item = {**target, **item}
    for key in item:
        if key not in METHODS and key.lower() in METHODS:
            raise RefusedError(
                f"A path item has an operation under `{key}`, where OpenAPI has `{key.lower()}`: readers leave it out. "
                "Ask the vendor to write it in lower case, or do so."
            )
    return item


def _operation(spec: Json, path: str, method: str, item: Json, operation: Json) -> Operation:
    where = f"{method.upper()} {path}"
    own_id = str(operation.get("operationId") or "")
    made_id = f"{method}_{re.sub(r'[{}]', '', path).strip('/').replace('/', '_') or 'root'}"
    servers = operation.get("servers") or item.get("servers")
    body: Json = resolve(spec, operation.get("requestBody") or {}, where)
    content = _content(spec, where, body)
    tags = [tag for tag in map(str, operation.get("tags") or ()) if tag.strip()]
    return Operation(
        path=path,
        method=method,
        identifier=own_id if own_id.strip() else made_id,
        parameters=_parameters(spec, where, item, operation),
        body={**body, "content": content} if content else None,
        responses=_responses(spec, where, operation),
        security=operation.get("security", spec.get("security")),
        servers=tuple(servers or spec.get("servers") or ()),
        summary=str(operation.get("summary") or ""),
        description=str(operation.get("description") or ""),
        deprecated=operation.get("deprecated") is True,
        own_servers=bool(servers),
        tag=tags[0] if tags else "default",
        more={key: value for key, value in operation.items() if key not in _READ},
    )


def _parameters(spec: Json, where: str, item: Json, operation: Json) -> tuple[Json, ...]:
    merged: dict[tuple[str, str], Json] = {}
    for owner in (item, operation):
        for raw in owner.get("parameters") or []:
            parameter = resolve(spec, raw, where)
            name, location = parameter.get("name"), parameter.get("in")
            if not isinstance(name, str) or location not in _LOCATIONS:
                raise RefusedError(
                    f"A parameter of {where} has `name: {name}` and `in: {location}`; OpenAPI 3 knows the locations "
                    f"{', '.join(_LOCATIONS)}. Is the document a converted Swagger 2.0 one?"
                )
            key = name.lower() if location == "header" else name
            if location != "header" or not _is_of_http(key, parameter.get("schema")):
                merged[location, key] = parameter
    return tuple(merged.values())


def _is_of_http(name: str, schema: Any) -> bool:
    """Tell whether HTTP itself, and no caller, says a header; one with a fixed value may be another than HTTP's."""
    is_fixed = isinstance(schema, dict) and bool({"enum", "const"} & schema.keys())
    return name in _IGNORED_HEADERS or (name in _OF_THE_MESSAGE and not is_fixed)


def _responses(spec: Json, where: str, operation: Json) -> dict[str, Json]:
    result: dict[str, Json] = {}
    for code, raw in (operation.get("responses") or {}).items():
        status = "default" if code.lower() == "default" else code.upper().replace("*", "X")
        if status.startswith("X-"):
            continue
        if not re.fullmatch(r"[1-5](\d\d|XX)|default", status):
            raise RefusedError(
                f"{where} documents the status `{status}`, which is neither a status, a range nor `default`."
            )
        response = resolve(spec, raw, where)
        result[status] = {**response, "content": _content(spec, where, response)}
    return result


def _content(spec: Json, where: str, owner: Json) -> dict[str, Json]:
    return {kind: resolve(spec, raw, where) for kind, raw in (owner.get("content") or {}).items()}
