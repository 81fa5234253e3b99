"""Does what is generated put on the wire what the document describes? Requests with sampled values tell.

Each operation is called with values made of the vendor's own schemas, and what comes of it is read as a server would.
What differs is found whatever its cause: a lost parameter, a name, a style, a media type, a file that became text.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx

from scripts.regen._canonical import NO_SERVER, schema_of
from scripts.regen._document import side_of
from scripts.regen._find import is_json
from scripts.regen._generate import PACKAGE
from scripts.regen._schemas import is_file, required_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from scripts.regen._canonical import Body, Canonical, Endpoint
    from scripts.regen._document import Json
    from scripts.regen._schemas import SchemaRegistry

_TEXT = "a b&é/1"
_FORMATS = {
    "date": "2031-02-03", "date-time": "2031-02-03T04:05:06+00:00", "uuid": "6f2c1a52-98a5-4f30-9c0e-0c0a2f3b4d5e",
}  # fmt: skip
_SAMPLES: Json = {"integer": 7, "number": 1.5, "boolean": True}
_DEEPEST, _NO_END = 2, 20  # levels of what may be left out, and of what has to be said
_MOST_PARTS = 2_000
_BYTES = "application/octet-stream"
_SEPARATORS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}


class _File(bytes):
    """A sampled file."""

    kind = "video/mp4"


_FILM = b"\x00film\r\n"


@dataclass(frozen=True)
class Case:
    """One request to be made."""

    endpoint: Endpoint  # the operation
    values: Mapping[str, Any]  # what is said, by its name in Python, as the wire has it before it is written in a style
    is_all: bool = False  # whether it says what may be left out too


class UnsureError(Exception):
    """A sampled value is none that the generated code takes."""


def made(case: Case) -> httpx.Request | Exception:
    """Make the request with the package that is imported, or return what keeps it from being made."""
    views = {one.own: one.view for one in case.endpoint.parameters}
    views |= {"body": case.endpoint.body.view} if case.endpoint.body else {}
    try:
        arguments = {name: _argument(views[name], value) for name, value in case.values.items()}
    except Exception as error:
        return UnsureError(f"{type(error).__name__}: {error}")
    try:
        kwargs = sys.modules[case.endpoint.module]._get_kwargs(**arguments)  # noqa: SLF001 -- the generator's name
        base = "" if "://" in kwargs["url"] else "https://api.test"
        request = httpx.Request(**{**kwargs, "url": base + kwargs["url"]})
        request.read()
    except Exception as error:
        return error
    return request


def _argument(view: Json, value: Any) -> Any:
    """Return a value of the wire as the argument that the generated code takes."""
    if "$ref" in view:
        name = view["$ref"].rpartition("/")[2]
        model = getattr(sys.modules[f"{PACKAGE}.models"], name)
        if hasattr(model, "from_dict") != isinstance(value, dict):
            raise TypeError(f"{value!r} is no {name}")
        return model.from_dict(value) if isinstance(value, dict) else value
    if "allOf" in view:
        return _argument(view["allOf"][0], value)
    for one in sorted(view.get("oneOf", ()), key=lambda one: "$ref" not in one):
        with contextlib.suppress(Exception):  # the value is of none of this model
            return _argument(one, value)
    if isinstance(value, _File):
        return sys.modules[f"{PACKAGE}.types"].File(BytesIO(value), "clip.mp4", value.kind)
    return (
        [_argument(view["items"], one) for one in value]
        if view.get("type") == "array" and isinstance(value, list)
        else value
    )


def sampled(canonical: Canonical, endpoint: Endpoint) -> list[Case]:
    """Return a request that says everything that the document describes, and one that says what it has to."""
    registry, body = canonical.registry, endpoint.body
    if endpoint.trouble or endpoint.prefix == NO_SERVER:
        return []
    try:
        every = {one.own: _sample(registry, schema_of(one.stated)) for one in endpoint.parameters}
        every |= {"body": _sampled_body(registry, body)} if body else {}
    except RecursionError:  # what has to be said has no end
        return []
    needed = [one.own for one in endpoint.parameters if one.required] + ["body"] * (body is not None and body.required)
    return [Case(endpoint, every, is_all=True), Case(endpoint, {name: every[name] for name in needed})]


def _sampled_body(registry: SchemaRegistry, body: Body) -> Any:
    if body.kind == "bytes":
        concrete = [one.partition(";")[0] for one in body.media if "*" not in one]
        film = _File(_FILM)
        film.kind = concrete[0] if concrete else body.media[0].replace("*", "mp4")
        return film
    value = _sample(registry, body.stated.get("schema", {}), files=body.kind == "multipart")
    is_said = body.kind == "json" or isinstance(value, dict)
    return value if is_said else {"part": _TEXT, "flag": True, "deep": {"a": [1]}}


def _sample(registry: SchemaRegistry, schema: Any, *, files: bool = False) -> Any:
    """Return a value that a schema describes, as the wire has it; what may be left out is said two levels deep."""
    left = [_MOST_PARTS]

    def of(schema: Any, depth: int) -> Any:
        left[0] -= 1
        if depth > _NO_END or left[0] < -_MOST_PARTS:
            raise RecursionError
        flat = registry.target(schema)
        if alternatives := registry.alternatives(flat):
            return of(alternatives[0], depth + 1)
        kind = flat.get("type")
        fixed = [one for one in flat.get("enum") or [] if one is not None]
        if fixed and kind != "array":  # beside which the values of its items may stand
            return next((one for one in fixed if one != ""), "")
        if kind == "object":
            return fields(flat, depth)
        if kind == "array":
            first = flat.get("prefixItems") or [flat.get("items", {})]
            return [] if depth > _DEEPEST else [of(first[0], depth + 1)] * 2
        if files and is_file(flat):
            return _File(_FILM)
        return _FORMATS.get(str(flat.get("format")), _TEXT) if kind == "string" else _SAMPLES.get(str(kind), _TEXT)

    def fields(flat: Json, depth: int) -> Json:
        """Return an object with its fields in the order in which a model writes them."""
        needed, result, more = required_of(flat), dict[str, Any](), flat.get("additionalProperties", True)
        if isinstance(more, dict) and depth < _DEEPEST:
            result["more"] = of(more, depth + 1)
        for name, one in sorted((flat.get("properties") or {}).items(), key=lambda item: item[0] not in needed):
            is_left_out = name not in needed and (depth >= _DEEPEST or left[0] < 0)
            if not is_left_out and one is not False and side_of(one, registry.target(one)) != "response":
                result[name] = of(one, depth + 1)
        return result or ({"more": _TEXT} if more is True else {})

    return of(schema, 0)


def difference(case: Case, request: httpx.Request) -> str:
    """Say where a request that was made differs from what the document describes; empty where it does not."""
    body, url = case.endpoint.body, request.url
    headers = {name.lower().decode(): value.decode("utf-8", "replace") for name, value in request.headers.raw}
    cookies = dict(pair.split("=", 1) for pair in headers.get("cookie", "").split("; ") if "=" in pair)
    path, sent_path, query = _path(case), url.raw_path.partition(b"?")[0].decode(), list[tuple[str, str]]()
    segments = [[_unjoined(unquote(part)) for part in one.split("/")] for one in (path, sent_path)]
    # What it is, what it should say, and what it says.
    parts: list[tuple[str, Any, Any]] = [
        ("method", case.endpoint.operation.method.upper(), request.method.upper()),
        ("path", path, path if segments[0] == segments[1] else sent_path),
    ]
    for one in case.endpoint.parameters:
        value = case.values.get(one.own)
        if one.location == "query":
            query += _pairs(one.wire, value, one.stated)
        elif one.location != "path" and one.own in case.values:
            is_header = one.location == "header"
            found = headers.get(one.wire.lower(), "") if is_header else unquote(cookies.get(one.wire, ""))
            is_exploded = one.stated.get("explode") is True
            between = f"&{one.wire}=" if is_exploded and one.location == "cookie" else ","
            text = between.join(_texts(value, is_exploded))
            parts.append((f"{one.location} `{one.wire}`", _unjoined(text), _unjoined(found)))
    parts.append(("query", _sorted(query), _sorted(parse_qsl(url.query.decode(), keep_blank_values=True))))
    announced, content = headers.get("content-type", ""), request.content
    if body is None or "body" not in case.values:
        parts.append(("body", ("", b""), (announced, content)))
    else:
        bare = announced.partition(";")[0]
        ranges = [one.partition(";")[0].strip().lower() for one in (case.endpoint.operation.body or {})["content"]]
        is_known = any(fnmatch(bare, one) or (is_json(one) and "*" in one and is_json(bare)) for one in ranges)
        parts.append(("type of the body", bare if is_known else " or ".join(ranges), bare))
        parts.append(("body", *_bodies(body, case.values["body"], announced, content)))
    wrong = [f"the {what} is {sent!r}, not {wanted!r}"[:600] for what, wanted, sent in parts if sent != wanted]
    return wrong[0] if wrong else ""


def _path(case: Case) -> str:
    """Fill the path; what the style of a parameter puts before its value stands there already."""
    path = urlsplit(case.endpoint.prefix).path + case.endpoint.path
    for one in (one for one in case.endpoint.parameters if one.location == "path"):
        between, is_exploded = ",", one.stated.get("explode") is True
        texts = _texts(case.values[one.own], is_exploded)
        if is_exploded:  # RFC 6570, sections 3.2.2, 3.2.5 and 3.2.7
            between = {"matrix": f";{one.wire}=", "label": "."}.get(one.stated.get("style", ""), ",")
        path = path.replace(f"{{{one.own}}}", between.join(texts).replace("%", "%25").replace("/", "%2F"))
    return path


def _bodies(body: Body, value: Any, announced: str, content: bytes) -> tuple[Any, Any]:
    """Return what a body should say, and what it says, each as it is compared."""
    if body.kind == "bytes":
        return value, content
    if body.kind == "json":
        return value, json.loads(content) if content else "nothing"
    encoding: Json = body.stated.get("encoding") or {}
    fields = {name: one for name, one in value.items() if one is not None}
    if body.kind == "form":
        styles = {name: one for name, one in encoding.items() if one.keys() & {"style", "explode"}}
        wanted = [pair for name, one in fields.items() for pair in _pairs(name, one, styles.get(name, {"style": ""}))]
        return _sorted(wanted), _sorted(parse_qsl(content.decode(), keep_blank_values=True))
    parts = content.split(b"--" + announced.partition("boundary=")[2].encode())[1:-1]
    wanted_parts = [one for name, value in fields.items() for one in _wanted_parts(name, value, encoding.get(name, {}))]
    return sorted(wanted_parts), sorted(map(_read_part, parts))


def _read_part(part: bytes) -> tuple[str, bool, str, str]:
    """Return name, whether it is a file, the type unless it is mere text, and the content."""
    head, _, content = part.partition(b"\r\n\r\n")
    told = dict(re.findall(r'(?i)\b(name|filename|content-type)(?:="|: *)([^"\r\n]*)', head.decode()))
    is_file, payload = "filename" in told, content.removesuffix(b"\r\n")
    kind = told.get("Content-Type", "").partition(";")[0].lower()
    return told["name"].replace("%22", '"'), is_file, kind, repr(payload) if is_file else _ordered(payload.decode())


def _wanted_parts(name: str, value: Any, encoding: Json) -> Iterator[tuple[str, bool, str, str]]:
    listed = value if isinstance(value, list) else [value]
    if encoding.keys() & {"style", "explode"} and not any(isinstance(one, _File) for one in listed):
        yield from ((key, False, "", _ordered(text)) for key, text in _pairs(name, value, encoding))
        return
    for one in listed:
        is_file = isinstance(one, _File)
        usual = _BYTES if is_file else "application/json" if isinstance(one, (dict, list)) else ""
        kinds = [kind.partition(";")[0].strip().lower() for kind in encoding.get("contentType", usual).split(",")]
        if is_file:  # which says nothing of its type itself
            concrete = [kind for kind in kinds if "*" not in kind] or [_BYTES]
            yield name, True, _BYTES if _BYTES in concrete else concrete[0], repr(_FILM)
        else:
            yield name, False, kinds[0].replace("text/plain", ""), _ordered(_text(one))


def _pairs(name: str, value: Any, stated: Json) -> Iterator[tuple[str, str]]:
    """Write a value in the style of its parameter (OpenAPI 3.1.1, section 4.8.12.6)."""
    style = stated.get("style", "form")
    explode = stated.get("explode", style == "form")
    if value is None:
        return
    if isinstance(value, dict) and style == "deepObject":
        for key, one in value.items():
            yield from _pairs(f"{name}[{key}]", one, stated)
    elif isinstance(value, dict) and explode:
        for key, one in value.items():
            yield from _pairs(key, one, {})
    elif isinstance(value, (dict, list)) and not explode and style in _SEPARATORS:
        yield name, _SEPARATORS[style].join(_texts(value))
    else:
        for one in value if isinstance(value, list) else [value]:
            yield name, _text(one)


def _sorted(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted((name, _ordered(text)) for name, text in pairs)


def _unjoined(text: str) -> list[str]:
    """Split what is joined: the fields of an object may stand in any order in it."""
    return sorted(text.split(","))


def _texts(value: Any, is_exploded: bool = False) -> list[str]:
    if isinstance(value, dict) and is_exploded:
        return [f"{key}={_text(part)}" for key, part in value.items()]
    if isinstance(value, dict):
        return [_text(part) for pair in value.items() for part in pair]
    return [_text(one) for one in (value if isinstance(value, list) else [value])]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _ordered(text: str) -> str:
    """Return JSON text with its keys in order, and any other text as it is."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return json.dumps(value, sort_keys=True, ensure_ascii=False) if isinstance(value, (dict, list)) else text
