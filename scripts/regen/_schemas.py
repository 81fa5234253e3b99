"""The schemas that the generator gets to see: every model and enumeration a component with a name of our choice.

The generator names models after titles, parents and positions, drops operations when two names fall together, and
stumbles over many a legal schema. It is therefore given schemas of a few plain forms only; meaning is kept, and what
these forms cannot say becomes "anything", never nothing.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from scripts.regen._document import lookup, reached, side_of, without_prose
from scripts.regen._flatten import Flattener, required_of, variants
from scripts.regen._names import MODEL_RESERVED, class_name, module_name, unique_identifiers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scripts.regen._document import Json, Side

MAX_PROSE = 4000
_FORMATS = frozenset({"date", "date-time", "uuid"})
_COMPONENTS = "#/components/schemas/"
_SETTLED: dict[Any, Any] = {"string": {str}, "integer": {int}, "number": {int, float}, "boolean": {bool}}
_NULL: Json = {"type": "null"}


class ModelBook:
    """Collects the components of one run."""

    def __init__(self, spec: Json, reserved: Iterable[str] = ()) -> None:
        self.spec = spec
        self.components: dict[str, Json] = {}  # component and class name to the schema that the generator sees
        self.wire_names: dict[str, dict[str, str]] = {}  # of each class, field names to the vendor's where they differ
        self._flattener = Flattener(spec)
        self.target = self._flattener.target
        self._taken = {module_name(name) for name in reserved}
        schemas = (spec.get("components") or {}).get("schemas") or {}
        self._names = {name: self._named(name) for name in schemas}
        self._pinned: dict[str, str] = {}
        self._by_ref: dict[str, Json] = {}
        self._inside: list[str] = []
        self._pending: dict[str, tuple[Json, bool]] = {}
        self._one_sided: dict[str, dict[str, tuple[Side, Any]]] = {}

    def pin(self, schemas: Iterable[Any], name: str) -> None:
        """Give the commonest shape among some schemas, and every schema of that shape, a reserved name."""
        free = [shape for schema in schemas if (shape := self._shape(schema)) and shape not in self._pinned]
        if free and name not in self._pinned.values():
            self._pinned[Counter(free).most_common(1)[0][0]] = name

    def view(self, schema: Any, hint: str, *, files: bool = False, own: str = "") -> Json:
        """Return what the generator sees of a schema; a model of its own is named after the hint, or as it is known."""
        flat = self._flattener.flatten(schema)
        ref = flat.get("$ref")
        inner = self._of_ref(ref, hint, files) if isinstance(ref, str) else self._of_flat(flat, hint, files, own)
        return _or_null(inner) if flat.get("nullable") else inner

    def only_value(self, schema: Any) -> str | int | bool | None:
        """Return the value of a schema that allows a single one, such as a version; None of any other."""
        flat = self.target(schema)
        values = [flat["const"]] if "const" in flat else flat.get("enum")
        if flat.get("nullable") or not isinstance(values, list) or len(values) != 1:
            return None
        return values[0] if isinstance(values[0], (str, int)) else None

    def settled(self, view: Json, schema: Any) -> Json:
        """Give a required part its only possible value, or the vendor's default, so that a caller need not say it."""
        value, flat = self.only_value(schema), self.target(schema)
        if value is None and not {"format", "oneOf"} & view.keys():
            value = flat.get("default")
        kind = flat.get("type")
        if type(value) not in _SETTLED.get(kind, ()):
            return view
        if "$ref" in view:
            return {"allOf": [view], "default": value} if value in _enumeration(flat) else view
        return {**view, "default": value} if view.get("type") == kind else view

    def _of_ref(self, ref: str, hint: str, files: bool) -> Json:
        files = files and self.has_files({"$ref": ref})
        key = f"{ref} as file" if files else ref
        if key not in self._by_ref:
            if key in self._inside:  # a part of itself that is no model
                return {}
            name = ref.removeprefix(_COMPONENTS).replace("~1", "/").replace("~0", "~")
            own = self._names.get(unquote(name), "") if ref.startswith(_COMPONENTS) else ""
            hint = f"{own} Files" if own and files else own or hint
            self._inside.append(key)
            target = lookup(self.spec, ref, "a schema")
            self._by_ref[key] = self.view(target, hint, files=files, own="" if files else own)
            self._inside.pop()
        return dict(self._by_ref[key])

    def _of_flat(self, schema: Json, hint: str, files: bool, own: str = "") -> Json:
        if alternatives := variants(schema):
            return self._union(schema, alternatives, hint, files)
        if schema.get("type") == "object" or _enumeration(schema):
            # Two that are the same stay two: whose name one model had would change with every operation that is added.
            name = (None if files else self._pinned.get(self._shape(schema))) or own or self._named(hint)
            # Not at once: a thousand models that refer to each other in a row must not become a thousand nested calls.
            if name not in self.components:
                self.components[name] = {"type": schema.get("type", "string")}
                self._pending[name] = (schema, files)
            return {"$ref": f"{_COMPONENTS}{name}"}
        kind = "null" if schema.get("enum") == [None] else schema.get("type")
        view: Json = {"type": kind} if isinstance(kind, str) else {}
        if kind == "array":
            first, items = schema.get("prefixItems"), schema.get("items")
            if isinstance(first, list) and first:
                items = {"anyOf": [*first, *([items] if isinstance(items, dict) else [])]}
            view["items"] = self.view(items, f"{hint}Item", files=files)
        elif kind == "string" and is_file(schema):
            view.update({"format": "binary"} if files else {})
        elif kind == "string" and schema.get("format") in _FORMATS:
            view["format"] = schema["format"]
        return {**view, **_prose(schema)}

    def _union(self, schema: Json, alternatives: list[Any], hint: str, files: bool) -> Json:
        key = json.dumps(schema, sort_keys=True)
        if key in self._inside:  # an alternative of itself
            return {}
        base = {
            name: one for name, one in schema.items() if name not in ("oneOf", "anyOf", "discriminator", "description")
        }
        own = bool(base.get("properties"))
        if own and not any(self.target(one).keys() - {"required", "type", "description"} for one in alternatives):
            return self.view(base, hint, files=files)
        self._inside.append(key)
        views: list[Json] = []
        for number, variant in enumerate(alternatives):
            one = {"allOf": [variant, base]} if own else variant
            view = self.view(one, f"{hint}Type{number}" if len(alternatives) > 1 else hint, files=files)
            views.extend(part for part in view.get("oneOf", [view]) if part not in views)
        self._inside.pop()
        if any(not one.keys() - {"description"} for one in views):
            return _prose(schema)
        return views[0] if len(views) == 1 else {"oneOf": views, **_prose(schema)}

    def merged(self, schema: Any) -> Any:
        """Return one object with the fields of all variants of a schema, required where all require them."""
        flat = self.target(schema)
        common = {key: value for key, value in flat.items() if key not in ("oneOf", "anyOf", "discriminator")}
        alternatives = [self.target({"allOf": [one, common]}) for one in variants(flat)]
        if not alternatives or any(one.get("type") != "object" or variants(one) for one in alternatives):
            return schema
        ways: dict[str, list[Any]] = {}
        for one in alternatives:
            for name, stated in (one.get("properties") or {}).items():
                ways.setdefault(name, []).append(stated)
        required = set.intersection(*({*required_of(one)} for one in alternatives))
        fields = {
            name: schemas[0]
            if all(without_prose(one) == without_prose(schemas[0]) for one in schemas)
            else {"anyOf": schemas}
            for name, schemas in ways.items()
        }
        return {"type": "object", "properties": fields, **({"required": sorted(required)} if required else {})}

    def finish(self, paths: Json) -> None:
        """Define every model that was named so far, and those that they name in turn."""
        while self._pending:
            name = next(iter(self._pending))
            self._define(name, *self._pending.pop(name))
        document, held = {"components": {"schemas": self.components}}, dict[str, set[Any]]()
        operations = [operation for item in paths.values() for operation in item.values()]
        for side, keys in (("request", ("requestBody", "parameters")), ("response", ("responses",))):
            parts = [{key: one.get(key) for key in keys} for one in operations]
            held[side] = {node.get("$ref") for node in reached(document, parts)}
        for name, fields in self._one_sided.items():
            component, sides = self.components[name], [one for one in held if _COMPONENTS + name in held[one]]
            for own, (only, schema) in fields.items():
                if sides == [only]:
                    component["properties"][own] = self.settled(component["properties"][own], schema)
                    component.setdefault("required", []).append(own)

    def _define(self, name: str, schema: Json, files: bool) -> None:
        if values := _enumeration(schema):
            kind = "string" if isinstance(values[0], str) else "integer"
            self.components[name] = {"type": kind, "enum": values, **_prose(schema)}
            return
        fields: Json = schema.get("properties") or {}
        names = unique_identifiers(
            [(wire, "field") for wire in fields], MODEL_RESERVED | {module_name(name)}, derived=True
        )
        own_names = dict(zip(fields, names, strict=True))
        self.wire_names[name] = {own: wire for wire, own in own_names.items() if own != wire}
        properties = {own: self.view(fields[wire], f"{name} {wire}", files=files) for wire, own in own_names.items()}
        required = []
        for wire in [one for one in fields if one in required_of(schema)]:
            own = own_names[wire]
            if side := side_of(fields[wire], self.target(fields[wire])):
                self._one_sided.setdefault(name, {})[own] = (side, fields[wire])
            else:
                required.append(own)
                properties[own] = self.settled(properties[own], fields[wire])
        more = schema.get("additionalProperties", True)
        more = self.view(more, f"{name} Additional", files=files) if isinstance(more, dict) else more
        self.components[name] = {
            "type": "object",
            "properties": properties,
            **({"required": required} if required else {}),
            "additionalProperties": more,
            # A pinned model stands for many schemas of the vendor's, whose words differ.
            **({} if name in self._pinned.values() else _prose(schema)),
        }

    def _named(self, hint: str) -> str:
        name = class_name(hint, self._taken)
        self._taken.add(module_name(name))
        return name

    def has_files(self, schema: Any) -> bool:
        """Tell whether a schema holds a file, however far down."""
        return any(is_file(node) for node in reached(self.spec, [schema]))

    def _shape(self, schema: Any) -> str:
        """Describe a model's shape for comparison: fields and types, no words; empty for what has no fields."""
        flat = self.target(schema)
        bare = {key: value for key, value in flat.items() if key not in ("default", "deprecated", "nullable")}
        return json.dumps(without_prose(bare), sort_keys=True) if flat.get("properties") else ""


