"""What changed between two of the vendor's documents, and which names of the generated package callers lose.

Kept libraries were looked at first: oasdiff and openapi-changes are Go programs, openapi-diff and api-smart-diff need
Node, and those on PyPI compare no schemas, credentials or servers. A regeneration has to work with Python alone.
"""

from __future__ import annotations

import ast
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.regen._diff_operation import access_changes, bare_path, operation_changes
from scripts.regen._diff_schema import ADDITIVE, BREAKING, DOCUMENTATION, UNJUDGED, SchemaDiff
from scripts.regen._document import differing_keys, pointers, without_prose
from scripts.regen._find import base_url, find_operations
from scripts.regen._operations import Operation, operations_of
from scripts.regen._rules import RULES
from scripts.regen._security import find_credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from scripts.regen._load import Json


_JUDGED = ("openapi", "info", "servers", "paths", "components", "security", "tags")
_ALL_METHODS = ", ".join(rule.name for rule in RULES)


@dataclass(frozen=True)
class Change:
    """One change."""

    # ``breaking`` for someone who used what is gone or different, ``additive``, ``documentation``, or ``unjudged``: a
    # person has to see whether it matters.
    kind: str
    where: str  # the operation, or the part of the document
    text: str  # what changed, a phrase
    facade: str = ""  # the facade operations that it touches
    decide: bool = False  # whether it moves the place where credentials go, which the owner decides


def compare(old: Json, new: Json) -> list[Change]:
    """Compare two documents."""
    if old == new:
        return []
    changes = [*_about_document(old, new)]
    try:
        before, after = operations_of(old), operations_of(new)
        changes += _about_credentials((old, before), (new, after))
        changes += _about_operations((old, before), (new, after))
    except Exception as problem:  # a document that nobody foresaw must not keep `make spec` from writing it
        return [*changes, Change(BREAKING, "document", f"the two documents cannot be compared any further: {problem}")]
    changes += [Change(UNJUDGED, "document", f"`{key}` changed") for key in differing_keys(old, new, _JUDGED)]
    return changes or [_remaining(old, new)]


def _about_document(old: Json, new: Json) -> Iterator[Change]:
    for key in ("title", "version"):
        if old["info"].get(key) != new["info"].get(key):
            yield Change(DOCUMENTATION, "document", f"`info.{key}` is now {new['info'].get(key)!r}")
    if old.get("openapi") != new.get("openapi"):
        yield Change(DOCUMENTATION, "document", f"written in OpenAPI {new.get('openapi')}, was {old.get('openapi')}")
    if without_prose(old.get("servers")) != without_prose(new.get("servers")):
        yield Change(DOCUMENTATION, "servers", "the list of servers changed")


def _about_credentials(*documents: tuple[Json, Sequence[Operation]]) -> Iterator[Change]:
    """Name what moves the place where the facade sends its credential: another base URL, header, parameter, prefix."""
    (was, before), (now, after) = (_places(*one) for one in documents)
    if was != now:
        is_own = now != base_url(documents[1][0].get("servers") or ())
        whose = ": the facade's operations name their servers" if is_own else ""
        text = f"the base URL is {now or 'unknown'}, was {was or 'unknown'}{whose}"
        yield Change(BREAKING, "servers", text, _ALL_METHODS, decide=True)
    for what, place, earlier in zip(("an API key", "a token"), after, before, strict=True):
        if place.lower() != earlier.lower():
            text = f"{what} goes to {place}, went to {earlier}"
            yield Change(BREAKING, "security", text, _ALL_METHODS, decide=True)


def _places(spec: Json, operations: Sequence[Operation]) -> tuple[str | None, tuple[str, str]]:
    """Say where the facade's requests go, and where in them an API key and a token stand."""
    facade = [found[0] for found in find_operations(operations).values() if len(found) == 1]
    found = find_credentials(spec, facade)
    key = f"the {found.api_key[0]} `{found.api_key[1]}`" if found.api_key else "no place"
    token = f"the header `{found.bearer[0]}` behind `{found.bearer[1].strip()}`" if found.bearer else "no place"
    return base_url(facade[0].servers if facade else spec.get("servers") or ()), (key, token)


