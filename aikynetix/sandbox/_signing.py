"""Signed URLs in the shape of Cloud Storage's V4 signing process, and the check of them. Pure.

The parameters and the refusals are Cloud Storage's ("V4 signing process", "HTTP status and error codes"). The signature
covers the same things, by a plain HMAC: nobody but the sandbox has the secret, so nobody else can compute it.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_LIFETIME = 604_800
"""The longest lifetime of a V4 signature in seconds: seven days."""

_STAMP = "%Y%m%dT%H%M%SZ"
_ALGORITHM, _ACCESS_ID, _SCOPE = "GOOG4-HMAC-SHA256", "GOOG1ESANDBOX", "auto/storage/goog4_request"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not served: the status and the fields of Cloud Storage's XML error document."""

    status: int
    code: str
    message: str
    details: str = ""


_ANONYMOUS = Refusal(
    403,
    "AccessDenied",
    "Access denied.",
    "Anonymous caller does not have storage.objects.get access to the Google Cloud Storage object.",
)
_MISMATCH = Refusal(
    403,
    "SignatureDoesNotMatch",
    "Access denied.",
    "The request signature we calculated does not match the signature you provided.",
)
_MALFORMED = Refusal(400, "MalformedSecurityHeader", "Your request has a malformed header.")


def sign(
    origin: str, path: str, secret: bytes, now: datetime, lifetime: int, extra: Iterable[tuple[str, str]] = ()
) -> str:
    """Makes the signed URL of the object at a percent-encoded path; host and ``extra`` parameters are signed too."""
    stamp = now.astimezone(UTC).strftime(_STAMP)
    query = [
        ("X-Goog-Algorithm", _ALGORITHM),
        ("X-Goog-Credential", f"{_ACCESS_ID}/{stamp[:8]}/{_SCOPE}"),
        ("X-Goog-Date", stamp),
        ("X-Goog-Expires", str(lifetime)),
        ("X-Goog-SignedHeaders", "host"),
        *extra,
    ]
    signature = _signature(secret, origin.partition("://")[2], path, query)
    return f"{origin}{path}?{urlencode(query, quote_via=quote, safe='-_.~')}&X-Goog-Signature={signature}"


def check(path: str, query_string: str, host: str, secret: bytes, now: datetime) -> Refusal | None:
    """Checks a signed URL as Cloud Storage does: shape, then expiry, then signature. HEAD is checked as GET."""
    query = parse_qsl(query_string, keep_blank_values=True)
    values = dict(query)
    if "X-Goog-Signature" not in values:
        return _ANONYMOUS
    try:
        end = _end(values)
    except (KeyError, ValueError, OverflowError):
        return _MALFORMED
    if now > end:
        details = f"Request signature expired at: {end.isoformat()}"
        return Refusal(400, "ExpiredToken", "The provided token has expired.", details)
    signature = _signature(secret, host, path, [pair for pair in query if pair[0] != "X-Goog-Signature"])
    return None if values["X-Goog-Signature"] == signature else _MISMATCH


def _end(values: dict[str, str]) -> datetime:
    start = datetime.strptime(values["X-Goog-Date"], _STAMP).replace(tzinfo=UTC)
    lifetime = int(values["X-Goog-Expires"])
    known = values["X-Goog-Algorithm"] == _ALGORITHM and values["X-Goog-SignedHeaders"] == "host"
    if not known or not 1 <= lifetime <= MAX_LIFETIME:
        raise ValueError("not what this storage signs")
    return start + timedelta(seconds=lifetime)


def _signature(secret: bytes, host: str, path: str, query: Iterable[tuple[str, str]]) -> str:
    """Return the signature of a request however it is escaped, and in whichever order its parameters come."""
    signed = repr((host.lower(), unquote(path, "latin-1"), sorted(query)))
    return hmac.new(secret, signed.encode("utf-8", "backslashreplace"), hashlib.sha256).hexdigest()
