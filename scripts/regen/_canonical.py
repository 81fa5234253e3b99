"""From the vendor's document to the one the generator sees: stable names, plain forms, nothing lost.

The generator's own choices are taken away from it where they lose something: one media type per operation (others
become operations of their own), one path per operation, parameter and field names that cannot collide. What it cannot
be told in a document (the real path, the method, names on the wire) is kept beside it in `Canonical` and put back by
`_generate`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scripts.regen._find import base_url, is_json
from scripts.regen._names import ENDPOINT_RESERVED, identifier, unique_identifiers
from scripts.regen._notes import NO_SERVER, is_credential, parameter_notes, server_notes
from scripts.regen._paths import path_parameters
from scripts.regen._rules import ERROR_MODEL, FACADE_TAG, RULES, SUCCESS_MODEL, Rule
from scripts.regen._schemas import ModelBook, clean_prose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scripts.regen._load import Json
    from scripts.regen._operations import Operation
    from scripts.regen._security import Credentials

_FORM, _MULTIPART, _BYTES, _JSON = (
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/octet-stream",
    "application/json",
)
# For answers alone, so that a body of plain text, which is sent as bytes, does not turn them into bytes too.
_TEXT = "text/x-answer"
_BODY_KINDS = {_JSON: "json", _FORM: "form", _MULTIPART: "multipart"}
_OF_RANGES = {"text/*": "text/plain", "multipart/*": _MULTIPART}
_METHODS_OF_GENERATOR = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True)
class Endpoint:
    """One operation as generated.

    Attributes:
        name: Its module's name.
        tag: Its package under `aikynetix_api.api`.
        method: The method to send.
        prefix: What stands before the path: empty, another server's address, or `NO_SERVER`.
        wire_names: For each place, generated parameter name to the vendor's name.
        operation: The vendor's operation.
        body_kind: ``json``, ``form``, ``multipart``, ``bytes`` or None without a body.
        query_styles: Generated names of query parameters that are joined or unfolded, and in which style.
    """

    name: str
    tag: str
    method: str
    prefix: str
    wire_names: dict[str, dict[str, str]]
    operation: Operation
    body_kind: str | None
    query_styles: dict[str, str] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """The module as it is imported."""
        return f"aikynetix_api.api.{self.tag}.{self.name}"


@dataclass
class Canonical:
    """What the generator gets, and what it cannot be told.

    Attributes:
        document: An OpenAPI 3.1 document whose path keys are ``/~N`` followed by the path of endpoint N.
        endpoints: In the order of N.
        book: The models.
        media_types: Media types to be handled as plain bytes.
        notes: What of the vendor's document no generated code expresses, for the report.
    """

    document: Json
    endpoints: list[Endpoint]
    book: ModelBook
    media_types: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def named(self, name: str) -> Endpoint | None:
        """Return the facade's endpoint of that name."""
        return next((one for one in self.endpoints if one.tag == FACADE_TAG and one.name == name), None)


def canonicalize(
    spec: Json, operations: Sequence[Operation], facade: Mapping[str, Operation], credentials: Credentials
) -> Canonical:
    """Make the generator's document.

    Args:
        spec: The vendor's document.
        operations: All of its operations.
        facade: The facade's names and the operations found for them.
        credentials: Parameters that the facade's authentication sends are not parameters of an operation.
    """
    builder = _Builder(spec, facade, credentials)
    for operation in operations:
        builder.add(operation)
    return builder.finish()


@dataclass(frozen=True)
class _Parameters:
    path: str
    views: list[Json]
    wire_names: dict[str, dict[str, str]]
    query_styles: dict[str, str]


