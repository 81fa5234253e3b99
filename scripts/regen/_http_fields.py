"""What may stand in the header fields of a request: names, and the values that a document itself states."""

from __future__ import annotations

import re

# RFC 9110, section 5.6.2; the names of cookies are tokens too (RFC 6265, section 4.1.1).
HTTP_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# What a header of these names says is decided by the connection and the message (RFC 9110, section 7.2; RFC 9112,
# section 6): the HTTP library writes them.
_OF_THE_MESSAGE = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def why_unsendable(place: str, name: str, value: object = None) -> str:
    """Say why no request can carry a header or cookie parameter; empty when one can, and for other places.

    Args:
        place: The parameter's `in`.
        name: Its name on the wire.
        value: The only value, or the default, that it has; None when the caller says it.
    """
    if place not in ("header", "cookie"):
        return ""
    if HTTP_TOKEN.fullmatch(name) is None:
        return "its name has characters that no such name may have"
    if place == "header" and name.lower() in _OF_THE_MESSAGE:
        return "HTTP itself decides what it says"
    # The value of a cookie is percent-encoded.
    if place == "header" and isinstance(value, str) and (_CONTROL.search(value) or value != value.strip()):
        return "its value has line breaks, other control characters or spaces around it"
    return ""
