"""Signed URLs in the shape of Cloud Storage's V4 signing process, and the check of them. Pure.

The algorithm is GOOG4-HMAC-SHA256, which Cloud Storage documents for HMAC keys ("Signatures", "Canonical requests"):
the same canonical request and string to sign as for the RSA form, with a secret that need not be a service account's.
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

__all__ = ["MAX_LIFETIME", "Refusal", "SigningKey", "check", "sign"]

ALGORITHM = "GOOG4-HMAC-SHA256"
MAX_LIFETIME = 604_800
"""The longest lifetime of a V4 signature in seconds: seven days."""

_STAMP = "%Y%m%dT%H%M%SZ"
_SCOPE = "auto/storage/goog4_request"
_PARAMETERS = (
    "X-Goog-Algorithm",
    "X-Goog-Credential",
    "X-Goog-Date",
    "X-Goog-Expires",
    "X-Goog-SignedHeaders",
    "X-Goog-Signature",
)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An HMAC key: the access id that is visible in the URL, and the secret that is not."""

    access_id: str
    secret: bytes

    def __repr__(self) -> str:
        """Names the key without its secret."""
        return f"SigningKey(access_id={self.access_id!r})"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not served: the status and the fields of Cloud Storage's XML error document."""

    status: int
    code: str
    message: str
    fields: tuple[tuple[str, str], ...] = ()


def sign(
    origin: str,
    path: str,
    key: SigningKey,
    now: datetime,
    lifetime: int,
    extra: Iterable[tuple[str, str]] = (),
) -> str:
    """Makes the signed URL of an object.

    Args:
        origin: Scheme, host and port, such as ``http://127.0.0.1:8001``; the host is part of what is signed.
        path: The object's percent-encoded path, with the leading slash and the bucket.
        key: The key to sign with.
        now: The moment of signing, aware.
        lifetime: Seconds until the URL expires, 1 to 604800.
        extra: Further query parameters, such as ``response-content-disposition``.
    """
    stamp = now.astimezone(UTC).strftime(_STAMP)
    query = [
        ("X-Goog-Algorithm", ALGORITHM),
        ("X-Goog-Credential", f"{key.access_id}/{stamp[:8]}/{_SCOPE}"),
        ("X-Goog-Date", stamp),
        ("X-Goog-Expires", str(lifetime)),
        ("X-Goog-SignedHeaders", "host"),
        *extra,
    ]
    host = origin.partition("://")[2]
    signature = _signature(key, stamp, _canonical_request(path, query, host))
    return f"{origin}{path}?{_encoded(query)}&X-Goog-Signature={signature}"


def check(path: str, query_string: str, host: str, key: SigningKey, now: datetime) -> Refusal | None:
    """Checks a signed URL as Cloud Storage does: shape, then expiry, then signature. HEAD is checked as GET.

    Args:
        path: The percent-encoded path that was asked for.
        query_string: The raw query.
        host: The request's ``Host`` header.
        key: The key that every URL of this storage is signed with.
        now: The moment of the request, aware.

    Returns:
        The refusal, or ``None`` when the request may be served.
    """
    query = parse_qsl(query_string, keep_blank_values=True)
    values = dict(query)
    if "X-Goog-Signature" not in values:
        return _ANONYMOUS
    try:
        start, end = _window(values)
    except (KeyError, ValueError, OverflowError):
        return _MALFORMED
    if sum(name in _PARAMETERS for name, _ in query) != len(_PARAMETERS):
        return _MALFORMED
    if now > end:
        details = ("Details", f"Request signature expired at: {end.isoformat()}")
        return Refusal(400, "ExpiredToken", "The provided token has expired.", (details,))
    unsigned = [pair for pair in query if pair[0] != "X-Goog-Signature"]
    stamp = start.strftime(_STAMP)
    trusted = values["X-Goog-Credential"] == f"{key.access_id}/{stamp[:8]}/{_SCOPE}"
    signature = _signature(key, stamp, _canonical_request(path, unsigned, host))
    genuine = hmac.compare_digest(signature.encode(), values["X-Goog-Signature"].encode())
    return None if trusted and genuine else _MISMATCH


def _window(values: dict[str, str]) -> tuple[datetime, datetime]:
    start = datetime.strptime(values["X-Goog-Date"], _STAMP).replace(tzinfo=UTC)
    lifetime = int(values["X-Goog-Expires"][:7])
    known = values["X-Goog-Algorithm"] == ALGORITHM and values["X-Goog-SignedHeaders"] == "host"
    if not known or not 1 <= lifetime <= MAX_LIFETIME:
        raise ValueError("not what this storage signs")
    return start, start + timedelta(seconds=lifetime)


def _encoded(query: Iterable[tuple[str, str]]) -> str:
    return urlencode(list(query), quote_via=quote, safe="-_.~")


def _canonical_request(path: str, query: Iterable[tuple[str, str]], host: str) -> str:
    canonical_path = quote(unquote(path, errors="surrogateescape"), safe="/-_.~", errors="surrogateescape")
    canonical_query = "&".join(sorted(_encoded(query).split("&")))
    return "\n".join(["GET", canonical_path, canonical_query, f"host:{host.lower()}", "", "host", "UNSIGNED-PAYLOAD"])


def _signature(key: SigningKey, stamp: str, request: str) -> str:
    digest = hashlib.sha256(request.encode()).hexdigest()
    string_to_sign = "\n".join([ALGORITHM, stamp, f"{stamp[:8]}/{_SCOPE}", digest])
    derived = b"GOOG4" + key.secret
    for part in (stamp[:8], *_SCOPE.split("/"), string_to_sign):
        derived = hmac.new(derived, part.encode(), hashlib.sha256).digest()
    return derived.hex()


_ANONYMOUS = Refusal(
    403,
    "AccessDenied",
    "Access denied.",
    (("Details", "Anonymous caller does not have storage.objects.get access to the Google Cloud Storage object."),),
)
_MISMATCH = Refusal(
    403,
    "SignatureDoesNotMatch",
    "Access denied.",
    (("Details", "The request signature we calculated does not match the signature you provided."),),
)
_MALFORMED = Refusal(400, "MalformedSecurityHeader", "Your request has a malformed header.")