class _Builder:
    def __init__(self, spec: Json, facade: Mapping[str, Operation], credentials: Credentials) -> None:
        self.spec = spec
        self.facade = {id(operation): name for name, operation in facade.items()}
        self.credentials = credentials
        self.base = base_url(next(iter(facade.values())).servers if facade else spec.get("servers") or ())
        self.book = ModelBook(spec)
        self.book.reserve((SUCCESS_MODEL, ERROR_MODEL, *(rule.body_model for rule in RULES)))
        self.endpoints: list[Endpoint] = []
        self.paths: Json = {}
        self.media_types: dict[str, str] = {}
        self.notes: list[str] = []
        self._taken = {(FACADE_TAG, rule.name) for rule in RULES}
        self._pin([(rule, facade[rule.name]) for rule in RULES if rule.name in facade])

    def _pin(self, found: list[tuple[Rule, Operation]]) -> None:
        answers = [
            (status, media.get("schema"))
            for _, operation in found
            for status, response in operation.responses.items()
            for kind, media in response["content"].items()
            if is_json(kind)
        ]
        self.book.pin((schema for status, schema in answers if status.startswith("2")), SUCCESS_MODEL)
        self.book.pin((schema for status, schema in answers if not status.startswith("2")), ERROR_MODEL)
        for rule, operation in found:
            self.book.pin(
                (self.book.merged(media.get("schema")) for _, media in bodies(operation)[:1]), rule.body_model
            )

    def add(self, operation: Operation) -> None:
        """Add an operation, once for each kind of body that it takes."""
        rule = next((rule for rule in RULES if rule.name == self.facade.get(id(operation))), None)
        tag = FACADE_TAG if rule else identifier(operation.tag, "default")
        base_name = rule.name if rule else identifier(operation.identifier, "operation")
        self.notes.extend(parameter_notes(operation, self.credentials))
        for number, body in enumerate(bodies(operation) or [None]):
            suffix = "" if number == 0 or body is None else f"_{_kind(body[0])}"
            name = base_name if rule and number == 0 else self._unique(tag, base_name + suffix, operation)
            self._add_one(operation, rule, tag, name, body)

    def _unique(self, tag: str, name: str, operation: Operation) -> str:
        candidate, number = name, 1
        while (tag, candidate.casefold()) in self._taken:
            number += 1
            by_method = f"{name}_{identifier(operation.method, 'method')}"
            candidate = by_method if number == 2 and not name.endswith(by_method) else f"{name}_{number}"
        self._taken.add((tag, candidate.casefold()))
        return candidate

    def _add_one(
        self, operation: Operation, rule: Rule | None, tag: str, name: str, body: tuple[str, Json] | None
    ) -> None:
        number = len(self.endpoints)
        parameters = self._parameters(operation, rule, name)
        method = operation.method if operation.method in _METHODS_OF_GENERATOR else "post"
        raw: Json = {
            "operationId": name,
            "tags": [tag],
            "summary": clean_prose(operation.summary),
            "description": clean_prose(operation.description),
            "parameters": parameters.views,
            "responses": self._responses(operation, name),
        }
        if body is not None:
            raw["requestBody"] = self._body(operation, rule, name, body)
        self.paths[f"/~{number}{parameters.path}"] = {method: raw}
        prefix = self._prefix(operation)
        kind = None if body is None else _kind(body[0])
        wires, styles = parameters.wire_names, parameters.query_styles
        self.endpoints.append(Endpoint(name, tag, operation.method, prefix, wires, operation, kind, styles))

    def _prefix(self, operation: Operation) -> str:
        own = base_url(operation.servers)
        if own == self.base:
            return ""
        return NO_SERVER if own is None else own

    def _parameters(self, operation: Operation, rule: Rule | None, name: str) -> _Parameters:
        in_path, path = path_parameters(self.book, operation, rule)
        others = [
            one
            for one in expanded(self.book, operation)
            if one["in"] != "path" and not is_credential(self.credentials, one)
        ]
        # The generator sorts by place; names are given in that order so that path parameters always keep theirs.
        others.sort(key=lambda one: ("query", "header", "cookie").index(one["in"]))
        names = unique_identifiers(
            [*((own, "path") for own, _ in in_path), *((one["name"], one["in"]) for one in others)],
            ENDPOINT_RESERVED,
            derived=True,
        )
        wire_names: dict[str, dict[str, str]] = {"path": {}, "query": {}, "header": {}, "cookie": {}}
        styles: dict[str, str] = {}
        views: list[Json] = []
        for own, (_, parameter) in zip(names, in_path, strict=False):
            view = self._simple(parameter, f"{name} {own}")
            views.append({"name": own, "in": "path", "required": True, "schema": view})
            wire_names["path"][own] = own
        for own, parameter in zip(names[len(in_path) :], others, strict=True):
            place = parameter["in"]
            views.append(self._stated(parameter, own, f"{name} {own}"))
            wire_names[place][own] = parameter["name"]
            if place == "query" and (style := _joining_style(parameter)):
                styles[own] = style
        owns = {"{" + marker + "}": "{" + own + "}" for (marker, _), own in zip(in_path, names, strict=False)}
        path = re.sub(r"\{\w+\}", lambda match: owns.get(match[0], match[0]), path)
        return _Parameters(path, views, wire_names, styles)

    def _stated(self, parameter: Json, own: str, hint: str) -> Json:
        schema, required = schema_of(parameter), parameter.get("required") is True
        view = self.book.view(schema, hint) if parameter["in"] == "query" else self._simple(parameter, hint)
        view = _described(self.book.settled(view, schema) if required else view, parameter)
        return {"name": own, "in": parameter["in"], "required": required, "schema": view}

    def _simple(self, parameter: Json, hint: str) -> Json:
        """View a parameter that must be one piece of text on the wire: path, header and cookie values."""
        view = self.book.view(schema_of(parameter), hint)
        flat = self.book.target(schema_of(parameter)).schema
        if flat.get("type") in ("integer", "boolean") and "oneOf" not in view:
            return view
        if "$ref" in view and flat.get("type") == "string":
            return view
        return {"type": "string", **({"description": view["description"]} if "description" in view else {})}

    def _body(self, operation: Operation, rule: Rule | None, name: str, body: tuple[str, Json]) -> Json:
        kind, media = body
        hint = rule.body_model if rule and name == rule.name else f"{name} Body"
        if _kind(kind) == "bytes":
            self.media_types[kind] = _BYTES
            view: Json = {"type": "string", "format": "binary"}
        else:
            schema = media.get("schema", {})
            schema = self.book.merged(schema) if rule else schema
            view = self.book.view(schema, hint, files=_kind(kind) == "multipart")
            if rule or _kind(kind) != "json":
                view = _without_null(view)
        required = (operation.body or {}).get("required") is True
        return {"required": required, "content": {kind: {"schema": view}}}

    def _responses(self, operation: Operation, name: str) -> Json:
        views: Json = {}
        for status, response in operation.responses.items():
            description = response.get("description")
            view: Json = {"description": clean_prose(description) if isinstance(description, str) else ""}
            chosen = _preferred(response["content"])
            if chosen is not None:
                kind, schema = chosen
                if is_json(kind):
                    seen = self.book.view(
                        schema, f"{name} Response{status.capitalize() if status == 'default' else status}"
                    )
                    kind = _JSON
                elif kind.lower().startswith("text/"):
                    seen, kind = {"type": "string"}, _TEXT
                else:
                    seen, kind = {"type": "string", "format": "binary"}, _BYTES
                view["content"] = {kind: {"schema": seen}}
            views[status] = view
        return views

    def finish(self) -> Canonical:
        """Define the models and put the document together."""
        self.book.finish()
        self.book.require_on_their_side(self.paths)
        self.notes.extend(server_notes(self.endpoints, self.base))
        for name in self.spec.get("webhooks") or {}:
            self.notes.append(f"webhook `{name}`: calls made by the vendor have no client code")
        document: Json = {
            "openapi": "3.1.0",
            "info": {"title": "Aikynetix API", "version": "1"},
            "paths": self.paths,
            "components": {"schemas": self.book.components},
        }
        return Canonical(document, self.endpoints, self.book, self.media_types, self.notes)


