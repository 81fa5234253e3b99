"""From the vendor's document to the one the generator sees: stable names, plain forms, nothing lost.

The generator's own choices are taken away from it where they lose something: one media type per operation (others
become operations of their own), one path per operation, names that cannot collide. What it cannot be told in a document
(the real path, the method, places, media types, names on the wire) is kept beside it in `Canonical` and put back by
`_generate`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from scripts.regen._document import objects, without_prose
from scripts.regen._find import base_url, is_json
from scripts.regen._names import ENDPOINT_RESERVED, identifier, unique_identifiers, unused
from scripts.regen._operations import PARAMETER_IN_PATH, Operation
from scripts.regen._rules import ERROR_MODEL, FACADE_TAG, RULES, SESSION_PARAMETER, SUCCESS_MODEL, Rule
from scripts.regen._schemas import (
    SENT,
    AllOfMerger,
    SchemaRegistry,
    clean_prose,
    is_file,
    is_null,
    schema_name,
    variants,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scripts.regen._document import Json
    from scripts.regen._find import Credentials

FORM, MULTIPART, JSON = "application/x-www-form-urlencoded", "multipart/form-data", "application/json"
_BYTES = "application/octet-stream"
# RFC 6570, sections 3.2.5 and 3.2.7: what these styles put before a value.
_BEFORE = {"matrix": ";{}=", "label": "."}
_TEXT: Json = {"type": "string"}
_READ_BY_KIND: Json = {"string": str, "integer": int, "number": float, "boolean": "true".__eq__}
_FREE_FORM: Json = {"type": "object", "additionalProperties": {}}
NO_SERVER = "no-server:"
"""Stands for the address of an operation none of whose servers can be used; the client refuses to send it."""


@dataclass(frozen=True)
class Parameter:
    """One parameter as generated."""

    own: str  # its name in Python
    wire: str  # the vendor's name
    location: str  # ``path``, ``query``, ``header`` or ``cookie``
    stated: Json  # the vendor's parameter object
    view: Json  # the schema that the generator sees

    @property
    def required(self) -> bool:
        """Whether every request has to say it."""
        return self.location == "path" or self.stated.get("required") is True

    @property
    def style(self) -> str:
        """How a query parameter is joined or unfolded, a header's fields are named; empty where values just stand."""
        if self.location == "header":
            return "explode" if self.stated.get("explode") is True else ""
        return joining_style(self.stated) if self.location == "query" else ""


@dataclass(frozen=True)
class Body:
    """One kind of body as generated."""

    kind: str  # ``json``, ``form``, ``multipart`` or ``bytes``
    media: tuple[str, ...]  # the media types that it may be announced as, the first one first
    stated: Json  # the vendor's media type object
    required: bool  # whether every request has to have it
    view: Json = field(default_factory=dict)  # the schema that the generator sees

    @property
    def encoding(self) -> dict[str, str]:
        """The styles of those fields of a form that are written like parameters, the media types of multipart ones.

        See OpenAPI 3.1.1, section 4.8.15.1.1.
        """
        stated: Json = self.stated.get("encoding") or {}
        if self.kind == "form":
            return {name: joining_style(one) for name, one in stated.items() if one.keys() & {"style", "explode"}}
        typed = {name: str(one.get("contentType", "*/*")) for name, one in stated.items() if self.kind == "multipart"}
        return {name: kinds for name, kinds in typed.items() if any("*" not in kind for kind in kinds.split(","))}

    @property
    def model(self) -> str:
        """The name of its model, empty when it has none."""
        return str(self.view.get("$ref", "")).rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Endpoint:
    """One operation as generated."""

    name: str  # its module's name
    tag: str  # its package under `aikynetix_api.api`
    suffix: str  # the kind of body that tells it from others of the same operation; empty for the first
    prefix: str  # what stands before the path: empty, another server's address, or `NO_SERVER`
    path: str  # the path, with the Python name of a parameter in braces
    parameters: tuple[Parameter, ...]  # those of the path in order, then the others
    body: Body | None  # the body, None without one
    operation: Operation  # the vendor's operation

    @property
    def module(self) -> str:
        """The module as it is imported."""
        return f"aikynetix_api.api.{self.tag}.{self.name}"

    @property
    def file(self) -> str:
        """The module's file in the package."""
        return f"api/{self.tag}/{self.name}.py"

    @property
    def kinds(self) -> tuple[list[str], list[str]]:
        """The media types of successes that are read, and those beside the first JSON that are not."""
        read, unread = list[str](), list[str]()
        for status, response in self.operation.responses.items():
            kinds = sorted(response["content"], key=reading_order) if status.startswith("2") else []
            is_parsed = is_json(kinds[0]) if kinds else False
            read += kinds[:1] if is_parsed else kinds
            shapes = {kind: without_prose(response["content"][kind].get("schema")) for kind in kinds}
            others = [one for one in kinds if not is_json(one) or shapes[one] != shapes[kinds[0]]]
            unread += others if is_parsed else []
        return read, unread

    @property
    def accept(self) -> str:
        """What to ask for where successes have kinds that are not read; empty where any can come."""
        read, unread = self.kinds
        return ", ".join(dict.fromkeys(_announced(one)[1] for one in read)) if unread else ""

    @property
    def trouble(self) -> str:
        """Why no request can be what the document describes; empty when one can."""
        for one in self.operation.parameters:
            if one["in"] == "path" and one["name"] not in self.operation.path_parameters:
                return f"it describes the path parameter `{one['name']}`, for which its path has no place"
            if one["in"] == "querystring":
                return "one parameter is its whole query"
        media = self.body.media[0] if self.body and self.body.kind == "bytes" else ""
        return f"its body is made of parts as {media}" if media.startswith("multipart/") else ""


