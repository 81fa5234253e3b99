"""The credentials that the vendor's document asks for, as the facade can send them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.regen._document import resolve
from scripts.regen._names import folded
from scripts.regen._problems import RefusedError
from scripts.regen._rules import NOT_FOR_PROGRAMS, TOKEN_PREFIXES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from scripts.regen._load import Json
    from scripts.regen._operations import Operation

_AUTHORIZATION = ("header", "authorization")
_PLACES = ("header", "cookie", "query")
# What a key in a header or cookie can be called (RFC 9110, section 5.6.2), but for what HTTP itself says there.
_KEY_NAME = re.compile(
    r"(?i)(?!(host|content-.*|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|cookie|accept-encoding)$)"
    r"[!#$%&'*+.^_`|~0-9a-z-]+"
)
_TOKEN_WORDS = "|".join(TOKEN_PREFIXES)
# How descriptions tell what stands before a token: `Bearer <token>`, `prefix "Token"`, `Authorization: JWT x`.
_PREFIX = re.compile(
    rf"\b({_TOKEN_WORDS})\s+[<{{\[]|\bprefix\W{{1,4}}({_TOKEN_WORDS})\b|\bAuthorization\W{{1,4}}({_TOKEN_WORDS})\s",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Credentials:
    """Where credentials go."""

    # Place (header, query or cookie) and name of the API key, None when the vendor takes none.
    api_key: tuple[str, str] | None
    bearer: tuple[str, str] | None  # header and prefix of a bearer token, None when the vendor takes none
    key_schemes: frozenset[str] = frozenset()  # names of the schemes that this API key fulfils
    bearer_schemes: frozenset[str] = frozenset()  # names of the schemes that this token fulfils

    @property
    def names(self) -> frozenset[tuple[str, str]]:
        """Places and lower-case names that credentials occupy in a request."""
        keys = [self.api_key] if self.api_key else []
        return frozenset([_AUTHORIZATION, *((place, name.lower()) for place, name in keys)])


def suffices(schemes: Collection[str], operation: Operation) -> bool:
    """Tell whether one of some schemes is enough by itself for an operation: the facade sends one credential."""
    requirements = operation.security or []
    if not requirements or {} in requirements:
        return bool(schemes)
    return any(len(one) == 1 and next(iter(one)) in schemes for one in requirements)


def find_credentials(spec: Json, operations: Sequence[Operation]) -> Credentials:
    """Find the API key and the bearer token that most of the given operations accept.

    Of several keys the one wins that looks most like an API key: documents of web frameworks also list the session's
    cookie and the token against forged requests, which are no credentials for programs.
    """
    schemes = _schemes(spec)
    places = {name: place for name in schemes if (place := _key_place(schemes[name])) is not None}
    prefixes = {name: prefix for name in schemes if (prefix := _token_prefix(schemes[name])) is not None}
    in_authorization = {name for name, (place, key) in places.items() if (place, key.lower()) == _AUTHORIZATION}

    def use(name: str) -> int:
        return sum(suffices({name}, operation) for operation in operations)

    names = [name for name in schemes if use(name) or not operations]
    keys = [name for name in names if name in places and name not in in_authorization]
    bearers = [name for name in names if name in prefixes]
    if bearers and not keys:
        keys = [name for name in names if name in in_authorization]
    elif not bearers:
        bearers = [name for name in names if name in in_authorization]
        prefixes |= {name: _described_prefix(schemes[name]) for name in bearers}
    key = min(keys, key=lambda name: (-use(name), *_unlikeness(*places[name])), default=None)
    bearer = min(bearers, key=lambda name: (-use(name), prefixes[name] != "Bearer "), default=None)
    return Credentials(
        api_key=None if key is None else places[key],
        bearer=None if bearer is None else ("Authorization", prefixes[bearer]),
        key_schemes=frozenset(name for name in places if key and places[name] == places[key]),
        bearer_schemes=frozenset(name for name in prefixes if bearer and prefixes[name] == prefixes[bearer]),
    )


def _unlikeness(place: str, name: str) -> tuple[bool, bool, int]:
    return (not folded(name).endswith("apikey"), "key" not in folded(name), _PLACES.index(place))


def _schemes(spec: Json) -> dict[str, Json]:
    stated = (spec.get("components") or {}).get("securitySchemes") or {}
    return {name: resolve(spec, one, f"`components.securitySchemes.{name}`") for name, one in stated.items()}


def check_schemes(spec: Json, operations: Sequence[Operation]) -> None:
    """Refuse a document that asks for a credential without describing it."""
    schemes = _schemes(spec)
    for operation in operations:
        for name in (name for one in operation.security or [] for name in one if name not in schemes):
            raise RefusedError(
                f"The `security` of {operation.label} names the scheme `{name}`, which `components.securitySchemes` "
                "does not have. Ask the vendor for a complete document, or add the scheme as the prose describes it."
            )


def _token_prefix(scheme: Json) -> str | None:
    """Return what stands before a token in `Authorization`, None when the scheme is clearly none for tokens."""
    kind, name = (str(scheme.get(key)).lower() for key in ("type", "scheme"))
    known = {prefix.lower(): f"{prefix} " for prefix in TOKEN_PREFIXES}
    return "Bearer " if kind in ("oauth2", "openidconnect") else known.get(name) if kind == "http" else None


def _described_prefix(scheme: Json) -> str:
    """Return what stands before the value of an API key in `Authorization`, which only the description can tell."""
    match = _PREFIX.search(str(scheme.get("description", "")))
    word = next(filter(None, match.groups())).lower() if match else "bearer"
    return next(f"{prefix} " for prefix in TOKEN_PREFIXES if prefix.lower() == word)


def _key_place(scheme: Json) -> tuple[str, str] | None:
    place, name = scheme.get("in"), str(scheme.get("name") or "")
    if str(scheme.get("type")).lower() != "apikey" or place not in _PLACES or not name.strip():
        return None
    can_be_sent = place == "query" or _KEY_NAME.fullmatch(name)
    return (place, name) if can_be_sent and folded(name) not in NOT_FOR_PROGRAMS else None