def expanded(book: ModelBook, operation: Operation) -> Iterator[Json]:
    """Yield parameters; a whole query string described by one schema (OpenAPI 3.2) becomes its fields."""
    for parameter in operation.parameters:
        if parameter["in"] != "querystring":
            yield parameter
            continue
        flat = book.target(schema_of(parameter)).schema
        required = flat.get("required") or []
        for name, schema in (flat.get("properties") or {}).items():
            yield {"name": name, "in": "query", "schema": schema, "required": name in required}


def schema_of(parameter: Json) -> Any:
    """Return the schema of a parameter's value as it is written into a request."""
    if "schema" in parameter:
        return parameter["schema"]
    content = parameter.get("content")
    media: Json = next(iter(content.values()), {}) if isinstance(content, dict) else {}
    # A parameter with `content` is serialized by the caller: one piece of text.
    return (
        {"type": "string", "description": "JSON text"}
        if content and parameter["in"] != "querystring"
        else media.get("schema", {"type": "string"})
    )


def _joining_style(parameter: Json) -> str | None:
    """Return the style of a query parameter whose list or object is not just repeated (OpenAPI 3.1.1, 4.8.12.3)."""
    style = parameter.get("style", "form")
    explode = parameter.get("explode", style == "form")
    joins = style in ("form", "spaceDelimited", "pipeDelimited") and explode is False
    return str(style) if "schema" in parameter and (joins or style == "deepObject") else None


