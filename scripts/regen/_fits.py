"""Do the vendor's schemas, as they are written, take a value? Judged by a JSON Schema validator.

The generator's view of a schema has lost what no type can say (`pattern`, `not`, `dependentRequired`); this has not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types
from jsonschema.validators import extend  # type: ignore[import-untyped]  # the same

from scripts.regen._sides import side_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.regen._load import Json
    from scripts.regen._schemas import ModelBook


def complaint(book: ModelBook, schema: Any, value: object) -> str | None:
    """Return what is wrong with a value that a request says, empty when nothing is, None when that is not decided."""

    def required(validator: Any, stated: Any, instance: Any, owner: Json) -> Iterator[Any]:
        fields = owner.get("properties", {})
        said = [one for one in stated if side_of(fields.get(one), book.target(fields.get(one))) != "response"]
        yield from checks["required"](validator, said, instance, owner) or ()

    checks = Draft202012Validator.VALIDATORS
    # Alternatives are seldom written so that no two of them fit, and servers take the first that does.
    validator = extend(Draft202012Validator, {"oneOf": checks["anyOf"], "required": required})
    document = {key: one for key, one in book.spec.items() if not key.startswith("$")}
    try:
        error = next(validator({**document, "x-judged": schema, "$ref": "#/x-judged"}).iter_errors(value), None)
    except Exception:  # what is no schema, or one without an end, makes the validator raise whatever comes of it
        return None
    return "" if error is None else str(error.message)[:300]
