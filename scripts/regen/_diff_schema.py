"""What changed between two schemas, told for requests and for answers, which care about opposite things."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from scripts.regen._diff_kinds import ADDITIVE, BREAKING, UNJUDGED, Found, kind_of
from scripts.regen._flatten import required_of, variants
from scripts.regen._schemas import ModelBook
from scripts.regen._walk import differing_keys, without_prose

if TYPE_CHECKING:
    from scripts.regen._flatten import Flat
    from scripts.regen._load import Json

_MAX_DEPTH = 60
_PLAIN_FORMATS = (None, "uri", "url", "int32", "int64", "float", "double")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_BOUNDS = (*_UPPER, *_LOWER, "pattern", "multipleOf", "uniqueItems")
_JUDGED = frozenset(
    {"type", "nullable", "properties", "required", "items", "allOf", "oneOf", "anyOf", "enum", "const", "default",
     "additionalProperties", *_BOUNDS}
)  # fmt: skip


class SchemaDiff:
    """Compares schemas of an old and a new document, following references in each."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = ModelBook(old), ModelBook(new)
        self._told: dict[str, tuple[str, str]] = {}

    def request(self, old: Any, new: Any, title: str) -> Found:
        """Compare what may be sent: less room is breaking."""
        self._told = {}
        return self._compare(old, new, title, True, 0)

    def response(self, old: Any, new: Any, title: str) -> Found:
        """Compare what may be received: more room is breaking, except for new fields and values."""
        self._told = {}
        return self._compare(old, new, title, False, 0)

    def type_of(self, schema: Any) -> str:
        """Name the type of a schema of the new document."""
        return _type(self._new.target(schema))

    def _compare(self, old: Any, new: Any, title: str, request: bool, depth: int) -> Found:
        """Compare two schemas; the same two references are gone into once, and then only pointed at."""
        if not (isinstance(old, Mapping) and isinstance(new, Mapping) and "$ref" in old and "$ref" in new):
            yield from self._differences(old, new, title, request, depth)
            return
        key = json.dumps([old, new], sort_keys=True)
        if key in self._told:
            kind, first = self._told[key]
            if kind:
                yield kind, f"{title} changed as {first} did"
            return
        self._told[key] = ("", title)
        found = list(self._differences(old, new, title, request, depth))
        kinds = {kind for kind, _ in found}
        self._told[key] = (next((kind for kind in (BREAKING, UNJUDGED, ADDITIVE) if kind in kinds), ""), title)
        yield from found

    def _differences(self, old: Any, new: Any, title: str, request: bool, depth: int) -> Found:
        left, right = self._old.target(old), self._new.target(new)
        if left.nullable != right.nullable:
            can = "can be null now" if right.nullable else "cannot be null any more"
            yield kind_of(right.nullable != request), f"{title} {can}"
        before, after = _type(left), _type(right)
        if before != after:
            widened = request and (after == "anything" or (before, after) == ("integer", "number"))
            yield kind_of(not widened), f"{title} is {after}, was {before}"
            return
        yield from _values(left.schema, right.schema, title, request)
        yield from _bounds(left.schema, right.schema, title, request)
        if _default(left.schema) != _default(right.schema):
            yield ADDITIVE, f"{title} has the default {_default(right.schema)}, had {_default(left.schema)}"
        for name in differing_keys(left.schema, right.schema, _JUDGED):
            yield UNJUDGED, f"{title} differs in `{name}`"
        if depth < _MAX_DEPTH:
            yield from self._inside(left.schema, right.schema, title, request, depth + 1)
        elif without_prose(left.schema) != without_prose(right.schema):
            yield UNJUDGED, f"{title} differs further inside"

    def _inside(self, old: Json, new: Json, title: str, request: bool, depth: int) -> Found:
        if old.get("type") == "array":
            yield from self._compare(old.get("items"), new.get("items"), f"items of {title}", request, depth)
        yield from self._fields(old, new, title, request, depth)
        more, fewer = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if (more is False) != (fewer is False):
            takes = "takes no other fields" if fewer is False else "may have other fields"
            yield kind_of(request and fewer is False), f"{title} {takes} now"
        elif old.get("type") == "object":
            yield from self._compare(more, fewer, f"any other field of {title}", request, depth)
        yield from self._alternatives(old, new, title, request, depth)

    def _fields(self, old: Json, new: Json, title: str, request: bool, depth: int) -> Found:
        before, after = _properties(old), _properties(new)
        for name in [*before, *(name for name in after if name not in before)]:
            field = f"field `{name}` of {title}"
            was, now = name in required_of(old), name in required_of(new)
            if name not in after:
                yield BREAKING, f"{field} is gone"
            elif name not in before:
                yield kind_of(request and now), f"new {'required ' if request and now else ''}{field}"
            else:
                if was != now:
                    yield kind_of(now == request), f"{field} is {'required' if now else 'optional'} now"
                yield from self._compare(before[name], after[name], field, request, depth)

    def _alternatives(self, old: Json, new: Json, title: str, request: bool, depth: int) -> Found:
        """Compare alternatives in pairs: those that are the same, or the same reference, then the others in order."""
        before, after = variants(old), variants(new)
        same = [one for one in before if one in after]
        pairs = [(one, one) for one in same]
        left, right = [one for one in before if one not in same], [one for one in after if one not in same]
        pairs += zip(left, right, strict=False)
        for number, (one, other) in enumerate(pairs, 1):
            yield from self._compare(one, other, f"alternative {number} of {title}", request, depth)
        if len(left) != len(right):
            fewer = len(right) < len(left)
            count = abs(len(right) - len(left))
            yield kind_of(fewer == request), f"{title} has {count} {'fewer' if fewer else 'more'} alternative(s)"


