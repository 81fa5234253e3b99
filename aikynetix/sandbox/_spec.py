"""What the API looks like, all of it from the regenerated package: a changed spec needs no change of the sandbox.

`aikynetix_api.facade` tells method, path and credentials by the requests that it makes, and the JSON path of the
video's URL; the vendor's document beside it tells which parameters and bodies are right, and which responses.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import aikynetix_api
import httpx
import jsonschema  # type: ignore[import-untyped]  # ships no types
from aikynetix_api import facade
from jsonschema.validators import extend  # type: ignore[import-untyped]  # as above

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = urlsplit(facade.BASE_URL or "").path.rstrip("/")
"""The path of the vendor's server, which every path of the API begins with."""

KEY_LOCATION, KEY_NAME = facade.API_KEY or ("header", "API-KEY")
TOKEN_HEADER, TOKEN_PREFIX = facade.BEARER or ("Authorization", "Bearer ")

_MARK = "session-mark"
_GET, GENERATE = "get_analyzed_video", "generate_analyzed_video"
_ERROR_FIELDS = ("error", "detail", "message", "title")
_DOCUMENT: dict[str, Any] = json.loads(Path(aikynetix_api.__file__).with_name("openapi.json").read_text("utf-8"))
_DRAFT: Any = jsonschema.Draft4Validator if _DOCUMENT["openapi"].startswith("3.0") else jsonschema.Draft202012Validator
_TEXTS = {"date-time": "2026-01-01T00:00:00Z", "date": "2026-01-01", "uuid": "00000000-0000-4000-8000-000000000000"}


class InvalidError(ValueError):
    """The request does not conform to the spec; the text says in what."""


@dataclass(frozen=True)
class Operation:
    """One of the facade's two operations: its path matches as it is sent, with the encoded session id as its group."""

    name: str
    method: str
    path: re.Pattern[str]
    documented: Mapping[str, Any]

    def asks_for_attachment(self, query: str) -> bool:
        """Whether the query asks for a URL that a browser saves instead of showing it."""
        with_flag, without = (_request(self.name, download=flag).url.params.multi_items() for flag in (True, False))
        return any(pair in parse_qsl(query) for pair in with_flag if pair not in without)

    def check(self, query: str, content_type: str, body: bytes) -> None:
        """Hold a request against the document; what does not conform is an `InvalidError`."""
        asked = [one for one in map(_resolved, self.documented.get("parameters", ())) if one.get("in") == "query"]
        fields = {one["name"]: one.get("schema", {}) for one in asked}
        required = [one["name"] for one in asked if one.get("required")]
        _check({"properties": fields, "required": required}, _typed(query, fields))
        documented, sent = _resolved(self.documented.get("requestBody", {})), _bare(content_type)
        schemas = _schemas(documented)
        known = [kind for kind in schemas if fnmatch(sent, kind) or ("*" in kind and _is_json(kind) and _is_json(sent))]
        if known:
            _check_body(schemas[known[0]], sent, body)
        elif schemas and (body or documented.get("required")):
            raise InvalidError(f"the body must be {' or '.join(schemas)}.")

    def success(self, url: str | None) -> tuple[int, dict[str, Any]]:
        """Return the status and body of a success: with the video's URL, or without it where it is only accepted."""
        status = min((one for one in self.documented.get("responses", {}) if one.startswith("2")), default="200")
        body = holder = _sampled_object(self._schema(status))
        *parents, last = facade.VIDEO_URL[self.name][0]
        for key in parents:
            holder = holder.setdefault(key, {})
        holder.pop(last, None)
        if url is not None:
            holder[last] = url
        return int(status.upper().replace("X", "0")), body

    def failure(self, status: int, text: str) -> dict[str, Any]:
        """Return the body of a failure, with ``text`` where the document has such a thing."""
        return _told(self._schema(str(status)), text)

    def _schema(self, status: str) -> Mapping[str, Any]:
        responses: Mapping[str, Any] = self.documented.get("responses", {})
        chosen = next((one for one in (status, f"{status[0]}XX", "default") if one in responses), status)
        schemas = _schemas(_resolved(responses.get(chosen, {})))
        return next((schemas[kind] for kind in schemas if _is_json(kind)), {})


def operations() -> tuple[Operation, ...]:
    """Return the facade's operations that the document still has."""
    known = facade.MODULES.keys() - facade.UNSUPPORTED.keys()
    return tuple(_operation(name) for name in (_GET, GENERATE) if name in known)


def _operation(name: str) -> Operation:
    request = _request(name)
    path = request.url.raw_path.decode().partition("?")[0]
    pattern = re.escape(PREFIX + path).replace(re.escape(_MARK), "([^/]+)")
    return Operation(name, request.method, re.compile(pattern), _documented(request.method.lower(), path))


def _documented(method: str, path: str) -> Mapping[str, Any]:
    for template, item in _DOCUMENT["paths"].items():
        pattern = re.sub(r"\\{[^{}]*\\}", "[^/]+", re.escape(template))
        if method in item and re.fullmatch(pattern, path):
            return {**item[method], "parameters": [*item.get("parameters", ()), *item[method].get("parameters", ())]}
    return {}


