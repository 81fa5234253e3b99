"""Keeping secrets out of text: URLs without their query, messages without the caller's own credential."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

_MASK = "***"
# Shorter strings occur in ordinary prose; masking them would garble a message and hide nothing worth hiding.
_SHORTEST_SECRET = 4


class Secret:
    """A string that shows itself only when asked.

    Credentials are wrapped in it at the public boundary, so that a traceback that prints locals shows no secret.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({_MASK})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))


def redact_url(url: str) -> str:
    """Return ``url`` with nothing in it that grants access: no user info, no query, no fragment.

    A signed URL carries its signature in the query, and an API key may travel there too.

    Args:
        url: Any string; one that is no URL comes back as ``<unreadable URL>``.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return "<unreadable URL>"
    if ":" in host:
        host = f"[{host}]"
    query = "?..." if parts.query else ""
    prefix = f"{parts.scheme}://{host}{port}" if parts.scheme or host else ""
    return one_line(f"{prefix}{parts.path}{query}", limit=2_048)


def one_line(text: str, *, limit: int) -> str:
    """Return ``text`` as one line of printable characters, at most ``limit`` of them.

    Args:
        text: Anything a server sent.
        limit: Longest result in characters; a longer text is cut and ends in an ellipsis.
    """
    # Cut before the walk: a server's text may be megabytes long.
    printable = "".join(char if char.isprintable() else " " for char in text[: 4 * limit])
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` with every secret in it, as sent or percent-encoded, replaced by ``***``."""
    for secret in spellings(secrets):
        text = text.replace(secret, _MASK)
    return text


def spellings(secrets: Iterable[str]) -> list[str]:
    """Return the forms in which a server may echo ``secrets``, longest first so that no form leaves a tail behind."""
    forms: set[str] = set()
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            # A JSON encoder may escape the slash, an HTML page the ampersand and angle brackets.
            html = secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
            forms.update((secret, quote(secret, safe=""), quote(secret), secret.replace("/", "\\/"), html))
    return sorted(forms, key=len, reverse=True)


def scrub_json(value: object, secrets: Iterable[str]) -> object:
    """Return a parsed JSON ``value`` with the secrets taken out of every string and key in it."""
    forms = spellings(secrets)
    return _scrub_json(value, forms) if forms else value


def _scrub_json(value: object, forms: list[str]) -> object:
    if isinstance(value, str):
        for form in forms:
            value = value.replace(form, _MASK)
        return value
    if isinstance(value, list):
        return [_scrub_json(item, forms) for item in value]
    if isinstance(value, dict):
        return {_scrub_json(key, forms): _scrub_json(item, forms) for key, item in value.items()}
    return value
