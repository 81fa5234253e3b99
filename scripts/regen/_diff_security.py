"""What changed in the credentials that operations ask for, compared as what is sent and not by the names of schemes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.regen._diff_order import Found, kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.regen._load import Json


class SecurityDiff:
    """Compares what operations of an old and a new document ask for."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = _sent(old), _sent(new)

    def access(self, old: Sequence[Json] | None, new: Sequence[Json] | None) -> Found:
        """Compare the requirements of an operation; breaking when what was enough is not enough any more."""
        before, after = _alternatives(old, self._old), _alternatives(new, self._new)
        if {_key(one) for one in before} != {_key(one) for one in after}:
            lost = any(not any(_key(enough) <= _key(one) for enough in after) for one in before)
            yield kind_of(lost), f"it accepts {_listed(after)}, accepted {_listed(before)}"


def _sent(spec: Json) -> dict[str, str]:
    """Say what each scheme of a document sends."""
    components = spec.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    stated = {name: one for name, one in (schemes or {}).items() if isinstance(one, dict)}
    return {
        name: f"`{one.get('name')}` in the {one.get('in')}"
        if one.get("type") == "apiKey"
        else f"{one.get('type')} {one.get('scheme', '')}".strip()
        for name, one in stated.items()
    }


def _alternatives(security: Sequence[Json] | None, sent: dict[str, str]) -> list[frozenset[str]]:
    """List what is enough, each the credentials that are needed together, once for each scope."""
    return [
        frozenset(
            part
            for name, scopes in one.items()
            for part in (sent.get(name, name), *(f"{sent.get(name, name)} for {scope}" for scope in _scopes(scopes)))
        )
        for one in security or [{}]
    ]


def _key(credentials: frozenset[str]) -> frozenset[str]:
    """Return credentials without the case that names of headers and of HTTP's schemes do not have (RFC 9110, 5.1)."""
    exact = ("in the query", "in the cookie")
    return frozenset(one if any(place in one for place in exact) else one.lower() for one in credentials)


def _listed(alternatives: Sequence[frozenset[str]]) -> str:
    return " or ".join(sorted({" with ".join(sorted(one)) or "none" for one in alternatives}))


def _scopes(value: object) -> list[str]:
    return sorted(map(str, value)) if isinstance(value, list) else []
