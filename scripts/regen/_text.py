"""Text that is written: documents, and what reports and refusals show of the vendor's."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.regen._load import Json


def one_line(text: str) -> str:
    """Spell out the characters that would begin a line of their own, move the cursor or turn the text around."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def lines_of(source: Path) -> dict[str, int]:
    """Return the lines of the functions in a file, empty while there is no such file."""
    text = source.read_text("utf-8") if source.is_file() else ""
    found = re.finditer(r"^[ \t]*(?:async )?def (\w+)", text, re.MULTILINE)
    return {match[1]: text.count("\n", 0, match.start()) + 1 for match in found}


def to_bytes(spec: Json) -> bytes:
    """Return a document as indented JSON in UTF-8 with a newline at its end."""
    return (json.dumps(spec, indent=2, ensure_ascii=False) + "\n").encode("utf-8")
