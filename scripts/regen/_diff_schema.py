"""What changed between two schemas: a narrower request and a wider answer break callers, the opposites do not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scripts.regen._document import differing_keys, without_prose
from scripts.regen._shapes import (
    ADDITIVE,
    BREAKING,
    LOWER,
    NARROWER,
    OTHER,
    SAME,
    UNJUDGED,
    UPPER,
    WIDER,
    Found,
    Shape,
    Shapes,
    constraints_moved,
    is_anything,
    kind_of,
    kinds_moved,
    values_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scripts.regen._load import Json

_MAX_DEPTH = 60
_JUDGED = frozenset(
    {"properties", "required", "items", "additionalProperties", "enum", "default", "format", "pattern", "multipleOf",
     "uniqueItems", "exclusiveMinimum", "exclusiveMaximum", *UPPER, *LOWER}
)  # fmt: skip


class SchemaDiff:
    """Compares schemas of an old and a new document, following references in each."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = Shapes(old), Shapes(new)
        self._request = False
        self._told: set[str] = set()
        self._same: set[str] = set()

    def request(self, old: Any, new: Any, title: str) -> Found:
        """Compare what may be sent."""
        return self._whole(old, new, title, request=True)

    def response(self, old: Any, new: Any, title: str) -> Found:
        """Compare what may be received."""
        return self._whole(old, new, title, request=False)

    def is_plain(self, schema: Any) -> bool:
        """Tell whether a schema of the new document allows single values alone, no lists or objects."""
        return not {one.kind for one in self._new.of(schema)} & {"array", "object"}

    def _whole(self, old: Any, new: Any, title: str, *, request: bool) -> Found:
        self._told, self._request = set(), request
        found = list(self._compare(old, new, title, 0))
        if not found:  # whatever was gone into is the same, wherever else it is met
            self._same.update(self._told)
        return iter(found)

    def _kind(self, moved: str) -> str:
        """Judge how the set of allowed values moved, from the side of the caller."""
        return kind_of(moved in (OTHER, NARROWER if self._request else WIDER))

    def _compare(self, old: Any, new: Any, title: str, depth: int) -> Found:
        """Compare two schemas; the same two references are gone into and told of once."""
        if isinstance(old, Mapping) and isinstance(new, Mapping) and "$ref" in old and "$ref" in new:
            key = json.dumps([self._request, old, new], sort_keys=True)
            if key in self._same or key in self._told:
                return
            self._told.add(key)
        yield from self._differences(old, new, title, depth)

    def _differences(self, old: Any, new: Any, title: str, depth: int) -> Found:
        if not isinstance(old, Mapping) and not isinstance(new, Mapping) and (old is False) == (new is False):
            return
        left, right = self._old.of(old), self._new.of(new)
        moved = kinds_moved(left, right)
        if moved != SAME:
            yield self._kind(moved), f"{title} {_kinds_text(left, right)}"
        if is_anything(left) != is_anything(right):
            return
        if depth >= _MAX_DEPTH:
            if without_prose(old) != without_prose(new):
                yield UNJUDGED, f"{title} differs further inside"
            return
        found: dict[tuple[str, str], None] = {}
        for one, other, name in _paired(left, right, title):
            found.update(dict.fromkeys(self._inside(one, other, name, title, depth + 1)))
        yield from found
        yield from self._numbers_of_alternatives(left, right, title)

    def _numbers_of_alternatives(self, left: Sequence[Shape], right: Sequence[Shape], title: str) -> Found:
        for kind, ones, others in _by_kind(left, right):
            more = len(others) - len(ones)
            if more and ones and others:
                words = f"{abs(more)} {'fewer' if more < 0 else 'more'} alternative(s) that are {kind}"
                yield self._kind(NARROWER if more < 0 else WIDER), f"{title} has {words}"

    def _inside(self, old: Shape, new: Shape, title: str, outer: str, depth: int) -> Found:
        yield from self._values(old, new, title)
        for name, moved, words in constraints_moved(old, new):
            # A format that Python has no type for is no more than a word about an answer.
            is_word = name == "format" and not self._request and old.kind.startswith("string")
            yield ADDITIVE if is_word else self._kind(moved), f"`{name}` of {title} {words}"
        yield from self._default(old.schema, new.schema, title)
        for key in differing_keys(old.schema, new.schema, _JUDGED):
            yield UNJUDGED, f"{outer} differs in `{key}`"
        if old.kind == "array":
            yield from self._compare(old.schema.get("items"), new.schema.get("items"), f"items of {title}", depth)
        if old.kind == "object":
            yield from self._fields(old.schema, new.schema, title, depth)
            yield from self._other_fields(old.schema, new.schema, title, depth)

    def _values(self, old: Shape, new: Shape, title: str) -> Found:
        before, after = values_of(old), values_of(new)
        if (before is None) != (after is None):
            has = "has" if before is None else "no longer has"
            yield self._kind(NARROWER if before is None else WIDER), f"{title} {has} a fixed set of values"
        elif before is not None and after is not None:
            for values, moved, verb in (
                (before - after, NARROWER, "no longer takes the value(s)"),
                (after - before, WIDER, "has the new value(s)"),
            ):
                if values:
                    yield self._kind(moved), f"{title} {verb} {', '.join(sorted(values))[:200]}"

    def _default(self, old: Json, new: Json, title: str) -> Found:
        """Compare what the server takes where nobody says anything."""
        was, now = (json.dumps(one["default"]) if "default" in one else "none" for one in (old, new))
        if was != now:
            unsure = UNJUDGED if "none" in (was, now) else BREAKING
            yield unsure if self._request else ADDITIVE, f"{title} has the default {now}, had {was}"

    def _fields(self, old: Json, new: Json, title: str, depth: int) -> Found:
        before, after = self._said(self._old, old), self._said(self._new, new)
        needed, needs = _required(old), _required(new)
        for name in [*before, *(name for name in after if name not in before)]:
            field, now = f"field `{name}` of {title}", name in needs
            if name not in after:
                yield BREAKING, f"{field} is gone"
            elif name not in before:
                yield kind_of(self._request and now), f"new {'required ' if self._request and now else ''}{field}"
            else:
                if (name in needed) != now:
                    yield self._kind(NARROWER if now else WIDER), f"{field} is {'required' if now else 'optional'} now"
                yield from self._compare(before[name], after[name], field, depth)

    def _said(self, shapes: Shapes, schema: Json) -> Json:
        """List the fields that this side says: `readOnly` is for answers alone, `writeOnly` for requests alone."""
        fields, other_side = schema.get("properties"), "readOnly" if self._request else "writeOnly"
        return {
            name: one
            for name, one in (fields.items() if isinstance(fields, Mapping) else ())
            if not any(shape.schema.get(other_side) is True for shape in shapes.of(one))
        }

    def _other_fields(self, old: Json, new: Json, title: str, depth: int) -> Found:
        before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if (before is False) != (after is False):
            takes = "takes no other fields" if after is False else "may have other fields"
            yield kind_of(self._request and after is False), f"{title} {takes} now"
        elif before is not False:
            yield from self._compare(before, after, f"any other field of {title}", depth)


