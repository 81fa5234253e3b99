"""What changed between two of the vendor's documents and in the names that callers have for it, and the report of it.

A document says nothing of names in Python: what is new may take another's. Each change is told on one side alone.

Kept libraries were looked at first: oasdiff and openapi-changes are Go programs, openapi-diff and api-smart-diff need
Node, and those on PyPI compare no schemas, credentials or servers. A regeneration has to work with Python alone.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.regen._canonical import joining_style, reading_order, schema_of
from scripts.regen._diff_schema import (
    ADDITIVE,
    BREAKING,
    DOCUMENTATION,
    KINDS,
    UNCLASSIFIED,
    Found,
    Shapes,
    SideDiff,
    paired,
    unclassified,
)  # fmt: skip
from scripts.regen._document import differing_keys, pointers, without_prose
from scripts.regen._generate import method_names
from scripts.regen._names import normalize_name
from scripts.regen._rules import FACADE_SOURCE, RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from scripts.regen._canonical import Canonical
    from scripts.regen._document import Json
    from scripts.regen._facade import Plan
    from scripts.regen._operations import Operation

_ALL_METHODS = ", ".join(rule.name for rule in RULES)
_LOCATED = ("the base URL is {}, was {}", "an API key goes to {}, went to {}", "a token goes to {}, went to {}")
_METHOD, _MODULE, _MODEL = "methods of `client.api`", "modules of operations", "models"
_MOST_LABELS = 5
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Change:
    """One change."""

    kind: str  # breaking, additive or documentation; unclassified where a person has to see whether it matters
    where: str  # the operation, or the part of the document
    text: str  # what changed, a phrase
    facade: str = ""  # the facade operations that it touches
    decide: bool = False  # whether it moves the place where credentials go, which the owner decides


def compare(old: Plan, new: Plan) -> list[Change]:
    """Compare two documents."""
    if old.spec == new.spec:
        return []
    changes = [*_about_credentials(old.canonical, new.canonical), *_about_operations(old, new)]
    for key in differing_keys(old.spec, new.spec, ("paths", "components", "security", "tags")):
        now, was = (json.dumps(without_prose(one.spec.get(key)), ensure_ascii=False)[:200] for one in (new, old))
        kind = DOCUMENTATION if key in ("openapi", "info", "servers") else UNCLASSIFIED
        changes.append(Change(kind, "document", f"`{key}` is {now}, was {was}"))
    if changes:
        return changes
    differing = [f"`{pointer}`" for pointer in pointers(without_prose(old.spec), without_prose(new.spec))]
    if not differing:
        return [Change(DOCUMENTATION, "document", "only descriptions and examples")]
    text = f"changed at {', '.join(differing[:10])}{' and more' if differing[10:] else ''}"
    if old.canonical.document == new.canonical.document:  # of which the package is made
        return [Change(DOCUMENTATION, "document", f"{text}, which changes no operation")]
    return [Change(UNCLASSIFIED, "document", text)]


def _about_credentials(*sides: Canonical) -> Iterator[Change]:
    """Name what moves the facade's credential to another location: another base URL, header, parameter, prefix."""
    for text, earlier, location in zip(_LOCATED, *map(_credential_locations, sides), strict=True):
        # Names of headers have no case, and paths have one.
        if location != earlier and (text is _LOCATED[0] or location.lower() != earlier.lower()):
            yield Change(BREAKING, "document", text.format(location, earlier), _ALL_METHODS, decide=True)


def _credential_locations(side: Canonical) -> tuple[str, str, str]:
    """Say where the facade's requests go, and where in them an API key and a token stand."""
    key, token = side.credentials.api_key, side.credentials.bearer
    return (
        side.base or "unknown",
        f"the {key[0]} `{key[1]}`" if key else "nowhere",
        f"the header `{token[0]}` behind `{token[1].strip()}`" if token else "nowhere",
    )


def _about_operations(old: Plan, new: Plan) -> Iterator[Change]:
    shapes = [Shapes(old.spec), Shapes(new.spec)]
    requests, responses = (SideDiff(*shapes, request=is_request) for is_request in (True, False))
    ours = {id(one.operation): one.name for side in (old, new) for one in side.canonical.facade.values()}
    called = {
        id(one.operation): name
        for side in (old, new)
        for name, one in zip(methods_of(side.canonical), side.canonical.endpoints, strict=True)
        if not one.suffix
    }
    keys = (lambda one: ours.get(id(one)), lambda one: (one.method, one.bare_path), lambda one: one.identifier)
    for left, right in paired(old.operations, new.operations, *keys):
        facade = ours.get(id(right)) or ours.get(id(left)) or ""
        if left and right:
            changes = (
                *_identity(left, right),
                *_parameters(left, right, requests),
                *_responses(left, right, responses),
                *_access(left, right, (old.canonical, new.canonical)),
                *unclassified(left.more, right.more, "it"),
            )
            yield from (Change(kind, right.label, text, facade) for kind, text in changes)
            paths = (side.url_paths.get(facade, ()) for side in (old, new))
            was, now = (" or ".join(f"`{'.'.join(path)}`" for path in one) for one in paths)
            if was and now and was != now:
                text = f"the address of the video is read from {now}, was {was}"
                yield Change(UNCLASSIFIED, right.label, text, facade)
        elif left:
            yield Change(BREAKING, left.label, f"the operation is gone, `{called[id(left)]}`", facade)
        elif right:
            yield Change(ADDITIVE, right.label, f"new operation, `{called[id(right)]}`")