def _described(view: Json, parameter: Json) -> Json:
    text = parameter.get("description")
    if "$ref" in view or "description" in view or not isinstance(text, str) or not text.strip():
        return view
    return {**view, "description": clean_prose(text)}


def _without_null(view: Json) -> Json:
    kept = [one for one in view.get("oneOf", []) if one != {"type": "null"}]
    return kept[0] if len(kept) == 1 else view


def bodies(operation: Operation) -> list[tuple[str, Json]]:
    """List the kinds of body, JSON first, then form, multipart and bytes; one of each kind."""
    content: Json = (operation.body or {}).get("content", {})
    by_kind: dict[str, tuple[str, Json]] = {}
    for kind, media in content.items():
        wire = _announced(kind)
        by_kind.setdefault(wire, (wire, media if isinstance(media, dict) else {}))
    order = {"json": 0, "form": 1, "multipart": 2, "bytes": 3}
    return sorted(by_kind.values(), key=lambda item: (order[_kind(item[0])], item[0] != _JSON))


def parameters_of_body_type(operation: Operation) -> str | None:
    """Return the media type of the first kind of body where it has parameters that are not announced; else None."""
    content: Json = (operation.body or {}).get("content", {})
    first = next(iter(bodies(operation)), None)
    stated = [kind for kind in content if first is not None and _announced(kind) == first[0]]
    odd = [kind for kind in stated if any(_is_telling(each) for each in kind.split(";")[1:])]
    return odd[0] if odd and len(odd) == len(stated) else None


def _is_telling(parameter: str) -> bool:
    name = parameter.partition("=")[0].strip().lower()
    return bool(name) and name not in ("charset", "boundary", "q")


def _kind(media_type: str) -> str:
    if media_type in _BODY_KINDS:
        return _BODY_KINDS[media_type]
    return "json" if media_type.endswith("+json") else "bytes"


def _announced(kind: str) -> str:
    """Return the media type to announce for a body; a range is none, so that a member of it stands for it."""
    bare = _bare(kind)
    if is_json(bare) and ("*" in bare or bare == "text/json"):
        return _JSON
    return _OF_RANGES.get(bare, _BYTES) if "*" in bare else bare


def _bare(kind: str) -> str:
    bare = kind.split(";", maxsplit=1)[0].strip().lower()
    return bare if re.fullmatch(r"[\w.+!#$&^-]+/[\w.+!#$&^*-]+|\*/\*", bare) else _BYTES


def _preferred(content: Json) -> tuple[str, Any] | None:
    """Choose among the contents of a response: JSON, then text, then bytes; None without any."""
    order = sorted(content, key=lambda kind: (not is_json(kind), not kind.lower().startswith("text/")))
    return (order[0], content[order[0]].get("schema", {})) if order else None
