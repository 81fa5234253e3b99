"""From the vendor's document to the one the generator sees: stable names, plain forms, nothing lost.

The generator's own choices are taken away from it where they lose something: one media type per operation (others
become operations of their own), one path per operation, names that cannot collide. What it cannot be told in a document
(the real path, the method, places, media types, names on the wire) is kept beside it in `Canonical` and put back by
`_generate`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scripts.regen._find import base_url, is_json
from scripts.regen._names import ENDPOINT_RESERVED, identifier, unique_identifiers
from scripts.regen._paths import path_parameters
from scripts.regen._rules import ERROR_MODEL, FACADE_TAG, RULES, SUCCESS_MODEL, Rule
from scripts.regen._schemas import ModelBook, clean_prose, is_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scripts.regen._load import Json
    from scripts.regen._operations import Operation
    from scripts.regen._security import Credentials

FORM, MULTIPART, JSON = "application/x-www-form-urlencoded", "multipart/form-data", "application/json"
_BYTES = "application/octet-stream"
_METHODS_OF_GENERATOR = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_FREE_FORM: Json = {"type": "object", "additionalProperties": {}}
NO_SERVER = "no-server:"
"""Stands for the address of an operation none of whose servers can be used; the client refuses to send it."""


@dataclass(frozen=True)
class Parameter:
    """One parameter as generated."""

    own: str  # its name in Python
    wire: str  # the vendor's name
    place: str  # ``path``, ``query``, ``header`` or ``cookie``
    stated: Json  # the vendor's parameter object
    view: Json  # the schema that the generator sees
    style: str = ""  # how a query parameter is joined or unfolded; empty where its values are just repeated

    @property
    def required(self) -> bool:
        """Whether every request has to say it."""
        return self.place == "path" or self.stated.get("required") is True


@dataclass(frozen=True)
class Body:
    """One kind of body as generated."""

    kind: str  # ``json``, ``form``, ``multipart`` or ``bytes``
    media: tuple[str, ...]  # the media types that it may be announced as, the first one first
    stated: Json  # the vendor's media type object
    view: Json  # the schema that the generator sees
    required: bool  # whether every request has to have it

    @property
    def styles(self) -> dict[str, str]:
        """The styles of those fields of a form that are written like parameters (OpenAPI 3.1.1, section 4.8.15.1.1)."""
        stated = self.stated.get("encoding") if self.kind == "form" else None
        known = {name: one for name, one in (stated or {}).items() if one.keys() & {"style", "explode"}}
        return {name: _joining_style({**one, "schema": {}}) for name, one in known.items()}

    @property
    def model(self) -> str:
        """The name of its model, empty when it has none."""
        return str(self.view.get("$ref", "")).rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Endpoint:
    """One operation as generated."""

    name: str  # its module's name
    tag: str  # its package under `aikynetix_api.api`
    method: str  # the method to send
    prefix: str  # what stands before the path: empty, another server's address, or `NO_SERVER`
    path: str  # the path, with the Python name of a parameter in braces
    parameters: tuple[Parameter, ...]  # those of the path in order, then the others
    body: Body | None  # the body, None without one
    operation: Operation  # the vendor's operation
    trouble: str = ""  # why no request can be what the document describes; empty when one can

    @property
    def module(self) -> str:
        """The module as it is imported."""
        return f"aikynetix_api.api.{self.tag}.{self.name}"


@dataclass
class Canonical:
    """What the generator gets, and what it cannot be told."""

    document: Json  # an OpenAPI 3.1 document whose path keys are ``/~N`` for endpoint N
    endpoints: list[Endpoint]  # in the order of N
    book: ModelBook  # the models
    # What of the vendor's document no generated code expresses, for the report.
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._by_name = {(one.tag, one.name): one for one in self.endpoints}

    def named(self, name: str) -> Endpoint | None:
        """Return the facade's endpoint of that name."""
        return self._by_name.get((FACADE_TAG, name))

    def of(self, endpoint: Any) -> Endpoint:
        """Return what is known of an endpoint of the generator."""
        return self._by_name[str(endpoint.tags[0]), str(endpoint.name)]


def canonicalize(
    spec: Json, operations: Sequence[Operation], facade: Mapping[str, Operation], credentials: Credentials
) -> Canonical:
    """Make the generator's document."""
    builder = _Builder(spec, facade, credentials)
    for operation in operations:
        builder.add(operation)
    return builder.finish()