class Canonical:
    """What the generator gets, and what it cannot be told."""

    def __init__(
        self,
        spec: Json,
        operations: Sequence[Operation],
        facade: Mapping[str, Operation],
        credentials: Credentials,
        base: str | None,
    ) -> None:
        self.credentials, self.base = credentials, base
        followed, self.caveats = follow_discriminators(spec)  # what no generated code expresses, for the report
        reserved = (SUCCESS_MODEL, ERROR_MODEL, *(rule.body_model for rule in RULES))
        self.registry = SchemaRegistry(followed, operations, reserved)
        self._by_name: dict[tuple[str, str], Endpoint] = {}
        self._rules = {id(facade[rule.name]): rule for rule in RULES if rule.name in facade}
        self._taken = defaultdict(set, {FACADE_TAG: {rule.name for rule in RULES}})
        paths: Json = {}
        for operation in operations:
            for number, body in enumerate(bodies(self.registry, operation) or [None]):
                paths[f"/~{len(paths)}"] = {"post": self._stated(operation, body, is_first=not number)}
        self.registry.finish()
        self.endpoints = list(self._by_name.values())
        self.facade = {name: self._by_name[FACADE_TAG, name] for name in facade}
        self.document: Json = {  # of OpenAPI 3.1, with the path `/~N` for endpoint N
            "openapi": "3.1.0",
            "info": {"title": "Aikynetix API", "version": "1"},
            "paths": paths,
            "components": {"schemas": self.registry.components},
        }

    def of(self, endpoint: Any) -> Endpoint:
        """Return what is known of an endpoint of the generator."""
        return self._by_name[str(endpoint.tags[0]), str(endpoint.name)]

    def _stated(self, operation: Operation, body: Body | None, *, is_first: bool) -> Json:
        """Add an endpoint for one kind of body, and return the operation that the generator sees."""
        rule = self._rules.get(id(operation))
        tag = FACADE_TAG if rule else identifier(operation.tag)
        suffix = body.kind if body and not is_first else ""
        name = rule.name if rule else identifier(operation.identifier)
        if not rule or suffix:
            name = unused(identifier(f"{name}_{suffix}" if suffix else name), self._taken[tag])
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
            "responses": self._responses(operation, name, is_facade=rule is not None),
        }
        if body is not None:
            body = replace(body, view=self._body_view(rule, name, body))
            raw["requestBody"] = {"required": body.required, "content": {JSON: {"schema": body.view}}}
        own = base_url(operation.servers)
        prefix = "" if own == self.base else NO_SERVER if own is None else own
        self._by_name[tag, name] = Endpoint(name, tag, suffix, prefix, path, tuple(parameters), body, operation)
        return raw

    def _parameters(self, operation: Operation, rule: Rule | None, name: str) -> tuple[str, list[Parameter]]:
        """Return the path with the Python names of its parameters, and all parameters."""
        stated, path = self._path(operation, rule)
        location, key = self.credentials.api_key or ("", "")
        hidden = (("header", "authorization"), (location, key.lower()))
        others = [one for one in operation.parameters if (one["in"], one["name"].lower()) not in hidden]
        stated += [one for location in ("query", "header", "cookie") for one in others if one["in"] == location]
        names = unique_identifiers([(one["name"], one["in"]) for one in stated], ENDPOINT_RESERVED)
        found = []
        for own, one in zip(names, stated, strict=True):
            view = self.registry.view(schema_of(one), f"{name} {own}")
            text = one.get("description")
            if not view.keys() & {"$ref", "description"} and isinstance(text, str) and text.strip():
                view = {**view, "description": clean_prose(text)}
            if one["in"] != "path" and one.get("required") is True:
                view = self.registry.settled(view, schema_of(one))
            found.append(Parameter(own, one["name"], one["in"], one, view))
        return path.format(*(f"{{{own}}}" for own in names)), found

    def _path(self, operation: Operation, rule: Rule | None) -> tuple[list[Json], str]:
        """Return the parameters that the path takes in order, and the path with braces for each of them."""
        declared = {one["name"]: one for one in operation.parameters if one["in"] == "path"}
        found: list[Json] = []
        path = ""
        # What stands between parameters and may not stand in a path is percent-encoded (RFC 3986, section 3.3).
        for number, piece in enumerate(PARAMETER_IN_PATH.split(operation.path.partition("#")[0])):
            parameter = {"in": "path", "schema": _TEXT, **declared.get(piece, {}), "name": piece or "parameter"}
            only = self.registry.only_value(parameter["schema"]) if number % 2 else None
            if number % 2 == 0:
                path += quote(piece, safe="/%:@!$&'()*+,;=-._~?")
            elif type(only) in (str, int) and str(only):
                path += quote(str(only), safe="")
            else:
                path += _BEFORE.get(str(parameter.get("style")), "").format(quote(piece, safe="")) + "{}"
                found.append(parameter)
        if rule and len(found) == 1:
            # To the facade a session is whatever text the vendor calls it, whatever format the document gives it.
            said = found[0].get("description")
            found = [{"name": SESSION_PARAMETER, "in": "path", "schema": _TEXT, "description": said}]
        return found, path

    def _body_view(self, rule: Rule | None, name: str, body: Body) -> Json:
        if body.kind == "bytes":
            return {**_TEXT, "format": "binary"}
        own = rule.body_model if rule and name == rule.name else ""
        schema = body.stated.get("schema", {})
        schema = schema if body.kind == "json" and not own else self.registry.merged(schema)
        flat = {**self.registry.target(schema), "nullable": False}
        if body.kind != "json" and (flat.get("type") != "object" or variants(flat)):
            schema = flat = _FREE_FORM  # fields of any name, each said by the caller
        # To the facade it is one model of a name of our choice.
        hint = own or f"{name} Body"
        return self.registry.view(flat if own else schema, hint, files=body.kind == "multipart", own=own)

    def _responses(self, operation: Operation, name: str, *, is_facade: bool) -> Json:
        views: Json = {}
        successes = [status for status in operation.responses if status.startswith("2")]
        for status, response in operation.responses.items():
            view: Json = {"description": ""}
            order = sorted(response["content"], key=reading_order)
            for kind in order[:1]:
                schema = response["content"][kind].get("schema", {})
                content: Json = {_BYTES: {"schema": {**_TEXT, "format": "binary"}}}
                if is_json(kind) and not ("*" in kind and is_file(self.registry.target(schema))):
                    hint = f"{name} Response{status.capitalize() if status == 'default' else status}"
                    own = "" if not is_facade else SUCCESS_MODEL if status in successes else ERROR_MODEL
                    # What shares a model of the facade's differs in words.
                    schema = {**self.registry.target(schema), "title": "", "description": ""} if own else schema
                    seen = self.registry.view(schema, hint, own=own)
                    content = {} if seen.get("type") == "null" else {JSON: {"schema": seen}}
                elif kind.lower().startswith("text/"):
                    content = {"text/plain": {"schema": _TEXT}}
                view["content"] = content
            # The only success that is described is what another one looks like too.
            views["2XX" if successes == [status] and order else status] = view
        return views


