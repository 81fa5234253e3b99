"""How a change is judged: whether what a schema allows became more, less, or something else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from scripts.regen._diff_shapes import LOWER, UPPER, Shape, is_anything, is_number

if TYPE_CHECKING:
    from collections.abc import Sequence

BREAKING, UNJUDGED, ADDITIVE, DOCUMENTATION = KINDS = ("breaking", "unjudged", "additive", "documentation")
SAME, NARROWER, WIDER, OTHER = "same", "narrower", "wider", "other"
_SIZES_OF_NUMBERS = ("int32", "int64", "float", "double", None)
_SIMPLE = ("pattern", "multipleOf", "uniqueItems")

Found = Iterator[tuple[str, str]]
"""Changes, each its kind and a phrase."""


def kind_of(breaking: bool) -> str:
    """Name the kind of a change that is breaking or not."""
    return BREAKING if breaking else ADDITIVE


def kinds_moved(old: Sequence[Shape], new: Sequence[Shape]) -> str:
    """Compare the kinds of values that two schemas allow."""
    before, after = {one.kind for one in old}, {one.kind for one in new}
    if is_anything(old) != is_anything(new) and "object" in before & after:
        return OTHER  # where anything may stand, an object is a dict in Python, and a model where its fields are known
    return _order(lost=_uncovered(before, after), gained=_uncovered(after, before))


def constraints_moved(old: Shape, new: Shape) -> Iterator[tuple[str, str, str]]:
    """Compare what holds for the values of one kind: what moved, how, and a phrase that tells it."""
    before, after = _constraints(old), _constraints(new)
    for name in [*before, *(name for name in after if name not in before)]:
        was, now = before.get(name), after.get(name)
        if was != now:
            shown = [_shown(value) for value in (now, was)]
            yield name, _moved(name, was, now), f"is {shown[0]}, was {shown[1]}"


def values_of(shape: Shape) -> set[str] | None:
    """Return the fixed values of a shape as JSON, None where any value goes."""
    values = shape.schema.get("enum")
    return {json.dumps(value) for value in values} if isinstance(values, list) else None


def set_moved(before: set[str] | None, after: set[str] | None) -> str:
    """Compare two sets of fixed values, of which none is every value."""
    if before is None or after is None:
        return _order(lost=before is None and after is not None, gained=after is None and before is not None)
    return _order(lost=bool(before - after), gained=bool(after - before))


def _order(*, lost: bool, gained: bool) -> str:
    return (OTHER if gained else NARROWER) if lost else (WIDER if gained else SAME)


def _uncovered(kinds: set[str], by: set[str]) -> bool:
    return any(kind not in by and not (kind == "integer" and "number" in by) for kind in kinds)


def _constraints(shape: Shape) -> dict[str, Any]:
    """List what is stated and restricts: limits as a number and where it stands to it, the rest as it is."""
    schema = shape.schema
    found: dict[str, Any] = {name: (schema[name], 0) for name in (*UPPER, *LOWER) if is_number(schema.get(name))}
    for name, side, tighter in (("maximum", -1, min), ("minimum", 1, max)):
        limit = schema.get(f"exclusive{name.capitalize()}")
        limit = schema.get(name) if limit is True else limit  # OpenAPI 3.0 has a flag beside the limit
        if is_number(limit):
            open_limit = (limit + side, 0) if shape.kind == "integer" and isinstance(limit, int) else (limit, side)
            found[name] = tighter(found.get(name, open_limit), open_limit)
    found = {name: value for name, value in found.items() if name not in LOWER[1:] or value[0] > 0}
    found |= {name: schema[name] for name in _SIMPLE if schema.get(name)}
    form = schema.get("format")
    if form is not None and not shape.kind.endswith(f"({form})"):
        found["format"] = form
    return found


def _moved(name: str, was: Any, now: Any) -> str:
    if name == "format" and was in _SIZES_OF_NUMBERS and now in _SIZES_OF_NUMBERS:
        sizes = [_SIZES_OF_NUMBERS.index(value) for value in (was, now)]
        return _order(lost=sizes[1] < sizes[0], gained=sizes[1] > sizes[0])
    if was is None or now is None:
        return _order(lost=was is None, gained=now is None)
    if name in (*UPPER, *LOWER):
        return _order(lost=(now < was) == (name in UPPER), gained=(now > was) == (name in UPPER))
    if name == "multipleOf" and is_number(was) and is_number(now):
        one, other = Fraction(str(was)), Fraction(str(now))
        return WIDER if one % other == 0 else NARROWER if other % one == 0 else OTHER
    return OTHER


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        number, side = value
        return f"{('less than ', '', 'more than ')[side + 1]}{json.dumps(number)}"
    return "not stated" if value is None else json.dumps(value)[:200]
