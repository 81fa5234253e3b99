"""The two ways in which a run ends badly, as values and exceptions."""

from __future__ import annotations

from dataclasses import dataclass

EXIT_OK = 0
EXIT_LOUD = 1
EXIT_REFUSED = 2


class RefusedError(Exception):
    """The document or the tools cannot be used; the message is one paragraph for a person to read."""


@dataclass(frozen=True)
class Finding:
    """One reason why a facade method can no longer do its job."""

    method: str  # the facade's operation, e.g. ``get_analyzed_video``
    changed: str  # what the vendor's document says now, one sentence
    advice: str  # what a maintainer should do about it, one sentence
