"""How a run ends, and the text that is written: documents, and what is shown of the vendor's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

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


def one_line(text: str) -> str:
    """Spell out the characters that would begin a line of their own, move the cursor or turn the text around."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def to_bytes(spec: dict[str, Any]) -> bytes:
    """Return a document as indented JSON in UTF-8 with a newline at its end."""
    return (json.dumps(spec, indent=2, ensure_ascii=False) + "\n").encode("utf-8")
