"""Which credentials the sandbox accepts, and how they are written down. Pure."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MASK", "accepted", "masked"]

MASK = "***"
_SECRET_HEADERS = frozenset({"api-key", "authorization", "cookie", "proxy-authorization"})
_SCHEMES = frozenset({"api-key", "basic", "bearer"})


def accepted(headers: Mapping[str, str], api_key: str, token: str) -> bool:
    """Tells whether a request carries a credential in one of the three forms that the vendor documents.

    The forms are ``API-KEY: <key>`` and ``Authorization: Bearer <token>`` (the spec's two security schemes) and
    ``Authorization: API-KEY <key>`` (the prose of the vendor's page). The spec's ``security`` lists alternatives, so
    one is enough; but whatever is presented has to be right, because a wrong credential beside a right one is a mistake
    that should show here and not at the vendor's. Scheme names are compared without regard to case (RFC 9110, section
    11.1).

    Args:
        headers: The request's headers, with lower-case names.
        api_key: The key to accept.
        token: The bearer token to accept.
    """
    verdicts: list[bool] = []
    if "authorization" in headers:
        scheme, _, value = headers["authorization"].partition(" ")
        expected = {"api-key": api_key, "bearer": token}.get(scheme.lower())
        verdicts.append(expected is not None and _same(value.strip(), expected))
    if "api-key" in headers:
        verdicts.append(_same(headers["api-key"], api_key))
    return bool(verdicts) and all(verdicts)


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())


def masked(headers: Iterable[tuple[str, str]], secrets: Iterable[str] = ()) -> dict[str, str]:
    """Gives headers as they may be kept: by lower-case name, repeated ones joined, credentials replaced by ``***``.

    The scheme of an ``Authorization`` header is kept, because it tells which of the documented forms was used. A
    known secret is replaced in every other header as well.
    """
    kept: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        shown = _shown(key, value, secrets)
        kept[key] = f"{kept[key]}, {shown}" if key in kept else shown
    return kept


def _shown(name: str, value: str, secrets: Iterable[str]) -> str:
    if name in _SECRET_HEADERS:
        scheme, separator, _ = value.partition(" ")
        return f"{scheme} {MASK}" if separator and scheme.lower() in _SCHEMES else MASK
    for secret in secrets:
        value = value.replace(secret, MASK)
    return value
