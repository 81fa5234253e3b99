"""Which part of an object a request gets: preconditions and byte ranges (RFC 9110, sections 13 and 14). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._objects import StoredObject

__all__ = ["Selection", "select"]

_SINGLE_RANGE = re.compile(r"bytes[ \t]*=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE | re.ASCII)
_LONGEST_NUMBER = 19
"""More digits than any object size has; Python refuses to convert numbers of thousands of digits."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What to answer: the status, and the half-open interval of bytes for the statuses that have a body (200, 206)."""

    status: int
    start: int = 0
    stop: int = 0


def select(method: str, headers: Mapping[str, str], stored: StoredObject) -> Selection:
    """Decides the status and the bytes of an answer.

    A malformed range, or one of several intervals, is ignored, which the RFC allows and Cloud Storage does.

    Args:
        method: ``"GET"`` or ``"HEAD"``; ranges are defined for GET only.
        headers: The request's headers, with lower-case names.
        stored: The object asked for.

    Returns:
        200, 206, 304 (not modified), 412 (precondition failed) or 416 (range not satisfiable).
    """
    size = len(stored.data)
    status = _precondition(headers, stored)
    if status is not None:
        return Selection(status)
    header = headers.get("range")
    if method != "GET" or header is None or not _same_object(headers.get("if-range"), stored):
        return Selection(200, 0, size)
    return _interval(header, size)


def _interval(header: str, size: int) -> Selection:
    match = _SINGLE_RANGE.fullmatch(header.strip())
    if match is None or not any(match.groups()):
        return Selection(200, 0, size)
    first, last = (_clipped(group) for group in match.groups())
    if first is None:
        suffix = min(last or 0, size)
        return Selection(206, size - suffix, size) if suffix else Selection(416)
    if last is not None and last < first:
        return Selection(200, 0, size)
    if first >= size:
        return Selection(416)
    return Selection(206, first, size if last is None else min(last + 1, size))


def _clipped(digits: str) -> int | None:
    if not digits:
        return None
    significant = digits.lstrip("0") or "0"
    return int(significant) if len(significant) <= _LONGEST_NUMBER else 10**_LONGEST_NUMBER


def _same_object(validator: str | None, stored: StoredObject) -> bool:
    """Evaluates If-Range: a strong comparison for an entity tag, an exact match for a date (section 13.1.5)."""
    if validator is None:
        return True
    if validator.startswith(('"', "W/")):
        return validator.strip() == stored.etag
    return _date(validator) == stored.last_modified


def _precondition(headers: Mapping[str, str], stored: StoredObject) -> int | None:
    """Evaluates the conditional headers in the order of section 13.2.2, and Cloud Storage's generation match."""
    generation = headers.get("x-goog-if-generation-match")
    if generation is not None and generation.strip() != str(stored.generation):
        return 412
    if "if-match" in headers:
        if not _lists(headers["if-match"], stored.etag, weak=False):
            return 412
    elif (before := _date(headers.get("if-unmodified-since"))) is not None and stored.last_modified > before:
        return 412
    if "if-none-match" in headers:
        return 304 if _lists(headers["if-none-match"], stored.etag, weak=True) else None
    since = _date(headers.get("if-modified-since"))
    return 304 if since is not None and stored.last_modified <= since else None


def _lists(header: str, etag: str, *, weak: bool) -> bool:
    tags = [tag.strip() for tag in header.split(",")]
    return "*" in tags or any((tag.removeprefix("W/") if weak else tag) == etag for tag in tags)


def _date(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
