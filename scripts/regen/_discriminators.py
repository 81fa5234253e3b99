"""Discriminators, which the generator does not read: each alternative says itself which values lead to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scripts.regen._document import objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scripts.regen._load import Json

_SCHEMAS = "#/components/schemas/"


def follow_discriminators(spec: Json) -> tuple[Json, list[str]]:
    """Return a document whose alternatives fit their own values alone, so that reading tries them in any order."""
    schemas: Json = (spec.get("components") or {}).get("schemas") or {}
    own: dict[str, dict[str, list[str]]] = {}
    notes: list[str] = []
    for where, node in objects(spec):
        stated = node.get("discriminator")
        field = stated.get("propertyName") if isinstance(stated, dict) else None
        if not isinstance(stated, dict) or not isinstance(field, str):
            continue
        ways = [one for key in ("oneOf", "anyOf") for one in node.get(key) or ()]
        names = [_name(one.get("$ref")) if isinstance(one, dict) else "" for one in ways]
        if not names or any(name not in schemas for name in names):
            what = "not every alternative is a schema of its own" if names else "no alternatives are listed beside it"
            notes.append(f"the discriminator `{field}` at `{where}` is not followed: {what}")
            continue
        for name, values in _values(stated.get("mapping"), names).items():
            known = own.setdefault(name, {}).setdefault(field, [])
            known.extend(value for value in values if value not in known)
    if not own:
        return spec, notes
    told = {name: _with_values(one, own[name]) if name in own else one for name, one in schemas.items()}
    return {**spec, "components": {**spec["components"], "schemas": told}}, notes


def _name(ref: Any) -> str:
    """Return the schema that a reference, or a value of a mapping, names (OpenAPI 3.1.1, section 4.8.25)."""
    return ref.removeprefix(_SCHEMAS).replace("~1", "/").replace("~0", "~") if isinstance(ref, str) else ""


def _values(mapping: Any, names: list[str]) -> Mapping[str, list[str]]:
    """List the values that lead to each alternative: those of the mapping, else its own name."""
    found: dict[str, list[str]] = {}
    for value, ref in mapping.items() if isinstance(mapping, dict) else ():
        if _name(ref) in names:
            found.setdefault(_name(ref), []).append(str(value))
    return {name: found.get(name, [name]) for name in names}


def _with_values(schema: Json, fields: Mapping[str, list[str]]) -> Json:
    properties = dict(schema.get("properties") or {})
    for field, values in fields.items():
        stated = properties.get(field, {})
        if not isinstance(stated, dict) or "const" in stated:
            continue
        fixed = [value for value in values if value in stated.get("enum", values)] or values
        properties[field] = {**stated, **({} if "$ref" in stated else {"type": "string"}), "enum": fixed}
    return {**schema, "properties": properties}