def _about_operations(old: tuple[Json, Sequence[Operation]], new: tuple[Json, Sequence[Operation]]) -> Iterator[Change]:
    specs, operations = (old[0], new[0]), (old[1], new[1])
    schemas = SchemaDiff(*specs)
    names = {id(one): name for each in operations for name, found in find_operations(each).items() for one in found[:1]}
    for left, right in _paired(*operations, names):
        facade = names.get(id(right)) or names.get(id(left)) or ""
        if left and right:
            for kind, text in (
                *operation_changes(left, right, schemas, facade=bool(facade)),
                *access_changes(left, right, specs),
            ):
                yield Change(kind, right.label, text, facade)
        elif left:
            yield Change(BREAKING, left.label, "the operation is gone", facade)
        elif right:
            yield Change(ADDITIVE, right.label, "new operation")


def _paired(
    before: Sequence[Operation], after: Sequence[Operation], names: Mapping[int, str]
) -> list[tuple[Operation | None, Operation | None]]:
    """Pair the operations that are the same one: as a facade operation, by method and path, or by identifier."""
    found: dict[int, Operation] = {}
    keys: tuple[Callable[[Operation], Any], ...] = (
        lambda one: names.get(id(one)),
        lambda one: (one.method, bare_path(one.path)),
        lambda one: one.identifier,
    )
    left = list(before)
    for key in keys:
        waiting = {key(one): one for one in reversed(left)}
        waiting.pop(None, None)
        for other in after:
            if id(other) not in found and key(other) in waiting:
                found[id(other)] = waiting.pop(key(other))
                left.remove(found[id(other)])
    return [*((found.get(id(other)), other) for other in after), *((one, None) for one in left)]


def _remaining(old: Json, new: Json) -> Change:
    places = [f"`{place}`" for place in itertools.islice(pointers(without_prose(old), without_prose(new)), 11)]
    if not places:
        return Change(DOCUMENTATION, "document", "only descriptions and examples")
    return Change(UNJUDGED, "document", f"changed at {', '.join(places[:10])}{' and more' if places[10:] else ''}")


_METHOD, _MODULE, _MODEL = "methods of `client.api`", "modules of operations", "models"
_CLASSES = re.compile(r"^class (\w+)|^(\w+) = Literal\[", re.MULTILINE)
_REQUEST = re.compile(r"Request: `([^`]*)`")


def package_changes(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Iterator[Change]:
    """Compare the names of two packages; one that only moved is told with its new name."""
    differing = {path for path in {**old, **new} if old.get(path) != new.get(path)}
    before, after = (dict(_named({path: tree[path] for path in differing & tree.keys()})) for tree in (old, new))
    fresh = {name: said for name, said in after.items() if name not in before}
    for name, said in before.items():
        if name not in after:
            heir = next((other for other, its in fresh.items() if its == said), None)
            fresh.pop(heir or "", None)
            yield Change(BREAKING, said[0], f"`{name}` is {f'called `{heir}` now' if heir else 'gone'}")
        elif said[0] == _METHOD and after[name] != said and said in after.values():
            yield Change(BREAKING, said[0], f"`{name}` is another operation now, {after[name][1]}")
    for name, (room, what) in fresh.items():
        if room == _METHOD:
            yield Change(ADDITIVE, room, f"`{name}` is new: {what}")


def _named(files: Mapping[str, bytes]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the public names of generated files, each with its room and what it is beside its name."""
    for path, data in sorted(files.items()):
        folder, *parts = path.removesuffix(".py").split("/")
        if not path.endswith(".py") or not parts or parts[-1] == "__init__":
            continue
        text, stem = data.decode(), parts[-1]
        if folder == "api":
            request = text.partition("def _get_kwargs")[2].partition("\n\n\n")[0]
            yield ".".join(["aikynetix_api.api", *parts]), (_MODULE, request)
        elif folder == "models":
            for name in map("".join, _CLASSES.findall(text)):
                same = re.sub(rf"\b({re.escape(name)}|{re.escape(stem)})\b", "_", text)
                yield f"aikynetix_api.models.{name}", (_MODEL, same)
        elif folder == "operations":
            for method in ast.walk(ast.parse(text)):
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                    requests = _REQUEST.findall(ast.get_docstring(method) or "")
                    yield f"client.api.{stem}.{method.name}", (_METHOD, requests[-1])