def follow_discriminators(spec: Json) -> tuple[Json, list[str]]:
    """Return a document whose alternatives fit their own values alone, so that reading tries them in any order.

    The field that tells them apart is sent, though frameworks write down that it may be left out, as it has a default.
    """
    schemas: Json = (spec.get("components") or {}).get("schemas") or {}
    own: dict[tuple[str, str], list[str]] = {}
    caveats: list[str] = []
    for where, node in objects(spec):
        stated = node.get("discriminator")
        field = stated.get("propertyName") if isinstance(stated, dict) else None
        if not isinstance(stated, dict) or not isinstance(field, str):
            continue
        names = [schema_name(one.get("$ref")) for one in variants(node) if not is_null(one)]
        if not names or any(name not in schemas for name in names):
            what = "not every alternative is a schema of its own" if names else "no alternatives are listed beside it"
            caveats.append(f"the discriminator `{field}` at `{where}` is not followed: {what}")
            continue
        mapping: Json = stated.get("mapping") or {}
        for name in names:
            values = [str(value) for value, ref in mapping.items() if schema_name(ref) == name] or [name]
            own.setdefault((name, field), []).extend(values)
    told, merger = dict(schemas), AllOfMerger(spec)
    for (name, field), values in own.items():
        stated = merger.target((merger.target(schemas[name]).get("properties") or {}).get(field))
        fixed: Json = {SENT: True}
        kind = stated.get("type", "string")
        with suppress(KeyError, ValueError):  # a mapping has texts alone, and the name of a schema is no number
            read = [_READ_BY_KIND[kind](value) for value in dict.fromkeys(values)]
            known = stated.get("enum", read)  # what the field says itself is right, whatever the schema is called
            fixed |= {"type": kind, "enum": [one for one in known if one in read] or known}
        told[name] = {"allOf": [told[name], {"type": "object", "properties": {field: fixed}}]}
    return ({**spec, "components": {**spec["components"], "schemas": told}} if own else spec), caveats


