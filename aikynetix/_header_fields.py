"""The header fields of a request that a generated function made: those that cannot be sent are found before httpx does.

What httpx and its parsers raise for them names no header, comes late, or is taken for a failure of the network.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
# httpx writes these for the connection and the message that it makes (RFC 9110, section 7.2; RFC 9112, section 6).
_OF_THE_MESSAGE = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def is_name(text: object) -> bool:
    """Return whether ``text`` may be the name of a header field."""
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


def check(headers: Mapping[str, Any]) -> None:
    """Check that a request can carry ``headers``; their values, which may be secret, are not told.

    Raises:
        ValueError: Names the header and what is wrong with it.
    """
    for name, value in headers.items():
        if not is_name(name):
            raise ValueError(f"the header {name!r} cannot be sent: no header may have such a name")
        if name.lower() in _OF_THE_MESSAGE:
            raise ValueError(f"the header {name!r} cannot be sent: HTTP itself decides what it says")
        if isinstance(value, str) and not value.isascii():
            raise ValueError(f"the header {name!r} cannot be sent: its value is not ASCII")
        raw = value.encode() if isinstance(value, str) else value
        if isinstance(raw, bytes) and (_CONTROL.search(raw) or raw != raw.strip()):
            raise ValueError(
                f"the header {name!r} cannot be sent: its value has control characters or spaces around it"
            )
