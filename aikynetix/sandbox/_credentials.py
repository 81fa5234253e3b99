"""Which credentials the sandbox accepts, and how they are written down. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from aikynetix_api import facade

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

MASK = "***"
_KEY_PLACE, _KEY_NAME = facade.API_KEY or ("header", "API-KEY")
_TOKEN_HEADER, _TOKEN_PREFIX = facade.BEARER or ("Authorization", "Bearer ")
_SECRET_HEADERS = {"authorization", "cookie", "proxy-authorization", _KEY_NAME.lower(), _TOKEN_HEADER.lower()}
_SCHEMES = {"api-key", "basic", "bearer", _TOKEN_PREFIX.strip().lower()}


def accepted(request: Request, api_key: str, token: str) -> bool:
    """Tells whether a request carries a credential in a form that the vendor documents.

    The forms are the spec's two security schemes and ``Authorization: API-KEY <key>`` (the prose of the vendor's page).
    The spec's ``security`` lists alternatives, so one is enough; but whatever is presented has to be right, because a
    wrong credential beside a right one is a mistake that should show here and not at the vendor's. Scheme names are
    compared without regard to case (RFC 9110, section 11.1).
    """
    right: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    right["header", "authorization"].append(f"API-KEY {api_key}")
    right["header", _TOKEN_HEADER.lower()].append(f"{_TOKEN_PREFIX}{token}")
    right[_KEY_PLACE, _KEY_NAME.lower() if _KEY_PLACE == "header" else _KEY_NAME].append(api_key)
    places = {"header": request.headers, "query": request.query_params, "cookie": request.cookies}
    presented = [(places[place][name], values) for (place, name), values in right.items() if name in places[place]]
    verdicts = [_normal(value) in map(_normal, values) for value, values in presented]
    return bool(verdicts) and all(verdicts)


def _normal(value: str) -> str:
    scheme, separator, rest = value.partition(" ")
    return f"{scheme.lower()} {rest.strip()}" if separator else value


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
