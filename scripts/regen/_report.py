"""The report that a run prints: what changed, what it means for callers and the facade, what is left to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.regen._diff import entries, to_markdown
from scripts.regen._rules import FACADE_SOURCE
from scripts.regen._shapes import ADDITIVE, BREAKING, DOCUMENTATION, UNJUDGED
from scripts.regen._text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scripts.regen._diff import Change
    from scripts.regen._pipeline import Plan
    from scripts.regen._problems import Finding

_MOST_DRAFTED = 40


def report(
    planned: Plan,
    changes: Sequence[Change] | None,
    lines: Mapping[str, int],
    *,
    version: str = "0.0.0",
    accepted: bool = False,
) -> str:
    """Return the report as Markdown."""
    info = planned.spec["info"]
    title = " ".join(f"{info.get('title', '')} {info.get('version', '')}".split())
    count = len(planned.operations)
    counted = f"{count} operation{'' if count == 1 else 's'}"
    parts = [f"# Regeneration report\n\n{one_line(title)}, OpenAPI {planned.spec['openapi']}: {counted}.\n"]
    if planned.findings:
        parts.extend(
            _section(
                "Facade methods that can no longer do their job", (_finding(one, lines) for one in planned.findings)
            )
        )
    else:
        absorbed = "; what changed below is absorbed by regenerating" if changes and not decisions(changes) else ""
        parts.append(f"Every facade method can still do its job{absorbed}.\n")
    parts.append("## Changes since the committed document\n")
    parts.append(
        to_markdown(changes, lines)
        if changes is not None
        else "The committed package does not say what it was made from.\n"
    )
    parts.extend(_section("Not expressed in generated code", planned.canonical.notes))
    parts.extend(_draft(changes or (), version))
    parts.extend(_by_hand(planned, () if accepted else decisions(changes or ()), lines))
    return "\n".join(parts)


def _by_hand(planned: Plan, undecided: Sequence[Change], lines: Mapping[str, int]) -> list[str]:
    left = [f"{_place(one, lines)}: {one.advice}" for one in planned.findings]
    left += [f"decide: {one.text}. `make regen ACCEPT=1` lets credentials go there" for one in undecided]
    return ["By hand:\n", *(one_line(f"- {one}") for one in left), ""] if left else []


def decisions(changes: Sequence[Change]) -> list[Change]:
    """List the changes that are the owner's to decide."""
    return [change for change in changes if change.decide]


def next_version(version: str, kinds: set[str]) -> tuple[str, str]:
    """Return the version after some kinds of changes, and why (Semantic Versioning 2.0.0, sections 4 and 6 to 8)."""
    major, minor, patch = (int(part) for part in version.split(".")[:3])
    if BREAKING in kinds and major:
        return f"{major + 1}.0.0", "major: breaking for callers"
    if BREAKING in kinds:
        return f"0.{minor + 1}.0", "minor, as breaking changes are before 1.0.0"
    if kinds & {ADDITIVE, UNJUDGED}:
        return f"{major}.{minor + 1}.0", "minor: callers get more"
    return f"{major}.{minor}.{patch + 1}", "patch: words alone"


def _section(title: str, entries: Iterator[str] | Sequence[str]) -> list[str]:
    listed = [one_line(f"- {entry}") for entry in entries]
    return [f"## {title}\n", *listed, ""] if listed else []


def _finding(finding: Finding, lines: Mapping[str, int]) -> str:
    return f"{_place(finding, lines)}: {finding.changed}. What to do: {finding.advice}."


def _place(finding: Finding, lines: Mapping[str, int]) -> str:
    line = lines.get(finding.method)
    return f"**{finding.method}** (`{FACADE_SOURCE}{f':{line}' if line else ''}`)"


def _draft(changes: Sequence[Change], version: str) -> Iterator[str]:
    """Draft what the changelog says of the changes, in the form of Keep a Changelog, and the version with them."""
    kinds = {change.kind for change in changes}
    if not kinds:
        return
    following, why = next_version(version, kinds)
    yield f"## Draft for CHANGELOG.md\n\nVersion {version} -> {following} ({why}).\n"
    by_kind = {kind: [change for change in changes if change.kind == kind] for kind in (ADDITIVE, UNJUDGED, BREAKING)}
    broken = [f"**Breaking:** {entry}" for entry in entries(by_kind[BREAKING])]
    for heading, listed in (
        ("Added", entries(by_kind[ADDITIVE])),
        ("Changed", [*(one for one in broken if not one.endswith("gone")), *entries(by_kind[UNJUDGED])]),
        ("Removed", [one for one in broken if one.endswith("gone")]),
    ):
        if listed:
            yield "\n".join([f"### {heading}\n", *(f"- {one}." for one in listed[:_MOST_DRAFTED])])
            yield f"- and {len(listed) - _MOST_DRAFTED} more.\n" if listed[_MOST_DRAFTED:] else ""
    if kinds == {DOCUMENTATION}:
        yield "### Changed\n\n- The documentation of the operations follows the vendor's.\n"
