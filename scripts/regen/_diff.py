"""What changed between two of the vendor's documents, each change additive, breaking or documentation.

Kept libraries were looked at first. The thorough ones are oasdiff and openapi-changes, which are Go programs (the npm
package of the latter fetches a binary, the npm name of the former is a placeholder); openapi-diff and api-smart-diff
need Node. Of those on PyPI, api-diff-sentinel compares no schemas and follows no references, and api-schema-diff (0.1)
lists no check of credentials, servers or enumerations. A regeneration has to work with Python alone, needs to know
which facade method a change touches, and has already resolved and flattened both documents, so the comparison is made
here on the values the generator gets.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.regen._diff_kinds import ADDITIVE, BREAKING, DOCUMENTATION, KINDS, UNJUDGED
from scripts.regen._diff_operation import bare_path, operation_changes
from scripts.regen._diff_schema import SchemaDiff
from scripts.regen._diff_security import SecurityDiff
from scripts.regen._find import base_url, find_operations
from scripts.regen._operations import Operation, operations_of
from scripts.regen._problems import RefusedError
from scripts.regen._refs import pointer_parts
from scripts.regen._rules import FACADE_SOURCE, RULES
from scripts.regen._walk import differing_keys, objects, pointers, without_prose
from scripts.regen._words import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scripts.regen._load import Json

_JUDGED = ("openapi", "info", "servers", "paths", "components", "security", "webhooks", "tags")
NOTHING = "Nothing changed.\n"
_ALL_METHODS = ", ".join(rule.name for rule in RULES)


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        kind: ``breaking`` for someone who used what is gone or different, ``additive``, ``documentation``, or
            ``unjudged``: the vendor changed it, and a person has to see whether it matters.
        where: The operation, or the part of the document.
        text: What changed, a phrase.
        facade: The facade operations that it touches, empty for none.
    """

    kind: str
    where: str
    text: str
    facade: str = ""


def compare(old: Json, new: Json) -> list[Change]:
    """Compare two documents.

    Args:
        old: The document of the committed package.
        new: The document at hand.

    Returns:
        The changes in the order of the new document; empty when the two say the same.
    """
    security = SecurityDiff(old, new)
    changes = [*_about_document(old, new)]
    changes += [
        Change(kind, "security", text, _ALL_METHODS if kind == BREAKING else "") for kind, text in security.schemes()
    ]
    try:
        changes += _about_operations(old, new, security)
    except (RefusedError, RecursionError) as problem:
        return [*changes, Change(BREAKING, "document", f"the two documents cannot be compared any further: {problem}")]
    changes += _about_unused(old, new)
    if not changes and old != new:
        changes.append(_remaining(old, new))
    return changes


def _about_operations(old: Json, new: Json, security: SecurityDiff) -> Iterator[Change]:
    before, after = operations_of(old), operations_of(new)
    names = {
        id(one): name for spec in (before, after) for name, found in find_operations(spec).items() for one in found[:1]
    }
    schemas = SchemaDiff(old, new)
    yield from _about_base(old, new, (_facade_base(before), _facade_base(after)))
    for left, right in _paired(before, after, names):
        known = right or left
        assert known is not None
        facade = names.get(id(right)) or names.get(id(left)) or ""
        if left is None:
            yield Change(ADDITIVE, known.label, "new operation")
        elif right is None:
            yield Change(BREAKING, known.label, "the operation is gone", facade)
        else:
            yield from (
                Change(kind, known.label, text, facade)
                for kind, text in (
                    *operation_changes(left, right, schemas, facade=bool(facade)),
                    *security.access(left.security, right.security),
                )
            )


def _about_base(old: Json, new: Json, bases: tuple[str | None, str | None]) -> Iterator[Change]:
    """Name another base URL that the facade's operations bring, where the document's own servers do not tell."""
    was, now = bases
    if was != now and bases != (base_url(old.get("servers") or ()), base_url(new.get("servers") or ())):
        text = f"the base URL is {now or 'unknown'}, was {was or 'unknown'}: the facade's operations name their servers"
        yield Change(BREAKING, "servers", text, _ALL_METHODS)


def _facade_base(operations: Sequence[Operation]) -> str | None:
    found = next((one[0] for one in find_operations(operations).values() if len(one) == 1), None)
    return base_url(found.servers) if found else None


def _about_unused(old: Json, new: Json) -> Iterator[Change]:
    """Name what no comparison of operations comes to: parts of the document that none of them refers to."""
    left, right = without_prose(old), without_prose(new)
    used = _components_in_use(old) | _components_in_use(new)
    for section in sorted({**_components(left), **_components(right)}):
        if section == "securitySchemes":
            continue
        one, other = _components(left).get(section), _components(right).get(section)
        maps = [part if isinstance(part, dict) else {} for part in (one, other)]
        names = [n for n in {**maps[0], **maps[1]} if maps[0].get(n) != maps[1].get(n) and (section, n) not in used]
        if names:
            listed = ", ".join(f"`{name}`" for name in names[:10]) + (" and more" if len(names) > 10 else "")
            yield Change(UNJUDGED, f"components.{section}", f"{listed} changed, which no operation refers to")
    for key in differing_keys(old, new, _JUDGED):
        yield Change(UNJUDGED, "document", f"`{key}` changed")


