"""Does what is generated put on the wire what the document describes? Requests with sampled values tell.

Each operation is called with values made of the vendor's own schemas, and what comes of it is read as a server would.
What differs is found whatever its cause: a lost parameter, a name, a style, a media type, a file that became text.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from scripts.regen._canonical import NO_SERVER, schema_of
from scripts.regen._document import side_of
from scripts.regen._find import is_json
from scripts.regen._flatten import required_of, variants
from scripts.regen._operations import PARAMETER_IN_PATH
from scripts.regen._schemas import is_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from scripts.regen._canonical import Body, Canonical, Endpoint
    from scripts.regen._load import Json
    from scripts.regen._schemas import ModelBook

_TEXT = "a b&é/1"
_FORMATS = {
    "date": "2031-02-03", "date-time": "2031-02-03T04:05:06+00:00", "uuid": "6f2c1a52-98a5-4f30-9c0e-0c0a2f3b4d5e",
}  # fmt: skip
_SAMPLES: Json = {"integer": 7, "number": 1.5, "boolean": True}
_DEEPEST, _NO_END = 2, 20  # levels of what may be left out, and of what has to be said
_MOST_PARTS = 2_000
_SEPARATORS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}
UNSAID = object()


class _UnsampledError(Exception):
    pass


@dataclass(frozen=True)
class Case:
    """One request to be made."""

    endpoint: Endpoint  # the operation
    # Python name of a parameter to its value as the wire has it, before it is written in a style.
    values: Mapping[str, Any]
    body: Any = field(default=UNSAID)  # the body, a file as a mapping with `$file`; `UNSAID` without one
    is_all: bool = False  # whether it says what may be left out too

    def job(self) -> Json:
        """Return what `_probe` takes."""
        said = [one for one in self.endpoint.parameters if one.own in self.values]
        named = {one.own: [one.view, self.values[one.own]] for one in said if one.place != "path"}
        if self.body is not UNSAID and self.endpoint.body is not None:
            named["body"] = [self.endpoint.body.view, self.body]
        in_path = [[one.view, self.values[one.own]] for one in said if one.place == "path"]
        return {"module": self.endpoint.module, "path": in_path, "named": named}


def sampled(canonical: Canonical, endpoint: Endpoint) -> list[Case]:
    """Return a request that says everything that the document describes, and one that says what it has to."""
    book = canonical.book
    if endpoint.trouble or endpoint.prefix == NO_SERVER:
        return []
    try:
        every = {one.own: _Sampler(book).sample(schema_of(one.stated)) for one in endpoint.parameters}
        needed = {one.own: every[one.own] for one in endpoint.parameters if one.required}
        body = UNSAID if endpoint.body is None else _sampled_body(book, endpoint.body)
    except _UnsampledError:
        return []
    least = body if endpoint.body is not None and endpoint.body.required else UNSAID
    return [Case(endpoint, every, body, is_all=True), Case(endpoint, needed, least)]


def _sampled_body(book: ModelBook, body: Body) -> Any:
    if body.kind == "bytes":
        concrete = [one.partition(";")[0] for one in body.media if "*" not in one]
        return {"$file": b"\x00film\r\n".hex(), "type": concrete[0] if concrete else body.media[0].replace("*", "mp4")}
    schema = body.stated.get("schema", {})
    if body.kind == "json":
        return _Sampler(book).sample(schema)
    value = _Sampler(book, files=body.kind == "multipart").sample(schema)
    return (
        value if isinstance(value, dict) and "$file" not in value else {"part": _TEXT, "flag": True, "deep": {"a": [1]}}
    )


class _Sampler:
    """Makes values that schemas describe, as the wire has them; what may be left out is said two levels deep."""

    def __init__(self, book: ModelBook, *, files: bool = False) -> None:
        self._book = book
        self._files = files
        self._left = _MOST_PARTS

    def sample(self, schema: Any, depth: int = 0) -> Any:
        """Return a value."""
        self._left -= 1
        if depth > _NO_END or self._left < -_MOST_PARTS:
            raise _UnsampledError
        flat = self._book.target(schema)
        if alternatives := variants(flat):
            base = {key: one for key, one in flat.items() if key not in ("oneOf", "anyOf")}
            return self.sample(
                {"allOf": [alternatives[0], base]} if base.get("properties") else alternatives[0], depth + 1
            )
        fixed = [flat["const"]] if "const" in flat else [one for one in flat.get("enum") or [] if one is not None]
        if fixed:
            return next((one for one in fixed if one != ""), "")
        kind = flat.get("type")
        if kind == "object":
            return self._object(flat, depth)
        if kind == "array":
            first = flat.get("prefixItems") or [flat.get("items", {})]
            return [] if depth > _DEEPEST else [self.sample(first[0], depth + 1)] * 2
        if self._files and is_file(flat):
            return {"$file": b"\x00film\r\n".hex(), "type": "video/mp4"}
        return _FORMATS.get(str(flat.get("format")), _TEXT) if kind == "string" else _SAMPLES.get(str(kind), _TEXT)

    def _object(self, flat: Json, depth: int) -> Json:
        """Return an object with its fields in the order in which a model writes them."""
        needed, result = required_of(flat), dict[str, Any]()
        more = flat.get("additionalProperties")
        if isinstance(more, dict) and depth < _DEEPEST:
            result["more"] = self.sample(more, depth + 1)
        for name, one in sorted((flat.get("properties") or {}).items(), key=lambda item: item[0] not in needed):
            is_left_out = name not in needed and (depth >= _DEEPEST or self._left < 0)
            if not is_left_out and one is not False and side_of(one, self._book.target(one)) != "response":
                result[name] = self.sample(one, depth + 1)
        return result if result or more is False else {"more": _TEXT}


def difference(canonical: Canonical, case: Case, made: Json) -> str:
    """Say where a request that was made differs from what the document describes; empty where it does not."""
    endpoint, operation = case.endpoint, case.endpoint.operation
    if made["method"] != operation.method.upper() and made["method"] != operation.method:
        return f"the method is {made['method']}"
    expected_path = urlsplit(endpoint.prefix).path + _path(canonical, case)
    if not _same(unquote(made["path"]), unquote(expected_path)) or made["path"].count("/") != expected_path.count("/"):
        return f"the path is {made['path']}, not {expected_path}"
    headers = {name.lower(): value for name, value in made["headers"]}
    query, by_place = Counter[tuple[str, str]](), {(one.place, one.wire): one for one in endpoint.parameters}
    cookies = dict(pair.split("=", 1) for pair in headers.get("cookie", "").split("; ") if "=" in pair)
    for stated in operation.parameters:
        place, name = stated["in"], stated["name"]
        parameter = by_place.get((place, name))
        if place == "path" or parameter is None:
            continue
        value = case.values.get(parameter.own, UNSAID)
        if place == "query":
            query += _counted(_pairs(name, value, stated))
        elif value is not UNSAID:
            text = ",".join(_texts(value))
            sent = headers.get(name.lower()) if place == "header" else unquote(cookies.get(name, ""))
            if sent is None or not _same(sent, text):
                return f"the {place} `{name}` says {sent!r}, not {text!r}"
    sent_query = _counted(parse_qsl(made["query"], keep_blank_values=True))
    if sent_query != query:
        return f"the query says {sorted((sent_query - query).keys())}, not {sorted((query - sent_query).keys())}"
    return _body_difference(case, headers.get("content-type", ""), bytes.fromhex(made["body"]))


def _path(canonical: Canonical, case: Case) -> str:
    values = iter([one for one in case.endpoint.parameters if one.place == "path"])
    declared = {one["name"]: one for one in case.endpoint.operation.parameters if one["in"] == "path"}

    def filled(name: str) -> str:
        stated = declared.get(name, {})
        only = canonical.book.only_value(stated.get("schema"))
        if only is not None and not isinstance(only, bool) and str(only):
            return str(only).replace("/", "%2F")
        return _path_text(name, case.values[next(values).own], stated)

    return PARAMETER_IN_PATH.sub(lambda match: filled(match[1]), case.endpoint.operation.path)


def _path_text(name: str, value: Any, stated: Json) -> str:
    """Write a value in the style of its path parameter (RFC 6570, sections 3.2.2, 3.2.5 and 3.2.7)."""
    explode = stated.get("explode") is True
    before, between = {"matrix": (f";{name}=", f";{name}="), "label": (".", ".")}.get(
        stated.get("style", ""), ("", ",")
    )
    if isinstance(value, dict) and explode:
        texts = [f"{key}={_text(one)}" for key, one in value.items()]
        before, between = before.replace(f"{name}=", ""), between.replace(f"{name}=", "")
    else:
        texts, between = _texts(value), between if explode else ","
    return before + between.join(one.replace("%", "%25").replace("/", "%2F") for one in texts)


def _body_difference(case: Case, announced: str, content: bytes) -> str:
    body, bare = case.endpoint.body, announced.partition(";")[0]
    if body is None or case.body is UNSAID:
        return f"a body of {len(content)} bytes ({announced}) where none is said" if content or announced else ""
    documented = (case.endpoint.operation.body or {}).get("content", {})
    ranges = [kind.partition(";")[0].strip().lower() for kind in documented]
    if not any(fnmatch(bare, one) or (is_json(one) and "*" in one and is_json(bare)) for one in ranges):
        return f"the body is announced as {announced!r}, and the document has {', '.join(documented)}"
    if body.kind == "bytes":
        return "" if content == bytes.fromhex(case.body["$file"]) else "the bytes of the body are others"
    if body.kind == "json":
        sent = json.loads(content) if content else UNSAID
        return "" if sent == case.body else f"the body says {str(sent)[:200]}, not {str(case.body)[:200]}"
    encoding = body.stated.get("encoding") or {}
    fields = {name: value for name, value in case.body.items() if value is not None}
    if body.kind == "form":
        sent_pairs = _counted(parse_qsl(content.decode(), keep_blank_values=True))
        wanted = _counted(
            pair for name, value in fields.items() for pair in _field(name, value, encoding.get(name, {}))
        )
        return "" if sent_pairs == wanted else f"the form says {sorted(sent_pairs)}, not {sorted(wanted)}"[:400]
    sent_parts = Counter(map(_read_part, content.split(b"--" + announced.partition("boundary=")[2].encode())[1:-1]))
    wanted_parts = Counter(
        _wanted_part(name, one, encoding.get(name, {}))
        for name, value in fields.items()
        for one in (value if isinstance(value, list) else [value])
    )
    return "" if sent_parts == wanted_parts else f"the parts are {sorted(sent_parts)}, not {sorted(wanted_parts)}"[:400]


def _read_part(part: bytes) -> tuple[str, bool, str, str]:
    """Return name, whether it is a file, the type of what is none, and the content."""
    head, _, content = part.partition(b"\r\n\r\n")
    told = dict(re.findall(r'(?i)\b(name|filename|content-type)(?:="|: *)([^"\r\n]*)', head.decode()))
    is_file, payload = "filename" in told, content.removesuffix(b"\r\n")
    kind = "" if is_file else told.get("Content-Type", "")
    return told["name"].replace("%22", '"'), is_file, kind, payload.hex() if is_file else _sorted(payload.decode())


def _counted(pairs: Iterable[tuple[str, str]]) -> Counter[tuple[str, str]]:
    return Counter((name, _sorted(text)) for name, text in pairs)


def _wanted_part(name: str, value: Any, encoding: Json) -> tuple[str, bool, str, str]:
    if isinstance(value, dict) and "$file" in value:
        return name, True, "", value["$file"]
    is_shaped = isinstance(value, (dict, list))
    kind = str(encoding.get("contentType", "application/json" if is_shaped else "")).partition(";")[0].strip().lower()
    return name, False, "" if kind == "text/plain" else kind, _sorted(_text(value))


def _field(name: str, value: Any, encoding: Json) -> Iterator[tuple[str, str]]:
    if encoding.keys() & {"style", "explode"}:
        yield from _pairs(name, value, encoding)
    else:
        for one in value if isinstance(value, list) else [value]:
            yield name, _text(one)


def _pairs(name: str, value: Any, stated: Json) -> Iterator[tuple[str, str]]:
    """Write a value in the style of its parameter (OpenAPI 3.1.1, section 4.8.12.6)."""
    style = stated.get("style", "form")
    explode = stated.get("explode", style == "form")
    if value is UNSAID or value is None:
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


def _same(sent: str, text: str) -> bool:
    """Compare texts; the fields of an object may stand in any order in what is joined."""
    return sent == text or ("," in text and sorted(sent) == sorted(text))


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [_text(part) for pair in value.items() for part in pair]
    return [_text(one) for one in (value if isinstance(value, list) else [value])]


def _text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sorted(text: str) -> str:
    """Return JSON text with its keys in order, and any other text as it is."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return json.dumps(value, sort_keys=True, ensure_ascii=False) if isinstance(value, (dict, list)) else text
