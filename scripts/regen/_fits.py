"""Do the vendor's schemas, as they are written, take a value? Judged by a JSON Schema validator, in bounded work.

The generator's view of a schema has lost what no type can say (`pattern`, `not`, `dependentRequired`); this has not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types
from jsonschema.validators import extend  # type: ignore[import-untyped]  # the same

from scripts.regen._sides import side_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scripts.regen._load import Json
    from scripts.regen._schemas import ModelBook

_MOST_WORK = 20_000  # keywords looked at for one value


class _UndecidedError(Exception):
    pass


def complaint(book: ModelBook, schema: Any, value: object) -> str | None:
    """Return what is wrong with a value that a request says, empty when nothing is, None when that is not decided."""
    left = _MOST_WORK

    def bounded(name: str, check: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
        def judge(validator: Any, stated: Any, instance: Any, owner: Json) -> Iterator[Any]:
            nonlocal left
            left -= 1
            if left < 0:
                raise _UndecidedError
            if name == "required":
                fields = owner.get("properties", {})
                stated = [one for one in stated if side_of(fields.get(one), book.target(fields.get(one))) != "response"]
            yield from check(validator, stated, instance, owner) or ()

        return judge

    # Alternatives are seldom written so that no two of them fit, and servers take the first that does.
    known = {**Draft202012Validator.VALIDATORS, "oneOf": Draft202012Validator.VALIDATORS["anyOf"]}
    validator = extend(Draft202012Validator, {name: bounded(name, check) for name, check in known.items()})
    document = {key: one for key, one in book.spec.items() if not key.startswith("$")}
    try:
        error = next(validator({**document, "x-judged": schema, "$ref": "#/x-judged"}).iter_errors(value), None)
    except Exception:  # what is no schema, or one without an end, makes the validator raise whatever comes of it
        return None
    return "" if error is None else str(error.message)[:300]
