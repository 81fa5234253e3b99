"""Which failures are tried again, and how long to wait before that. Values in, values out.

The vendor's advice is three to five tries at about 1, 2 and 4 seconds; the wait here is drawn between zero and that
("full jitter"), so that many clients that failed together do not come back together.
"""

from __future__ import annotations

import math
import ssl
from datetime import UTC, timedelta, timezone
from typing import TypeVar

import httpx

Cause = TypeVar("Cause", bound=BaseException)

BUDGET = 30.0
"""Seconds that one call may spend on waiting and trying again, counted from its start."""

_FIRST_BACKOFF = 1.0
_LONGEST_BACKOFF = 8.0
# RFC 9110, section 9.2.1: sending a safe request twice asks for nothing twice.
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# These say that the request was turned away, not that it was worked on.
_UNPROCESSED_STATUSES = frozenset({429, 503})
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_BROKEN = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError, httpx.ProxyError)
# A proxy's refusals that a second try does not change: it wants a credential, or does not let the request pass.
_FINAL_PROXY_STATUSES = ("400", "401", "403", "404", "405", "407")
# The same of SOCKS, in httpcore's words.
_FINAL_SOCKS = ("Requested", "Invalid username", "Proxy Server could not connect: Connection not allowed")


def is_retryable(method: str, outcome: httpx.Response | Exception) -> bool:
    """Return whether an attempt that ended in ``outcome`` may be made again.

    A safe method may after every passing failure (connection failures, 408, 429, 5xx); any other only where the request
    was surely not processed: it never left (no connection), or the server turned it away (429, 503).
    """
    safe = method in _SAFE_METHODS
    if isinstance(outcome, httpx.Response):
        status = outcome.status_code
        return status in _UNPROCESSED_STATUSES or (safe and (status == 408 or 500 <= status <= 599))
    return isinstance(outcome, _BROKEN if safe else _UNSENT) and not is_permanent(outcome)


def is_permanent(error: BaseException) -> bool:
    """Return whether the same request would fail again: a refused certificate, no TLS, a proxy that says no."""
    cause = cause_of(error, ssl.SSLError)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return True
    reason: str = getattr(cause, "reason", None) or ""  # that of truststore has none
    if isinstance(error, httpx.ProxyError) and cause is None:
        return str(error).startswith(_FINAL_PROXY_STATUSES + _FINAL_SOCKS)
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):  # its end in the middle may be a passing fault
        return reason not in ("", "UNEXPECTED_EOF_WHILE_READING")
    return "ALERT" in reason  # TLS 1.3 tells of a missing client certificate only after the handshake


def cause_of(error: BaseException | None, kind: type[Cause]) -> Cause | None:
    """Return the exception of a ``kind`` that led to ``error``, or None."""
    for _ in range(8):
        if error is None or isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None


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
    backoff = draw * min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(attempt - 1, 16))
    wait = backoff if retry_after is None else retry_after
    return wait if elapsed + wait < BUDGET else None


def retry_after(headers: httpx.Headers, now: float) -> float | None:
    """Return the seconds that ``Retry-After`` asks to wait, or None when it says nothing usable.

    Whole seconds or an HTTP date (RFC 9110, section 10.2.3). A date is measured against the response's own ``Date``,
    so that a clock that is off on either side does no harm; against ``now``, in seconds since 1970, where it has none.
    """
    value = headers.get("retry-after", "").strip()
    if not value or len(value) > 64:
        return None
    if value.isascii() and value.replace(".", "", 1).isdigit():
        seconds = float(value)
        return seconds if math.isfinite(seconds) else None
    moment, sent = _timestamp(value), _timestamp(headers.get("date", ""))
    return None if moment is None else max(0.0, moment - (now if sent is None else sent))


def _timestamp(text: str) -> float | None:
    if not any(char.isalpha() for char in text):
        return None
    from dateutil import parser  # here, because few responses have a date that matters

    try:
        # Told so, dateutil does not warn of a zone that it does not know.
        moment = parser.parse(
            text, tzinfos=lambda _, offset: UTC if offset is None else timezone(timedelta(seconds=offset))
        )
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp()
    except (ValueError, OverflowError):
        return None
