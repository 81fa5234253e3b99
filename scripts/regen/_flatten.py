"""Schemas in the form in which they are compared and generated.

One has no `allOf` and no null among its types, and each alternative of a discriminator says itself which values lead to
it, because the generator does not read discriminators.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scripts.regen._document import lookup, objects
from scripts.regen._problems import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scripts.regen._document import Json


TYPES = frozenset({"string", "integer", "number", "boolean", "object", "array"})
_STRUCTURE = frozenset(
    {"type", "properties", "required", "oneOf", "anyOf", "items", "prefixItems", "additionalProperties", "enum",
     "const"}
)  # fmt: skip
_LEAST_WORK, _WORK_PER_OBJECT = 50_000, 20  # schemas looked at; three for each object of the document are usual
_JSON_TYPES: dict[type, str] = {str: "string", bool: "boolean", int: "integer"}
_PROSE = ("title", "description", "default", "deprecated", "readOnly", "writeOnly")


class Flattener:
    """Brings schemas into a form without `allOf` and null, with one `type`, `oneOf` or a lone `$ref`."""

    def __init__(self, spec: Json) -> None:
        self._spec = spec
        self._ends: dict[str, Json] = {}
        self._work = _LEAST_WORK + _WORK_PER_OBJECT * sum(1 for _ in objects(spec))

    def flatten(self, schema: Any, seen: frozenset[str] = frozenset()) -> Json:
        """Bring a schema into its plainest form; what cannot be expressed becomes "anything"."""
        self._work -= 1
        if self._work < 0:
            raise RefusedError(
                "The document's schemas unfold to far more parts than the document has, because schemas that combine "
                "others are combined over and over again. Ask the vendor for a simpler document."
            )
        if not isinstance(schema, Mapping):
            return {"not": {}} if schema is False else {}
        ref = schema.get("$ref")
        own = {key: value for key, value in schema.items() if key not in ("allOf", "$ref")}
        stated = [one for one in schema.get("allOf") or [] if isinstance(one, (Mapping, bool))]
        parts = [*([{"$ref": ref}] if isinstance(ref, str) else []), *distinct(stated)]
        if len(parts) == 1 and not _STRUCTURE & own.keys():
            inner = parts[0] if ref else self.flatten(parts[0], seen)
            if "$ref" in inner:
                return {**inner, "nullable": True} if own.get("nullable") is True else dict(inner)
        result = _own(own)
        for part in parts:
            result = _both(result, self._unfolded(part, seen))
        return {**result, **{key: schema[key] for key in _PROSE if key in schema}}

    def _unfolded(self, part: Any, seen: frozenset[str]) -> Json:
        flat = self.flatten(part, seen) if not isinstance(part, dict) or part.keys() != {"$ref"} else part
        ref = flat.get("$ref")
        if not isinstance(ref, str):
            return flat
        beside = {"nullable": True} if flat.get("nullable") else {}
        return beside if ref in seen else {**self._unfolded(lookup(self._spec, ref, "`allOf`"), seen | {ref}), **beside}

    def target(self, schema: Any) -> Json:
        """Follow references to the plain schema at their end; references that lead to each other say nothing."""
        if not isinstance(schema, dict) or schema.keys() != {"$ref"}:
            return self._unfolded(schema, frozenset())
        ref = str(schema["$ref"])
        if ref not in self._ends:
            self._ends[ref] = self._unfolded(schema, frozenset())
        return self._ends[ref]


def distinct(schemas: Iterable[Any]) -> list[Any]:
    """Drop what says the same as one before it."""
    known: dict[str, Any] = {}
    for one in schemas:
        known.setdefault(json.dumps(one, sort_keys=True), one)
    return list(known.values())


def variants(schema: Json) -> list[Any]:
    """List the alternatives of a plain schema, each once."""
    return distinct(one for key in ("oneOf", "anyOf") for one in schema.get(key) or [] if isinstance(one, Mapping))


def required_of(schema: Json) -> list[str]:
    """List the fields that a schema requires."""
    value = schema.get("required")  # true or false in a field, as JSON Schema once had it
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _own(schema: Json) -> Json:
    """Take null out of `type`, `enum` and the variants, and guess a missing type from what stands beside it."""
    result = {key: value for key, value in schema.items() if key not in ("nullable", "type")}
    stated = schema.get("type")
    kinds = [kind for kind in (stated if isinstance(stated, list) else [stated]) if isinstance(kind, str)]
    nullable = schema.get("nullable") is True or "null" in kinds
    types = [kind for kind in dict.fromkeys(kinds) if kind in TYPES]
    if {"integer", "number"} <= {*types}:
        types.remove("integer")
    for key in ("enum", "oneOf", "anyOf"):
        if isinstance(result.get(key), list):
            kept = [one for one in result[key] if not (one is None if key == "enum" else _is_null(one))]
            nullable = nullable or len(kept) < len(result[key])
            result[key] = kept
    if stated is not None and not types:
        result = {"enum": [None]} if kinds == ["null"] else {}
    elif len(types) > 1:
        result = {"oneOf": [{**result, "type": kind} for kind in types]}
    elif kind := types[0] if types else _guessed_type(result):
        result["type"] = kind
    return {**result, "nullable": True} if nullable else result


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and (
        schema.get("type") in ("null", ["null"]) or schema.get("enum") == [None] or schema.get("const", 0) is None
    )


def _guessed_type(schema: Json) -> str | None:
    if "properties" in schema or isinstance(schema.get("additionalProperties"), Mapping):
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    kinds = {_JSON_TYPES.get(type(value)) for value in values} if isinstance(values, list) else set()
    return kinds.pop() if len(kinds) == 1 else None


def _both(a: Json, b: Json) -> Json:
    """Combine two plain schemas as `allOf` does: what fits it fits both."""
    kinds = {kind for one in (a, b) if (kind := one.get("type"))}
    if len(kinds) > 1 and kinds != {"integer", "number"}:
        return {"not": {}}
    merged: Json = {**b, **a}
    if kinds:
        merged["type"] = "integer" if len(kinds) > 1 else kinds.pop()
    first, second = ({**(one.get("properties") or {})} for one in (a, b))
    if first or second:
        shared = {name: _all_of(first[name], second[name]) for name in first.keys() & second.keys()}
        merged["properties"] = {**second, **first, **{name: shared[name] for name in second if name in shared}}
    if required := [*required_of(a), *required_of(b)]:
        merged["required"] = list(dict.fromkeys(required))
    if "items" in a and "items" in b:
        merged["items"] = _all_of(a["items"], b["items"])
    if isinstance(a.get("enum"), list) and isinstance(b.get("enum"), list):
        merged["enum"] = [value for value in a["enum"] if value in b["enum"]]
    if variants(a) and variants(b):
        merged = {key: value for key, value in merged.items() if key not in ("oneOf", "anyOf")}
    return merged


def _all_of(one: Any, other: Any) -> Any:
    return one if one == other else {"allOf": [one, other]}


_SCHEMAS = "#/components/schemas/"


def follow_discriminators(spec: Json) -> tuple[Json, list[str]]:
    """Return a document whose alternatives fit their own values alone, so that reading tries them in any order."""
    schemas: Json = (spec.get("components") or {}).get("schemas") or {}
    own: dict[str, dict[str, list[str]]] = {}
    notes: list[str] = []
    for where, node in objects(spec):
        stated = node.get("discriminator")
        field = stated.get("propertyName") if isinstance(stated, dict) else None
        if not isinstance(stated, dict) or not isinstance(field, str):
            continue
        ways = [one for key in ("oneOf", "anyOf") for one in node.get(key) or ()]
        names = [_name(one.get("$ref")) if isinstance(one, dict) else "" for one in ways]
        if not names or any(name not in schemas for name in names):
            what = "not every alternative is a schema of its own" if names else "no alternatives are listed beside it"
            notes.append(f"the discriminator `{field}` at `{where}` is not followed: {what}")
            continue
        mapping: Json = stated.get("mapping") or {}
        for name in names:
            values = [str(value) for value, ref in mapping.items() if _name(ref) == name] or [name]
            own.setdefault(name, {}).setdefault(field, []).extend(values)
    told = {name: _with_values(one, own[name]) if name in own else one for name, one in schemas.items()}
    return ({**spec, "components": {**spec["components"], "schemas": told}} if own else spec), notes


def _name(ref: Any) -> str:
    """Return the schema that a reference, or a value of a mapping, names (OpenAPI 3.1.1, section 4.8.25)."""
    return ref.removeprefix(_SCHEMAS).replace("~1", "/").replace("~0", "~") if isinstance(ref, str) else ""


def _with_values(schema: Json, fields: Mapping[str, list[str]]) -> Json:
    properties = dict(schema.get("properties") or {})
    for field, values in fields.items():
        stated = properties.get(field, {})
        if isinstance(stated, dict) and "const" not in stated:
            fixed = [value for value in dict.fromkeys(values) if value in stated.get("enum", values)]
            kind = {} if "$ref" in stated else {"type": "string"}
            properties[field] = {**stated, **kind, "enum": fixed or list(dict.fromkeys(values))}
    return {**schema, "properties": properties}
