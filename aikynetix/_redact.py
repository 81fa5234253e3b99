"""Keeping secrets out of text: URLs without their query, messages without the caller's own credential."""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

_MASK = "***"
# Levels of an error's body: one that is nested deeper is kept as text.
_DEEPEST_JSON = 100
# Shorter strings occur in ordinary prose; masking them would garble a message and hide nothing worth hiding.
_SHORTEST_SECRET = 4
# Base64 and hexadecimal of fewer characters say too little to be told from prose.
_SHORTEST_ENCODED = 6
# Characters of a secret that are looked for in escaped form: enough to tell it, few enough for a small pattern.
_LONGEST_ESCAPED = 256
# After a colon, as in JSON and in headers, only what is as long as a signature: prose has colons too.
_SIGNATURE = re.compile(
    r"""((?:signature|security-token|\btoken)
    (?:=|%(?:25)*3d|\\u003d|&\#61;|&\#x3d;|(?:\\*["']|&quot;)?\s*:\s*(?:\\*["']|&quot;)?(?=[\w+/=.%-]{16})))
    [^&\s"'<>;,\\]+""",
    re.IGNORECASE | re.VERBOSE,
)
# It takes the whole of what it begins to read, whatever is in it: one that gave up where no query follows would read
# "http://http://..." once from each of its beginnings.
_URL = re.compile(r"""https?:(?:\\?/){2}[^\s"'<>]+""", re.IGNORECASE)


class Secret:
    """A string, or what was given in place of one, that shows itself only when asked.

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
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    prefix = f"{scheme}//{host}{port}" if parts.netloc else scheme
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
    """Return ``text``, which a server wrote, without what grants access: ``***`` stands in its place.

    Taken out are the ``secrets`` in every spelling of `spellings` and with any of their characters escaped as URLs,
    JSON and HTML escape them, in any case; and, whosever they are, the signatures and queries of URLs.
    """
    for pattern in _patterns(tuple(secrets)):
        text = pattern.sub(_MASK, text)
    return _unsigned(text)


def _unsigned(text: str) -> str:
    if "ignature" in text or "oken" in text or "IGNATURE" in text or "OKEN" in text:
        text = _SIGNATURE.sub(r"\1" + _MASK, text)
    return _URL.sub(_without_query, text) if "?" in text else text


def _without_query(url: re.Match[str]) -> str:
    path, mark, query = url.group().partition("?")
    return f"{path}?..." if query else path + mark


@lru_cache(maxsize=16)
def _patterns(secrets: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    forms = spellings(secrets)
    if not forms:
        return ()
    escaped = "|".join(
        _escaped(secret) for secret in sorted(set(secrets), key=len, reverse=True) if _is_worth_hiding(secret)
    )
    plain = "|".join(re.escape(form) for form in forms)
    return re.compile(plain, re.IGNORECASE), re.compile(escaped, re.IGNORECASE)


def _escaped(secret: str) -> str:
    """Return a pattern for ``secret`` with any of its characters escaped: for URLs (also twice), JSON or HTML.

    A backslash, which may be itself or the half of an escaped one, is read in one way only: with two ways for each, a
    text of backslashes would be tried in two ways to the power of their number.
    """
    return "".join(_escaped_character(char) for char in secret[:_LONGEST_ESCAPED])


def _escaped_character(char: str) -> str:
    itself, code = re.escape(char), ord(char)
    ways = rf"\\{{1,4}}u{code:04x}|\\{itself}|{itself}|%(?:25)*{code:02x}|&#0*{code};?|&#x0*{code:x};?"
    return f"(?>{ways})" if char == "\\" else f"(?:{ways})"


def spellings(secrets: Iterable[str]) -> list[str]:
    """Return the forms in which a server may echo ``secrets``, longest first so that no form leaves a tail behind.

    They are the secret as sent, percent-encoded, in JSON or HTML, in hexadecimal, and in Base64 at any offset.
    """
    forms: set[str] = set()
    for secret in secrets:
        if not _is_worth_hiding(secret):
            continue
        # A JSON encoder may escape the slash, an HTML page the ampersand and angle brackets.
        html = secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
        forms.update((secret, quote(secret, safe=""), quote(secret), secret.replace("/", "\\/"), html))
        if len(secret) >= _SHORTEST_ENCODED:
            forms.update((secret.encode().hex(), *_base64_forms(secret.encode())))
    return sorted(forms, key=len, reverse=True)


def _base64_forms(secret: bytes) -> Iterable[str]:
    """Yield what every Base64 text around ``secret`` contains, for each of the three offsets that it may start at."""
    for offset, foreign in enumerate((0, 2, 3)):
        padded = bytes(offset) + secret
        whole = len(padded) * 4 // 3 if len(padded) % 3 else len(padded) // 3 * 4
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(padded).decode()[foreign:whole]


def _is_worth_hiding(secret: str) -> bool:
    return len(secret) >= _SHORTEST_SECRET


def scrub_json(value: object, secrets: Iterable[str], levels: int = _DEEPEST_JSON) -> object:
    """Return a parsed JSON ``value`` with every string, key and number in it as `scrub` leaves it.

    Raises:
        RecursionError: It is nested more than ``levels`` deep. Python's own limit is the caller's to set, and what only
            just fits there cannot be pickled.
    """
    known = tuple(secrets)
    if isinstance(value, str):
        return scrub(value, known)
    if isinstance(value, list | dict) and not levels:
        raise RecursionError("the JSON value is nested too deep")
    if isinstance(value, list):
        return [scrub_json(item, known, levels - 1) for item in value]
    if isinstance(value, dict):
        return {scrub(key, known): scrub_json(item, known, levels - 1) for key, item in value.items()}
    if isinstance(value, int | float) and not isinstance(value, bool) and str(value) in known:
        return _MASK  # a credential of digits alone, echoed as a number
    return value


def without_cut_secret(text: str, secrets: Iterable[str]) -> str:
    """Return ``text``, which was cut off somewhere, without the beginning of a secret that the cut left at its end."""
    for secret in secrets:
        for length in range(min(len(secret), len(text)), _SHORTEST_SECRET - 1, -1):
            if text.endswith(secret[:length]):
                return text[:-length] + _MASK
    return text
