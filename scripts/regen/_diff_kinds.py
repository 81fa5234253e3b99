"""How a change between two documents is judged."""

from __future__ import annotations

from collections.abc import Iterator

BREAKING, UNJUDGED, ADDITIVE, DOCUMENTATION = KINDS = ("breaking", "unjudged", "additive", "documentation")

Found = Iterator[tuple[str, str]]
"""Changes, each its kind and a phrase."""


def kind_of(breaking: bool) -> str:
    """Name the kind of a change that is breaking or not."""
    return BREAKING if breaking else ADDITIVE
