"""The report that a run prints: what changed, what it means for callers and the facade, what is left to a person."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.regen._diff_schema import ADDITIVE, BREAKING, DOCUMENTATION, KINDS, UNJUDGED
from scripts.regen._problems import one_line
from scripts.regen._rules import FACADE_SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from scripts.regen._diff import Change
    from scripts.regen._pipeline import Plan

_MOST_PLACES = 5


def report(planned: Plan, changes: Sequence[Change] | None, *, version: str = "0.0.0", accepted: bool = False) -> str:
    """Return the report as Markdown."""
    info, count, undecided = planned.spec["info"], len(planned.operations), decisions(changes or ())
    title = " ".join(f"{info.get('title', '')} {info.get('version', '')}".split())
    counted = f"{count} operation{'' if count == 1 else 's'}"
    parts = [f"# Regeneration report\n\n{one_line(title)}, OpenAPI {planned.spec['openapi']}: {counted}.\n"]
    findings = [(f"**{one.method}** ({_place(one.method)})", one) for one in planned.findings]
    if findings:
        parts.append("## Facade methods that can no longer do their job\n")
        parts += _listed(f"{place}: {one.changed}. What to do: {one.advice}." for place, one in findings)
    else:
        absorbed = "; what changed below is absorbed by regenerating" if changes and not undecided else ""
        parts.append(f"Every facade method can still do its job{absorbed}.\n")
    parts.append("## Changes since the committed document\n")
    unknown = "The committed package does not say what it was made from.\n"
    parts.append(unknown if changes is None else to_markdown(changes))
    if planned.canonical.notes:
        parts += ["## Not expressed in generated code\n", *_listed(planned.canonical.notes)]
    parts += _draft(changes or (), version)
    left = [f"{place}: {one.advice}" for place, one in findings]
    if not accepted:
        left += [f"decide: {one.text}. `make regen ACCEPT=1` lets credentials go there" for one in undecided]
    return "\n".join([*parts, *(["By hand:\n", *_listed(left)] if left else [])])


def decisions(changes: Sequence[Change]) -> list[Change]:
    """List the changes that are the owner's to decide."""
    return [change for change in changes if change.decide]


def to_markdown(changes: Sequence[Change]) -> str:
    """Write changes as Markdown lists, breaking ones first."""
    parts: list[str] = []
    for kind in KINDS:
        if chosen := [change for change in changes if change.kind == kind]:
            parts += [f"### {kind.capitalize()} ({len(chosen)})\n", *_listed(_entries(chosen, with_places=True))]
    return "\n".join(parts) or "Nothing changed.\n"


def _listed(entries: Iterable[str]) -> list[str]:
    return [*(one_line(f"- {entry}") for entry in entries), ""]


def _entries(changes: Sequence[Change], *, with_places: bool = False) -> list[str]:
    """Write each change as one line, and the same change of many operations as one."""
    same: dict[str, list[str]] = {}
    for change in changes:
        text = change.text
        if with_places and change.facade and change.kind == BREAKING:
            touched = (f"{name} ({_place(name)})" for name in change.facade.split(", "))
            text += f" - touches {', '.join(touched)}"
        same.setdefault(text, []).append(change.where)
    for places in same.values():
        places[_MOST_PLACES:] = [f"{len(places) - _MOST_PLACES} more"] * (len(places) > _MOST_PLACES)
    return [f"{', '.join(places)}: {text}" for text, places in same.items()]


@cache
def _place(method: str) -> str:
    """Say where the facade has a method."""
    source = Path(__file__).resolve().parents[2] / FACADE_SOURCE
    before, found, _ = (source.read_text("utf-8") if source.is_file() else "").partition(f"def {method}(")
    return f"`{FACADE_SOURCE}{f':{before.count(chr(10)) + 1}' if found else ''}`"


def _draft(changes: Sequence[Change], version: str) -> Iterator[str]:
    """Draft what the changelog says of the changes, in the form of Keep a Changelog, and the version with them."""
    if not changes:
        return
    kinds = {change.kind for change in changes}
    major, minor, patch = (int(part) for part in version.split(".")[:3])
    following, why = f"{major}.{minor}.{patch + 1}", "patch: words alone"
    if BREAKING in kinds and major:
        following, why = f"{major + 1}.0.0", "major: breaking for callers"
    elif BREAKING in kinds:
        following, why = f"0.{minor + 1}.0", "minor, as breaking changes are before 1.0.0"
    elif kinds & {ADDITIVE, UNJUDGED}:
        following, why = f"{major}.{minor + 1}.0", "minor: callers get more"
    yield f"## Draft for CHANGELOG.md\n\nVersion {version} -> {following} ({why}).\n"
    added, unjudged, broken = (
        _entries([change for change in changes if change.kind == kind]) for kind in (ADDITIVE, UNJUDGED, BREAKING)
    )
    changed = [*(f"**Breaking:** {entry}" for entry in broken), *unjudged]
    if kinds == {DOCUMENTATION}:
        changed = ["The documentation of the operations follows the vendor's"]
    removed = [entry for entry in changed if entry.endswith(" is gone")]
    changed = [entry for entry in changed if entry not in removed]
    for heading, entries in (("Added", added), ("Changed", changed), ("Removed", removed)):
        if entries:
            yield from (f"### {heading}\n", *_listed(f"{one}." for one in entries))
