"""Paths as a document states them: what no request could follow is refused before anything is made of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from scripts.regen._problems import RefusedError

if TYPE_CHECKING:
    from scripts.regen._load import Json

PARAMETER_IN_PATH = re.compile(r"\{([^{}/]*)\}")
_WRITE_SO = "ask the vendor to, or write it so"


def split_path(stated: str) -> tuple[str, list[Json]]:
    """Return a path and, as parameters with one value each, the query that OpenAPI does not allow in it.

    Raises:
        RefusedError: It is no path from the server's root (OpenAPI 3.1.1, section 4.8.8.1), or something in it is to be
            filled in that is described nowhere.
    """
    shown = f"The path `{stated[:200]}`"
    if not stated.startswith("/"):
        raise RefusedError(
            f"{shown} does not begin with a slash, as paths of an OpenAPI document have to; the address of a server "
            f"belongs into `servers`. If the path is meant from the server's root, {_WRITE_SO}."
        )
    if stated.startswith("//"):
        raise RefusedError(
            f"{shown} begins with two slashes, after which an address has the name of a host (RFC 3986, section 4.2): "
            "requests would lose its first part. Ask the vendor which path is meant, and write that."
        )
    bare, _, query = stated.partition("?")
    if "#" in stated:
        raise RefusedError(
            f"{shown} has a fragment (`#`), which is never sent (RFC 9110, section 7.1). Ask the vendor what tells "
            "the operation from others on the wire, and write that."
        )
    if "{" in query or "}" in query:
        if "{" in PARAMETER_IN_PATH.sub("", bare):
            raise RefusedError(
                f"{shown} has a query template or a pattern in braces (RFC 6570 has such, OpenAPI has not); OpenAPI "
                f"describes query parameters beside the path: {_WRITE_SO}."
            )
        raise RefusedError(
            f"{shown} has a query with a parameter in it, which OpenAPI describes beside the path; {_WRITE_SO}."
        )
    left = PARAMETER_IN_PATH.sub("", bare)
    if "{" in left or "}" in left:
        raise RefusedError(
            f"{shown} has braces that are not around the name of a parameter. A pattern such as `{{id:[0-9]{{2}}}}` is "
            f"described in the parameter's schema in OpenAPI; {_WRITE_SO}."
        )
    return bare, [
        {"name": name, "in": "query", "required": True, "schema": {"type": "string", "enum": [value]}}
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]
