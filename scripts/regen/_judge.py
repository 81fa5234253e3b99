"""Do the vendor's schemas, as they are written, take a value? Judged by a JSON Schema validator, in bounded work.

The generator's view of a schema has lost what no type can say (`pattern`, `not`, `dependentRequired`); this has not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types
from jsonschema.validators import extend  # type: ignore[import-untyped]  # the same

from scripts.regen._flatten import variants
from scripts.regen._sides import side_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scripts.regen._load import Json
    from scripts.regen._schemas import ModelBook

_MOST_WORK = 20_000  # keywords looked at for one value
_MOST_DEPTH = 150  # keywords within keywords
_LONGEST_MATCHED = 20  # characters: a hostile pattern can take time that doubles with each
_JUDGED = "x-judged"


class UndecidedError(Exception):
    """The schema cannot be judged; the message says why in a few words."""


class Judge:
    """Judges values by schemas of one document, as parts of requests."""

    def __init__(self, book: ModelBook) -> None:
        self._book = book
        known = Draft202012Validator.VALIDATORS
        # Alternatives are seldom written so that no two of them fit, and servers take the first that does.
        checks = {name: self._bounded(name, check) for name, check in {**known, "oneOf": known["anyOf"]}.items()}
        self._validator: Any = extend(Draft202012Validator, checks)
        # References start at the document, and none of its own keys is one of a schema.
        self._document = {key: value for key, value in book.spec.items() if not key.startswith("$")}
        self._left = self._depth = 0
        self._value: object = None
        self._answered: set[str] = set()

    def complaint(self, schema: Any, value: object) -> str:
        """Return what is wrong with a value that a request says, empty when nothing is.

        Raises:
            UndecidedError: The schema is none, or more work than any that was written is.
        """
        self._left, self._depth, self._value = _MOST_WORK, 0, value
        self._answered = self._answer_fields(schema)
        if isinstance(value, dict) and (told := sorted(self._answered & value.keys())):
            return f"{told[0]!r} is for answers alone (`readOnly`)"
        whole = {**self._document, _JUDGED: schema, "$ref": f"#/{_JUDGED}"}
        try:
            error = next(self._validator(whole).iter_errors(value), None)
        except UndecidedError:
            raise
        except RecursionError:
            raise UndecidedError("it is nested too deeply") from None
        except Exception as error:  # what is no schema makes the validator raise whatever comes of it
            raise UndecidedError(f"{type(error).__name__}: {error}"[:200]) from None
        return "" if error is None else str(error.message)[:300]

    def _answer_fields(self, schema: Any) -> set[str]:
        """Name the fields that only answers say, so that no request lacks or has them."""
        flat = self._book.target(schema).schema
        ways = [flat, *(self._book.target(one).schema for one in variants(flat))]
        stated = [item for way in ways if isinstance(way.get("properties"), dict) for item in way["properties"].items()]
        return {name for name, one in stated if side_of(one, self._book.target(one).schema) == "answer"}

    def _bounded(self, name: str, check: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
        def bounded(validator: Any, stated: Any, value: Any, schema: Json) -> Iterator[Any]:
            self._left -= 1
            if self._left < 0 or self._depth >= _MOST_DEPTH:
                raise UndecidedError("its parts are combined over and over again")
            if name.startswith("exclusive") and isinstance(stated, bool):
                return  # OpenAPI 3.0, where it tells how another keyword is meant
            if name == "required" and value is self._value and isinstance(stated, list):
                stated = [one for one in stated if one not in self._answered]
            if name.startswith("pattern") and _longest(value) > _LONGEST_MATCHED:
                raise UndecidedError("a pattern is for a longer text than is matched here")
            self._depth += 1
            try:
                yield from check(validator, stated, value, schema) or ()
            finally:
                self._depth -= 1

        return bounded


def _longest(value: object) -> int:
    texts = value if isinstance(value, dict) else [value]
    return max((len(one) for one in texts if isinstance(one, str)), default=0)