def _identity(old: Operation, new: Operation) -> Found:
    if old.method != new.method:
        yield BREAKING, f"the method is {new.method.upper()}, was {old.method.upper()}"
    if old.bare_path != new.bare_path:
        yield BREAKING, f"the path was {old.path}"
    elif old.path != new.path:
        names = [", ".join(one.path_parameters) for one in (new, old)]
        is_same = normalize_name(names[0]) == normalize_name(names[1])
        yield DOCUMENTATION if is_same else BREAKING, f"path parameters are named {names[0]}, were {names[1]}"
    if new.deprecated and not old.deprecated:
        yield ADDITIVE, "it is deprecated now"
    if without_prose(list(old.servers)) != without_prose(list(new.servers)) and (old.own_servers or new.own_servers):
        yield BREAKING, "its own servers changed"


def _parameters(old: Operation, new: Operation, requests: SideDiff) -> Found:
    before, after = (_said(one) for one in (old, new))
    needed, needs = ([title for title, one in said.items() if one.get("required") is True] for said in (before, after))
    yield from requests.members(before, after, str, needed, needs)
    for title, left in before.items():
        right = after.get(title, {})
        if title == "body" and right:
            yield from _contents(left, right, "the body", requests)
        elif right:
            is_single = requests.is_single(schema_of(right))
            was, now = ("" if is_single else joining_style(one) for one in (left, right))
            if was != now:
                yield BREAKING, f"{title} is written as {now or 'repeated values'}, was {was or 'repeated values'}"
            known = ("style", "explode") if was != now else ("content",) if "content" not in left else ()
            yield from unclassified(left, right, title, ("name", "in", "required", "schema", *known))
            yield from requests.schemas(schema_of(left), schema_of(right), title)


def _said(operation: Operation) -> Json:
    """List what a request says; the parameters in a path are the same in whatever way they are called."""
    number = itertools.count(1)
    said = {
        f"path parameter {next(number)}" if one["in"] == "path" else _parameter(one["in"], one["name"]): one
        for one in operation.parameters
    }
    return {**said, "body": operation.body} if operation.body else said


def _parameter(location: str, name: str) -> str:
    """Name a parameter; names of headers have no case (RFC 9110, 5.1)."""
    return f"{location} parameter `{name.lower() if location == 'header' else name}`"


def _responses(old: Operation, new: Operation, responses: SideDiff) -> Found:
    known = [without_prose(one["content"]) for status, one in old.responses.items() if status.startswith("2")]
    for status in {**old.responses, **new.responses}:
        # Whoever handles an error that does not come any more misses nothing.
        kind = BREAKING if status.startswith("2") else ADDITIVE
        # What a document says of a range it says of each status that has nothing of its own there.
        was, now = (side.responses.get(status) or side.responses.get(f"{status[0]}XX") for side in (old, new))
        if not now:
            is_split = any(f"{one[0]}XX" == status for one in new.responses)
            yield ADDITIVE if is_split else kind, f"response {status} is gone"
        elif not was:
            is_known = not known or without_prose(now["content"]) in known
            yield ADDITIVE if is_known else kind, f"new response {status}"
        else:
            yield from _contents(was, now, f"the response {status}", responses, kind)


def _contents(old: Json, new: Json, title: str, side: SideDiff, kind_of_first: str = ADDITIVE) -> Found:
    yield from unclassified(old, new, title, ("content", "required"))
    before, after = _by_type(old["content"]), _by_type(new["content"])
    first = min(after, key=reading_order, default="")
    for kind in {**before, **after}:
        if kind not in after:
            yield BREAKING, f"`{kind}` of {title} is gone"
        elif kind not in before:
            yield kind_of_first if kind == first else ADDITIVE, f"new `{kind}` of {title}"
        else:
            left, right = before[kind], after[kind]
            yield from unclassified(left, right, title, ("schema",))
            yield from side.schemas(left.get("schema"), right.get("schema"), title)


def _by_type(content: Json) -> Json:
    """List contents by their media type, which has no case and whose parameters change nothing (RFC 9110, 8.3.1)."""
    return {kind.split(";", maxsplit=1)[0].strip().lower(): media for kind, media in reversed(content.items())}


