"""What changed between two schemas: a narrower request and a wider answer break callers, the opposites do not."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from scripts.regen._document import differing_keys, without_prose
from scripts.regen._flatten import required_of
from scripts.regen._shapes import LOWER, UPPER, Shape, Shapes, constraints_moved, is_anything, kinds_moved

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from scripts.regen._load import Json

BREAKING, UNJUDGED, ADDITIVE, DOCUMENTATION = KINDS = ("breaking", "unjudged", "additive", "documentation")
_JUDGED = frozenset(
    {"properties", "required", "items", "additionalProperties", "enum", "default", "format", "pattern", "multipleOf",
     "uniqueItems", "exclusiveMinimum", "exclusiveMaximum", *UPPER, *LOWER}
)  # fmt: skip

Found = Iterator[tuple[str, str]]
"""Changes, each its kind and a phrase."""


def kind_of(lost: bool, gained: bool, *, request: bool) -> str:
    """Judge how the set of allowed values moved, from the side of the caller."""
    return BREAKING if (lost if request else gained) else ADDITIVE


def members_changed(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    titled: Callable[[str], str],
    required: tuple[Collection[str], Collection[str]] = ((), ()),
    *,
    request: bool,
) -> Found:
    """Compare the names of the parts that two things have, and which of them are required."""
    needed, needs = required
    for name in {**before, **after}:
        title, now = titled(name), name in needs
        if name not in after:
            yield BREAKING, f"{title} is gone"
        elif name not in before:
            must = request and now
            yield BREAKING if must else ADDITIVE, f"new {'required ' if must else ''}{title}"
        elif (name in needed) != now:
            yield kind_of(now, not now, request=request), f"{title} is {'required' if now else 'optional'} now"


class SchemaDiff:
    """Compares schemas of an old and a new document, following references in each."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = Shapes(old), Shapes(new)
        self._request = False
        self._waiting: deque[tuple[Any, Any, str]] = deque()
        self._same: set[str] = set()

    def is_plain(self, schema: Any) -> bool:
        """Tell whether a schema of the new document allows single values alone, no lists or objects."""
        return not {one.kind for one in self._new.of(schema)} & {"array", "object"}

    def compare(self, old: Any, new: Any, title: str, *, request: bool) -> Found:
        """Compare what may be sent or received; what the same references lead to is gone into and told of once."""
        self._request = request
        self._waiting = deque([(old, new, title)])
        told, found = set[str](), dict[tuple[str, str], None]()
        while self._waiting:
            old, new, title = self._waiting.popleft()
            key = f"{request} {_place(old)} {_place(new)}"
            if key not in self._same and key not in told and (old is not new or isinstance(old, Mapping)):
                told.add(key)
                found.update(dict.fromkeys(self._differences(old, new, title)))
        if not found:  # whatever was gone into is the same, wherever else it is met
            self._same |= told
        return iter(found)

    def _kind(self, lost: bool, gained: bool) -> str:
        return kind_of(lost, gained, request=self._request)

    def _differences(self, old: Any, new: Any, title: str) -> Found:
        left, right = self._old.of(old), self._new.of(new)
        moved = kinds_moved(left, right)
        if any(moved):
            yield self._kind(*moved), f"{title} {_kinds_text(left, right)}"
        if is_anything(left) != is_anything(right):
            return
        for kind, ones, others in _by_kind(left, right):
            for number, one, other in _paired(ones, others):
                is_only = len(ones) == len(others) == 1
                yield from self._inside(one, other, title if is_only else f"alternative {number} of {title}")
            more = len(others) - len(ones)
            if more and ones and others:
                words = f"{abs(more)} {'fewer' if more < 0 else 'more'} alternative(s) that are {kind}"
                yield self._kind(more < 0, more > 0), f"{title} has {words}"

    def _inside(self, old: Shape, new: Shape, title: str) -> Found:
        yield from self._values(old.values, new.values, title)
        for name, moved, words in constraints_moved(old, new):
            # A format that Python has no type for is no more than a word about an answer.
            is_word = name == "format" and not self._request and old.kind.startswith("string")
            yield ADDITIVE if is_word else self._kind(*moved), f"`{name}` of {title} {words}"
        was, now = (json.dumps(one.schema["default"]) if "default" in one.schema else "none" for one in (old, new))
        if was != now:  # what the server takes where nobody says anything
            unsure = UNJUDGED if "none" in (was, now) else BREAKING
            yield unsure if self._request else ADDITIVE, f"{title} has the default {now}, had {was}"
        for key in differing_keys(old.schema, new.schema, _JUDGED):
            yield UNJUDGED, f"{title} differs in `{key}`"
        if old.kind == "array":
            self._waiting.append((old.schema.get("items"), new.schema.get("items"), f"items of {title}"))
        if old.kind == "object":
            yield from self._fields(old.schema, new.schema, title)

    def _values(self, before: set[str] | None, after: set[str] | None, title: str) -> Found:
        if before is None or after is None:
            if before is not after:
                has = "has" if before is None else "no longer has"
                yield self._kind(before is None, after is None), f"{title} {has} a fixed set of values"
            return
        if lost := before - after:
            yield self._kind(True, False), f"{title} no longer takes the value(s) {', '.join(sorted(lost))[:200]}"
        if gained := after - before:
            yield self._kind(False, True), f"{title} has the new value(s) {', '.join(sorted(gained))[:200]}"

    def _fields(self, old: Json, new: Json, title: str) -> Found:
        before, after = self._said(self._old, old), self._said(self._new, new)
        required = (required_of(old), required_of(new))
        yield from members_changed(
            before, after, lambda name: f"field `{name}` of {title}", required, request=self._request
        )
        self._waiting.extend(
            (one, after[name], f"field `{name}` of {title}") for name, one in before.items() if name in after
        )
        others = [one.get("additionalProperties", True) for one in (old, new)]
        if (others[0] is False) != (others[1] is False):
            takes = "takes no other fields" if others[1] is False else "may have other fields"
            yield BREAKING if self._request and others[1] is False else ADDITIVE, f"{title} {takes} now"
        else:
            self._waiting.append((others[0], others[1], f"any other field of {title}"))

    def _said(self, shapes: Shapes, schema: Json) -> Json:
        """List the fields that this side says: `readOnly` is for answers alone, `writeOnly` for requests alone."""
        fields, other_side = schema.get("properties"), "readOnly" if self._request else "writeOnly"
        return {
            name: one
            for name, one in (fields.items() if isinstance(fields, Mapping) else ())
            if not any(shape.schema.get(other_side) is True for shape in shapes.of(one))
        }


