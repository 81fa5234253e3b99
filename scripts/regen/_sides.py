"""Which side of an exchange says a field: `readOnly` is for answers alone, `writeOnly` for requests alone."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Literal

from scripts.regen._walk import objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from scripts.regen._load import Json

Side = Literal["request", "answer"]


def side_of(*schemas: Any) -> Side | None:
    """Return the only side that says a field, None when both do.

    Args:
        schemas: What is said of the field: where it stands, and where that refers to.
    """
    stated = [one for one in schemas if isinstance(one, dict)]
    if any(one.get("readOnly") is True for one in stated):
        return "answer"
    return "request" if any(one.get("writeOnly") is True for one in stated) else None


def models_of_one_side(paths: Json, components: Json) -> Mapping[str, Side]:
    """Name the models that only requests hold, or only answers.

    Args:
        paths: The path items that the generator sees.
        components: The models, with everything in them that refers to another.
    """
    operations = [operation for item in paths.values() for operation in item.values()]
    asked = [part for one in operations for part in (one.get("requestBody"), one["parameters"])]
    answered = [list(one["responses"].values()) for one in operations]
    said, told = _held(asked, components), _held(answered, components)
    return {**dict.fromkeys(said - told, "request"), **dict.fromkeys(told - said, "answer")}


def _held(roots: Iterable[Any], components: Json) -> set[str]:
    """Follow references from some parts of the document to all models that they hold."""
    found = set[str]()
    left = deque(name for root in roots for name in _references(root))
    while left:
        name = left.popleft()
        if name not in found:
            found.add(name)
            left.extend(_references(components[name]))
    return found


def _references(part: Any) -> Iterator[str]:
    return (str(node["$ref"]).rsplit("/", 1)[-1] for _, node in objects(part) if "$ref" in node)
