"""What changed in the credentials that two documents ask for, compared as what is sent and not by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.regen._diff_order import ADDITIVE, BREAKING, DOCUMENTATION, UNJUDGED, Found, kind_of
from scripts.regen._walk import differing_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.regen._load import Json

_JUDGED = frozenset({"type", "name", "in", "scheme"})


class SecurityDiff:
    """Compares schemes, and what operations ask for, of an old and a new document."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = _schemes(old), _schemes(new)
        fresh = {_signature(one): name for name, one in self._new.items() if name not in self._old}
        gone = {name: _signature(one) for name, one in self._old.items() if name not in self._new}
        self._renamed = {name: fresh.pop(sent) for name, sent in gone.items() if sent in fresh}
        self._fresh = sorted(fresh.values())

    def schemes(self) -> Found:
        """Compare the schemes; one that only got another name is the same scheme."""
        for name, one in self._old.items():
            if name in self._new:
                yield from _scheme_changes(name, one, self._new[name])
            elif name in self._renamed:
                yield DOCUMENTATION, f"the scheme `{name}` is called `{self._renamed[name]}` now"
            else:
                yield BREAKING, f"the scheme `{name}` is gone"
        for name in self._fresh:
            yield ADDITIVE, f"the scheme `{name}` ({_shown(self._new[name])}) is new"

    def access(self, old: Sequence[Json] | None, new: Sequence[Json] | None) -> Found:
        """Compare the requirements of an operation; breaking when what was enough is not enough any more."""
        before, after = _alternatives(old, self._renamed), _alternatives(new, {})
        if before != after:
            lost = any(not any(enough <= one for enough in after) for one in before)
            yield kind_of(lost), f"it accepts the credentials {_listed(new)}, accepted {_listed(old)}"


def _scheme_changes(name: str, old: Json, new: Json) -> Found:
    if _signature(old) != _signature(new):
        yield BREAKING, f"the scheme `{name}` is {_shown(new)}, was {_shown(old)}"
    elif _shown(old) != _shown(new):
        yield DOCUMENTATION, f"the scheme `{name}` is spelled {_shown(new)}, was {_shown(old)}"
    for key in differing_keys(old, new, _JUDGED):
        yield UNJUDGED, f"the scheme `{name}` differs in `{key}`"


def _schemes(spec: Json) -> dict[str, Json]:
    components = spec.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    return {name: one for name, one in schemes.items() if isinstance(one, dict)} if isinstance(schemes, dict) else {}


def _shown(scheme: Json) -> str:
    kind = str(scheme.get("type"))
    if kind == "apiKey":
        return f"{kind} `{scheme.get('name')}` in {scheme.get('in')}"
    return f"{kind} {scheme.get('scheme', '')}".strip()


def _signature(scheme: Json) -> str:
    """Say what is sent: names of headers and of HTTP's schemes have no case (RFC 9110, sections 5.1 and 11.1)."""
    is_exact = scheme.get("type") == "apiKey" and scheme.get("in") != "header"
    return _shown(scheme) if is_exact else _shown(scheme).lower()


def _alternatives(security: Sequence[Json] | None, renamed: dict[str, str]) -> set[frozenset[str]]:
    """List what is enough, each the schemes and scopes that are needed together, by the names that schemes have now."""
    return {
        frozenset(
            part
            for name, scopes in one.items()
            for part in (renamed.get(name, name), *(f"{renamed.get(name, name)} {scope}" for scope in _scopes(scopes)))
        )
        for one in security or [{}]
    }


def _listed(security: Sequence[Json] | None) -> str:
    named = {" with ".join(sorted(map(_with_scopes, one.items()))) for one in security or [{}]}
    return " or ".join(sorted(one or "none" for one in named))


def _with_scopes(requirement: tuple[str, object]) -> str:
    scopes = ", ".join(_scopes(requirement[1]))
    return f"{requirement[0]} ({scopes})" if scopes else requirement[0]


def _scopes(value: object) -> list[str]:
    return sorted(map(str, value)) if isinstance(value, list) else []