def _place(schema: Any) -> str:
    """Tell one schema of a document from others; what a reference leads to is the same wherever it stands."""
    return json.dumps(schema, sort_keys=True) if isinstance(schema, Mapping) and "$ref" in schema else str(id(schema))


def _kinds_text(old: Sequence[Shape], new: Sequence[Shape]) -> str:
    if {one.kind for one in old} ^ {one.kind for one in new} == {"null"}:
        return "can be null now" if any(one.kind == "null" for one in new) else "cannot be null any more"
    return f"is {_shown(new)}, was {_shown(old)}"


def _shown(shapes: Sequence[Shape]) -> str:
    kinds = dict.fromkeys("a list" if one.kind == "array" else one.kind for one in shapes)
    return "anything" if is_anything(shapes) else " or ".join(kinds) or "nothing"


def _by_kind(old: Sequence[Shape], new: Sequence[Shape]) -> Iterator[tuple[str, list[Shape], list[Shape]]]:
    """Sort shapes by their kind, of which numbers and integers are one."""
    found: dict[str, tuple[list[Shape], list[Shape]]] = {}
    for side, shapes in enumerate((old, new)):
        for one in shapes:
            found.setdefault("number" if one.kind == "integer" else one.kind, ([], []))[side].append(one)
    for kind, (ones, others) in found.items():
        yield kind, ones, others


def _paired(old: Sequence[Shape], new: Sequence[Shape]) -> Iterator[tuple[int, Shape, Shape]]:
    """Pair alternatives: those that are found by one reference, those that are the same, then in order."""
    left, right = dict(enumerate(old, 1)), list(new)
    ways: tuple[Callable[[Shape], Any], ...] = (
        lambda one: one.name or id(one),
        lambda one: without_prose(one.schema),
        type,
    )
    for way in ways:
        for number, one in list(left.items()):
            match = next((other for other in right if way(other) == way(one)), None)
            if match is not None:
                del left[number]
                right.remove(match)
                yield number, one, match
