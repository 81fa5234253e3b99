"""Schemas in two forms: plain, as they are compared, and as the generator gets to see them.

A plain one has no `allOf` and no null among its types. The generator names models after titles, parents and positions,
drops operations when two names fall together, stumbles over many a legal schema, and does not read discriminators. So
every model and enumeration is a component with a name of our choice, of a few forms only; meaning is kept, and what
these forms cannot say becomes "anything", never nothing.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from scripts.regen._document import RefusedError, lookup, reached, side_of, without_prose
from scripts.regen._names import MODEL_RESERVED, class_name, module_name, unique_identifiers, unused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scripts.regen._document import Json, Side
    from scripts.regen._operations import Operation

_TYPES = frozenset({"string", "integer", "number", "boolean", "object", "array"})
_STRUCTURE = frozenset(
    {"type", "properties", "required", "oneOf", "anyOf", "items", "prefixItems", "additionalProperties", "enum",
     "const"}
)  # fmt: skip
_JSON_TYPES: dict[type, str] = {str: "string", bool: "boolean", int: "integer"}
_PROSE = ("title", "description", "default", "deprecated", "readOnly", "writeOnly")
_FLAGS = ("nullable", "readOnly", "writeOnly")
_BESIDE = frozenset({"title", "description", "deprecated", "example", *_FLAGS})  # what makes no other model


class AllOfMerger:
    """Brings schemas into a form without `allOf` and null, with one `type`, `oneOf` or a lone `$ref`."""

    def __init__(self, spec: Json) -> None:
        self.spec = spec
        self._ends: dict[str, Json] = {}

    def flatten(self, schema: Any) -> Json:
        """Bring a schema into its plainest form; what cannot be expressed becomes "anything"."""
        if not isinstance(schema, Mapping):
            return {"not": {}} if schema is False else {}
        ref = schema.get("$ref")
        own = {key: value for key, value in schema.items() if key not in ("allOf", "$ref")}
        parts = [*([{"$ref": ref}] if isinstance(ref, str) else []), *distinct(schema.get("allOf") or [])]
        shaped = [one for one in parts if not isinstance(one, Mapping) or one.keys() - _BESIDE]
        beside = _STRUCTURE & own.keys()
        if len(shaped) == 1 and beside <= {"type"}:
            inner = shaped[0] if ref else self.flatten(shaped[0])
            # A type is often written beside a reference to what has it, and tells nothing.
            if "$ref" in inner and (not beside or own["type"] == self.target(inner).get("type")):
                others = [own, *(one for one in parts if one is not shaped[0])]
                return {**inner, **{key: True for key in _FLAGS if any(one.get(key) is True for one in others)}}
        result = _own(own)
        for part in parts:
            result = _both(result, self.target(part))
        return {**result, **{key: schema[key] for key in _PROSE if key in schema}}

    def target(self, schema: Any) -> Json:
        """Follow references to the plain schema at their end; references that lead to each other say nothing."""
        flat = self.flatten(schema)
        ref = flat.get("$ref")
        if not isinstance(ref, str):
            return flat
        if ref not in self._ends:
            self._ends[ref] = {}
            self._ends[ref] = self.target(lookup(self.spec, ref, "a schema"))
        return {**self._ends[ref], **{key: True for key in _FLAGS if flat.get(key)}}

    def alternatives(self, schema: Any) -> list[Any]:
        """List the alternatives of a schema, each with what holds for all of them; none where it has none."""
        flat = self.target(schema)
        common = {key: value for key, value in flat.items() if key not in ("oneOf", "anyOf", "discriminator")}
        return [{"allOf": [one, common]} for one in variants(flat)]


def distinct(schemas: Iterable[Any]) -> list[Any]:
    """Drop what says the same as one before it."""
    known: dict[str, Any] = {}
    for one in schemas:
        known.setdefault(json.dumps(one, sort_keys=True), one)
    return list(known.values())


def variants(schema: Mapping[str, Any]) -> list[Any]:
    """List the alternatives of a plain schema, each once."""
    stated = [one for key in ("oneOf", "anyOf") for one in schema.get(key) or [] if one is not False]
    return distinct({} if one is True else one for one in stated)


def required_of(schema: Json) -> list[str]:
    """List the fields that a schema requires."""
    value = schema.get("required")  # true or false in a field, as JSON Schema once had it
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _own(schema: Json) -> Json:
    """Take null out of `type`, `enum` and the variants, and guess a missing type from what stands beside it."""
    fixed = {"enum": [schema["const"]]} if "const" in schema else {}
    result = {key: value for key, value in schema.items() if key not in ("nullable", "type", "const")} | fixed
    stated = schema.get("type")
    kinds = [kind for kind in (stated if isinstance(stated, list) else [stated]) if isinstance(kind, str)]
    nullable = schema.get("nullable") is True or "null" in kinds
    types = [kind for kind in dict.fromkeys(kinds) if kind in _TYPES]
    if {"integer", "number"} <= {*types}:
        types.remove("integer")
    for key in ("enum", "oneOf", "anyOf"):
        if isinstance(result.get(key), list):
            kept = [one for one in result[key] if not (one is None if key == "enum" else is_null(one))]
            if len(kept) < len(result[key]):
                nullable = True
                result |= {} if kept else {"enum": []}  # null alone
            result[key] = kept
    if stated is not None and not types:
        result = {"enum": [None]} if kinds == ["null"] else {}
    elif len(types) > 1:
        result = {"oneOf": [{**result, "type": kind} for kind in types]}
    elif kind := types[0] if types else _guessed_type(result):
        result["type"] = kind
    return {**result, "nullable": True} if nullable else result


def is_null(schema: Any) -> bool:
    """Tell whether a schema allows null and nothing else."""
    return isinstance(schema, Mapping) and (
        schema.get("type") in ("null", ["null"]) or schema.get("enum") == [None] or schema.get("const", 0) is None
    )


def _guessed_type(schema: Json) -> str | None:
    if {"properties", "patternProperties"} & schema.keys() or isinstance(schema.get("additionalProperties"), Mapping):
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    if is_file(schema):
        return "string"
    kinds = {_JSON_TYPES.get(type(value)) for value in schema.get("enum") or ()}
    return kinds.pop() if len(kinds) == 1 else None


def _both(a: Json, b: Json) -> Json:
    """Combine two plain schemas as `allOf` does: what fits it fits both."""
    kinds = {kind for one in (a, b) if (kind := one.get("type"))}
    if len(kinds) > 1 and kinds != {"integer", "number"}:
        return {"not": {}}
    merged: Json = {**b, **a}
    if kinds:
        merged["type"] = "integer" if len(kinds) > 1 else kinds.pop()
    first, second = ({**(one.get("properties") or {})} for one in (a, b))
    if first or second:
        shared = {name: _all_of(first[name], second[name]) for name in first.keys() & second.keys()}
        merged["properties"] = {**second, **first, **{name: shared[name] for name in second if name in shared}}
    if required := [*required_of(a), *required_of(b)]:
        merged["required"] = list(dict.fromkeys(required))
    if "items" in a and "items" in b:
        merged["items"] = _all_of(a["items"], b["items"])
    if isinstance(a.get("enum"), list) and isinstance(b.get("enum"), list):
        merged["enum"] = [value for value in a["enum"] if value in b["enum"]]
    if variants(a) and variants(b):
        merged = {key: value for key, value in merged.items() if key not in ("oneOf", "anyOf")}
    return merged


def _all_of(*schemas: Any) -> Any:
    """Return what all of some schemas say, each part once: what is repeated without end stays the same."""
    parts = [one["allOf"] if isinstance(one, Mapping) and one.keys() == {"allOf"} else [one] for one in schemas]
    stated = distinct(chain.from_iterable(parts))
    return stated[0] if len(stated) == 1 else {"allOf": stated}


_FORMATS = frozenset({"date", "date-time", "uuid"})
_COMPONENTS = "#/components/schemas/"
_SETTLED: dict[Any, Any] = {"string": {str}, "integer": {int}, "number": {int, float}, "boolean": {bool}}
_NULL: Json = {"type": "null"}
_LONGEST_UNION = 50_000  # characters of its JSON, which a thousand models take
SENT = "x-sent"  # in a schema: the field is said by requests, whatever is required
_MOST_MODELS, _DEEPEST = 10_000, 30  # of a document, and of those without a name, each a part of the one before


class SchemaRegistry(AllOfMerger):
    """Collects the components of one run."""

    def __init__(self, spec: Json, operations: Iterable[Operation], reserved: Iterable[str]) -> None:
        super().__init__(spec)
        self.components: dict[str, Json] = {}  # component and class name to the schema that the generator sees
        self.wire_names: dict[str, dict[str, str]] = {}  # of each class, field names to the vendor's where they differ
        self._taken = {*map(module_name, reserved)}
        schemas = (spec.get("components") or {}).get("schemas") or {}
        self.names = {name: unused(class_name(name), self._taken) for name in schemas}
        self._known: dict[tuple[str, str], str] = {}
        self._pending: dict[str, tuple[Json, bool, dict[str, str]]] = {}
        self._by_ref: dict[str, Json] = {}
        self._around: dict[str, str] = {}  # the nameless models around what is looked at, by what the vendor says
        self._inside: list[str] = []
        said: dict[Side, list[Any]] = {"request": [], "response": []}
        for one in operations:
            said["request"] += [*one.parameters, one.body]
            said["response"].append(one.responses)
        self._said = {side: {id(node) for node in reached(spec, parts)} for side, parts in said.items()}

    def view(self, schema: Any, hint: str, *, files: bool = False, own: str = "") -> Json:
        """Return what the generator sees of a schema; a model is named after the hint, or, like its equals, `own`."""
        flat = self.flatten(schema)
        ref = flat.get("$ref")
        inner = self._of_ref(ref, hint, files) if isinstance(ref, str) else self._of_flat(flat, hint, files, own)
        return _or_null(inner) if flat.get("nullable") else inner

    def only_value(self, schema: Any) -> str | int | bool | None:
        """Return the value of a schema that allows a single one, such as a version; None of any other."""
        flat = self.target(schema)
        values: list[Any] = flat.get("enum") or []
        is_fixed = len(values) == 1 and not flat.get("nullable") and isinstance(values[0], (str, int))
        return values[0] if is_fixed else None

    def settled(self, view: Json, schema: Any) -> Json:
        """Give a required part its only possible value, or the vendor's default, so that a caller need not say it."""
        value, flat = self.only_value(schema), self.target(schema)
        if value is None and not {"format", "oneOf"} & view.keys():
            value = flat.get("default")
        if "$ref" in view:
            return {"allOf": [view], "default": value} if value in _enumeration(flat) else view
        return {**view, "default": value} if type(value) in _SETTLED.get(view.get("type"), ()) else view

    def _of_ref(self, ref: str, hint: str, files: bool) -> Json:
        files = files and self.has_files({"$ref": ref})
        key = f"{ref} as file" if files else ref
        if key not in self._by_ref:
            self._by_ref[key] = {}  # what a part of itself that is no model is
            own = self.names.get(schema_name(ref), "")
            hint = f"{own} Files" if own and files else own or hint
            target = lookup(self.spec, ref, "a schema")
            self._by_ref[key] = self.view(target, hint, files=files, own="" if files else own)
        return dict(self._by_ref[key])

    def _of_flat(self, schema: Json, hint: str, files: bool, own: str = "") -> Json:
        bare = {key: one for key, one in schema.items() if key not in ("default", "deprecated", "nullable")}
        said = f"{json.dumps(without_prose(bare), sort_keys=True)}{' as file' if files else ''}"
        alternatives = variants(schema)
        if not alternatives and (schema.get("type") == "object" or _enumeration(schema)):
            return {"$ref": f"{_COMPONENTS}{self._model(schema, said, hint, files, own)}"}
        if said in self._inside:  # a part of itself
            return {}
        self._inside.append(said)
        view = self._union(schema, alternatives, hint, files) if alternatives else self._plain(schema, hint, files)
        self._inside.pop()
        return view

    def _model(self, schema: Json, said: str, hint: str, files: bool, own: str) -> str:
        """Return the name of the component of an object or enumeration."""
        if not own and said in self._around:  # it refers to itself, with something beside the reference
            return self._around[said]
        # Two that are the same stay two: whose name one model had would change with every operation that is added.
        if not own or (own, said) not in self._known:
            is_free = own and own not in self.components
            self._known[own, said] = own if is_free else unused(own or class_name(hint), self._taken)
        name = self._known[own, said]
        # Not at once: a thousand models that refer to each other in a row must not become a thousand nested calls.
        if name not in self.components:
            if len(self.components) >= _MOST_MODELS or len(self._around) >= _DEEPEST:
                raise RefusedError(
                    f"The model `{name}` cannot be generated: models hold each other in ever new forms (references "
                    "with something beside them), or are too many. Ask the vendor to give such forms own names."
                )
            self.components[name] = {}
            self._pending[name] = (schema, files, {} if own else {**self._around, said: name})
        return name

    def _plain(self, schema: Json, hint: str, files: bool) -> Json:
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
        base = {
            name: one for name, one in schema.items() if name not in ("oneOf", "anyOf", "discriminator", "description")
        }
        views: list[Json] = []
        for number, variant in enumerate(alternatives):
            one = {"allOf": [variant, base]} if base.get("properties") else variant
            view = self.view(one, f"{hint}Type{number}" if len(alternatives) > 1 else hint, files=files)
            views.extend(part for part in view.get("oneOf", [view]) if part not in views)
        if any(not one.keys() - {"description"} for one in views):
            return _prose(schema)
        whole = views[0] if len(views) == 1 else {"oneOf": views, **_prose(schema)}
        # Lists of lists of alternatives may double at every level, and their annotation with them.
        return whole if len(json.dumps(whole)) < _LONGEST_UNION else _prose(schema)

    def merged(self, schema: Any) -> Any:
        """Return one object with the fields of all variants of a schema, required where all require them."""
        alternatives = [self.target(one) for one in self.alternatives(schema)]
        if not alternatives or any(one.get("type") != "object" or variants(one) for one in alternatives):
            return schema
        ways: dict[str, list[Any]] = {}
        for one in alternatives:
            for name, stated in (one.get("properties") or {}).items():
                ways.setdefault(name, []).append(stated)
        required = set.intersection(*({*required_of(one)} for one in alternatives))
        fields = {
            name: schemas[0] if len(distinct(map(without_prose, schemas))) == 1 else {"anyOf": schemas}
            for name, schemas in ways.items()
        }
        return {"type": "object", "properties": fields, **({"required": sorted(required)} if required else {})}

    def finish(self) -> None:
        """Define every model that was named so far, and those that they name in turn."""
        while self._pending:
            name = next(iter(self._pending))
            schema, files, self._around = self._pending.pop(name)
            self.components[name] = self._defined(name, schema, files)

    def _defined(self, name: str, schema: Json, files: bool) -> Json:
        if values := _enumeration(schema):
            return {"type": "string" if isinstance(values[0], str) else "integer", "enum": values, **_prose(schema)}
        fields: Json = schema.get("properties") or {}
        names = unique_identifiers([(wire, "field") for wire in fields], MODEL_RESERVED, derived=True)
        own_names = dict(zip(fields, names, strict=True))
        self.wire_names[name] = {own: wire for wire, own in own_names.items() if own != wire}
        properties, required = dict[str, Any](), list[str]()
        for wire, own in own_names.items():
            stated, flat = fields[wire], self.target(fields[wire])
            view, side = self.view(stated, f"{name} {wire}", files=files), side_of(stated, flat)
            sides = [one for one in self._said if id(stated) in self._said[one]]
            is_needed = wire in required_of(schema) and (side is None or sides == [side])
            view = self.settled(view, stated) if is_needed or flat.get(SENT) else view
            if view.get("type") == "boolean" and (only := self.only_value(stated)) is not None:
                view = {**{key: one for key, one in view.items() if key != "type"}, "const": only}
            properties[own] = view
            required += [own] * is_needed
        more = schema.get("additionalProperties", True)
        if patterns := schema.get("patternProperties"):  # names that a pattern allows are no less than others
            more = {"anyOf": [*patterns.values(), more]}
        more = self.view(more, f"{name} Additional", files=files) if isinstance(more, dict) else more
        return {
            "type": "object",
            "properties": properties,
            **({"required": required} if required else {}),
            "additionalProperties": more,
            **_prose(schema),
        }

    def has_files(self, schema: Any) -> bool:
        """Tell whether a schema holds a file, however far down."""
        return any(is_file(node) for node in reached(self.spec, [schema]))


def _or_null(view: Json) -> Json:
    views = view.get("oneOf", [view])
    if not view.keys() - {"description"} or any(one.get("type") == "null" for one in views):
        return view
    return {"oneOf": [*views, _NULL], **({"description": view["description"]} if "description" in view else {})}


def is_file(schema: Any) -> bool:
    """Tell whether a plain schema is of bytes as they are."""
    return schema.get("format") == "binary" or ("contentMediaType" in schema and "contentEncoding" not in schema)


def _enumeration(schema: Json) -> list[Any]:
    """Return the values of an enumeration that a literal type can hold, empty when it is not one."""
    values = schema.get("enum") or []
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
    """Make the vendor's words fit for a docstring: no control or direction characters."""
    return "".join(char for char in text if char in "\n\t" or not unicodedata.category(char).startswith("C"))


def schema_name(ref: Any) -> str:
    """Return the schema that a reference, or a value of a mapping, names (OpenAPI 3.1.1, section 4.8.25)."""
    return unquote(ref).removeprefix(_COMPONENTS).replace("~1", "/").replace("~0", "~") if isinstance(ref, str) else ""
