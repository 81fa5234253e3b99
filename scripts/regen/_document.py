"""Walking an OpenAPI document: what is prose, names or data, what references lead to, which side says a field."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from scripts.regen._problems import RefusedError

if TYPE_CHECKING:
    from scripts.regen._load import Json


PROSE_KEYS = frozenset({"description", "summary", "title", "example", "examples", "externalDocs", "$comment"})
"""Keys of OpenAPI and schema objects that explain and decide nothing (OpenAPI 3.1.1, sections 4.8.x)."""

NAME_MAPS = frozenset(
    {
        "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "schemas", "responses",
        "headers", "paths", "content", "links", "callbacks", "securitySchemes", "variables", "mapping", "encoding",
        "requestBodies", "pathItems", "webhooks", "scopes", "mediaTypes", "additionalOperations",
    }
)  # fmt: skip
"""Keys whose value is a map from names chosen by the vendor, so that a name like ``title`` is not prose there."""

DATA_KEYS = frozenset({"default", "enum", "const", "dependentRequired", "dependencies"})
"""Keys whose value is data of the API, to be taken as it is."""


def _children(node: Mapping[str, Any], *, is_name_map: bool) -> Iterator[tuple[str, Any, bool]]:
    """Yield the keys of an object but for prose, each with its value and whether that is a map from names."""
    for key, child in node.items():
        if is_name_map:
            yield key, child, False
        elif key not in PROSE_KEYS or (key == "title" and "version" in node):
            # `parameters` is a list in an operation and a map of names in `components`.
            yield key, child, key in NAME_MAPS or (key == "parameters" and isinstance(child, Mapping))


def without_prose(node: Any, *, is_name_map: bool = False) -> Any:
    """Return a part of a document without what only explains it, so that equal ones differ at most in words."""
    if isinstance(node, Mapping):
        return {
            key: child if key in DATA_KEYS and not is_name_map else without_prose(child, is_name_map=named)
            for key, child, named in _children(node, is_name_map=is_name_map)
        }
    return [without_prose(child) for child in node] if isinstance(node, list) else node


def objects(node: Any, where: str = "", *, is_name_map: bool = False) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every object that OpenAPI gives a meaning to, with its place as dotted keys; no data, no extensions."""
    if isinstance(node, Mapping):
        if not is_name_map:
            yield where, node
        for key, child, named in _children(node, is_name_map=is_name_map):
            # Under `properties` such a key is a name; what it leads to is a schema, whose own reference is found when
            # it is used.
            if not str(key).startswith("x-") and (is_name_map or key not in DATA_KEYS):
                yield from objects(child, f"{where}.{key}" if where else str(key), is_name_map=named)
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from objects(child, f"{where}[{number}]")


def differing_keys(left: Mapping[str, Any], right: Mapping[str, Any], known: Collection[str]) -> list[str]:
    """List the keys, other than known ones and prose, whose values differ."""
    one = without_prose({key: value for key, value in left.items() if key not in known})
    other = without_prose({key: value for key, value in right.items() if key not in known})
    return [key for key in {**one, **other} if key not in one or key not in other or one[key] != other[key]]


def pointers(left: Any, right: Any, where: str = "") -> Iterator[str]:
    """Yield the places where two values differ, as JSON pointers (RFC 6901)."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for key in {**left, **right}:
            here = f"{where}/{str(key).replace('~', '~0').replace('/', '~1')}"
            if key in left and key in right:
                yield from pointers(left[key], right[key], here)
            else:
                yield here
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for number, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from pointers(one, other, f"{where}/{number}")
    elif left != right or isinstance(left, bool) != isinstance(right, bool):
        yield where or "/"


def lookup(spec: Json, ref: object, where: str) -> Any:
    """Return what a reference points at (RFC 6901, as a URI fragment)."""
    if not isinstance(ref, str) or not ref.startswith("#"):
        raise RefusedError(
            f"The `$ref` at {where} leads to another document ({str(ref)[:80]}), and only one file is read. Ask the "
            "vendor for a bundled document, or bundle it (for example with `npx @redocly/cli bundle`)."
        )
    node: Any = spec
    try:
        for part in pointer_parts(ref):
            node = node[int(part)] if isinstance(node, list) else node[part]
    except (KeyError, IndexError, ValueError, TypeError):
        node = None
    if node is None or (len(ref) > 1 and unquote(ref)[1] != "/"):
        raise RefusedError(
            f"The reference `{ref[:120]}` at {where} leads nowhere: the document has no such part. Is it half of a "
            "document, or was the part renamed? (One to an `$anchor` has to be written as the place itself.)"
        )
    return node


def resolve(spec: Json, node: Any, where: str) -> Any:
    """Follow references until a value that is not one; words beside a `$ref` win over its target's."""
    seen: list[str] = []
    while isinstance(node, Mapping) and "$ref" in node:
        ref = str(node["$ref"])
        if ref in seen:
            raise RefusedError(f"The reference `{ref[:120]}` at {where} leads back to itself.")
        seen.append(ref)
        target = lookup(spec, node["$ref"], where)
        beside = {key: value for key, value in node.items() if key in ("description", "summary")}
        node = {**target, **beside} if isinstance(target, Mapping) else target
    return node


def pointer_parts(ref: str) -> list[str]:
    """Split a reference such as ``#/components/schemas/A~1B`` into its unescaped keys."""
    return [part.replace("~1", "/").replace("~0", "~") for part in unquote(ref).split("/")[1:]]


def reached(spec: Json, parts: list[Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every object in some parts of a document and in what they refer to, once."""
    seen = set[str]()
    while parts:
        for where, node in objects(parts.pop()):
            yield node
            if "$ref" in node and node["$ref"] not in seen:
                seen.add(node["$ref"])
                parts.append(lookup(spec, node["$ref"], where))


def check_references(spec: Json) -> None:
    """Refuse a document with a reference that leads nowhere or outside."""
    for where, node in objects(spec):
        if "$ref" in node:
            lookup(spec, node["$ref"], f"`{where}`")


Side = Literal["request", "response"]


def side_of(*schemas: Any) -> Side | None:
    """Return the only side that says a field, None when both do."""
    stated = [one for one in schemas if isinstance(one, dict)]
    if any(one.get("readOnly") is True for one in stated):
        return "response"
    return "request" if any(one.get("writeOnly") is True for one in stated) else None
