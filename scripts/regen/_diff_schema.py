"""What changed between two schemas: a narrower request and a wider response break callers, the opposites do not.

A schema is the set of values that it allows, one shape for each kind of value, and such sets have an order.
"""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

from scripts.regen._document import PROSE_KEYS, differing_keys, side_of, without_prose
from scripts.regen._schemas import AllOfMerger, required_of, variants

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from scripts.regen._document import Json

BREAKING, UNCLASSIFIED, ADDITIVE, DOCUMENTATION = KINDS = ("breaking", "unclassified", "additive", "documentation")
_UPPER = ("maximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "minLength", "minItems", "minProperties")
_JSON_KINDS = ("null", "boolean", "number", "string", "array", "object")
_KINDS_OF_VALUES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
# Texts that the generated code gives a Python type of their own, so that they are no other text's subset.
_TYPED_FORMATS = ("date-time", "date", "uuid", "binary")
_FORM = frozenset({"$ref", "allOf", "oneOf", "anyOf", "type", "nullable", "enum", "const"})
_INSIDE = frozenset({"properties", "required", "items", "prefixItems", "additionalProperties"})
_JUDGED = frozenset(
    {"properties", "required", "items", "additionalProperties", "enum", "default", "format", "pattern", "multipleOf",
     "uniqueItems", "exclusiveMinimum", "exclusiveMaximum", *_UPPER, *_LOWER}
)  # fmt: skip

_T = TypeVar("_T")
_ALIKE = (lambda one: json.dumps(without_prose(one.schema)), lambda one: one.kind, type)  # the surest first
Found = Iterator[tuple[str, str]]
"""Changes, each its kind and a phrase."""


@dataclass(frozen=True)
class Shape:
    """The values of one kind that a schema allows."""

    kind: str  # a type of JSON, or a text that has a type of its own in Python, such as ``string (date)``
    schema: Json = field(default_factory=dict)  # what else holds for them, without prose


class Shapes:
    """Finds the shapes of the schemas of one document, of each schema once."""

    def __init__(self, spec: Json) -> None:
        self.target = AllOfMerger(spec).target
        self._known: dict[int, tuple[Any, list[Shape]]] = {}
        self._made: dict[str, list[Shape]] = {}  # those of alternatives
        self._open: list[str] = []
        self._has_cut = False

    def of(self, schema: Any) -> list[Shape]:
        """Return the shapes of a schema, which is anything where there is none."""
        if id(schema) not in self._known:
            # The schema is kept beside its shapes, so that no other one gets its identity.
            self._known[id(schema)] = (schema, self._found(schema))
        return self._known[id(schema)][1]

    def _found(self, schema: Any) -> list[Shape]:
        flat = self.target(schema)
        if flat.get("not") == {}:
            return []
        own = schema if isinstance(schema, Mapping) else {}
        beside = {key: one for key, one in own.items() if key not in _FORM | _INSIDE}
        rest = {key: one for key, one in {**flat, **beside}.items() if key not in _FORM | PROSE_KEYS}
        alternatives = variants(flat)
        found = [] if alternatives else _plain_shapes(flat, rest)
        common = {**rest, **{key: flat[key] for key in ("type", "enum") if key in flat}}
        for one in alternatives:
            found += self._of_alternative({"allOf": [one, common]} if common else one)
        return _distinct([*found, *([Shape("null")] if flat.get("nullable") else [])])

    def _of_alternative(self, whole: Json) -> list[Shape]:
        """Return the shapes of an alternative, of each one once: they may be doubled at every level."""
        key = json.dumps(whole, sort_keys=True)
        if key in self._open:  # an alternative of itself adds nothing; what is around it is not known by itself then
            self._has_cut = True
            return []
        found = self._made.get(key)
        if found is None:
            self._open.append(key)
            found = self._found(whole)
            self._open.pop()
            if not self._has_cut:
                self._made[key] = found
        return found


def _plain_shapes(flat: Json, rest: Json) -> list[Shape]:
    kind, values = flat.get("type"), flat.get("enum")
    if kind == "string" and flat.get("format") in _TYPED_FORMATS:
        kind = f"string ({flat['format']})"
    if not isinstance(values, list):
        return [Shape(one, {} if one == "null" else rest) for one in ([kind] if kind else _JSON_KINDS)]
    kinds = ["null" if value is None else kind or _KINDS_OF_VALUES[type(value)] for value in values]
    return [Shape(one, {**rest, "enum": [value]}) for one, value in zip(kinds, values, strict=True)]


def _distinct(shapes: list[Shape]) -> list[Shape]:
    """Join those that differ in their fixed values alone."""
    kept: dict[str, Shape] = {}
    for shape in shapes:
        rest = {name: one for name, one in shape.schema.items() if name != "enum"}
        key = json.dumps([shape.kind, rest], sort_keys=True)
        values: list[Any] = [one.schema.get("enum") for one in (kept.get(key), shape) if one]
        kept[key] = Shape(shape.kind, rest if None in values else {**rest, "enum": [*itertools.chain(*values)]})
    return list(kept.values())


def paired(before: Sequence[_T], after: Sequence[_T], *keys: Callable[[_T], Any]) -> list[tuple[_T | None, _T | None]]:
    """Pair what is the same by one key after the other; where a key is None it tells nothing."""
    found: dict[int, _T] = {}
    left = list(before)
    for key in keys:
        waiting: dict[Any, list[_T]] = {}
        for one in left:
            waiting.setdefault(key(one), []).append(one)
        for other in after:
            same = waiting.get(key(other)) if id(other) not in found and key(other) is not None else None
            if same:
                found[id(other)] = same.pop(0)
        taken = {id(one) for one in found.values()}
        left = [one for one in left if id(one) not in taken]
    return [*((found.get(id(other)), other) for other in after), *((one, None) for one in left)]


def unclassified(old: Json, new: Json, title: str, known: Collection[str] = ()) -> Found:
    """Name what differs and has no rule, so that a person sees it."""
    yield from ((UNCLASSIFIED, f"{title} differs in `{key}`") for key in differing_keys(old, new, known))


class SideDiff:
    """Compares what may be sent, or what may be received, of an old and a new document."""

    def __init__(self, old: Shapes, new: Shapes, *, request: bool) -> None:
        self._old, self._new, self._request = old, new, request
        self._waiting: deque[tuple[Any, Any, str]] = deque()
        self._same: set[str] = set()

    def kind(self, lost: bool, gained: bool) -> str:
        """Judge how the set of allowed values moved, from the side of the caller."""
        return BREAKING if (lost if self._request else gained) else ADDITIVE

    def members(
        self, before: Json, after: Json, titled: Callable[[str], str], needed: Collection[str], needs: Collection[str]
    ) -> Found:
        """Compare the names of the parts that two things have, and which of them are required."""
        for name in {**before, **after}:
            title, now = titled(name), name in needs
            if name not in after:
                yield BREAKING, f"{title} is gone"
            elif name not in before:
                must = self._request and now
                yield BREAKING if must else ADDITIVE, f"new {'required ' if must else ''}{title}"
            elif (name in needed) != now:
                yield self.kind(now, not now), f"{title} is {'required' if now else 'optional'} now"

    def is_single(self, schema: Any) -> bool:
        """Tell whether a schema of the new document allows single values alone, no lists or objects."""
        return not {one.kind for one in self._new.of(schema)} & {"array", "object"}

    def schemas(self, old: Any, new: Any, title: str) -> Found:
        """Compare two schemas; what the same references lead to is gone into and told of once."""
        self._waiting = deque([(old, new, title)])
        told, found = set[str](), dict[tuple[str, str], None]()
        while self._waiting:
            old, new, title = self._waiting.popleft()
            key = f"{_identity(old)} {_identity(new)}"
            if key not in self._same and key not in told and (old is not new or isinstance(old, Mapping)):
                told.add(key)
                found.update(dict.fromkeys(self._differences(old, new, title)))
        if not found:  # whatever was gone into is the same, wherever else it is met
            self._same |= told
        return iter(found)

    def _differences(self, old: Any, new: Any, title: str) -> Found:
        left, right = self._old.of(old), self._new.of(new)
        moved = _kinds_moved(left, right)
        if any(moved):
            yield self.kind(*moved), f"{title} is {_kinds_text(right)}, was {_kinds_text(left)}"
        if _is_anything(left) != _is_anything(right):
            return
        for family in dict.fromkeys(one.kind.replace("integer", "number") for one in (*left, *right)):
            kinds = ("integer", family) if family == "number" else (family,)
            ones, others = ([one for one in shapes if one.kind in kinds] for shapes in (left, right))
            is_only = len(ones) == len(others) == 1
            for one, other in paired(ones, others, *_ALIKE):
                if one and other:
                    which = title if is_only else f"alternative {ones.index(one) + 1} of {title}"
                    yield from self._inside(one, other, which)
                    yield from unclassified(one.schema, other.schema, title, _JUDGED)
            more = len(others) - len(ones)
            if more and ones and others:
                words = f"{abs(more)} {'fewer' if more < 0 else 'more'} alternative(s) that are {family}"
                yield self.kind(more < 0, more > 0), f"{title} has {words}"

    def _inside(self, old: Shape, new: Shape, title: str) -> Found:
        before, after = _constraints(old), _constraints(new)
        for name in {**before, **after}:
            was, now = before.get(name), after.get(name)
            if was != now:
                text = f"`{name}` of {title} is {_shown(now)}, was {_shown(was)}"
                if name == "enum" and was and now:
                    text = f"{title} has the new value(s) {_shown(now - was)}, and lost {_shown(was - now)}"
                yield self.kind(*_moved(name, was, now)), text
        was, now = (json.dumps(one.schema["default"]) if "default" in one.schema else "none" for one in (old, new))
        if was != now:  # what the server takes where nobody says anything
            unsure = UNCLASSIFIED if "none" in (was, now) else BREAKING
            yield unsure if self._request else ADDITIVE, f"{title} has the default {now}, had {was}"
        if old.kind == "array":
            self._waiting.append((old.schema.get("items"), new.schema.get("items"), f"items of {title}"))
        if old.kind == "object":
            yield from self._fields(old.schema, new.schema, title)

    def _fields(self, old: Json, new: Json, title: str) -> Found:
        before, after = self._said(self._old, old), self._said(self._new, new)
        yield from self.members(
            before, after, lambda name: f"field `{name}` of {title}", required_of(old), required_of(new)
        )
        shared = before.keys() & after.keys()
        self._waiting.extend((before[name], after[name], f"field `{name}` of {title}") for name in sorted(shared))
        was, now = (one.get("additionalProperties", True) for one in (old, new))
        if (was is False) == (now is False):
            self._waiting.append((was, now, f"any other field of {title}"))
        else:
            takes = "takes no other fields" if now is False else "may have other fields"
            yield self.kind(now is False, False), f"{title} {takes} now"

    def _said(self, shapes: Shapes, schema: Json) -> Json:
        """List the fields that this side says: `readOnly` is for responses alone, `writeOnly` for requests alone."""
        other = "response" if self._request else "request"
        fields = (schema.get("properties") or {}).items()
        return {name: one for name, one in fields if side_of(one, shapes.target(one)) != other}


def _identity(schema: Any) -> str:
    """Tell one schema of a document from others; what is made of references is the same wherever it stands."""
    is_made = isinstance(schema, Mapping) and {"$ref", "allOf"} & schema.keys()
    return json.dumps(schema, sort_keys=True) if is_made else str(id(schema))


def _kinds_text(shapes: Sequence[Shape]) -> str:
    kinds = dict.fromkeys("a list" if one.kind == "array" else one.kind for one in shapes)
    return "anything" if _is_anything(shapes) else " or ".join(kinds) or "nothing"


def _is_anything(shapes: Sequence[Shape]) -> bool:
    """Tell whether a value of every kind is allowed."""
    return {one.kind for one in shapes}.issuperset(_JSON_KINDS)


def _kinds_moved(old: Sequence[Shape], new: Sequence[Shape]) -> tuple[bool, bool]:
    """Tell whether kinds of values are not allowed any more, and whether others are; every integer is a number."""
    before, after = {one.kind for one in old}, {one.kind for one in new}
    if _is_anything(old) != _is_anything(new) and "object" in before & after:
        return True, True  # where anything may stand, an object is a dict in Python; a model where its fields are known
    lost = before - after - ({"integer"} if "number" in after else set())
    gained = after - before - ({"integer"} if "number" in before else set())
    return bool(lost), bool(gained)


def _constraints(shape: Shape) -> Json:
    """List what is stated and restricts: limits as a number and where it stands to it, the rest as it is."""
    schema = shape.schema
    found: Json = {name: (schema[name], 0) for name in (*_UPPER, *_LOWER) if _is_number(schema.get(name))}
    for name, side, tighter in (("maximum", -1, min), ("minimum", 1, max)):
        limit = schema.get(f"exclusive{name.capitalize()}")
        limit = schema.get(name) if limit is True else limit  # OpenAPI 3.0 has a flag beside the limit
        if _is_number(limit):
            open_limit = (limit + side, 0) if shape.kind == "integer" and isinstance(limit, int) else (limit, side)
            found[name] = tighter(found.get(name, open_limit), open_limit)
    found = {name: value for name, value in found.items() if name not in _LOWER[1:] or value[0] > 0}
    found |= {name: schema[name] for name in ("pattern", "uniqueItems", "format") if schema.get(name)}
    step: Any = schema.get("multipleOf")
    if _is_number(step) and step > 0 and not (shape.kind == "integer" and 1 % Fraction(str(step)) == 0):
        found["multipleOf"] = step
    if "enum" in schema:
        found["enum"] = {json.dumps(value) for value in schema["enum"]}
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _moved(name: str, was: Any, now: Any) -> tuple[bool, bool]:
    if name == "format":
        # One that Python has no type for is no more than a word about a response; every integer is said to be `int64`.
        return now not in (None, "int64"), False
    if was is None or now is None:
        lost = was is None
    elif name in (*_UPPER, *_LOWER):
        lost = (now < was) == (name in _UPPER)
    elif name == "enum":
        return bool(was - now), bool(now - was)
    elif name == "multipleOf":
        one, other = Fraction(str(was)), Fraction(str(now))
        return one % other != 0, other % one != 0
    else:
        return True, True
    return lost, not lost


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        number, side = value
        return f"{('less than ', '', 'more than ')[side + 1]}{json.dumps(number)}"
    if isinstance(value, set):
        return ", ".join(sorted(value))[:200] or "none"
    return "not stated" if value is None else json.dumps(value)[:200]
