"""The one way in which this project writes a document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.regen._load import Json


def to_bytes(spec: Json) -> bytes:
    """Return a document as indented JSON in UTF-8 with a newline at its end."""
    return (json.dumps(spec, indent=2, ensure_ascii=False) + "\n").encode("utf-8")