class _Builder:
    def __init__(self, spec: Json, facade: Mapping[str, Operation], credentials: Credentials) -> None:
        self.spec = spec
        self.facade = {id(operation): name for name, operation in facade.items()}
        self.credentials = credentials
        self.base = base_url(next(iter(facade.values())).servers if facade else spec.get("servers") or ())
        self.book = ModelBook(spec, (SUCCESS_MODEL, ERROR_MODEL, *(rule.body_model for rule in RULES)))
        self.endpoints: list[Endpoint] = []
        self.paths: Json = {}
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
            schemas = (self.book.merged(media.get("schema")) for _, _, media in bodies(self.book, operation)[:1])
            self.book.pin(schemas, rule.body_model)

    def add(self, operation: Operation) -> None:
        """Add an operation, once for each kind of body that it takes."""
        rule = next((rule for rule in RULES if rule.name == self.facade.get(id(operation))), None)
        tag = FACADE_TAG if rule else identifier(operation.tag, "default")
        base_name = rule.name if rule else identifier(operation.identifier, "operation")
        for number, body in enumerate(bodies(self.book, operation) or [None]):
            suffix = "" if number == 0 or body is None else f"_{body[0]}"
            name = base_name if rule and number == 0 else self._unique(tag, base_name + suffix, operation)
            self._add_one(operation, rule, tag, name, body)

    def _unique(self, tag: str, name: str, operation: Operation) -> str:
        candidate, number = identifier(name), 1
        while (tag, candidate.casefold()) in self._taken:
            number += 1
            is_told_by_method = number == 2 and not name.endswith(operation.method)
            candidate = identifier(f"{name}_{operation.method if is_told_by_method else number}")
        self._taken.add((tag, candidate.casefold()))
        return candidate

    def _add_one(
        self,
        operation: Operation,
        rule: Rule | None,
        tag: str,
        name: str,
        body: tuple[str, tuple[str, ...], Json] | None,
    ) -> None:
        path, parameters = self._parameters(operation, rule, name)
        # To the generator everything stands in the query, where it takes every type.
        raw: Json = {
            "operationId": name,
            "tags": [tag],
            "summary": clean_prose(operation.summary),
            "description": clean_prose(operation.description),
            "parameters": [
                {"name": one.own, "in": "query", "required": one.required, "schema": one.view} for one in parameters
            ],
            "responses": self._responses(operation, name),
        }
        made = None if body is None else self._body(operation, rule, name, body)
        if made is not None:
            raw["requestBody"] = {"required": made.required, "content": {JSON: {"schema": made.view}}}
        method = operation.method if operation.method in _METHODS_OF_GENERATOR else "post"
        self.paths[f"/~{len(self.endpoints)}"] = {method: raw}
        own = base_url(operation.servers)
        prefix = "" if own == self.base else NO_SERVER if own is None else own
        self.endpoints.append(
            Endpoint(name, tag, operation.method, prefix, path, tuple(parameters), made, operation, _trouble(operation))
        )

    def _parameters(self, operation: Operation, rule: Rule | None, name: str) -> tuple[str, list[Parameter]]:
        in_path, path = path_parameters(self.book, operation, rule)
        hidden = self.credentials.names
        others = [
            one
            for one in operation.parameters
            if one["in"] not in ("path", "querystring") and (one["in"], one["name"].lower()) not in hidden
        ]
        others.sort(key=lambda one: ("query", "header", "cookie").index(one["in"]))
        wires = [*((marker, "path") for marker, _ in in_path), *((one["name"], one["in"]) for one in others)]
        names = unique_identifiers(wires, ENDPOINT_RESERVED)
        found = []
        for own, (wire, place), stated in zip(names, wires, [*(one for _, one in in_path), *others], strict=True):
            schema = schema_of(stated)
            view = _described(self.book.view(schema, f"{name} {own}"), stated)
            if place != "path" and stated.get("required") is True:
                view = self.book.settled(view, schema)
            found.append(Parameter(own, wire, place, stated, view, _joining_style(stated) if place == "query" else ""))
        owns = {"{" + marker + "}": "{" + own + "}" for (marker, _), own in zip(in_path, names, strict=False)}
        return re.sub(r"\{\w+\}", lambda match: owns.get(match[0], match[0]), path), found

    def _body(
        self, operation: Operation, rule: Rule | None, name: str, body: tuple[str, tuple[str, ...], Json]
    ) -> Body:
        kind, media, stated = body
        hint = rule.body_model if rule and name == rule.name else f"{name} Body"
        required = (operation.body or {}).get("required") is True
        if kind == "bytes":
            return Body(kind, media, stated, {"type": "string", "format": "binary"}, required)
        schema = stated.get("schema", {})
        if kind != "json" or rule:
            schema = self.book.merged(schema)
        view = self.book.view(schema, hint, files=kind == "multipart")
        if kind != "json" or rule:
            view = _without_null(view)
        model = self.book.components.get(str(view.get("$ref", "")).rsplit("/", 1)[-1], {})
        if kind != "json" and model.get("type") != "object":
            view = self.book.view(_FREE_FORM, hint, files=True)  # fields of any name, each said by the caller
        return Body(kind, media, stated, view, required)

    def _responses(self, operation: Operation, name: str) -> Json:
        views: Json = {}
        successes = [status for status in operation.responses if status.startswith("2")]
        for status, response in operation.responses.items():
            description = response.get("description")
            view: Json = {"description": clean_prose(description) if isinstance(description, str) else ""}
            chosen = _preferred(response["content"])
            if chosen is not None:
                kind, schema = chosen
                if is_json(kind):
                    hint = f"{name} Response{status.capitalize() if status == 'default' else status}"
                    seen, kind = self.book.view(schema, hint), JSON
                elif kind.lower().startswith("text/"):
                    seen, kind = {"type": "string"}, "text/plain"
                else:
                    seen, kind = {"type": "string", "format": "binary"}, _BYTES
                view["content"] = {kind: {"schema": seen}}
            # The only success that is described is what another one looks like too.
            views["2XX" if successes == [status] and chosen else status] = view
        return views

    def finish(self) -> Canonical:
        """Define the models and put the document together."""
        self.book.finish(self.paths)
        document: Json = {
            "openapi": "3.1.0",
            "info": {"title": "Aikynetix API", "version": "1"},
            "paths": self.paths,
            "components": {"schemas": self.book.components},
        }
        return Canonical(document, self.endpoints, self.book)