def _request(name: str, *, download: bool = False) -> httpx.Request:
    flags = {"is_jump": False, "is_weight": False} | ({"download": download} if name == _GET else {})
    kwargs = getattr(facade, name)(_MARK, **flags)
    return httpx.Request(**kwargs | {"url": httpx.URL("http://sandbox").join(kwargs["url"])})


def _resolved(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference within the document."""
    while "$ref" in value:
        found: Any = _DOCUMENT
        for key in value["$ref"].removeprefix("#/").split("/"):
            found = found[key.replace("~1", "/").replace("~0", "~")]
        value = found
    return value


def _schemas(described: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the schemas of a body by their media types."""
    return {_bare(kind): _resolved(one.get("schema", {})) for kind, one in described.get("content", {}).items()}


def _bare(media_type: str) -> str:
    """Return a media type, which has no case, without its parameters, which change nothing (RFC 9110, 8.3.1)."""
    return media_type.partition(";")[0].strip().lower()


def _is_json(media_type: str) -> bool:
    return media_type in ("*/*", "application/*") or media_type.endswith(("/json", "+json"))


def _check_body(schema: Mapping[str, Any], media_type: str, body: bytes) -> None:
    if media_type == "application/x-www-form-urlencoded":
        _check(schema, _typed(body.decode("utf-8", "replace"), schema.get("properties", {})))
    elif _is_json(media_type):
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            raise InvalidError("the body is not JSON.") from None
        _check(schema, value)


def _typed(text: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a query or a form says: a value is text where the schema takes text, else what it is as JSON."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        schema = _resolved(fields.get(name, {}))
        is_list = schema.get("type") == "array"
        read: Any = value
        if _error(schema.get("items", {}) if is_list else schema, value):
            with contextlib.suppress(ValueError):
                read = json.loads(value)
        if is_list:
            found.setdefault(name, []).append(read)
        else:  # what is given more than once is no value of any type
            found[name] = read if name not in found else [found[name], read]
    return found


def _required(validator: Any, names: list[str], value: Any, schema: Mapping[str, Any]) -> Any:
    """Require nothing of a request that only responses have."""
    fields = schema.get("properties", {})
    said = [name for name in names if not _resolved(fields.get(name, {})).get("readOnly")]
    yield from _DRAFT.VALIDATORS["required"](validator, said, value, schema) or ()


# Alternatives are seldom written so that no two of them fit, and servers take the first that does.
_VALIDATOR = extend(_DRAFT, {"oneOf": _DRAFT.VALIDATORS["anyOf"], "required": _required})


def _error(schema: Mapping[str, Any], value: object) -> Any:
    """Return the first thing that does not conform; none where the schema has no end."""
    with contextlib.suppress(RecursionError):
        return next(_VALIDATOR({**schema, "components": _DOCUMENT.get("components", {})}).iter_errors(value), None)


def _check(schema: Mapping[str, Any], value: object) -> None:
    if error := _error(schema, value):
        path = ".".join(map(str, error.path))
        raise InvalidError(f"{path and f'{path} '}does not conform: {error.message:.200}")


def _told(schema: Mapping[str, Any], text: str, around: tuple[int, ...] = ()) -> dict[str, Any]:
    """Return an error as its schema has it, with ``text`` in it; ``around`` as for `_sample`."""
    fields, around = schema.get("properties", {}), (*around, id(schema))
    name = next((name for name in _ERROR_FIELDS if name in fields), "error")
    inner = _resolved(fields.get(name, {}))
    is_object = "properties" in inner and id(inner) not in around
    return _sampled_object(schema) | {name: _told(inner, text, around) if is_object else text}


def _sampled_object(schema: Mapping[str, Any]) -> dict[str, Any]:
    made = _sample(schema)
    return made if isinstance(made, dict) else {}


def _sample(schema: Mapping[str, Any], around: tuple[int, ...] = ()) -> Any:
    """Return a value that conforms to a schema, with nothing in it that is not required.

    ``around`` tells the schemas that it stands in: one that holds itself has an end where it has an alternative.
    """
    schema = _resolved(schema)
    if id(schema) in around or len(around) > 16:  # deeper than any, and perhaps doubled at every level
        return {}
    around += (id(schema),)
    given = [schema[name] for name in ("const", "default", "example") if name in schema]
    given += [schema[name][0] for name in ("enum", "examples") if schema.get(name)]
    if given:
        return given[0]
    variants = schema.get("oneOf") or schema.get("anyOf")
    if variants:
        return _sample(next((one for one in variants if id(_resolved(one)) not in around), variants[0]), around)
    if "allOf" in schema:
        parts = [_sample(part, around) for part in schema["allOf"]]
        return {key: value for part in parts if isinstance(part, dict) for key, value in part.items()}
    kind, fields = schema.get("type", "object"), schema.get("properties", {})
    text = _TEXTS.get(schema.get("format", ""), "x" * schema.get("minLength", 1))
    kinds = {"string": text, "integer": 1, "number": 1, "boolean": True, "array": []}
    required = {name: _sample(fields.get(name, {}), around) for name in schema.get("required", ())}
    return kinds.get(kind[0] if isinstance(kind, list) else kind, required)
