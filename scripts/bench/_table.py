"""Medians over interleaved rounds, as a Markdown table."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Sample = Mapping[str, float]


def interleaved(rounds: int, measures: Mapping[str, Callable[[], Sample]]) -> dict[str, list[Sample]]:
    """Take every measure ``rounds`` times, one after the other, so that the machine's moods strike all alike."""
    samples: dict[str, list[Sample]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            samples[name].append(measure())
    return samples


def middle(samples: Sequence[Sample], key: str) -> float:
    """Return the median of one figure."""
    return median(sample[key] for sample in samples)


def spread(samples: Sequence[Sample], key: str) -> str:
    """Return the smallest and the largest of one figure, relative to its median."""
    values = [sample[key] for sample in samples]
    centre = median(values) or 1.0
    return f"{min(values) / centre:.2f}-{max(values) / centre:.2f}"


def markdown(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    lines = [f"**{title}**", "", f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
