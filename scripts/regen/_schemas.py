"""The schemas that the generator gets to see: every model and enumeration a component with a name of our choice.

The generator names models after titles, parents and positions, drops operations when two names fall together, and
stumbles over many a legal schema. It is therefore given schemas of a few plain forms only; meaning is kept, and what
these forms cannot say becomes "anything", never nothing.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scripts.regen._flatten import Flat, Flattener, required_of, variants
from scripts.regen._names import MODEL_RESERVED, class_name, module_name, unique_identifiers
from scripts.regen._refs import lookup, pointer_parts
from scripts.regen._sides import models_of_one_side, side_of
from scripts.regen._walk import objects, without_prose

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scripts.regen._load import Json
    from scripts.regen._sides import Side

MAX_PROSE = 4000
_FORMATS = frozenset({"date", "date-time", "uuid"})
_SETTLED: dict[Any, Any] = {"string": str, "integer": int, "number": (int, float), "boolean": bool}
ANY: Json = {}


@dataclass
class ModelBook:
    """Collects the components of one run.

    Attributes:
        spec: The vendor's document.
        components: Component name (also the class name) to the schema the generator sees.
        wire_names: For each class, the generator's field name to the vendor's, where they differ.
    """

    spec: Json
    components: dict[str, Json] = field(default_factory=dict)
    wire_names: dict[str, dict[str, str]] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _names: dict[str, str] = field(default_factory=dict)
    _pinned: dict[str, str] = field(default_factory=dict)
    _by_ref: dict[str, Json] = field(default_factory=dict)
    _inlining: list[str] = field(default_factory=list)
    _cut: set[str] = field(default_factory=set)
    _pending: list[tuple[str, Json, bool]] = field(default_factory=list)
    _one_sided: dict[str, dict[str, tuple[Side, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare to read the document's schemas."""
        self._flattener = Flattener(self.spec)

    def reserve(self, names: tuple[str, ...]) -> None:
        """Keep names for `pin`, whatever the vendor calls its own schemas, and then the vendor's own."""
        self._taken.update(module_name(name) for name in names)
        for name in self.spec.get("components", {}).get("schemas", {}):
            self._names[name] = self._named(name)

    def pin(self, schemas: Iterable[Any], name: str) -> None:
        """Give the commonest shape among some schemas, and every schema of that shape, a name kept with `reserve`."""
        shapes = [shape for schema in schemas if (shape := self._shape(schema)) is not None]
        free = [shape for shape in shapes if shape not in self._pinned]
        if free and name not in self._pinned.values():
            self._pinned[Counter(free).most_common(1)[0][0]] = name

    def view(self, schema: Any, hint: str, *, files: bool = False) -> Json:
        """Return what the generator sees of a schema.

        Args:
            schema: The vendor's schema.
            hint: What to call it should it be a model or an enumeration without a name of its own.
            files: Whether binary strings are files here (multipart parts and raw bodies) and not text (in JSON).
        """
        flat = self._flattener.flatten(schema)
        ref = flat.schema.get("$ref")
        inner = self._of_ref(ref, hint, files) if isinstance(ref, str) else self._of_flat(flat.schema, hint, files)
        return _or_null(inner) if flat.nullable else inner

    def is_class(self, flat: Flat) -> bool:
        """Tell whether a plain schema becomes a class or an enumeration of its own."""
        return _is_object(flat.schema) or _enumeration(flat.schema) is not None

    def target(self, schema: Any) -> Flat:
        """Follow references to the plain schema at their end."""
        return self._flattener.target(schema)

    def only_value(self, schema: Any) -> str | int | bool | None:
        """Return the value of a schema that allows a single one, such as a version; None of any other."""
        flat = self.target(schema)
        values = [flat.schema["const"]] if "const" in flat.schema else flat.schema.get("enum")
        if flat.nullable or not isinstance(values, list) or len(values) != 1:
            return None
        return values[0] if isinstance(values[0], (str, int)) else None

    def settled(self, view: Json, schema: Any) -> Json:
        """Give a required part its only possible value, or the vendor's default, so that a caller need not say it."""
        value, flat = self.only_value(schema), self.target(schema).schema
        if value is None and "format" not in view and "oneOf" not in view:
            value = flat.get("default")
        kind = flat.get("type")
        if not isinstance(value, _SETTLED.get(kind, ())) or isinstance(value, bool) != (kind == "boolean"):
            return view
        if "$ref" in view:
            return {"allOf": [view], "default": value} if value in (_enumeration(flat) or ()) else view
        return {**view, "default": value} if view.get("type") == kind else view

    def _of_ref(self, ref: str, hint: str, files: bool) -> Json:
        key = f"{ref} as file" if files and self.has_files({"$ref": ref}) else ref
        if key in self._by_ref:
            return dict(self._by_ref[key])
        target = lookup(self.spec, ref, "a schema")
        flat = self._flattener.flatten(target)
        if not self.is_class(flat):
            return self._inlined(key, target, hint, files)
        pinned = self._pinned.get(self._shape(target) or "")
        parts = pointer_parts(ref)
        own = self._names.get(parts[2]) if parts[:2] == ["components", "schemas"] and len(parts) == 3 else None
        name = pinned or (own if own and key == ref else self._named(f"{own} Files" if own else hint))
        self._by_ref[key] = _or_null(_reference(name)) if flat.nullable else _reference(name)
        self._later(name, flat.schema, files)
        return dict(self._by_ref[key])

    def _inlined(self, key: str, target: Any, hint: str, files: bool) -> Json:
        """View what a reference leads to where it is no model; worked out once, unless it is a part of itself."""
        if key in self._inlining:
            self._cut.add(key)
            return dict(ANY)
        around, self._cut = self._cut, set()
        self._inlining.append(key)
        try:
            view = self.view(target, hint, files=files)
        finally:
            self._inlining.pop()
        self._cut.discard(key)
        if not self._cut:
            self._by_ref[key] = view
        self._cut |= around
        return view

    def _of_flat(self, schema: Json, hint: str, files: bool) -> Json:
        if alternatives := variants(schema):
            return self._union(schema, alternatives, hint, files)
        if self.is_class(Flat(schema)):
            return _reference(self._inline_class(schema, hint, files))
        kind = "null" if schema.get("enum") == [None] else schema.get("type")
        view: Json = {"type": kind} if isinstance(kind, str) else {}
        if kind == "array":
            view["items"] = self._items(schema, hint, files)
        elif kind == "string":
            view.update(_string(schema, files))
        return {**view, **_prose(schema)}

    def _inline_class(self, schema: Json, hint: str, files: bool) -> str:
        # Two that are the same stay two: whose name one model had would change with every operation that is added.
        shape = None if files else self._shape(schema)
        name = self._pinned.get(shape or "") or self._named(hint)
        self._later(name, schema, files)
        return name

    def _union(self, schema: Json, alternatives: list[Any], hint: str, files: bool) -> Json:
        base = {
            key: value for key, value in schema.items() if key not in ("oneOf", "anyOf", "discriminator", "description")
        }
        own = bool(base.get("properties") or base.get("allOf"))
        if own and not any(_says_more(self.target(one).schema) for one in alternatives):
            return self.view(base, hint, files=files)
        views: list[Json] = []
        for number, variant in enumerate(alternatives):
            one = {"allOf": [variant, base]} if own else variant
            view = self._alternative(one, f"{hint}Type{number}" if len(alternatives) > 1 else hint, files)
            for part in view.get("oneOf", [view]):
                if part not in views:
                    views.append(part)
        if dict(ANY) in [{key: value for key, value in view.items() if key != "description"} for view in views]:
            return _prose(schema)
        return views[0] if len(views) == 1 else {"oneOf": views, **_prose(schema)}

    def _alternative(self, schema: Json, hint: str, files: bool) -> Json:
        key = json.dumps(schema, sort_keys=True)
        if key in self._inlining:  # an alternative of itself
            self._cut.add(key)
            return dict(ANY)
        self._inlining.append(key)
        try:
            return self.view(schema, hint, files=files)
        finally:
            self._inlining.pop()
            self._cut.discard(key)

    def _items(self, schema: Json, hint: str, files: bool) -> Json:
        items, first = schema.get("items"), schema.get("prefixItems")
        if isinstance(first, list) and first:
            every = [*first, *([items] if isinstance(items, dict) else [])]
            return self.view({"anyOf": every}, f"{hint}Item", files=files)
        return self.view(items, f"{hint}Item", files=files)

    def merged(self, schema: Any) -> Any:
        """Return one object with the fields of all variants of a schema, required where all require them.

        A field that the variants describe differently may be what any of them says.
        """
        flat = self.target(schema).schema
        common = {key: value for key, value in flat.items() if key not in ("oneOf", "anyOf", "discriminator")}
        alternatives = [self.target({"allOf": [one, common]}).schema for one in variants(flat)]
        if not alternatives or not all(_is_object(one) for one in alternatives):
            return schema
        ways: dict[str, list[Any]] = {}
        for one in reversed(alternatives):
            for name, field_schema in (one.get("properties") or {}).items():
                ways.setdefault(name, []).insert(0, field_schema)
        fields = {name: _any_of(schemas) for name, schemas in ways.items()}
        stated = [set(required_of(one)) for one in alternatives]
        required = sorted(set.intersection(*stated))
        return {"type": "object", "properties": fields, **({"required": required} if required else {})}

    def finish(self) -> None:
        """Define every model that was named so far, and those that they name in turn."""
        while self._pending:
            self._define(*self._pending.pop(0))

    def require_on_their_side(self, paths: Json) -> None:
        """Require the fields that one side alone must say, in the models of that side alone; call it after `finish`.

        Args:
            paths: The path items that the generator sees.
        """
        sides = models_of_one_side(paths, self.components) if self._one_sided else {}
        for name, fields in self._one_sided.items():
            component = self.components[name]
            for own, (side, schema) in fields.items():
                if sides.get(name) == side:
                    component["properties"][own] = self.settled(component["properties"][own], schema)
                    component.setdefault("required", []).append(own)

    def _later(self, name: str, schema: Json, files: bool) -> None:
        # Not at once: a chain of a thousand models that refer to each other must not become a thousand nested calls.
        if name not in self.components:
            self.components[name] = {}
            self._pending.append((name, schema, files))

    def _define(self, name: str, schema: Json, files: bool) -> None:
        values = _enumeration(schema)
        if values is not None:
            kind = "string" if isinstance(values[0], str) else "integer"
            self.components[name] = {"type": kind, "enum": values, **_prose(schema)}
            return
        raw = schema.get("properties")
        wires = [wire for wire in raw if isinstance(wire, str)] if isinstance(raw, dict) else []
        fields = unique_identifiers(
            ((wire, "field") for wire in wires), MODEL_RESERVED | {module_name(name)}, derived=True
        )
        self.wire_names[name] = {own: wire for own, wire in zip(fields, wires, strict=True) if own != wire}
        fields_of: Json = raw if isinstance(raw, dict) else {}
        properties = {
            own: self.view(fields_of[wire], f"{name} {wire}", files=files)
            for own, wire in zip(fields, wires, strict=True)
        }
        required, stated = list[str](), set(required_of(schema))
        for own, wire in zip(fields, wires, strict=True):
            if wire in stated:
                side = side_of(fields_of[wire], self.target(fields_of[wire]).schema)
                if side is not None:
                    self._one_sided.setdefault(name, {})[own] = (side, fields_of[wire])
                else:
                    required.append(own)
                    properties[own] = self.settled(properties[own], fields_of[wire])
        more = schema.get("additionalProperties", True)
        self.components[name] = {
            "type": "object",
            "properties": properties,
            **({"required": required} if required else {}),
            "additionalProperties": more
            if isinstance(more, bool)
            else self.view(more, f"{name} Additional", files=files),
            # A pinned model stands for many schemas of the vendor's, whose words differ.
            **({} if name in self._pinned.values() else _prose(schema)),
        }

    def _named(self, hint: str) -> str:
        name = class_name(hint, self._taken)
        self._taken.add(module_name(name))
        return name

    def has_files(self, schema: Any) -> bool:
        """Tell whether a schema holds a file, however far down."""
        seen, left = set[str](), [schema]
        while left:
            for _, node in objects(left.pop()):
                if node.get("format") == "binary" or ("contentMediaType" in node and "contentEncoding" not in node):
                    return True
                ref = node.get("$ref")
                if isinstance(ref, str) and ref not in seen:
                    seen.add(ref)
                    left.append(lookup(self.spec, ref, "a schema"))
        return False

    def is_model(self, view: Json) -> bool:
        """Tell whether a view is of a model with fields."""
        name = str(view.get("$ref", "")).rsplit("/", 1)[-1]
        pending = next((schema for known, schema, _ in self._pending if known == name), {})
        return _is_object(pending) or self.components.get(name, {}).get("type") == "object"

    def _shape(self, schema: Any) -> str | None:
        """Describe a model's shape for comparison: fields and types, no words; None for what has no fields."""
        flat = self.target(schema).schema
        if not flat.get("properties"):
            return None
        bare = without_prose({key: value for key, value in flat.items() if key not in ("default", "deprecated")})
        return json.dumps(bare, sort_keys=True)


