"""The report that a run prints: what changed, what it means for the facade, what the facade does not cover."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.regen._diff import NOTHING
from scripts.regen._rules import FACADE_SOURCE, FACADE_TAG
from scripts.regen._words import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scripts.regen._pipeline import Plan
    from scripts.regen._problems import Finding


def report(planned: Plan, changes: str | None, lines: Mapping[str, int]) -> str:
    """Return the report as Markdown.

    Args:
        planned: The run.
        changes: What changed since the previous document, None when that is not known.
        lines: Lines of the facade's functions.
    """
    info = planned.spec["info"]
    title = " ".join(f"{info.get('title', '')} {info.get('version', '')}".split())
    count = len(planned.operations)
    counted = f"{count} operation{'' if count == 1 else 's'}"
    parts = [f"# Regeneration report\n\n{one_line(title)}, OpenAPI {planned.spec['openapi']}: {counted}.\n"]
    if planned.findings:
        parts.append("## Facade methods that can no longer do their job\n")
        parts.extend(one_line(_finding(one, lines)) for one in planned.findings)
        parts.append("")
    else:
        absorbed = "" if changes is None or changes == NOTHING else "; what changed below is absorbed by regenerating"
        parts.append(f"Every facade method can still do its job{absorbed}.\n")
    if planned.remarks:
        parts.append("## To be looked at by a person\n")
        parts.extend(one_line(f"- {remark}") for remark in planned.remarks)
        parts.append("")
    parts.append("## Changes since the committed document\n")
    parts.append(changes if changes is not None else "The committed package does not say what it was made from.\n")
    uncovered = [
        one
        for one in planned.canonical.endpoints
        if one.tag != FACADE_TAG or planned.canonical.named(one.name) is not one
    ]
    uncovered = [one for one in uncovered if one.name not in planned.facade]
    if uncovered:
        parts.append("## Operations without a facade method (use `client.call`)\n")
        parts.extend(one_line(f"- `{one.module}`: {one.operation.label}") for one in uncovered)
        parts.append("")
    if planned.canonical.notes:
        parts.append("## Not expressed in generated code\n")
        parts.extend(one_line(f"- {note}") for note in planned.canonical.notes)
        parts.append("")
    return "\n".join(parts)


def _finding(finding: Finding, lines: Mapping[str, int]) -> str:
    line = lines.get(finding.method)
    place = f"{FACADE_SOURCE}:{line}" if line else FACADE_SOURCE
    return f"- **{finding.method}** (`{place}`): {finding.changed}. What to do: {finding.advice}."
