"""What changed between two of the vendor's documents, each change additive, breaking or documentation.

Kept libraries were looked at first. The thorough ones are oasdiff and openapi-changes, which are Go programs (the npm
package of the latter fetches a binary, the npm name of the former is a placeholder); openapi-diff and api-smart-diff
need Node. Of those on PyPI, api-diff-sentinel compares no schemas and follows no references, and api-schema-diff (0.1)
lists no check of credentials, servers or enumerations. A regeneration has to work with Python alone, needs to know
which facade method a change touches, and has already resolved and flattened both documents, so the comparison is made
here on the values the generator gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.regen._diff_schema import SchemaDiff
from scripts.regen._find import base_url, find_operations
from scripts.regen._operations import PARAMETER_IN_PATH, Operation, operations_of
from scripts.regen._problems import RefusedError
from scripts.regen._rules import FACADE_SOURCE, RULES
from scripts.regen._walk import without_prose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scripts.regen._load import Json

BREAKING, ADDITIVE, DOCUMENTATION = "breaking", "additive", "documentation"
NOTHING = "Nothing changed.\n"
_ALL_METHODS = ", ".join(rule.name for rule in RULES)


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        kind: ``breaking`` for someone who used what is gone or different, ``additive``, or ``documentation``.
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
    changes = [*_about_document(old, new), *_about_security(old, new)]
    try:
        before, after = operations_of(old), operations_of(new)
    except RefusedError:
        return [*changes, Change(BREAKING, "document", "the previous document cannot be read any more")]
    names = {
        id(one): name for spec in (before, after) for name, found in find_operations(spec).items() for one in found[:1]
    }
    pairs = _paired(before, after, names)
    schemas = SchemaDiff(old, new)
    for left, right in pairs:
        changes.extend(_about_operation(left, right, names, schemas))
    if not changes and old != new:
        same = without_prose(old) == without_prose(new)
        changes.append(
            Change(
                DOCUMENTATION, "document", "only descriptions and examples" if same else "parts that no request uses"
            )
        )
    return changes


def to_markdown(changes: Sequence[Change], lines: Mapping[str, int] | None = None) -> str:
    """Write changes as Markdown lists, breaking ones first.

    Args:
        changes: What `compare` found.
        lines: Lines of the facade's functions, to point at the ones that a breaking change touches.
    """
    if not changes:
        return NOTHING
    parts: list[str] = []
    for kind in (BREAKING, ADDITIVE, DOCUMENTATION):
        chosen = [change for change in changes if change.kind == kind]
        if chosen:
            parts.append(f"### {kind.capitalize()} ({len(chosen)})\n")
            parts.extend(f"- {change.where}: {change.text}{_touches(change, lines or {})}" for change in chosen)
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


def _about_security(old: Json, new: Json) -> Iterator[Change]:
    before, after = _schemes(old), _schemes(new)
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in after:
            yield Change(BREAKING, "security", f"the scheme `{name}` is gone", _ALL_METHODS)
        elif name not in before:
            yield Change(ADDITIVE, "security", f"the scheme `{name}` ({_scheme(after[name])}) is new")
        elif _scheme(before[name]) != _scheme(after[name]):
            text = f"the scheme `{name}` is {_scheme(after[name])}, was {_scheme(before[name])}"
            yield Change(BREAKING, "security", text, _ALL_METHODS)


def _schemes(spec: Json) -> Json:
    components = spec.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    return {name: one for name, one in (schemes or {}).items() if isinstance(one, dict)}


def _scheme(scheme: Json) -> str:
    kind = str(scheme.get("type"))
    return (
        f"{kind} `{scheme.get('name')}` in {scheme.get('in')}"
        if kind == "apiKey"
        else f"{kind} {scheme.get('scheme', '')}".strip()
    )


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
            return (one.method, _bare(one.path)) == (other.method, _bare(other.path))
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


def _bare(path: str) -> str:
    return PARAMETER_IN_PATH.sub("{}", path)


def _about_operation(
    old: Operation | None, new: Operation | None, names: Mapping[int, str], schemas: SchemaDiff
) -> Iterator[Change]:
    known = new or old
    assert known is not None
    facade = names.get(id(new)) or names.get(id(old)) or ""
    if old is None:
        yield Change(ADDITIVE, known.label, "new operation")
        return
    if new is None:
        yield Change(BREAKING, known.label, "the operation is gone", facade)
        return
    found = [*_identity(old, new, bool(facade)), *_parameters(old, new, schemas), *_bodies(old, new, schemas)]
    found += [*_responses(old, new, schemas), *_access(old, new)]
    for kind, text in found:
        yield Change(kind, new.label, text, facade)


def _identity(old: Operation, new: Operation, facade: bool) -> Iterator[tuple[str, str]]:
    if old.method != new.method:
        yield BREAKING, f"the method is {new.method.upper()}, was {old.method.upper()}"
    if _bare(old.path) != _bare(new.path):
        yield BREAKING, f"the path was {old.path}"
    elif old.path != new.path:
        yield (
            ADDITIVE,
            f"path parameters are named {', '.join(new.path_parameters)}, were {', '.join(old.path_parameters)}",
        )
    if (old.identifier, old.tag) != (new.identifier, new.tag):
        # The facade's operations keep their module whatever the vendor calls them.
        kind = ADDITIVE if facade else BREAKING
        yield kind, f"it is called `{new.tag}`/`{new.identifier}`, was `{old.tag}`/`{old.identifier}`"
    if new.deprecated and not old.deprecated:
        yield ADDITIVE, "it is deprecated now"
    if without_prose(list(old.servers)) != without_prose(list(new.servers)) and (old.own_servers or new.own_servers):
        yield BREAKING, "its own servers changed"


def _parameters(old: Operation, new: Operation, schemas: SchemaDiff) -> Iterator[tuple[str, str]]:
    before = {(one["in"], one["name"]): one for one in old.parameters if one["in"] != "path"}
    after = {(one["in"], one["name"]): one for one in new.parameters if one["in"] != "path"}
    for key in [*before, *(key for key in after if key not in before)]:
        title = f"{key[0]} parameter `{key[1]}`"
        if key not in after:
            yield BREAKING, f"{title} is gone"
        elif key not in before:
            required = after[key].get("required") is True
            yield (BREAKING, f"new required {title}") if required else (ADDITIVE, f"new {title}")
        else:
            yield from _requirement(title, before[key].get("required") is True, after[key].get("required") is True)
            yield from schemas.request(before[key].get("schema"), after[key].get("schema"), title)
    schemas_of_path = [[one.get("schema") for one in spec.parameters if one["in"] == "path"] for spec in (old, new)]
    if len(schemas_of_path[0]) == len(schemas_of_path[1]):
        for left, right in zip(*schemas_of_path, strict=True):
            yield from schemas.request(left, right, "a path parameter")


def _requirement(title: str, before: bool, after: bool) -> Iterator[tuple[str, str]]:
    if before != after:
        yield (BREAKING, f"{title} is required now") if after else (ADDITIVE, f"{title} is optional now")


def _bodies(old: Operation, new: Operation, schemas: SchemaDiff) -> Iterator[tuple[str, str]]:
    if old.body is None or new.body is None:
        if new.body is not None:
            required = new.body.get("required") is True
            yield (BREAKING, "it requires a body now") if required else (ADDITIVE, "it takes a body now")
        elif old.body is not None:
            yield BREAKING, "it takes no body any more"
        return
    yield from _requirement("the body", old.body.get("required") is True, new.body.get("required") is True)
    yield from _contents(old.body["content"], new.body["content"], "the body", schemas, request=True)


def _responses(old: Operation, new: Operation, schemas: SchemaDiff) -> Iterator[tuple[str, str]]:
    for status in [*old.responses, *(status for status in new.responses if status not in old.responses)]:
        success = status.startswith("2")
        if status not in new.responses:
            yield (BREAKING if success else ADDITIVE), f"the answer {status} is not documented any more"
        elif status not in old.responses:
            yield ADDITIVE, f"new answer {status}"
        else:
            before, after = old.responses[status]["content"], new.responses[status]["content"]
            yield from _contents(before, after, f"the answer {status}", schemas, request=False)


def _contents(old: Json, new: Json, title: str, schemas: SchemaDiff, *, request: bool) -> Iterator[tuple[str, str]]:
    for kind in [*old, *(kind for kind in new if kind not in old)]:
        if kind not in new:
            yield BREAKING, f"{title} as {kind} is gone"
        elif kind not in old:
            yield ADDITIVE, f"{title} can be {kind}"
        else:
            differ = schemas.request if request else schemas.response
            yield from differ(old[kind].get("schema"), new[kind].get("schema"), title)


def _access(old: Operation, new: Operation) -> Iterator[tuple[str, str]]:
    before, after = _alternatives(old.security), _alternatives(new.security)
    if before != after:
        lost = before - after
        yield (
            (BREAKING if lost else ADDITIVE),
            f"it accepts the credentials {_listed(after)}, accepted {_listed(before)}",
        )


def _alternatives(security: Sequence[Json] | None) -> set[str]:
    return {" with ".join(sorted(one)) or "none" for one in security or [{}]}


def _listed(values: set[str]) -> str:
    return " or ".join(sorted(values))


def facade_touched(changes: Sequence[Change]) -> list[str]:
    """Return the facade operations that breaking changes touch, in the order of the table."""
    touched: Any = {name for change in changes if change.kind == BREAKING for name in change.facade.split(", ")}
    return [rule.name for rule in RULES if rule.name in touched]