def _reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(view: Json) -> Json:
    null = {"type": "null"}
    if not {key for key in view if key != "description"} or view == null:
        return view
    if "oneOf" in view:
        return view if null in view["oneOf"] else {**view, "oneOf": [*view["oneOf"], null]}
    return {"oneOf": [view, null], **({"description": view["description"]} if "description" in view else {})}


def _is_object(schema: Json) -> bool:
    return schema.get("type") == "object" and not variants(schema)


def _any_of(schemas: list[Any]) -> Any:
    """Return a schema for what any of some schemas describes; words alone make no difference."""
    if len({json.dumps(without_prose(one), sort_keys=True) for one in schemas}) == 1:
        return schemas[0]
    return {"anyOf": schemas}


def _says_more(schema: Json) -> bool:
    return bool(
        schema.keys() & {"properties", "type", "oneOf", "anyOf", "enum", "items", "const", "$ref"} - {"type"}
    ) or (schema.get("type") not in (None, "object"))


def _enumeration(schema: Json) -> list[str] | list[int] | None:
    """Return the values of an enumeration that a literal type can hold, None when it is not one."""
    values = schema.get("enum")
    kind = schema.get("type")
    if not isinstance(values, list) and isinstance(schema.get("const"), str) and kind in (None, "string"):
        values = [schema["const"]]
    if not isinstance(values, list) or not values or variants(schema):
        return None
    unique = list(
        dict.fromkeys(value for value in values if isinstance(value, (str, int)) and not isinstance(value, bool))
    )
    if len(unique) != len({json.dumps(value) for value in values}):
        return None
    if all(isinstance(value, str) for value in unique) and kind in (None, "string"):
        return [value for value in unique if isinstance(value, str)]
    if all(isinstance(value, int) for value in unique) and kind in (None, "integer", "number"):
        return [value for value in unique if isinstance(value, int)]
    return None


def _string(schema: Json, files: bool) -> Json:
    form = schema.get("format")
    raw_bytes = form == "binary" or ("contentMediaType" in schema and "contentEncoding" not in schema)
    if raw_bytes:
        return {"format": "binary"} if files else {}
    return {"format": form} if isinstance(form, str) and form in _FORMATS else {}


def _prose(schema: Json) -> Json:
    """Return the words for the docstring: title, description and the vendor's default, made harmless."""
    title, text = schema.get("title"), schema.get("description")
    words = text if isinstance(text, str) and text.strip() else title if isinstance(title, str) else ""
    if "default" in schema and schema["default"] is not None:
        # Said in words only: a default in the code would be sent though the caller never said it.
        words = f"{words} Default of the server: {json.dumps(schema['default'], ensure_ascii=False)[:200]}.".strip()
    return {"description": clean_prose(words)} if words else {}


def clean_prose(text: str) -> str:
    """Make the vendor's words fit for a docstring: no control or direction characters, at most 4,000 characters."""
    kept = "".join(
        char for char in text if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return kept if len(kept) <= MAX_PROSE else kept[: MAX_PROSE - 3].rstrip() + "..."
