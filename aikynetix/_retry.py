"""Which failures are tried again, and how long to wait before that. Values in, values out.

The vendor's advice is three to five tries at about 1, 2 and 4 seconds; the wait here is drawn between zero and that
("full jitter"), so that many clients that failed together do not come back together.
"""

from __future__ import annotations

import math
import ssl
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx

BUDGET = 30.0
"""Seconds that one call may spend on waiting and trying again, counted from its start."""

_FIRST_BACKOFF = 1.0
_LONGEST_BACKOFF = 8.0
# RFC 9110, section 9.2.1: sending a safe request twice asks for nothing twice.
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
# These say that the request was turned away, not that it was worked on.
_UNPROCESSED_STATUSES = frozenset({429, 503})
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_BROKEN = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError, httpx.ProxyError)


def is_retryable(method: str, outcome: httpx.Response | Exception) -> bool:
    """Return whether an attempt that ended in ``outcome`` may be made again.

    A safe method may after every passing failure; any other only where the request was surely not processed: it never
    left (no connection), or the server turned it away (429, 503).

    Args:
        method: The request's method, in capitals.
        outcome: The answer, or what was raised instead of one.
    """
    safe = method in _SAFE_METHODS
    if isinstance(outcome, httpx.Response):
        return outcome.status_code in (_PASSING_STATUSES if safe else _UNPROCESSED_STATUSES)
    if _is_refused_certificate(outcome):
        return False
    return isinstance(outcome, _BROKEN if safe else _UNSENT)


def _is_refused_certificate(error: BaseException | None) -> bool:
    """A certificate that does not verify will not verify a second later."""
    for _ in range(8):
        if error is None:
            return False
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def next_wait(
    *, attempt: int, max_retries: int, elapsed: float, retry_after: float | None, draw: float
) -> float | None:
    """Return the seconds to wait before the next attempt, or None when there is to be none.

    Args:
        attempt: How many attempts have failed, 1 and up.
        max_retries: How many may follow the first.
        elapsed: Seconds since the call began.
        retry_after: What the server asked for, in seconds. A wish that does not fit into the budget ends the trying.
        draw: A random number from 0 to 1.
    """
    if attempt > max_retries:
        return None
    if retry_after is not None:
        wait = retry_after
    else:
        wait = draw * min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(attempt - 1, 16))
    return wait if elapsed + wait < BUDGET else None


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks to wait, or None when it says nothing usable.

    Args:
        value: The header: whole seconds or an HTTP date (RFC 9110, section 10.2.3).
        now: Seconds since 1970, to measure a date against.
    """
    if value is None or len(value) > 64:
        return None
    text = value.strip()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        seconds = float(text)
        return seconds if math.isfinite(seconds) else None
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
