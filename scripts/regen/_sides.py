"""Which side of an exchange says a field: `readOnly` is for responses alone, `writeOnly` for requests alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from scripts.regen._walk import objects

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scripts.regen._load import Json

Side = Literal["request", "response"]


def side_of(*schemas: Any) -> Side | None:
    """Return the only side that says a field, None when both do."""
    stated = [one for one in schemas if isinstance(one, dict)]
    if any(one.get("readOnly") is True for one in stated):
        return "response"
    return "request" if any(one.get("writeOnly") is True for one in stated) else None


def models_of_one_side(paths: Json, components: Json) -> dict[str, Side]:
    """Name the models that only requests hold, or only responses."""
    operations = [operation for item in paths.values() for operation in item.values()]
    said = _held(([one.get("requestBody"), one["parameters"]] for one in operations), components)
    told = _held((list(one["responses"].values()) for one in operations), components)
    return {**dict.fromkeys(said - told, "request"), **dict.fromkeys(told - said, "response")}


def _held(roots: Iterable[Any], components: Json) -> set[str]:
    """Follow references from some parts of the document to all models that they hold."""
    found, left = set[str](), list(roots)
    while left:
        names = {str(node["$ref"]).rsplit("/", 1)[-1] for _, node in objects(left.pop()) if "$ref" in node} - found
        found |= names
        left.extend(components[name] for name in names)
    return found