def _access(old: Operation, new: Operation, sides: tuple[Canonical, Canonical]) -> Found:
    """Compare the credentials that an operation asks for; breaking when what was enough is not enough any more."""
    before, after = (_accepted(one, side) for one, side in zip((old, new), sides, strict=True))
    if before.keys() != after.keys():
        lost = any(not any(enough <= one for enough in after) for one in before)
        said = [" or ".join(sorted({*one.values()})) for one in (after, before)]
        yield BREAKING if lost else ADDITIVE, f"it accepts {said[0]}, accepted {said[1]}"


def _accepted(operation: Operation, side: Canonical) -> dict[frozenset[str], str]:
    """List what is enough: the credentials that are needed together, once for each scope, and how they are called.

    Names of headers and schemes have no case (RFC 9110, 5.1); a token is one thing, as scheme of HTTP and as API key.
    """
    found: dict[frozenset[str], str] = {}
    for one in operation.security or [{}]:
        parts: list[str] = []
        for name, scopes in one.items():
            scheme = side.credentials.schemes[name]
            sent = f"{scheme.get('type')} {scheme.get('scheme', '')}".strip()
            if name in side.credentials.bearer_schemes:
                sent = "a token in `Authorization`"
            elif scheme.get("type") == "apiKey":
                sent = f"`{scheme.get('name')}` in the {scheme.get('in')}"
            parts += [sent, *(f"{sent} for {scope}" for scope in (scopes if isinstance(scopes, list) else ()))]
        found[frozenset(map(str.lower, parts))] = " with ".join(sorted(parts)) or "none"
    return found


@dataclass(frozen=True)
class _Named:
    """An operation or a model."""

    names: Mapping[str, str]  # its public names, by what they are names of
    keys: tuple[Any, ...]  # what tells it from others, the surest first; None where that tells nothing
    wires: Mapping[str, str]  # its arguments or fields, by their names in Python: what each is on the wire


def name_changes(old: Canonical, new: Canonical) -> Iterator[Change]:
    """Yield what has another name, or whose name is another's now; the documents themselves tell the rest."""
    for title, named in (("argument", _operations), ("field", _models)):
        before, after = [*named(old)], [*named(new)]
        taken = {name for one in after for name in one.names.values()}
        for left, right in paired(before, after, *(lambda one, n=n: one.keys[n] for n in range(4))):
            for what, name in left.names.items() if left else ():
                now = right.names[what] if right else ""
                if now != name and (now or what == _MODEL):  # of an operation that is gone the document tells
                    text = f"called `{now}` now" if now else "gone"
                    text = f"another now, and what it was is {text}" if name in taken else text
                    yield Change(BREAKING, what, f"`{name}` is {text}")
            if left and right:
                where = f"`{next(iter(right.names.values()))}`"
                yield from (Change(BREAKING, where, f"its {title} {text}") for text in _moved(left.wires, right.wires))


