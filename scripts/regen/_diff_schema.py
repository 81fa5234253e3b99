"""What changed between two schemas, told for requests and for answers, which care about opposite things."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from scripts.regen._schemas import ModelBook

if TYPE_CHECKING:
    from scripts.regen._flatten import Flat
    from scripts.regen._load import Json

_MAX_DEPTH = 6
_Found = Iterator[tuple[str, str]]


class SchemaDiff:
    """Compares schemas of an old and a new document, following references in each."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = ModelBook(old), ModelBook(new)

    def request(self, old: Any, new: Any, title: str) -> _Found:
        """Compare what may be sent: less room is breaking."""
        return self._compare(old, new, title, True, 0)

    def response(self, old: Any, new: Any, title: str) -> _Found:
        """Compare what may be received: more room is breaking, except for new fields and values."""
        return self._compare(old, new, title, False, 0)

    def _compare(self, old: Any, new: Any, title: str, request: bool, depth: int) -> _Found:
        left, right = self._old.target(old), self._new.target(new)
        if left.nullable != right.nullable:
            breaking = right.nullable != request
            yield (
                _kind(breaking),
                f"{title} {'can' if right.nullable else 'cannot'} be null {'now' if right.nullable else 'any more'}",
            )
        before, after = _type(left), _type(right)
        if before != after:
            widened = request and (after == "anything" or (before, after) == ("integer", "number"))
            yield _kind(not widened), f"{title} is {after}, was {before}"
            return
        yield from _values(left.schema, right.schema, title, request)
        if _default(left.schema) != _default(right.schema):
            yield "additive", f"{title} has the default {_default(right.schema)}, had {_default(left.schema)}"
        if depth >= _MAX_DEPTH:
            return
        if before.startswith("a list"):
            yield from self._compare(
                left.schema.get("items"), right.schema.get("items"), f"items of {title}", request, depth + 1
            )
        yield from self._fields(left.schema, right.schema, title, request, depth)

    def _fields(self, old: Json, new: Json, title: str, request: bool, depth: int) -> _Found:
        before, after = _properties(old), _properties(new)
        for name in [*before, *(name for name in after if name not in before)]:
            field = f"field `{name}` of {title}"
            was, now = name in _required(old), name in _required(new)
            if name not in after:
                yield "breaking", f"{field} is gone"
            elif name not in before:
                yield _kind(request and now), f"new {'required ' if request and now else ''}{field}"
            else:
                if was != now:
                    yield _kind(now == request), f"{field} is {'required' if now else 'optional'} now"
                yield from self._compare(before[name], after[name], field, request, depth + 1)


def _values(old: Json, new: Json, title: str, request: bool) -> _Found:
    before, after = _enum(old), _enum(new)
    if before == after:
        return
    if before is None or after is None:
        yield (
            _kind((after is not None) == request),
            f"{title} {'has' if after is not None else 'no longer has'} a fixed set of values",
        )
        return
    gone, fresh = sorted(before - after), sorted(after - before)
    if gone:
        yield _kind(request), f"{title} no longer takes the value(s) {', '.join(gone)[:200]}"
    if fresh:
        yield "additive", f"{title} has the new value(s) {', '.join(fresh)[:200]}"


def _kind(breaking: bool) -> str:
    return "breaking" if breaking else "additive"


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
    return f"{kind} ({form})" if form and form not in ("uri", "url", "int32", "int64", "float", "double") else str(kind)


def _properties(schema: Json) -> Json:
    value = schema.get("properties")
    return value if isinstance(value, dict) else {}


def _required(schema: Json) -> list[Any]:
    value = schema.get("required")
    return value if isinstance(value, list) else []


def _enum(schema: Json) -> set[str] | None:
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return {json.dumps(value) for value in values} if isinstance(values, list) else None


def _default(schema: Json) -> str:
    return json.dumps(schema["default"]) if "default" in schema else "none"
