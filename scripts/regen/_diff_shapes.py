"""A schema as the set of values it allows: one shape for each kind of value, whatever way it was spelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scripts.regen._refs import lookup
from scripts.regen._walk import PROSE_KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.regen._load import Json

UPPER = ("maximum", "maxLength", "maxItems", "maxProperties")
LOWER = ("minimum", "minLength", "minItems", "minProperties")
_KINDS = ("null", "boolean", "number", "string", "array", "object")
# Texts that the generated code gives a Python type of their own, so that they are no other text's subset.
_TYPED_FORMATS = ("date-time", "date", "uuid", "binary")
_HINTS = {"properties": "object", "additionalProperties": "object", "items": "array", "prefixItems": "array"}
_COMBINING = frozenset({"$ref", "allOf", "oneOf", "anyOf", "type", "nullable", "enum", "const"})
_MOST = 256  # shapes of one schema: what combines more than that is compared by its first ones


@dataclass(frozen=True)
class Shape:
    """The values of one kind that a schema allows.

    Attributes:
        kind: A type of JSON, or a text that has a type of its own in Python, such as ``string (date)``.
        schema: What else holds for them, without prose.
        name: The reference by which the shape was found, empty for none.
    """

    kind: str
    schema: Json = field(default_factory=dict)
    name: str = ""


class Shapes:
    """Finds the shapes of schemas in one document; what a reference leads to is worked out once."""

    def __init__(self, spec: Json) -> None:
        self._spec = spec
        self._known: dict[str, list[Shape]] = {}
        self._partly: dict[str, list[Shape]] = {}
        self._open: list[str] = []
        self._cut: set[str] = set()

    def of(self, schema: Any) -> list[Shape]:
        """Return the shapes of a schema, which is anything where there is none."""
        if not isinstance(schema, Mapping):
            return [] if schema is False else [Shape(kind) for kind in _KINDS]
        found = _own(schema)
        ref = schema.get("$ref")
        if isinstance(ref, str):
            found = _meet_all(found, self._referred(ref))
        for part in schema.get("allOf") or ():
            found = _meet_all(found, self.of(part))
        for key in ("oneOf", "anyOf"):
            if isinstance(schema.get(key), list):
                found = _meet_all(found, [shape for one in schema[key] for shape in self.of(one)])
        if schema.get("nullable") is True and all(shape.kind != "null" for shape in found):
            found = [*found, Shape("null")]
        return _distinct(found)

    def _referred(self, ref: str) -> list[Shape]:
        known = self._known.get(ref, self._partly.get(ref))
        if known is not None:
            return known
        if ref in self._open:  # an alternative of itself adds nothing
            self._cut.add(ref)
            return []
        self._open.append(ref)
        found = [Shape(one.kind, one.schema, one.name or ref) for one in self.of(lookup(self._spec, ref, "a schema"))]
        self._open.remove(ref)
        self._cut.discard(ref)
        # What was cut depends on where it was met, and holds for the one schema in work alone.
        (self._partly if self._cut else self._known)[ref] = found
        if not self._open:
            self._partly.clear()
        return found


def is_anything(shapes: Sequence[Shape]) -> bool:
    """Tell whether a value of every kind is allowed."""
    return {one.kind for one in shapes}.issuperset(_KINDS)


def is_number(value: object) -> bool:
    """Tell numbers from what only counts as one in Python."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _own(schema: Mapping[str, Any]) -> list[Shape]:
    """Read what a schema says itself, beside what it refers to and combines."""
    stated = schema.get("type")
    kinds = [kind for kind in (stated if isinstance(stated, list) else [stated]) if kind in (*_KINDS, "integer")]
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if not kinds and stated is None and not isinstance(values, list):
        kinds = list(dict.fromkeys(kind for key, kind in _HINTS.items() if isinstance(schema.get(key), Mapping | list)))
    rest = {key: value for key, value in schema.items() if key not in _COMBINING and key not in PROSE_KEYS}
    form = schema.get("format")
    if isinstance(values, list):
        found = _fixed(values, kinds)
        return [Shape(_typed(kind, form), {**rest, "enum": own}) for kind, own in found.items()]
    return [Shape(_typed(kind, form), rest) for kind in kinds or _KINDS]


def _fixed(values: list[Any], kinds: list[str]) -> dict[str, list[Any]]:
    """Sort fixed values by their kind; a null among them is meant, whatever `type` says (OpenAPI 3.0.3, 4.7.24.1)."""
    found: dict[str, list[Any]] = {}
    for value in values:
        kind = _kind_of(value)
        if kind == "integer" and "number" in kinds:
            kind = "number"
        if not kinds or kind in kinds or kind == "null":
            found.setdefault(kind, []).append(value)
    return found


def _kind_of(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _typed(kind: str, form: object) -> str:
    return f"string ({form})" if kind == "string" and form in _TYPED_FORMATS else kind


def _meet_all(ones: list[Shape], others: list[Shape]) -> list[Shape]:
    """Return what two schemas allow together, as `allOf` does."""
    return [both for one in ones for other in others if (both := _meet(one, other)) is not None][:_MOST]


def _meet(one: Shape, other: Shape) -> Shape | None:
    kinds = {one.kind, other.kind}
    if len(kinds) == 1:
        kind = one.kind
    elif kinds == {"integer", "number"}:
        kind = "integer"
    elif "string" in kinds and all(kind.startswith("string") for kind in kinds):
        kind = max(kinds, key=len)
    else:
        return None
    merged = {**other.schema, **one.schema}
    for key in one.schema.keys() & other.schema.keys():
        merged[key] = _both(key, one.schema[key], other.schema[key])
    return Shape(kind, merged, one.name or other.name)


def _both(key: str, one: Any, other: Any) -> Any:
    if one == other:
        return one
    if key in ("items", "additionalProperties"):
        return {"allOf": [one, other]} if isinstance(one, Mapping) and isinstance(other, Mapping) else one and other
    if key == "properties" and isinstance(one, Mapping) and isinstance(other, Mapping):
        return {**other, **{name: _both("items", own, other.get(name, own)) for name, own in one.items()}}
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *other] if key == "required" else [value for value in one if value in other]
    if key in (*UPPER, *LOWER) and is_number(one) and is_number(other):
        return min(one, other) if key in UPPER else max(one, other)
    return one


def _distinct(shapes: list[Shape]) -> list[Shape]:
    """Join fixed values of one kind, and drop what another shape of the same kind says already."""
    kept: list[Shape] = []
    for shape in shapes:
        same = next((one for one in kept if one.kind == shape.kind), None)
        if same and set(same.schema) == set(shape.schema) == {"enum"}:
            values = same.schema["enum"] + [one for one in shape.schema["enum"] if one not in same.schema["enum"]]
            kept[kept.index(same)] = Shape(same.kind, {"enum": values})
        elif all(one.kind != shape.kind or one.schema != shape.schema for one in kept):
            kept.append(shape)
    return kept