def _kinds_text(old: Sequence[Shape], new: Sequence[Shape]) -> str:
    if {one.kind for one in old} ^ {one.kind for one in new} == {"null"}:
        return "can be null now" if any(one.kind == "null" for one in new) else "cannot be null any more"
    return f"is {_shown(new)}, was {_shown(old)}"


def _shown(shapes: Sequence[Shape]) -> str:
    if is_anything(shapes):
        return "anything"
    kinds = dict.fromkeys("a list" if one.kind == "array" else one.kind for one in shapes)
    return " or ".join(kinds) or "nothing"


def _by_kind(old: Sequence[Shape], new: Sequence[Shape]) -> Iterator[tuple[str, list[Shape], list[Shape]]]:
    """Sort shapes by their kind, of which numbers and integers are one."""
    kinds = ["number" if one.kind == "integer" else one.kind for one in (*old, *new)]
    for kind in dict.fromkeys(kinds):
        same = (kind, "integer") if kind == "number" else (kind,)
        yield kind, [one for one in old if one.kind in same], [one for one in new if one.kind in same]


def _paired(old: Sequence[Shape], new: Sequence[Shape], title: str) -> Iterator[tuple[Shape, Shape, str]]:
    """Pair the alternatives of a kind: by the reference that leads to them, those that are the same, then in order."""
    for _, ones, others in _by_kind(old, new):
        left, right = list(enumerate(ones, 1)), list(others)
        if len(ones) == len(others) == 1:
            yield ones[0], others[0], title
            continue
        for by in range(3):
            for item in list(left):
                match = next((other for other in right if _is_pair(item[1], other, by)), None)
                if match is not None:
                    left.remove(item)
                    right.remove(match)
                    yield item[1], match, f"alternative {item[0]} of {title}"


def _is_pair(one: Shape, other: Shape, by: int) -> bool:
    if by == 0:
        return one.name != "" and one.name == other.name
    return by == 2 or without_prose(one.schema) == without_prose(other.schema)


def _required(schema: Json) -> list[Any]:
    value = schema.get("required")
    return value if isinstance(value, list) else []