def reading_order(kind: str) -> tuple[bool, bool]:
    """Tell media types apart by which is read: of several contents JSON, else bytes, as which text can be read too."""
    return not is_json(kind), kind.lower().startswith("text/")


def schema_of(parameter: Json) -> Any:
    """Return the schema of a parameter's value as it is written into a request."""
    # A parameter with `content` is serialized by the caller: one piece of text.
    return parameter.get("schema", {**_TEXT, "description": "JSON text"} if parameter.get("content") else _TEXT)


def joining_style(parameter: Json) -> str:
    """Return the style of a query parameter whose list or object is not just repeated (OpenAPI 3.1.1, 4.8.12.3)."""
    style = parameter.get("style", "form")
    explode = parameter.get("explode", style == "form")
    joins = style in ("form", "spaceDelimited", "pipeDelimited") and explode is False
    return str(style) if joins or style == "deepObject" else ""


def bodies(registry: SchemaRegistry, operation: Operation) -> list[Body]:
    """List the kinds of body, each with its media types and the vendor's description of the first.

    JSON comes first, then forms and bytes; but where the body holds a file, the form that can hold it comes before all.
    Frameworks list JSON under several names, of which the usual one will do where it has the same schema.
    """
    stated = operation.body or {}
    content: Json = stated.get("content", {})
    usual = [without_prose(media.get("schema")) for written, media in content.items() if _announced(written)[1] == JSON]
    found: dict[str, Body] = {}
    for written, media in content.items():
        is_raw = written == "*/*" and ("schema" not in media or is_file(registry.target(media["schema"])))
        kind, announced = ("bytes", written) if is_raw else _announced(written)
        if kind == "json" and without_prose(media.get("schema")) in usual:
            announced = JSON
        is_apart = kind == "json" or (kind == "bytes" and announced.startswith("multipart/"))
        key = announced if is_apart else kind
        known = found.get(key, Body(kind, (), media, stated.get("required") is True))
        found[key] = replace(known, media=tuple(dict.fromkeys([*known.media, announced])))
    order = ["json", "form", "multipart", "bytes"]
    if "multipart" in found and registry.has_files(found["multipart"].stated.get("schema")):
        found.pop("form", None)  # the same fields, of which a form cannot hold the files
        order = ["multipart", "json", "bytes"]
    return sorted(found.values(), key=lambda one: (order.index(one.kind), one.media[0] != JSON, one.media))


def _announced(kind: str) -> tuple[str, str]:
    """Return the kind and media type to announce for a body; of a mere range, a member of it that is sure."""
    bare, *parameters = (part.strip() for part in kind.split(";"))
    bare = bare.lower()
    whole = "; ".join(["text/plain" if bare == "text/*" else bare, *parameters])
    if bare in (FORM, MULTIPART, "multipart/*"):
        return ("form", FORM) if bare == FORM else ("multipart", MULTIPART)
    if re.fullmatch(r"[\w.+!#$&^-]+/[\w.+!#$&^*-]+(; [ -~]+)*|\*/\*", whole, re.ASCII) is None:
        return "bytes", _BYTES
    return ("json", JSON if "*" in bare else whole) if is_json(bare) else ("bytes", whole)
