"""One OpenAPI document: read from JSON or YAML, refused in words where it cannot be used, and walked.

openapi-spec-validator judges what `make spec` makes, in the tests. It is no gate here: it takes 10 s for 600
operations, and refuses documents that work, for an undeclared parameter or an example that does not fit.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal
from urllib.parse import unquote

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import YAMLError

Json = dict[str, Any]


class RefusedError(Exception):
    """The document or the tools cannot be used; the message is one paragraph for a person to read."""


MAX_DEPTH = 150
MAX_NODES = 5_000_000
_QUOTED = r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
_COMMENTS = re.compile(_QUOTED + r"|//[^\n]*|/\*.*?\*/", re.DOTALL)
# Plain scalars that YAML 1.1 readers turn into dates; in an OpenAPI document they are examples and versions.
_TIMESTAMP_TAG = "tag:yaml.org,2002:timestamp"


def decode(data: bytes, name: str) -> str:
    """Turn the bytes of a document into text."""
    try:
        text = data.decode(json.detect_encoding(data))
    except UnicodeDecodeError as error:
        raise RefusedError(
            f"{name} is not text: byte {error.start} cannot be read as {error.encoding}. "
            "Is it a compressed file, an image, or half a download?"
        ) from error
    if not text.strip():
        raise RefusedError(f"{name} is empty; expected an OpenAPI document in JSON or YAML.")
    return text


def parse_text(text: str, name: str) -> Any:
    """Parse JSON, which may have comments and commas at its ends, or YAML into JSON types."""
    text = text.lstrip("\ufeff")
    try:
        return _plain(_json(text, name) if text.lstrip().startswith(("{", "[")) else _yaml(text, name), name)
    except RecursionError as error:
        raise RefusedError(f"{name} is nested too deeply to be read.") from error


def _json(text: str, name: str) -> Any:
    """Parse JSON; but for its comments, JSON5 is YAML that begins with a flow mapping, and such YAML is read too."""
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, name))
    except ValueError as error:
        try:
            return _yaml(without_comments(text), name)
        except RefusedError:
            raise RefusedError(f"{name} is not complete JSON: {error}. Is it half a download?") from error


def _yaml(text: str, name: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = MAX_DEPTH + 2  # what is refused anyway: the reader takes longer for each level the deeper it is
    yaml.constructor.yaml_constructors = {
        **yaml.constructor.yaml_constructors,
        _TIMESTAMP_TAG: lambda loader, node: loader.construct_scalar(node),
    }
    try:
        return yaml.load(io.StringIO(text))
    except MaxDepthExceededError as error:
        raise RefusedError(f"{name} is nested too deeply to be read.") from error
    except (YAMLError, ValueError, TypeError) as error:  # a key of YAML may be a list, which no dict takes
        reason = re.sub(r"\s+", " ", str(error))[:300]
        raise RefusedError(f"{name} is neither JSON nor YAML: {reason}") from error


def without_comments(text: str) -> str:
    """Return JSON5 text with its comments blanked out."""
    return _COMMENTS.sub(lambda match: match[1] or " ", text)


def load_spec(data: bytes, name: str) -> Json:
    """Read a whole OpenAPI 3 document."""
    text = decode(data, name)
    if re.match(r"\s*<[!?a-z]", text.lstrip("\ufeff"), re.IGNORECASE):
        raise RefusedError(
            f"{name} is a web page or a message in XML, not an OpenAPI document. Fetch the documentation's Markdown "
            "with `make spec`, or save the specification itself."
        )
    return check_document(parse_text(text, name), name)


def check_document(value: Any, name: str) -> Json:
    """Check that a parsed value is an OpenAPI 3.0, 3.1 or 3.2 document, whole or in part."""
    if not isinstance(value, dict) or not value.keys() & {"openapi", "swagger"}:
        kind = "is a list" if isinstance(value, list) else "is plain text"
        what = "has no `openapi` key" if isinstance(value, dict) else kind
        raise RefusedError(
            f"{name} {what}, so it is not an OpenAPI document. Is it an error message of the server, or another kind "
            "of file (a Postman collection, a JSON schema)?"
        )
    version = str(value.get("openapi"))  # `openapi: 3.1` is a number in YAML without quotation marks
    if "swagger" in value or not re.fullmatch(r"3\.[012](\.\d+)?(-\S+)?", version):
        said = f"is a Swagger {value['swagger']} document" if "swagger" in value else f"says `openapi: {version[:60]}`"
        raise RefusedError(
            f"{name} {said}; versions 3.0, 3.1 and 3.2 of OpenAPI are known. Convert it (for example with "
            "swagger2openapi), or ask the vendor for one of these."
        )
    if not isinstance(value.get("info"), dict):
        raise RefusedError(f"{name} has no `info` object; it is not a complete OpenAPI document.")
    spec = {**value, "openapi": version}
    _check_structure(spec, name)
    return spec


def to_bytes(spec: Json) -> bytes:
    """Return a document as indented JSON in UTF-8 with a newline at its end."""
    return (json.dumps(spec, indent=2, ensure_ascii=False) + "\n").encode("utf-8")


def _unique(pairs: list[tuple[str, Any]], name: str) -> Json:
    result = dict(pairs)
    for key, value in pairs:
        if result[key] is not value and result[key] != value:
            raise RefusedError(f"{name} has the key {key[:60]} twice in one object, with different values.")
    return result


def _plain(value: Any, name: str) -> Any:
    """Copy into JSON types, bounded in depth and size (aliases in YAML can make either explode)."""
    budget = [MAX_NODES]

    def walk(node: Any, depth: int) -> Any:
        budget[0] -= 1
        if budget[0] < 0:
            raise RefusedError(f"{name} unfolds to more than {MAX_NODES} values (aliases that multiply?).")
        if depth > MAX_DEPTH:
            raise RefusedError(f"{name} is nested more than {MAX_DEPTH} levels deep, which no client can be made for.")
        if isinstance(node, dict):
            return {str(key): walk(child, depth + 1) for key, child in node.items()}
        if isinstance(node, (list, tuple, set)):
            return [walk(child, depth + 1) for child in node]
        if isinstance(node, float) and not math.isfinite(node):
            raise RefusedError(f"{name} holds the number {json.dumps(node)}, which JSON does not have.")
        return node if node is None or isinstance(node, (bool, int, float)) else str(node)

    return walk(value, 0)


_SCHEMA = (Mapping, bool)  # a schema may be true or false since OpenAPI 3.1
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")

# What is read, by the kind that OpenAPI gives it, and the kinds of its parts. A field that says itself that it is
# required is an old habit.
_KINDS: dict[str, tuple[Any, Any]] = {
    **dict.fromkeys(("requestBody", *METHODS), (Mapping, object)),
    **dict.fromkeys(
        ("paths", "pathItems", "responses", "requestBodies", "content", "securitySchemes", "components",
         "components.parameters", "encoding"),
        (Mapping, Mapping),
    ),
    **dict.fromkeys(("schemas", "properties"), (Mapping, _SCHEMA)),
    **dict.fromkeys(("schema", "items", "additionalProperties"), (_SCHEMA, object)),
    **dict.fromkeys(("parameters", "servers", "security"), (list, Mapping)),
    **dict.fromkeys(("allOf", "oneOf", "anyOf"), (list, _SCHEMA)),
    **dict.fromkeys(("tags", "enum"), (list, object)),
    **dict.fromkeys(("format", "style", "contentType"), (str, object)),
    "mapping": (Mapping, str),
    **dict.fromkeys(("deprecated", "nullable", "explode", "readOnly", "writeOnly"), (bool, object)),
    "required": ((bool, list), str),
}  # fmt: skip
_WORDS = {Mapping: "an object", _SCHEMA: "an object", list: "a list", bool: "true or false", str: "text"}


def _check_structure(spec: Json, name: str) -> None:
    """Refuse a document with a part of another kind than OpenAPI says, and name the part.

    Such a part would be read as if it were not there, and `required: "true"` as its opposite.
    """
    for where, node in objects(spec):
        for key, value in node.items():
            own = f"{where}.{key}" if where == "components" and key == "parameters" else key
            if own not in _KINDS or value is None:
                continue
            kind, of_parts = _KINDS[own]
            parts = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
            stated = [("", value, kind), *((f".{part}", one, of_parts) for part, one in parts if f"{part}"[:2] != "x-")]
            for place, one, wanted in stated:
                if not isinstance(one, wanted):
                    raise RefusedError(
                        f"In {name}, `{where}{'.' if where else ''}{key}{place}` is `{json.dumps(one)[:80]}`: it "
                        f"should be {_WORDS.get(wanted, 'true, false or a list')}. Ask the vendor for a document that "
                        "is OpenAPI 3, or correct it."
                    )


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
            # it is used. Links have `parameters` and a `requestBody` of their own kinds, and nobody reads them.
            if not str(key).startswith("x-") and (is_name_map or (key not in DATA_KEYS and key != "links")):
                yield from objects(child, f"{where}.{key}" if where else str(key), is_name_map=named)
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from objects(child, f"{where}[{number}]")


def differing_keys(left: Mapping[str, Any], right: Mapping[str, Any], known: Collection[str]) -> list[str]:
    """List the keys, other than known ones and prose, whose values differ."""
    one, other = (without_prose({key: side[key] for key in side if key not in known}) for side in (left, right))
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
        for escaped in unquote(ref).split("/")[1:]:
            part = escaped.replace("~1", "/").replace("~0", "~")
            node = node[int(part)] if isinstance(node, list) else node[part]
    except (KeyError, IndexError, ValueError, TypeError):
        node = None
    if node is None or (len(ref) > 1 and unquote(ref)[1] != "/"):
        raise RefusedError(
            f"The reference `{ref[:120]}` at {where} leads nowhere: the document has no such part. Is it half of a "
            "document, or was the part renamed? (One to an `$anchor` has to be written as the place itself.)"
        )
    return node


def resolve(spec: Json, node: Any, where: str, seen: tuple[str, ...] = ()) -> Any:
    """Follow references until a value that is not one; words beside a `$ref` win over its target's."""
    if not isinstance(node, Mapping) or "$ref" not in node:
        return node
    if node["$ref"] in seen:
        raise RefusedError(f"The reference `{node['$ref'][:120]}` at {where} leads back to itself.")
    target = resolve(spec, lookup(spec, node["$ref"], where), where, (*seen, node["$ref"]))
    beside = {key: value for key, value in node.items() if key in ("description", "summary")}
    return {**target, **beside} if isinstance(target, Mapping) else target


def reached(spec: Json, parts: list[Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every object in some parts of a document and in what they refer to, once; refuse what leads nowhere."""
    seen = set[str]()
    while parts:
        for where, node in objects(parts.pop()):
            yield node
            if "$ref" in node and str(node["$ref"]) not in seen:
                seen.add(str(node["$ref"]))
                parts.append(lookup(spec, node["$ref"], f"`{where}`"))


Side = Literal["request", "response"]


def side_of(*schemas: Any) -> Side | None:
    """Return the only side that says a field, None when both do."""
    stated = [one for one in schemas if isinstance(one, dict)]
    if any(one.get("readOnly") is True for one in stated):
        return "response"
    return "request" if any(one.get("writeOnly") is True for one in stated) else None
