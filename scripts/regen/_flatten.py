"""One schema without `allOf`, with its null taken out: the form in which schemas can be compared and generated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.regen._problems import RefusedError
from scripts.regen._refs import lookup
from scripts.regen._walk import objects

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scripts.regen._load import Json

TYPES = frozenset({"string", "integer", "number", "boolean", "object", "array"})
_STRUCTURE = frozenset(
    {
        "type",
        "properties",
        "required",
        "allOf",
        "oneOf",
        "anyOf",
        "items",
        "prefixItems",
        "additionalProperties",
        "enum",
        "const",
    }
)
# Schemas looked at: some number to begin with, and so many for each object of the document, where three are usual.
_LEAST_WORK, _WORK_PER_OBJECT = 50_000, 20
_JSON_TYPES: dict[type, str] = {str: "string", bool: "boolean", int: "integer"}
_PROSE = ("title", "description", "default", "deprecated", "readOnly", "writeOnly")


@dataclass(frozen=True)
class Flat:
    """A schema in its plainest form.

    Attributes:
        schema: Without `allOf`; with one `type` at most or with `oneOf`; perhaps a lone `$ref`.
        nullable: Whether null is allowed beside it.
    """

    schema: Json
    nullable: bool = False


class Flattener:
    """Brings the schemas of one document into their plainest form; what a reference leads to is worked out once."""

    def __init__(self, spec: Json) -> None:
        self._spec = spec
        self._known: dict[str, Flat] = {}
        self._ends: dict[str, Flat] = {}
        self._cut: set[str] = set()
        self._work = _LEAST_WORK + _WORK_PER_OBJECT * sum(1 for _ in objects(spec))

    def flatten(self, schema: Any) -> Flat:
        """Bring a schema into its plainest form; what cannot be expressed becomes "anything".

        Args:
            schema: A schema object, or a boolean schema (OpenAPI 3.1).

        Raises:
            RefusedError: The document's schemas are more work than any document that was written is.
        """
        return self._flatten(schema, frozenset())

    def target(self, schema: Any) -> Flat:
        """Follow references to the plain schema at their end; references that lead to each other say nothing."""
        ref = schema.get("$ref") if isinstance(schema, Mapping) and len(schema) == 1 else None
        if not isinstance(ref, str):
            return self._end_of(schema)
        if ref not in self._ends:
            self._ends[ref] = self._end_of(schema)
        return self._ends[ref]

    def _end_of(self, schema: Any) -> Flat:
        flat = self.flatten(schema)
        nullable, seen = flat.nullable, set[str]()
        while "$ref" in flat.schema:
            ref = flat.schema["$ref"]
            if ref in seen:
                return Flat({}, nullable)
            seen.add(ref)
            flat = self.flatten(lookup(self._spec, ref, "a schema"))
            nullable = nullable or flat.nullable
        return Flat(flat.schema, nullable)

    def _flatten(self, schema: Any, seen: frozenset[str]) -> Flat:
        self._work -= 1
        if self._work < 0:
            raise RefusedError(
                "The document's schemas unfold to far more parts than the document has, because schemas that combine "
                "others are combined over and over again. Ask the vendor for a simpler document."
            )
        if not isinstance(schema, Mapping):
            return Flat({})
        ref = schema.get("$ref")
        if isinstance(ref, str):
            beside = {key: value for key, value in schema.items() if key in _STRUCTURE}
            if not beside:
                return Flat({"$ref": ref}, schema.get("nullable") is True)
            return self._flatten({"allOf": [{"$ref": ref}, beside], **_prose(schema)}, seen)
        own = {key: value for key, value in schema.items() if key != "allOf"}
        parts = distinct(part for part in schema.get("allOf") or [] if isinstance(part, (Mapping, bool)))
        if len(parts) == 1 and isinstance(parts[0], Mapping) and "$ref" in parts[0] and not (_STRUCTURE & own.keys()):
            inner = self._flatten(parts[0], seen)
            return Flat(inner.schema, inner.nullable or own.get("nullable") is True)
        result = _own(own)
        for part in parts:
            result = _both(result, self._unfolded(part, seen))
        return Flat({**result.schema, **_prose(schema)}, result.nullable)

    def _unfolded(self, part: Any, seen: frozenset[str]) -> Flat:
        flat = self._flatten(part, seen)
        ref = flat.schema.get("$ref")
        if not isinstance(ref, str):
            return flat
        if ref in seen:  # a schema that contains itself through `allOf` ends here
            self._cut.add(ref)
            return Flat({}, flat.nullable)
        known = self._known.get(ref)
        return self._of_ref(ref, seen | {ref}) if known is None else known

    def _of_ref(self, ref: str, seen: frozenset[str]) -> Flat:
        around, self._cut = self._cut, set()
        flat = self._unfolded(lookup(self._spec, ref, "an `allOf`"), seen)
        self._cut.discard(ref)
        if not self._cut:  # else what it is depends on where it was met
            self._known[ref] = flat
        self._cut |= around
        return flat


def distinct(schemas: Iterable[Any]) -> list[Any]:
    """Drop what says the same as one before it."""
    listed = list(schemas)
    known: dict[str, Any] = {}
    for one in listed if len(listed) > 1 else ():
        known.setdefault(json.dumps(one, sort_keys=True), one)
    return list(known.values()) or listed


def variants(schema: Json) -> list[Any]:
    """List the alternatives of a plain schema, each once."""
    return distinct(one for key in ("oneOf", "anyOf") for one in schema.get(key) or [] if isinstance(one, Mapping))


def _own(schema: Json) -> Flat:
    """Take null out of `type`, `enum` and the variants, and guess a missing type from what stands beside it."""
    result = dict(schema)
    nullable = result.pop("nullable", None) is True
    stated = result.pop("type", None)
    kinds = [kind for kind in (stated if isinstance(stated, list) else [stated]) if isinstance(kind, str)]
    nullable = nullable or "null" in kinds
    types = [kind for kind in dict.fromkeys(kinds) if kind in TYPES]
    if stated is not None and not types:
        return Flat({"enum": [None]} if kinds == ["null"] else {}, nullable)
    result, nullable = _without_null(result, nullable)
    if len(types) > 1:
        return Flat(_split_types(result, types), nullable)
    kind = types[0] if types else _guessed_type(result)
    return Flat({**result, "type": kind} if kind else result, nullable)


def _without_null(schema: Json, nullable: bool) -> tuple[Json, bool]:
    result = dict(schema)
    values = result.get("enum")
    if isinstance(values, list):
        result["enum"] = [value for value in values if value is not None]
        nullable = nullable or len(result["enum"]) < len(values)
    for key in ("oneOf", "anyOf"):
        variants = result.get(key)
        if isinstance(variants, list):
            kept = [one for one in variants if not _is_null(one)]
            nullable = nullable or len(kept) < len(variants)
            result[key] = kept
        elif key in result:
            del result[key]
    return result, nullable


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and (
        schema.get("type") in ("null", ["null"])
        or schema.get("enum") == [None]
        or ("const" in schema and schema["const"] is None)
    )


def _split_types(schema: Json, types: list[str]) -> Json:
    if set(types) == {"integer", "number"}:
        return {**schema, "type": "number"}
    keys = {"object": ("properties", "required", "additionalProperties"), "array": ("items", "prefixItems")}
    structural = {key for names in keys.values() for key in names}
    plain = {key: value for key, value in schema.items() if key not in structural and key not in ("oneOf", "anyOf")}
    variants: list[Json] = []
    for kind in types:
        own = {key: schema[key] for key in keys.get(kind, ()) if key in schema}
        variants.append({**plain, **own, "type": kind} if kind not in keys else {**own, "type": kind})
    return {"oneOf": variants}


def _guessed_type(schema: Json) -> str | None:
    if "properties" in schema or isinstance(schema.get("additionalProperties"), Mapping):
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    kinds = {_JSON_TYPES.get(type(value)) for value in values} if isinstance(values, list) else set()
    return kinds.pop() if len(kinds) == 1 else None


def _both(one: Flat, other: Flat) -> Flat:
    """Combine two plain schemas as `allOf` does: an answer fits both."""
    a, b = one.schema, other.schema
    kind = _common_type(a.get("type"), b.get("type"))
    if kind is False:  # nothing fits both
        return Flat({"not": {}}, one.nullable or other.nullable)
    merged: Json = {**b, **a}
    if kind:
        merged["type"] = kind
    properties = _properties(a, b)
    if properties:
        merged["properties"] = properties
    required = [*required_of(a), *required_of(b)]
    if required:
        merged["required"] = list(dict.fromkeys(required))
    if "items" in a and "items" in b and a["items"] != b["items"]:
        merged["items"] = {"allOf": [a["items"], b["items"]]}
    if isinstance(a.get("enum"), list) and isinstance(b.get("enum"), list):
        merged["enum"] = [value for value in a["enum"] if value in b["enum"]]
    if _has_variants(a) and _has_variants(b):
        merged.pop("oneOf", None)
        merged.pop("anyOf", None)
    return Flat(merged, one.nullable or other.nullable)


def _properties(a: Json, b: Json) -> Json:
    first = a["properties"] if isinstance(a.get("properties"), dict) else {}
    second = b["properties"] if isinstance(b.get("properties"), dict) else {}
    merged = {**second, **first}
    for name in first.keys() & second.keys():
        if first[name] != second[name]:
            merged[name] = {"allOf": [first[name], second[name]]}
    return {name: merged[name] for name in [*second, *(name for name in first if name not in second)]}


def _common_type(a: Any, b: Any) -> str | bool | None:
    if a is None or b is None or a == b:
        kind: str | None = a if a is not None else b
        return kind
    return "integer" if {a, b} == {"integer", "number"} else False


def _has_variants(schema: Json) -> bool:
    return bool(schema.get("oneOf") or schema.get("anyOf"))


def required_of(schema: Json) -> list[str]:
    """List the fields that a schema requires."""
    value = schema.get("required")
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _prose(schema: Mapping[str, Any]) -> Json:
    return {key: schema[key] for key in _PROSE if key in schema}
