"""Whether memory stays flat over many lookups."""

from __future__ import annotations

from . import _machine
from ._table import markdown

COUNT = 100_000


def table(_rounds: int) -> str:
    """Return the table; one long run says more than several, so the number of rounds has no say."""
    with _machine.server() as url:
        taken = _machine.client(_machine.plain(), "growing", url, str(COUNT))
    row = [f"{COUNT}", f"{taken['growth_mib']:.1f}", f"{taken['resident_mib']:.0f}"]
    title = "Memory of one client after warming up with a tenth as many lookups"
    return markdown(title, ["lookups", "growth, MiB", "resident at the end, MiB"], [row])
