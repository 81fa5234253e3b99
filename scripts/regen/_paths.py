"""The path of an operation: as a document states it, and as it is generated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

from scripts.regen._names import identifier
from scripts.regen._problems import RefusedError
from scripts.regen._rules import SESSION_PARAMETER, Rule

if TYPE_CHECKING:
    from scripts.regen._load import Json
    from scripts.regen._operations import Operation
    from scripts.regen._schemas import ModelBook

PARAMETER_IN_PATH = re.compile(r"\{([^{}/]*)\}")
# RFC 6570, sections 3.2.5 and 3.2.7: what these styles put before a value.
_BEFORE = {"matrix": ";{}=", "label": "."}


def split_path(stated: str) -> tuple[str, list[Json]]:
    """Return a path and, as parameters with one value each, the query that OpenAPI does not allow in it."""
    bare, _, query = stated.partition("?")
    left = PARAMETER_IN_PATH.sub("", bare)
    wrong = ""
    if not stated.startswith("/"):
        wrong = "does not begin with a slash; the address of a server belongs into `servers`"
    elif stated.startswith("//"):
        wrong = "begins with two slashes, after which an address has the name of a host (RFC 3986, section 4.2)"
    elif "#" in stated:
        wrong = "has a fragment (`#`), which is never sent (RFC 9110, section 7.1)"
    elif re.search(r"[{}]", query):
        what = "query template or a pattern in braces" if "{" in left else "query with a parameter"
        wrong = f"has a {what} in it; OpenAPI describes query parameters beside the path"
    elif re.search(r"[{}]", left):
        wrong = "has braces that are not around the name of a parameter; OpenAPI has patterns in the parameter's schema"
    if wrong:
        raise RefusedError(f"The path `{stated[:200]}` {wrong}. Ask the vendor which path is meant, and write that.")
    return bare, [
        {"name": name, "in": "query", "required": True, "schema": {"type": "string", "enum": [value]}}
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]


def path_parameters(book: ModelBook, operation: Operation, rule: Rule | None) -> tuple[list[tuple[str, Json]], str]:
    """List (marker, parameter) of the path in order, and the path with a marker for each: its names are not sent."""
    declared = {one["name"]: one for one in operation.parameters if one["in"] == "path"}
    found: list[tuple[str, Json]] = []
    path = ""
    # What stands between parameters and may not stand in a path is percent-encoded (RFC 3986, section 3.3).
    for number, piece in enumerate(PARAMETER_IN_PATH.split(operation.path)):
        parameter = declared.get(piece, {"schema": {"type": "string"}})
        only = book.only_value(parameter.get("schema")) if number % 2 else None
        if number % 2 == 0:
            path += quote(piece, safe="/%:@!$&'()*+,;=-._~?")
        elif only is not None and not isinstance(only, bool) and str(only):
            path += quote(str(only), safe="")
        else:
            marker = identifier(piece, "parameter")
            while any(marker == known for known, _ in found):
                marker += "_2"
            found.append((marker, parameter))
            path += _BEFORE.get(str(parameter.get("style")), "").format(quote(piece, safe="")) + "{" + marker + "}"
    if rule and len(found) == 1:
        # To the facade a session is whatever text the vendor calls it, whatever format the document gives it.
        path = path.replace("{" + found[0][0] + "}", "{" + SESSION_PARAMETER + "}")
        return [(SESSION_PARAMETER, {"schema": {"type": "string"}})], path
    return found, path
