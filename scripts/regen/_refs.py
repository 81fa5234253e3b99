"""References inside one document: finding their targets, and refusing the ones that lead nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from scripts.regen._problems import RefusedError
from scripts.regen._walk import objects

if TYPE_CHECKING:
    from scripts.regen._load import Json


def lookup(spec: Json, ref: object, where: str) -> Any:
    """Return what a reference points at (RFC 6901, as a URI fragment)."""
    if not isinstance(ref, str):
        raise RefusedError(f"The `$ref` at {where} is not text, so it refers to nothing.")
    if not ref.startswith("#"):
        raise RefusedError(
            f"The `$ref` at {where} leads to another document ({ref[:80]}), and only one file is read. Ask the vendor "
            "for a bundled document, or bundle it (for example with `npx @redocly/cli bundle`)."
        )
    node: Any = spec
    try:
        for part in pointer_parts(ref):
            node = node[int(part)] if isinstance(node, list) else node[part]
    except (KeyError, IndexError, ValueError, TypeError):
        node = None
    if node is None or (len(ref) > 1 and unquote(ref)[1] != "/"):
        raise RefusedError(
            f"The reference `{ref[:120]}` at {where} leads nowhere: the document has no such part. Is it half of a "
            "document, or was the part renamed? (One to an `$anchor` has to be written as the place itself.)"
        )
    return node


def resolve(spec: Json, node: Any, where: str) -> Any:
    """Follow references until a value that is not one; words beside a `$ref` win over its target's."""
    seen: list[str] = []
    while isinstance(node, Mapping) and "$ref" in node:
        ref = str(node["$ref"])
        if ref in seen:
            raise RefusedError(f"The reference `{ref[:120]}` at {where} leads back to itself.")
        seen.append(ref)
        target = lookup(spec, node["$ref"], where)
        beside = {key: value for key, value in node.items() if key in ("description", "summary")}
        node = {**target, **beside} if isinstance(target, Mapping) else target
    return node


def pointer_parts(ref: str) -> list[str]:
    """Split a reference such as ``#/components/schemas/A~1B`` into its unescaped keys."""
    return [part.replace("~1", "/").replace("~0", "~") for part in unquote(ref).split("/")[1:]]


def check_references(spec: Json) -> None:
    """Refuse a document with a reference that leads nowhere or outside."""
    for where, node in objects(spec):
        if "$ref" in node:
            lookup(spec, node["$ref"], f"`{where}`")
