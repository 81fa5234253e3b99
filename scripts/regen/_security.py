"""The credentials that the vendor's document asks for, as the facade can send them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.regen._problems import RefusedError
from scripts.regen._refs import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.regen._load import Json
    from scripts.regen._operations import Operation

_PLACES = ("header", "query", "cookie")


@dataclass(frozen=True)
class Credentials:
    """Where credentials go.

    Attributes:
        api_key: Place (header, query or cookie) and name of the API key, None when the vendor takes none.
        bearer: Header and prefix of a bearer token, None when the vendor takes none.
        others: Names of schemes that the facade cannot send.
    """

    api_key: tuple[str, str] | None
    bearer: tuple[str, str] | None
    others: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[tuple[str, str]]:
        """Places and lower-case names that credentials occupy in a request."""
        key = {(self.api_key[0], self.api_key[1].lower())} if self.api_key else set[tuple[str, str]]()
        return frozenset(key | {("header", "authorization")})


def find_credentials(spec: Json, operations: Sequence[Operation]) -> Credentials:
    """Find the API key and the bearer token that the given operations accept.

    Only schemes that suffice alone count, because the facade sends one credential. Without `security` anywhere the
    document's schemes are taken in their order.
    """
    schemes = _schemes(spec)
    usable = _alone(operations, list(schemes))
    ordered = [name for name in schemes if name in usable]
    bearers = [name for name in ordered if _is_bearer(schemes[name])]
    keys = [name for name in ordered if _key_place(schemes[name]) is not None]
    in_authorization = [name for name in keys if _in_authorization(schemes[name])]
    keys = [name for name in keys if name not in in_authorization]
    if bearers and not keys:
        keys = in_authorization
    elif not bearers:
        bearers = in_authorization
    others = tuple(name for name in ordered if name not in {*bearers, *keys, *in_authorization})
    return Credentials(
        api_key=_key_place(schemes[keys[0]]) if keys else None,
        bearer=("Authorization", "Bearer ") if bearers else None,
        others=others,
    )


def _schemes(spec: Json) -> dict[str, Json]:
    components = spec.get("components")
    raw = components.get("securitySchemes") if isinstance(components, dict) else None
    result: dict[str, Json] = {}
    for name, value in (raw if isinstance(raw, dict) else {}).items():
        scheme = resolve(spec, value, f"`components.securitySchemes.{name}`")
        if isinstance(scheme, dict):
            result[name] = scheme
    for requirement in spec.get("security") or []:
        for name in requirement if isinstance(requirement, dict) else ():
            if name not in result:
                raise RefusedError(
                    f"`security` names the scheme `{name}`, which `components.securitySchemes` does not have."
                )
    return result


def _alone(operations: Sequence[Operation], every: list[str]) -> set[str]:
    """Return the schemes that suffice alone for all of the operations that ask for any."""
    sets: list[set[str]] = []
    for operation in operations:
        requirements = operation.security or []
        if requirements and {} not in requirements:
            sets.append({next(iter(one)) for one in requirements if len(one) == 1})
    return set.intersection(*sets) if sets else set(every)


def _is_bearer(scheme: Json) -> bool:
    kind = _lower(scheme.get("type"))
    return (kind == "http" and _lower(scheme.get("scheme")) == "bearer") or kind in ("oauth2", "openidconnect")


def _key_place(scheme: Json) -> tuple[str, str] | None:
    place, name = scheme.get("in"), scheme.get("name")
    if _lower(scheme.get("type")) != "apikey" or place not in _PLACES or not isinstance(name, str) or not name.strip():
        return None
    return (str(place), name)


def _in_authorization(scheme: Json) -> bool:
    place = _key_place(scheme)
    return place is not None and (place[0], place[1].lower()) == ("header", "authorization")


def _lower(value: Any) -> str:
    return value.lower() if isinstance(value, str) else ""
