"""What the facade says in the requests of its operations, and what `aikynetix_api/facade.py` takes from the document.

Flags that are true are said, false ones only where the document requires them; nothing else is said unless the document
requires it and gives its value, which the generated function then has as its default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.regen._names import module_name
from scripts.regen._rules import RULES, SESSION_PARAMETER, Rule
from scripts.regen._wire import UNSAID, Case

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scripts.regen._address import Place
    from scripts.regen._canonical import Canonical, Endpoint
    from scripts.regen._load import Json
    from scripts.regen._security import Credentials


@dataclass(frozen=True)
class FacadeRequest:
    """How the facade makes the request of one operation."""

    rule: Rule
    endpoint: Endpoint
    model: Json  # the schema of the body's model, empty where the body has no fields
    wires: Mapping[str, str]  # its names in Python to the vendor's, where they differ
    in_parameters: Mapping[str, bool]  # the flags that are parameters, and whether the document requires them
    in_body: Mapping[str, bool]  # the flags that are fields of the body, and the same
    gone: Sequence[str]  # the flags that the document has nowhere

    def unsayable(self) -> Iterator[str]:
        """Yield what the document requires and the facade has no words for."""
        in_path = [one.own for one in self.endpoint.parameters if one.place == "path"]
        if self.endpoint.trouble:
            yield self.endpoint.trouble
        if in_path != [SESSION_PARAMETER]:
            needs = "needs more than a session" if in_path else "holds no session"
            yield f"its path {self.endpoint.operation.path} {needs}"
        for one in self.endpoint.parameters:
            if one.place != "path" and one.required and one.own not in self.in_parameters and "default" not in one.view:
                yield f"it requires the new {one.place} parameter `{one.wire}`"
        body = self.endpoint.body
        if body and body.required and not self.model:
            yield f"its request body is now no object with fields ({body.media[0]})"
        for name in self.model.get("required", ()):
            if name not in self.in_body and "default" not in self.model["properties"][name]:
                yield f"its body requires the new field `{self.wires.get(name, name)}`"

    def cases(self) -> Iterator[Case]:
        """Yield every request that the facade makes."""
        fields, required = self.model.get("properties", {}), self.model.get("required", ())
        for way in self.rule.requests:
            values: Json = {
                one.own: "squad 7/é" if one.place == "path" else one.view["default"]
                for one in self.endpoint.parameters
                if one.place == "path" or (one.required and "default" in one.view)
            }
            values.update(_said(self.in_parameters, way))
            content = {name: fields[name]["default"] for name in required if "default" in fields[name]}
            content.update(_said(self.in_body, way))
            body = {self.wires.get(name, name): value for name, value in content.items()} if self.model else UNSAID
            yield Case(self.endpoint, values, body)


def _said(flags: Mapping[str, bool], way: tuple[str, ...]) -> dict[str, bool]:
    return {name: name in way for name, is_required in flags.items() if is_required or name in way}


def facade_requests(canonical: Canonical) -> dict[str, FacadeRequest]:
    """Return how the facade makes the requests of the operations that the document has."""
    found: dict[str, FacadeRequest] = {}
    for rule in RULES:
        if endpoint := canonical.named(rule.name):
            name = endpoint.body.model if endpoint.body else ""
            component = canonical.book.components.get(name, {})
            model = component if "properties" in component else {}
            flags = [flag.name for flag in rule.flags]
            others = {one.own: one.required for one in endpoint.parameters if one.place != "path" and one.own in flags}
            fields = [one for one in model.get("properties", {}) if one in flags and one not in others]
            in_body = {one: one in model.get("required", ()) for one in fields}
            gone = [one for one in flags if one not in others and one not in in_body]
            wires = canonical.book.wire_names.get(name, {})
            found[rule.name] = FacadeRequest(rule, endpoint, model, wires, others, in_body, gone)
    return found


def facade_values(
    spec: Json,
    canonical: Canonical,
    credentials: Credentials,
    base: str | None,
    places: Mapping[str, tuple[Place, ...]],
) -> Json:
    """Return what the template of the module says. Every value becomes a literal, so the document cannot add code.

    Args:
        spec: The vendor's document.
        canonical: What was generated.
        credentials: Where the credentials go.
        base: The base URL.
        places: Where the video's address stands in the answers of each operation.
    """
    requests = facade_requests(canonical)
    gone = {rule.name: "the vendor's spec has no such operation any more" for rule in RULES}
    reasons = {**gone, **{name: "; ".join(one.unsayable()) for name, one in requests.items()}}
    return {
        "title": str(spec["info"].get("title", "")),
        "version": str(spec["info"].get("version", "")),
        "base": base,
        "credentials": credentials,
        "unsupported": {name: reason for name, reason in reasons.items() if reason},
        "places": {name: found for name, found in places.items() if found},
        "modules": {name: one.endpoint.module for name, one in requests.items()},
        "operations": [(rule.name, [flag.name for flag in rule.flags], requests.get(rule.name)) for rule in RULES],
        "session": SESSION_PARAMETER,
        "said": _as_arguments,
        "module_name": module_name,
        "ascii": ascii,
    }


def _as_arguments(flags: Mapping[str, bool], unsaid: str) -> list[str]:
    """Return flags as arguments; one that is not required is left unsaid where it is false."""
    return [f"{name}={name}{'' if is_required else f' or {unsaid}'}" for name, is_required in flags.items()]
