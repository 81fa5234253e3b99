"""A schema as the set of values it allows, one shape for each kind of value, and the order of two such sets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from scripts.regen._document import PROSE_KEYS
from scripts.regen._flatten import Flattener, variants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.regen._load import Json

UPPER = ("maximum", "maxLength", "maxItems", "maxProperties")
LOWER = ("minimum", "minLength", "minItems", "minProperties")
_JSON_KINDS = ("null", "boolean", "number", "string", "array", "object")
_KINDS_OF_VALUES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
# Texts that the generated code gives a Python type of their own, so that they are no other text's subset.
_TYPED_FORMATS = ("date-time", "date", "uuid", "binary")
_SIZES_OF_NUMBERS = ("int32", "int64", "float", "double", None)
_FORM = frozenset({"$ref", "allOf", "oneOf", "anyOf", "type", "nullable", "enum", "const"})
_INSIDE = frozenset({"properties", "required", "items", "prefixItems", "additionalProperties"})

Moved = tuple[bool, bool]
"""Whether values that were allowed are not any more, and whether others are."""


@dataclass(frozen=True)
class Shape:
    """The values of one kind that a schema allows."""

    kind: str  # a type of JSON, or a text that has a type of its own in Python, such as ``string (date)``
    schema: Json = field(default_factory=dict)  # what else holds for them, without prose
    name: str = ""  # the reference by which it was found, empty for none

    @property
    def values(self) -> set[str] | None:
        """The fixed values as JSON, None where any value goes."""
        return {json.dumps(value) for value in self.schema["enum"]} if "enum" in self.schema else None


class Shapes:
    """Finds the shapes of the schemas of one document, of each schema once."""

    def __init__(self, spec: Json) -> None:
        self._target = Flattener(spec).target
        self._known: dict[int, tuple[Any, list[Shape]]] = {}
        self._open: list[str] = []

    def of(self, schema: Any) -> list[Shape]:
        """Return the shapes of a schema, which is anything where there is none."""
        if id(schema) not in self._known:
            # The schema is kept beside its shapes, so that no other one gets its identity.
            self._known[id(schema)] = (schema, self._found(schema))
        return self._known[id(schema)][1]

    def _found(self, schema: Any) -> list[Shape]:
        flat = self._target(schema)
        if flat.get("not") == {}:
            return []
        own = schema if isinstance(schema, Mapping) else {}
        beside = {key: one for key, one in own.items() if key not in _FORM | _INSIDE}
        rest = {key: one for key, one in {**flat, **beside}.items() if key not in _FORM | PROSE_KEYS}
        alternatives = variants(flat)
        found = [shape for one in alternatives for shape in self._alternative(one, rest)]
        if not alternatives:
            found = _plain_shapes(flat, rest)
        return _distinct([*found, *([Shape("null")] if flat.get("nullable") else [])])

    def _alternative(self, schema: Any, common: Json) -> list[Shape]:
        key = json.dumps([schema, common], sort_keys=True)
        if key in self._open:  # an alternative of itself adds nothing
            return []
        self._open.append(key)
        found = self._found({"allOf": [schema, common]} if common else schema)
        self._open.pop()
        return [Shape(one.kind, one.schema, one.name or schema.get("$ref", "")) for one in found]


def _plain_shapes(flat: Json, rest: Json) -> list[Shape]:
    kind, values = flat.get("type"), [flat["const"]] if "const" in flat else flat.get("enum")
    if kind == "string" and flat.get("format") in _TYPED_FORMATS:
        kind = f"string ({flat['format']})"
    if not isinstance(values, list):
        return [Shape(one, rest) for one in ([kind] if kind else _JSON_KINDS)]
    found: dict[str, list[Any]] = {}
    for value in values:
        own = "null" if value is None else kind or _KINDS_OF_VALUES[type(value)]
        found.setdefault(own, []).append(value)
    return [Shape(own, {} if own == "null" else {**rest, "enum": some}) for own, some in found.items()]


def _distinct(shapes: list[Shape]) -> list[Shape]:
    """Join fixed values of one kind, and drop what another shape of the same kind says already."""
    kept: list[Shape] = []
    for shape in shapes:
        same = [one for one in kept if one.kind == shape.kind]
        if same and set(same[0].schema) == set(shape.schema) == {"enum"}:
            values = same[0].schema["enum"] + shape.schema["enum"]
            kept[kept.index(same[0])] = Shape(shape.kind, {"enum": values})
        elif shape.schema not in [one.schema for one in same] and not (same and shape.kind == "null"):
            kept.append(shape)
    return kept


def is_anything(shapes: Sequence[Shape]) -> bool:
    """Tell whether a value of every kind is allowed."""
    return {one.kind for one in shapes}.issuperset(_JSON_KINDS)


def kinds_moved(old: Sequence[Shape], new: Sequence[Shape]) -> Moved:
    """Compare the kinds of values that two schemas allow; every integer is a number."""
    before, after = {one.kind for one in old}, {one.kind for one in new}
    if is_anything(old) != is_anything(new) and "object" in before & after:
        return True, True  # where anything may stand, an object is a dict in Python; a model where its fields are known
    lost = before - after - ({"integer"} if "number" in after else set())
    gained = after - before - ({"integer"} if "number" in before else set())
    return bool(lost), bool(gained)


def constraints_moved(old: Shape, new: Shape) -> Iterator[tuple[str, Moved, str]]:
    """Compare what holds for the values of one kind: what moved, how, and a phrase that tells it."""
    before, after = _constraints(old), _constraints(new)
    for name in {**before, **after}:
        was, now = before.get(name), after.get(name)
        if was != now:
            yield name, _moved(name, was, now), f"is {_shown(now)}, was {_shown(was)}"


def _constraints(shape: Shape) -> Json:
    """List what is stated and restricts: limits as a number and where it stands to it, the rest as it is."""
    schema = shape.schema
    found: Json = {name: (schema[name], 0) for name in (*UPPER, *LOWER) if _is_number(schema.get(name))}
    for name, side, tighter in (("maximum", -1, min), ("minimum", 1, max)):
        limit = schema.get(f"exclusive{name.capitalize()}")
        limit = schema.get(name) if limit is True else limit  # OpenAPI 3.0 has a flag beside the limit
        if _is_number(limit):
            open_limit = (limit + side, 0) if shape.kind == "integer" and isinstance(limit, int) else (limit, side)
            found[name] = tighter(found.get(name, open_limit), open_limit)
    found = {name: value for name, value in found.items() if name not in LOWER[1:] or value[0] > 0}
    found |= {name: schema[name] for name in ("pattern", "multipleOf", "uniqueItems", "format") if schema.get(name)}
    if shape.kind.endswith(f"({schema.get('format')})"):
        del found["format"]
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _moved(name: str, was: Any, now: Any) -> Moved:
    if name == "format" and {was, now} <= {*_SIZES_OF_NUMBERS}:
        sizes = [_SIZES_OF_NUMBERS.index(value) for value in (was, now)]
        return sizes[1] < sizes[0], sizes[1] > sizes[0]
    if was is None or now is None:
        return was is None, now is None
    if name in UPPER:
        return now < was, now > was
    if name in LOWER:
        return now > was, now < was
    if name == "multipleOf" and _is_number(was) and _is_number(now):
        one, other = Fraction(str(was)), Fraction(str(now))
        return one % other != 0, other % one != 0
    return True, True


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        number, side = value
        return f"{('less than ', '', 'more than ')[side + 1]}{json.dumps(number)}"
    return "not stated" if value is None else json.dumps(value)[:200]
