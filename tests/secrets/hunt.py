"""The canaries, and how they are looked for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

if TYPE_CHECKING:
    from types import TracebackType

KEY = "canary-key/5f3a9c+1e7b&0d42"
TOKEN = "canary.token-8b1f~6e2d"
SIGNATURE = "cafe5f3a9c1e7b0d42"
PASSWORD = "canary@proxy:pass"
_FORMS = {form for secret in (KEY, TOKEN, PASSWORD) for form in (secret, quote(secret), quote(secret, safe=""))}


def finds(text: str) -> list[str]:
    """Every canary as it is sent or percent-encoded, and every signature of a URL, that ``text`` holds."""
    low = text.lower()
    found = [form for form in (*_FORMS, SIGNATURE) if form.lower() in low]
    return found + [mark for mark in ("x-goog-signature=",) if mark in low and f"{mark}***" not in low]


class Records(logging.Handler):
    """Collects every record of every logger, as text and with its arguments, while it is entered."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.names.add(record.name)
        self.lines += (self.format(record), repr(record.args), repr(vars(record)))

    def __enter__(self) -> Self:
        self._root = logging.getLogger()
        self._before = self._root.level
        self._root.addHandler(self)
        self._root.setLevel(logging.DEBUG)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._root.removeHandler(self)
        self._root.setLevel(self._before)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)
