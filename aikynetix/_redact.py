"""Keeping secrets out of text: credentials, the signatures of URLs, and the log records of httpx and httpcore."""

from __future__ import annotations

import logging
import re
import threading
from functools import lru_cache
from json import JSONDecodeError
from typing import Any, cast
from urllib.parse import quote, urlsplit
from weakref import WeakSet

import httpx

_MASK = "***"
# Shorter strings occur in ordinary prose: masking them would garble a message and hide nothing worth hiding.
_SHORTEST_SECRET = 4
_DEEPEST = 200
# After a colon, as in JSON and in headers, only what is as long as a signature: prose has colons too.
_SIGNATURE = re.compile(
    r"""((?:signature|security-token|\btoken)(?:=|%3d|["']?\s*:\s*["']?(?=[\w+/=.%-]{16})))[^&\s"'<>;,\\)\]]+""",
    re.IGNORECASE,
)
_URL = re.compile(r"https?://[^\s\"'<>]+", re.IGNORECASE)
# A logger's filter sees only the records made by that very logger, so each of them gets it.
_FOREIGN_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks")

_lock = threading.RLock()  # collecting garbage under it may close a stream, which logs
_live: WeakSet[Secret] = WeakSet()


class Secret:
    """A credential that shows itself only when asked, and that `scrub` takes out of text for as long as it lives."""

    __slots__ = ("__weakref__", "value")  # an attribute, because a call costs more than a lookup has to spare

    def __init__(self, value: str) -> None:
        self.value = value
        if len(value) >= _SHORTEST_SECRET:
            with _lock:
                _live.add(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return Secret, (self.value,)

    def __repr__(self) -> str:
        return f"Secret({_MASK})"


def scrub(text: str) -> str:
    """Return ``text``, which a server or a library wrote, without what grants access.

    Every live `Secret`, as sent and percent-encoded, becomes ``***``; so do the signatures of URLs, and their queries
    become ``?...``.
    """
    with _lock:
        secrets = frozenset(secret.value for secret in _live)
    if secrets:
        text = _pattern(secrets).sub(_MASK, text)
    return _URL.sub(_without_query, _SIGNATURE.sub(rf"\1{_MASK}", text))


@lru_cache(maxsize=8)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str]:
    forms = {form for secret in secrets for form in (secret, quote(secret), quote(secret, safe=""))}
    # The longest first, so that no form leaves a tail behind.
    return re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))), re.IGNORECASE)


def _without_query(url: re.Match[str]) -> str:
    path, mark, query = url.group().partition("?")
    return f"{path}?..." if query else path + mark


def scrub_json(value: object, depth: int = 0) -> object:
    """Return a parsed JSON ``value`` with every string and key in it as `scrub` leaves it.

    Raises:
        RecursionError: It is nested more than 200 levels deep, which not every Python could pickle.
    """
    if depth > _DEEPEST:
        raise RecursionError("the JSON is nested too deeply")
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, list):
        return [scrub_json(item, depth + 1) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {scrub(key): scrub_json(item, depth + 1) for key, item in cast("dict[str, object]", value).items()}
    return value


def scrub_exception(error: BaseException | None, outer: BaseException | None = None) -> None:
    """Scrub the texts of ``error`` and of what led to it, which may quote what a server sent, and drop the request."""
    for _ in range(16):  # a chain may lead back to itself
        if error is None or error is outer:  # the latter is what the caller was handling, and the caller's own
            return
        if isinstance(error, httpx.RequestError):
            error._request = None  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] -- its repr has the URL
        # Bytes and documents are bodies that could not be read; tblib, which Dask loads, pickles causes as well.
        error.args = tuple(b"" if isinstance(each, bytes) else each for each in error.args)
        error.args = tuple(scrub(each) if isinstance(each, str) else each for each in error.args)
        if isinstance(error, JSONDecodeError):
            error.doc = ""
        error = error.__cause__ or error.__context__


def redact_url(url: str) -> str:
    """Return ``url`` without what grants access: user info, query and fragment."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is none
    except ValueError:
        return "<unreadable URL>"
    host, query = parts.netloc.rpartition("@")[2], "..." if parts.query else ""
    return one_line(scrub(parts._replace(netloc=host, query=query, fragment="").geturl()), limit=2_048)


def without_user_info(url: str) -> str:
    """Return ``url``, whatever its scheme, without a user and a password (RFC 3986, section 3.2.1)."""
    return re.sub("(?<=://)[^/?#]*@", "", url)


def one_line(text: str, *, limit: int) -> str:
    """Return ``text`` as one line of printable characters, at most ``limit`` of them; a longer one ends in ``…``."""
    # Cut before the walk: a server's text may be megabytes long.
    printable = "".join(char if char.isprintable() else " " for char in text[: 4 * limit])
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _redact_record(record: logging.LogRecord) -> bool:
    """Take secrets out of a message: httpx logs whole URLs at INFO, httpcore headers at DEBUG."""
    message = record.getMessage()
    if (scrubbed := scrub(message)) != message:
        record.msg, record.args = scrubbed, ()
    return True


def install_log_filter() -> None:
    """Keep secrets out of what httpx and httpcore log; doing it twice does nothing more."""
    for name in _FOREIGN_LOGGERS:
        logging.getLogger(name).addFilter(_redact_record)
