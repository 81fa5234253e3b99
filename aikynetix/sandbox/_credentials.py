"""Which credentials the sandbox accepts, and how they are written down. Pure."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from aikynetix_api import facade

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MASK", "accepted", "masked"]

MASK = "***"
_KEY_PLACE, _KEY_NAME = facade.API_KEY or ("header", "API-KEY")
_TOKEN_HEADER, _TOKEN_PREFIX = facade.BEARER or ("Authorization", "Bearer ")
_SECRET_HEADERS = frozenset(
    {"authorization", "cookie", "proxy-authorization", _KEY_NAME.lower(), _TOKEN_HEADER.lower()}
)
_SCHEMES = frozenset({"api-key", "basic", "bearer", _TOKEN_PREFIX.strip().lower()})


def accepted(
    headers: Mapping[str, str], query: Mapping[str, str], cookies: Mapping[str, str], api_key: str, token: str
) -> bool:
    """Tells whether a request carries a credential in a form that the vendor documents.

    The forms are the spec's two security schemes and ``Authorization: API-KEY <key>`` (the prose of the vendor's page).
    The spec's ``security`` lists alternatives, so one is enough; but whatever is presented has to be right, because a
    wrong credential beside a right one is a mistake that should show here and not at the vendor's. Scheme names are
    compared without regard to case (RFC 9110, section 11.1).

    Args:
        headers: The request's headers, with lower-case names.
        query: The query's parameters.
        cookies: The request's cookies.
        api_key: The key to accept.
        token: The bearer token to accept.
    """
    right: dict[str, list[str]] = {"authorization": [f"API-KEY {api_key}"]}
    right.setdefault(_TOKEN_HEADER.lower(), []).append(f"{_TOKEN_PREFIX}{token}")
    verdicts: list[bool] = []
    if _KEY_PLACE == "header":
        right.setdefault(_KEY_NAME.lower(), []).append(api_key)
    elif _KEY_NAME in (given := query if _KEY_PLACE == "query" else cookies):
        verdicts.append(_same(given[_KEY_NAME], api_key))
    for name, values in right.items():
        if name in headers:
            verdicts.append(any(_same(_normal(headers[name]), _normal(value)) for value in values))
    return bool(verdicts) and all(verdicts)


def _normal(value: str) -> str:
    scheme, separator, rest = value.partition(" ")
    return f"{scheme.lower()} {rest.strip()}" if separator else value


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())


def masked(headers: Iterable[tuple[str, str]], secrets: Iterable[str]) -> dict[str, str]:
    """Gives headers as they may be kept: by lower-case name, repeated ones joined, credentials replaced by ``***``.

    The scheme of a credential is kept, because it tells which of the documented forms was used. A known secret is
    replaced in every other header as well.
    """
    kept: dict[str, str] = {}
    for name, value in headers:
        shown, key = value, name.lower()
        for secret in secrets:
            shown = shown.replace(secret, MASK)
        if key in _SECRET_HEADERS:
            scheme, separator, _ = value.partition(" ")
            shown = f"{scheme} {MASK}" if separator and scheme.lower() in _SCHEMES else MASK
        kept[key] = f"{kept[key]}, {shown}" if key in kept else shown
    return kept