def _components(spec: Json) -> Json:
    components = spec.get("components")
    return components if isinstance(components, dict) else {}


def _components_in_use(spec: Json) -> set[tuple[str, str]]:
    """List section and name of the components that the operations refer to, directly or through each other."""
    used = set[tuple[str, str]]()
    left: list[Any] = [spec["paths"]]
    while left:
        for _, node in objects({"paths": left.pop()}):
            mapping = node.get("mapping")
            for ref in (node.get("$ref"), *(mapping.values() if isinstance(mapping, dict) else ())):
                parts = pointer_parts(ref) if isinstance(ref, str) and ref.startswith("#") else []
                if len(parts) > 2 and parts[0] == "components" and (parts[1], parts[2]) not in used:
                    used.add((parts[1], parts[2]))
                    section = _components(spec).get(parts[1])
                    left.append({"x": section.get(parts[2])} if isinstance(section, dict) else {})
    return used


def _remaining(old: Json, new: Json) -> Change:
    places = [f"`{place}`" for place in itertools.islice(pointers(without_prose(old), without_prose(new)), 11)]
    if not places:
        return Change(DOCUMENTATION, "document", "only descriptions and examples")
    return Change(UNJUDGED, "document", f"changed at {', '.join(places[:10])}{' and more' if places[10:] else ''}")


def to_markdown(changes: Sequence[Change], lines: Mapping[str, int] | None = None) -> str:
    """Write changes as Markdown lists, breaking ones first.

    Args:
        changes: What `compare` found.
        lines: Lines of the facade's functions, to point at the ones that a breaking change touches.
    """
    if not changes:
        return NOTHING
    parts: list[str] = []
    for kind in KINDS:
        chosen = [change for change in changes if change.kind == kind]
        if chosen:
            parts.append(f"### {kind.capitalize()} ({len(chosen)})\n")
            parts.extend(
                one_line(f"- {change.where}: {change.text}{_touches(change, lines or {})}") for change in chosen
            )
            parts.append("")
    return "\n".join(parts)


def _touches(change: Change, lines: Mapping[str, int]) -> str:
    if not change.facade or change.kind != BREAKING:
        return ""
    places = [
        f"{name} (`{FACADE_SOURCE}{f':{lines[name]}' if name in lines else ''}`)" for name in change.facade.split(", ")
    ]
    return f" - touches {', '.join(places)}"


def _about_document(old: Json, new: Json) -> Iterator[Change]:
    for key in ("title", "version"):
        if old["info"].get(key) != new["info"].get(key):
            yield Change(DOCUMENTATION, "document", f"`info.{key}` is now {new['info'].get(key)!r}")
    if old.get("openapi") != new.get("openapi"):
        yield Change(DOCUMENTATION, "document", f"written in OpenAPI {new.get('openapi')}, was {old.get('openapi')}")
    before, after = base_url(old.get("servers") or ()), base_url(new.get("servers") or ())
    if before != after:
        yield Change(
            BREAKING, "servers", f"the base URL is {after or 'unknown'}, was {before or 'unknown'}", _ALL_METHODS
        )
    elif without_prose(old.get("servers")) != without_prose(new.get("servers")):
        yield Change(ADDITIVE, "servers", "the list changed, the base URL did not")
    for name in sorted(set(new.get("webhooks") or {}) ^ set(old.get("webhooks") or {})):
        verb = "added" if name in (new.get("webhooks") or {}) else "removed"
        yield Change(ADDITIVE, "webhooks", f"`{name}` {verb} (the vendor calls, no client code)")
    for name, one in (new.get("webhooks") or {}).items():
        if without_prose(one) != without_prose((old.get("webhooks") or {}).get(name, one)):
            yield Change(UNJUDGED, "webhooks", f"`{name}` changed (the vendor calls, no client code)")


def _paired(
    before: Sequence[Operation], after: Sequence[Operation], names: Mapping[int, str]
) -> list[tuple[Operation | None, Operation | None]]:
    """Pair the operations that are the same one: as a facade operation, by method and path, or by identifier."""
    left = list(before)
    pairs: list[tuple[Operation | None, Operation | None]] = []

    def same(one: Operation, other: Operation, by: int) -> bool:
        if by == 0:
            return id(one) in names and names[id(one)] == names.get(id(other))
        if by == 1:
            return (one.method, bare_path(one.path)) == (other.method, bare_path(other.path))
        return one.identifier == other.identifier

    found: dict[int, Operation] = {}
    for by in range(3):
        for other in after:
            if id(other) not in found:
                match = next((one for one in left if same(one, other, by)), None)
                if match is not None:
                    left.remove(match)
                    found[id(other)] = match
    pairs.extend((found.get(id(other)), other) for other in after)
    return [*pairs, *((one, None) for one in left)]


def facade_touched(changes: Sequence[Change]) -> list[str]:
    """Return the facade operations that breaking changes touch, in the order of the table."""
    touched: Any = {name for change in changes if change.kind == BREAKING for name in change.facade.split(", ")}
    return [rule.name for rule in RULES if rule.name in touched]
