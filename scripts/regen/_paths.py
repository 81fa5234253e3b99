"""The path of an operation as it is generated: its parameters in order, everything else as it stands on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from scripts.regen._names import identifier
from scripts.regen._rules import SESSION_PARAMETER, Rule
from scripts.regen._stated_paths import PARAMETER_IN_PATH

if TYPE_CHECKING:
    import re

    from scripts.regen._load import Json
    from scripts.regen._operations import Operation
    from scripts.regen._schemas import ModelBook


def path_parameters(book: ModelBook, operation: Operation, rule: Rule | None) -> tuple[list[tuple[str, Json]], str]:
    """List (marker, parameter) of the path in order, and the path with a plain marker for each.

    Names of path parameters are not on the wire, so they are free: repeated, odd and undeclared ones get one.
    """
    declared = {one["name"]: one for one in operation.parameters if one["in"] == "path"}
    found: list[tuple[str, Json]] = []

    def mark(match: re.Match[str]) -> str:
        only = book.only_value(declared.get(match[1], {}).get("schema"))
        if only is not None and not isinstance(only, bool) and str(only):
            return quote(str(only), safe="")
        marker = identifier(match[1], "parameter")
        while any(marker == known for known, _ in found):
            marker += "_2"
        parameter = declared.get(match[1], {"schema": {"type": "string"}})
        found.append((marker, parameter))
        # RFC 6570, sections 3.2.5 and 3.2.7: what these styles put before a value.
        before = {"matrix": f";{quote(match[1], safe='')}=", "label": "."}.get(str(parameter.get("style")), "")
        return before + "{" + marker + "}"

    pieces: list[str] = []
    end = 0
    for match in PARAMETER_IN_PATH.finditer(operation.path):
        pieces.append(_escaped(operation.path[end : match.start()]))
        pieces.append(mark(match))
        end = match.end()
    pieces.append(_escaped(operation.path[end:]))
    path = "".join(pieces)
    if rule and len(found) == 1:
        marker = found[0][0]
        # To the facade a session is whatever text the vendor calls it, whatever format the document gives it.
        return [(SESSION_PARAMETER, {"schema": {"type": "string"}})], path.replace(
            "{" + marker + "}", "{" + SESSION_PARAMETER + "}"
        )
    return found, path if path.startswith("/") else f"/{path}"


def _escaped(text: str) -> str:
    """Percent-encode what may not stand in a path (RFC 3986, section 3.3), braces first of all."""
    return quote(text, safe="/%:@!$&'()*+,;=-._~?")