def _values(old: Json, new: Json, title: str, request: bool) -> Found:
    before, after = _enum(old), _enum(new)
    if before == after:
        return
    if before is None or after is None:
        has = "has" if after is not None else "no longer has"
        yield kind_of((after is not None) == request), f"{title} {has} a fixed set of values"
        return
    gone, fresh = sorted(before - after), sorted(after - before)
    if gone:
        yield kind_of(request), f"{title} no longer takes the value(s) {', '.join(gone)[:200]}"
    if fresh:
        yield ADDITIVE, f"{title} has the new value(s) {', '.join(fresh)[:200]}"


def _bounds(old: Json, new: Json, title: str, request: bool) -> Iterator[tuple[str, str]]:
    for name in _BOUNDS:
        before, after = old.get(name), new.get(name)
        if json.dumps(before) != json.dumps(after):
            now = "is not stated" if after is None else f"is {json.dumps(after)[:200]}"
            was = "not stated" if before is None else json.dumps(before)[:200]
            yield kind_of(request and _is_tighter(name, before, after)), f"`{name}` of {title} {now}, was {was}"


def _is_tighter(name: str, before: Any, after: Any) -> bool:
    if _is_number(before) and _is_number(after) and name in (*_UPPER, *_LOWER):
        return bool(after < before if name in _UPPER else after > before)
    return after not in (None, False)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _type(flat: Flat) -> str:
    schema = flat.schema
    if schema.get("oneOf") or schema.get("anyOf"):
        return "one of several shapes"
    kind = schema.get("type")
    if kind is None:
        return "anything"
    form = schema.get("format")
    if kind == "array":
        return "a list"
    return str(kind) if form in _PLAIN_FORMATS else f"{kind} ({form})"


def _properties(schema: Json) -> Json:
    value = schema.get("properties")
    return value if isinstance(value, dict) else {}


def _enum(schema: Json) -> set[str] | None:
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return {json.dumps(value) for value in values} if isinstance(values, list) else None


def _default(schema: Json) -> str:
    return json.dumps(schema["default"]) if "default" in schema else "none"