def _moved(was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    called = {wire: own for own, wire in now.items()}
    for own, wire in was.items():
        if own in now and now[own] != wire:
            yield f"`{own}` is {now[own]}, was {wire}"
        elif own not in now and wire in called:
            yield f"`{own}` is called `{called[wire]}` now"


def methods_of(canonical: Canonical) -> list[str]:
    """Return what each endpoint is called in `client.api`."""
    names = method_names([(one.operation, one.suffix) for one in canonical.endpoints])
    return [f"client.api.{group}.{name}" for group, name in names]


def _operations(canonical: Canonical) -> Iterator[_Named]:
    """Yield operations; what their parameters in the path are called is told of the document's path."""
    for method, one in zip(methods_of(canonical), canonical.endpoints, strict=True):
        request, media = (one.operation.method, one.operation.bare_path), one.body.media[0] if one.body else ""
        others = [other for other in one.parameters if other.location != "path"]
        yield _Named(
            {_METHOD: method, _MODULE: one.module},
            ((request, media), (request, one.suffix), (one.operation.identifier, one.suffix), None),
            {other.own: f"the {_parameter(other.location, other.wire)}" for other in others},
        )


def _models(canonical: Canonical) -> Iterator[_Named]:
    registry = canonical.registry
    vendors = {own: name for name, own in registry.names.items()}
    for name, view in registry.components.items():
        wires = {own: registry.wire_names.get(name, {}).get(own, own) for own in view.get("properties", ())}
        content = json.dumps([without_prose(view), wires]).replace(f'/{name}"', '/"')
        yield _Named(
            {_MODEL: f"aikynetix_api.models.{name}"},
            (vendors.get(name), (name, content), content, name),
            {own: f"the field `{wire}`" for own, wire in wires.items()},
        )


def report(planned: Plan, changes: Sequence[Change], *, accepted: bool = False) -> str:
    """Return the report as Markdown."""
    info, count = planned.spec["info"], len(planned.operations)
    undecided = [one for one in changes if one.decide]
    title = " ".join(f"{info.get('title', '')} {info.get('version', '')}".split())
    counted = f"{count} operation{'' if count == 1 else 's'}"
    parts = [f"# Regeneration report\n\n{one_line(title)}, OpenAPI {planned.spec['openapi']}: {counted}.\n"]
    findings = [(f"**{one.method}** ({_source_line(one.method)})", one) for one in planned.findings]
    if findings:
        parts.append("## Facade methods that can no longer do their job\n")
        parts += _listed(f"{source}: {one.changed}. What to do: {one.advice}." for source, one in findings)
    else:
        absorbed = "; what changed below is absorbed by regenerating" if changes and not undecided else ""
        parts.append(f"Every facade method can still do its job{absorbed}.\n")
    parts += ["## Changes since the committed document\n", to_markdown(changes)]
    if planned.canonical.caveats:
        parts += ["## Not expressed in generated code\n", *_listed(planned.canonical.caveats)]
    parts += _draft(changes)
    left = [f"{source}: {one.advice}" for source, one in findings]
    if not accepted:
        left += [f"decide: {one.text}. `make regen ACCEPT=1` lets credentials go there" for one in undecided]
    return "\n".join([*parts, *(["By hand:\n", *_listed(left)] if left else [])])


def to_markdown(changes: Sequence[Change]) -> str:
    """Write changes as Markdown lists, breaking ones first."""
    parts: list[str] = []
    for kind in KINDS:
        if chosen := [change for change in changes if change.kind == kind]:
            parts += [f"### {kind.capitalize()} ({len(chosen)})\n", *_listed(_entries(chosen, with_sources=True))]
    return "\n".join(parts) or "Nothing changed.\n"


def one_line(text: str) -> str:
    """Spell out the characters that would begin a line of their own, move the cursor or turn the text around."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _listed(entries: Iterable[str]) -> list[str]:
    return [*(one_line(f"- {entry}") for entry in entries), ""]


def _entries(changes: Sequence[Change], *, with_sources: bool = False) -> list[str]:
    """Write each change as one line, and the same change of many operations as one."""
    same: dict[str, list[str]] = {}
    for change in changes:
        text = change.text
        if with_sources and change.facade and change.kind == BREAKING:
            touched = (f"{name} ({_source_line(name)})" for name in change.facade.split(", "))
            text += f" - touches {', '.join(touched)}"
        same.setdefault(text, []).append(change.where)
    for labels in same.values():
        labels[_MOST_LABELS:] = [f"{len(labels) - _MOST_LABELS} more"] * (len(labels) > _MOST_LABELS)
    return [f"{', '.join(labels)}: {text}" for text, labels in same.items()]


@cache
def _source_line(method: str) -> str:
    """Say where the facade has a method."""
    before = (_ROOT / FACADE_SOURCE).read_text("utf-8").partition(f"def {method}(")[0]
    return f"`{FACADE_SOURCE}:{before.count(chr(10)) + 1}`"


def _draft(changes: Sequence[Change]) -> Iterator[str]:
    """Draft what the changelog says of the changes, in the form of Keep a Changelog, and the version with them."""
    if not changes:
        return
    kinds = {change.kind for change in changes}
    source = (_ROOT / "aikynetix" / "_version.py").read_text("utf-8")
    version = re.findall(r'__version__ = "(\d+\.\d+\.\d+)', source)[0]
    major, minor, patch = map(int, version.split("."))
    step, following = "minor", f"{major}.{minor + 1}.0"  # before 1.0.0 for breaking changes too (SemVer, section 4)
    if BREAKING in kinds and major:
        step, following = "major", f"{major + 1}.0.0"
    elif kinds == {DOCUMENTATION}:
        step, following = "patch", f"{major}.{minor}.{patch + 1}"
    unsure = ", or more: a person should look at what was not classified" * (UNCLASSIFIED in kinds)
    yield f"## Draft for CHANGELOG.md\n\nVersion {version} -> {following} ({step}{unsure}).\n"
    told = {kind: _entries([one for one in changes if one.kind == kind]) for kind in KINDS}
    broken = [f"**Breaking:** {entry}" for entry in told[BREAKING]]
    removed = [entry for entry in broken if " is gone" in entry]
    changed = [*(entry for entry in broken if entry not in removed), *told[UNCLASSIFIED]]
    words = ["The documentation of the operations follows the vendor's"] if kinds == {DOCUMENTATION} else []
    for heading, entries in (("Added", told[ADDITIVE]), ("Changed", changed or words), ("Removed", removed)):
        if entries:
            yield from (f"### {heading}\n", *_listed(f"{one}." for one in entries))