def _trouble(operation: Operation) -> str:
    for one in operation.parameters:
        if one["in"] == "path" and one["name"] not in operation.path_parameters:
            return f"it describes the path parameter `{one['name']}`, for which its path has no place"
        if one["in"] == "path" and one.get("content"):
            return f"its path is written as {next(iter(one['content']))}"
        if one["in"] == "querystring":
            return "one parameter is its whole query"
    return ""


def schema_of(parameter: Json) -> Any:
    """Return the schema of a parameter's value as it is written into a request."""
    if "schema" in parameter:
        return parameter["schema"]
    # A parameter with `content` is serialized by the caller: one piece of text.
    return {"type": "string", "description": "JSON text"} if parameter.get("content") else {"type": "string"}


def _joining_style(parameter: Json) -> str:
    """Return the style of a query parameter whose list or object is not just repeated (OpenAPI 3.1.1, 4.8.12.3)."""
    style = parameter.get("style", "form")
    explode = parameter.get("explode", style == "form")
    joins = style in ("form", "spaceDelimited", "pipeDelimited") and explode is False
    return str(style) if "schema" in parameter and (joins or style == "deepObject") else ""


def _described(view: Json, parameter: Json) -> Json:
    text = parameter.get("description")
    if "$ref" in view or "description" in view or not isinstance(text, str) or not text.strip():
        return view
    return {**view, "description": clean_prose(text)}


def _without_null(view: Json) -> Json:
    kept = [one for one in view.get("oneOf", []) if one != {"type": "null"}]
    return kept[0] if len(kept) == 1 else view


def bodies(book: ModelBook, operation: Operation) -> list[tuple[str, tuple[str, ...], Json]]:
    """List the kinds of body, each with its media types and the vendor's description of the first.

    JSON comes first, then forms and bytes; but where the body holds a file, the form that can hold it comes before all.
    """
    content: Json = (operation.body or {}).get("content", {})
    found: dict[str, tuple[str, list[str], Json]] = {}
    for stated, media in content.items():
        schema = media.get("schema") if isinstance(media, dict) else None
        is_raw = stated == "*/*" and (schema is None or is_file(book.target(schema)))
        announced = stated if is_raw else _announced(stated)
        kind = "bytes" if is_raw else _kind(announced)
        key = announced if kind == "json" else kind
        found.setdefault(key, (kind, [], media if isinstance(media, dict) else {}))[1].append(announced)
    multipart = found.get("multipart")
    has_files = multipart is not None and book.has_files(multipart[2].get("schema"))
    if has_files:
        found.pop("form", None)  # the same fields, of which a form cannot hold the files
    order = ["json", "form", "multipart", "bytes"] if not has_files else ["multipart", "json", "bytes"]
    kinds = sorted(found.values(), key=lambda item: (order.index(item[0]), item[1][0] != JSON))
    return [(kind, tuple(dict.fromkeys(media)), stated) for kind, media, stated in kinds]


def _kind(media_type: str) -> str:
    bare = media_type.split(";", maxsplit=1)[0]
    return {FORM: "form", MULTIPART: "multipart"}.get(bare, "json" if is_json(bare) else "bytes")


def _announced(kind: str) -> str:
    """Return the media type to announce for a body; where only a range is stated, a member of it that is sure."""
    bare, *parameters = (part.strip() for part in kind.split(";"))
    bare = bare.lower()
    if re.fullmatch(r"[\w.+!#$&^-]+/[\w.+!#$&^*-]+|\*/\*", bare) is None:
        return _BYTES
    if bare in (FORM, MULTIPART, "multipart/*"):
        return MULTIPART if bare == "multipart/*" else bare
    if is_json(bare) and ("*" in bare or bare == "text/json"):
        return JSON
    telling = [
        one for one in parameters if one.isascii() and re.match(r"(?!charset|boundary|q\b)[\w-]+=[^\r\n]+$", one)
    ]
    return "; ".join(["text/plain" if bare == "text/*" else bare, *telling])


def _preferred(content: Json) -> tuple[str, Any] | None:
    """Choose among the contents of a response: JSON, then text, then bytes; None without any."""
    order = sorted(content, key=lambda kind: (not is_json(kind), not kind.lower().startswith("text/")))
    return (order[0], content[order[0]].get("schema", {})) if order else None
