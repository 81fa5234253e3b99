"""Values as they stand in a request; made by `make regen`, never edited by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .types import Unset

_SEPARATORS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}


def path_text(value: Any) -> str:
    """Return a value as one segment of a path, percent-encoded.

    Raises:
        ValueError: It would be no segment of its own (RFC 3986, section 5.2.4), and the request would go elsewhere.
    """
    text = _text(value)
    if text in ("", ".", ".."):
        raise ValueError(f"{text!r} in a path would send the request to another address")
    return quote(text, safe="")


def query_values(name: str, value: Any, style: str) -> dict[str, Any]:
    """Return what a query parameter puts into the query in a style that joins or unfolds (OpenAPI 3.1.1, 4.8.12.6)."""
    if value is None or isinstance(value, Unset):
        return {}
    if style == "deepObject" and isinstance(value, Mapping):
        return {
            key: item
            for inner, held in value.items()
            for key, item in query_values(f"{name}[{inner}]", held, style).items()
        }
    if style in _SEPARATORS and isinstance(value, Mapping):
        value = [part for pair in value.items() for part in pair]
    if style in _SEPARATORS and isinstance(value, (list, tuple)):
        return {name: _SEPARATORS[style].join(map(_text, value))} if value else {}
    return {name: value}


def header_values(headers: dict[str, Any]) -> dict[str, Any]:
    """Return headers with text beyond ASCII as the bytes of UTF-8, which servers take (RFC 9110, section 5.5)."""
    return {
        name: value.encode() if isinstance(value, str) and not value.isascii() else value
        for name, value in headers.items()
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
