"""Requests, and what responses are read as, by the vendor's document; made by `make regen`, never edited by hand."""

from __future__ import annotations

import datetime
import json
import mimetypes
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from typing import Any
from urllib.parse import quote

from .types import File, Unset

_SEPARATORS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}
_FORM, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_IN_COOKIES = "!#$&()*+-./:=?@[]^"
# RFC 9110, section 5.6.2; the names of cookies are tokens too (RFC 6265, section 4.1.1).
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# By annotation, the types of JSON's values; a whole number may be written with a point.
_PLAIN = {
    "str": (str,), "int": (int, float), "float": (int, float), "bool": (bool,), "None": (type(None),), "Unset": (Unset,),
}  # fmt: skip
_OF_THE_MESSAGE = ("host", "content-length", "transfer-encoding", "connection")


def request(
    method: str,
    url: str,
    *,
    query: Sequence[tuple[Any, ...]] = (),
    headers: Sequence[tuple[Any, ...]] = (),
    cookies: Sequence[tuple[str, Any]] = (),
    accept: str = "",
    body: Any = None,
    media: Sequence[str] = (),
    encoding: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a request as `httpx.Client.build_request` takes it; what is unset is not sent.

    Args:
        method: The method.
        url: The address, with the values of the path in it.
        query: Name and value, and the style where it joins or unfolds (OpenAPI 3.1.1, section 4.8.12.6).
        headers: Name and value, and a third where the fields of an object stand with their names.
        cookies: Name and value.
        accept: The media types that can be read, where the document has others too.
        body: The body.
        media: The media types that the document has for the body.
        encoding: The styles of fields of a form that are written like parameters; the media types of multipart ones.

    Raises:
        ValueError: A value cannot be sent where the document wants it.
    """
    kwargs: dict[str, Any] = {"method": method, "url": url}
    given = [one for one in query if not isinstance(one[1], Unset)]
    if given:
        kwargs["params"] = _grouped(
            pair for name, value, *style in given for pair in _pairs(name, _plain(value), style[0] if style else "")
        )
    fields = {name: _header(name, _joined(value, *style)) for name, value, *style in headers if _is_said(value)}
    if cookies and (said := [(name, _joined(value)) for name, value in cookies if _is_said(value)]):
        fields["Cookie"] = "; ".join(f"{_name(name)}={quote(text, safe=_IN_COOKIES)}" for name, text in said)
    if media and not isinstance(body, Unset):
        kwargs.update(_body(body, media, encoding or {}, fields))
    if accept:
        fields["Accept"] = accept
    if fields:
        kwargs["headers"] = fields
    return kwargs


def path_text(value: Any) -> str:
    """Return a value as one segment of a path, percent-encoded.

    Raises:
        ValueError: It would be no segment of its own (RFC 3986, section 5.2.4), and the request would go elsewhere.
    """
    text = quote(value, safe="") if type(value) is str else ",".join(quote(one, safe="") for one in _texts(value))
    if text in ("", ".", ".."):
        raise ValueError(f"{text!r} in a path would send the request to another address")
    return text


def misfits(made: Any, data: Any) -> int:
    """Count what of JSON does not fit the model that it was read as.

    A closed model drops the fields that it does not know, and none looks at the types of plain ones.
    """
    return _lost(made, data) + _mistyped(made)


def _lost(made: Any, data: Any) -> int:
    fields = made.to_dict() if hasattr(made, "to_dict") else made
    if isinstance(fields, dict) != isinstance(data, dict):
        return 1  # an empty list or text, which a model takes for an object without fields
    if isinstance(data, dict):
        return sum(_lost(fields[name], value) if name in fields else 1 for name, value in data.items())
    return sum(map(_lost, made, data)) if isinstance(data, list) else 0


def _mistyped(made: Any) -> int:
    if isinstance(made, list):
        return sum(map(_mistyped, made))
    number = 0
    for field in getattr(made, "__attrs_attrs__", ()):
        value, kinds = getattr(made, field.name), [_PLAIN.get(kind) for kind in str(field.type).split(" | ")]
        is_plain = None not in kinds  # nothing is known of models, lists and dates, which say so themselves
        number += not any(type(value) in kind for kind in kinds if kind) if is_plain else _mistyped(value)
    return number


def _body(body: Any, media: Sequence[str], encoding: Mapping[str, str], fields: dict[str, Any]) -> dict[str, Any]:
    if media[0] == _MULTIPART:
        said = _plain(body, True).items()
        if parts := [part for name, value in said for part in _parts(name, value, encoding.get(name, "*/*"))]:
            return {"files": parts}
        fields["Content-Type"] = f"{_MULTIPART}; boundary=none"
        return {"content": b"--none--\r\n"}
    if isinstance(body, File) and not media[0].partition(";")[0].endswith(("/json", "+json")):
        fields["Content-Type"] = _media_type(body, media)
        return {"content": body.payload.read()}  # bytes, which both clients can send, and send again
    fields["Content-Type"] = media[0]
    plain = _plain(body)
    if media[0] == _FORM:
        return {
            "data": _grouped(pair for name, value in plain.items() for pair in _field(name, value, encoding.get(name)))
        }
    return {"json": plain} if plain is not None else {"content": b"null"}


def _media_type(file: File, media: Sequence[str]) -> str:
    """Return the type that a file states, or its name tells, where the document has it; else the document's."""
    concrete = [one for one in media if "*" not in one]
    said = file.mime_type or mimetypes.guess_type(file.file_name or "")[0]
    if said and any(fnmatch(said.partition(";")[0].strip().lower(), one.partition(";")[0].lower()) for one in media):
        return said
    if "application/octet-stream" in media or "*/*" in media:
        return "application/octet-stream"
    if concrete and not file.mime_type:
        return concrete[0]
    raise ValueError(f"the file is to be {' or '.join(media)}: say so in the `mime_type` of the File, now {said!r}")


def _parts(name: str, value: Any, media: str) -> Iterator[tuple[str, tuple[str | None, Any, str | None]]]:
    kinds = [kind.strip() for kind in media.split(",")]
    for one in _listed(value):
        if isinstance(one, tuple):  # without a file name it would be a text field to servers (RFC 7578, section 4.2)
            yield name, (one[0] or "file", one[1], _media_type(File(one[1], one[0], one[2]), kinds))
        else:
            kind = next((kind for kind in kinds if "*" not in kind), None)
            if isinstance(one, (Mapping, list)) and not str(kind).endswith("json"):
                kind = "application/json"  # which is what it is written as
            yield name, (None, _text(one).encode(), kind)


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, text in pairs:
        grouped.setdefault(name, []).append(text)
    return grouped


def _field(name: str, value: Any, style: str | None) -> Iterable[tuple[str, str]]:
    return [(name, _text(one)) for one in _listed(value)] if style is None else _pairs(name, value, style)


def _pairs(name: str, value: Any, style: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and style in ("", "deepObject"):
        for key, item in value.items():
            yield from _pairs(f"{name}[{key}]" if style else key, item, style)
    elif style in _SEPARATORS and isinstance(value, (Mapping, list)):
        if value:
            yield name, _SEPARATORS[style].join(_texts(value))
    else:
        for one in _listed(value):
            yield name, _text(one)


def _header(name: str, text: str) -> str | bytes:
    """Return a header's value, beyond ASCII as the bytes of UTF-8, which servers take (RFC 9110, section 5.5)."""
    if name.lower() in _OF_THE_MESSAGE:
        raise ValueError(f"the header {name!r} cannot be sent: HTTP itself decides what it says")
    if _CONTROL.search(text) or text != text.strip():
        raise ValueError(f"the header {_name(name)!r} cannot be sent: its value has control characters or outer spaces")
    return text if _name(name) and text.isascii() else text.encode()


def _name(name: str) -> str:
    if _TOKEN.fullmatch(name) is None:
        raise ValueError(f"{name!r} cannot be sent: no header or cookie may have such a name")
    return name


def _plain(value: Any, has_files: bool = False) -> Any:
    """Return a value as JSON has it; a file, where there may be one, as the tuple that httpx takes."""
    if isinstance(value, (File, tuple)):
        if has_files:
            return value.to_tuple() if isinstance(value, File) else value
        raise ValueError("a file cannot be sent here: the document has no multipart body or bytes for it")
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    if isinstance(value, Mapping):
        return {name: _plain(one, has_files) for name, one in value.items() if not isinstance(one, Unset)}
    if isinstance(value, list):
        return [_plain(one, has_files) for one in value]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def _listed(value: Any) -> list[Any]:
    listed = value if isinstance(value, list) else [value]
    return [one for one in listed if _is_said(one)]


def _texts(value: Any) -> list[str]:
    value = _plain(value)
    if isinstance(value, Mapping):
        return [_text(part) for pair in value.items() if _is_said(pair[1]) for part in pair]
    return [_text(one) for one in _listed(value)]


def _joined(value: Any, style: str = "") -> str:
    value = _plain(value)
    if style and isinstance(value, Mapping):  # RFC 6570, section 3.2.2
        return ",".join(f"{key}={_text(one)}" for key, one in value.items() if _is_said(one))
    return ",".join(_texts(value))


def _is_said(value: Any) -> bool:
    return value is not None and not isinstance(value, Unset)


def _text(value: Any) -> str:
    if isinstance(value, (Mapping, list)):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)