def _or_null(view: Json) -> Json:
    if not view.keys() - {"description"} or view == _NULL or _NULL in view.get("oneOf", ()):
        return view
    if "oneOf" in view:
        return {**view, "oneOf": [*view["oneOf"], _NULL]}
    return {"oneOf": [view, _NULL], **({"description": view["description"]} if "description" in view else {})}


def is_file(schema: Any) -> bool:
    """Tell whether a plain schema is of bytes as they are."""
    return schema.get("format") == "binary" or ("contentMediaType" in schema and "contentEncoding" not in schema)


def _enumeration(schema: Json) -> list[Any]:
    """Return the values of an enumeration that a literal type can hold, empty when it is not one."""
    values = schema.get("enum") or ([schema["const"]] if isinstance(schema.get("const"), str) else [])
    kinds = {str: (None, "string"), int: (None, "integer", "number")}
    is_literal = len({type(one) for one in values}) == 1 and schema.get("type") in kinds.get(type(values[0]), ())
    return list(dict.fromkeys(values)) if is_literal else []


def _prose(schema: Json) -> Json:
    """Return the words for the docstring: title, description and the vendor's default, made harmless."""
    title, text = schema.get("title"), schema.get("description")
    words = text if isinstance(text, str) and text.strip() else title if isinstance(title, str) else ""
    if schema.get("default") is not None:
        # Said in words only: a default in the code would be sent though the caller never said it.
        words = f"{words} Default of the server: {json.dumps(schema['default'], ensure_ascii=False)[:200]}.".strip()
    return {"description": clean_prose(words)} if words else {}


def clean_prose(text: str) -> str:
    """Make the vendor's words fit for a docstring: no control or direction characters, at most 4,000 characters."""
    kept = "".join(char for char in text if char in "\n\t" or not unicodedata.category(char).startswith("C"))
    return kept if len(kept) <= MAX_PROSE else kept[: MAX_PROSE - 3].rstrip() + "..."
