"""The facade's two operations: what it says in their requests, whether that does its job, and `facade.py`.

Flags that are true are said, false ones only where the document requires them or has them true by default; nothing else
is said unless the document requires it and gives its value, which the generated function then has as its default.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]  # it ships no types
from jsonschema.validators import extend  # type: ignore[import-untyped]  # the same

from scripts.regen._canonical import schema_of
from scripts.regen._document import side_of
from scripts.regen._find import GENERIC, base_url, is_json, rank_of, suffices
from scripts.regen._names import module_name, normalize_name
from scripts.regen._rules import FACADE_SOURCE, RULES, SESSION_PARAMETER, UNMISTAKABLE, Rule
from scripts.regen._wire import Case

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scripts.regen._canonical import Canonical, Endpoint
    from scripts.regen._document import Json
    from scripts.regen._find import JsonPath
    from scripts.regen._operations import Operation
    from scripts.regen._schemas import SchemaRegistry

_TABLE = "scripts/regen/_rules.py"
_DECIDE = f"decide what the facade sends, and say it in {FACADE_SOURCE}"


@dataclass(frozen=True)
class Finding:
    """One reason why a facade method can no longer do its job."""

    method: str  # the facade's operation, e.g. ``get_analyzed_video``
    changed: str  # what the vendor's document says now, one sentence
    advice: str  # what a maintainer should do about it, one sentence


@dataclass(frozen=True)
class Plan:
    """Everything that is known about a document before generating."""

    spec: Json  # the vendor's document
    operations: list[Operation]  # its operations
    canonical: Canonical  # what the generator gets
    url_paths: Mapping[str, tuple[JsonPath, ...]]  # of each facade operation: where responses have the video's address
    findings: list[Finding]  # why facade methods can no longer do their job; empty when all can


@dataclass(frozen=True)
class FacadeRequest:
    """How the facade makes the request of one operation."""

    rule: Rule
    endpoint: Endpoint
    model: Json  # the schema of the body's model, empty where the body has no fields
    wires: Mapping[str, str]  # its names in Python to the vendor's, where they differ
    in_parameters: Mapping[str, bool]  # the flags that are parameters, and whether they are said where they are false
    in_body: Mapping[str, bool]  # the flags that are fields of the body, and the same
    gone: Sequence[str]  # the flags that the document has nowhere

    def unsayable(self) -> Iterator[str]:
        """Yield what the document requires and the facade has no words for."""
        in_path = [one.own for one in self.endpoint.parameters if one.location == "path"]
        if "#" in self.endpoint.operation.path:
            yield f"its path has a fragment, {self.endpoint.operation.path}"
        if self.endpoint.trouble:
            yield self.endpoint.trouble
        if in_path != [SESSION_PARAMETER]:
            needs = "needs more than a session" if in_path else "holds no session"
            yield f"its path {self.endpoint.operation.path} {needs}"
        for stated in self.endpoint.operation.parameters:
            if stated["in"] == "path" and stated.get("content"):
                yield f"its path is written as {next(iter(stated['content']))}"
        for one in (one for one in self.endpoint.parameters if one.location != "path" and one.required):
            if one.own not in self.in_parameters and "default" not in one.view:
                yield f"it requires the new {one.location} parameter `{one.wire}`"
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
            stated = (one for one in self.endpoint.parameters if one.required and "default" in one.view)
            values: Json = {one.own: one.view["default"] for one in stated} | _said(self.in_parameters, way)
            values[SESSION_PARAMETER] = "squad 7/é"
            content = {name: fields[name]["default"] for name in required if "default" in fields[name]}
            content |= _said(self.in_body, way)
            if self.model:
                values["body"] = {self.wires.get(name, name): value for name, value in content.items()}
            yield Case(self.endpoint, values)


def _said(flags: Mapping[str, bool], way: tuple[str, ...]) -> dict[str, bool]:
    return {name: name in way for name, is_always_said in flags.items() if is_always_said or name in way}


def facade_requests(canonical: Canonical) -> dict[str, FacadeRequest]:
    """Return how the facade makes the requests of the operations that the document has."""
    found: dict[str, FacadeRequest] = {}
    for rule in RULES:
        if endpoint := canonical.facade.get(rule.name):
            registry, body, flags = canonical.registry, endpoint.body, rule.flags
            component = registry.components.get(body.model, {}) if body else {}
            model = component if "properties" in component else {}
            wires = registry.wire_names.get(body.model, {}) if body else {}
            schema = registry.merged(body.stated.get("schema", {})) if body else {}
            stated = registry.target(schema).get("properties", {})
            others = [one for one in endpoint.parameters if one.location != "path" and one.own in flags]
            in_parameters = {one.own: one.required or _is_usual(registry, schema_of(one.stated)) for one in others}
            fields = {one: stated.get(wires.get(one, one)) for one in model.get("properties", {}) if one in flags}
            required = model.get("required", ())
            in_body = {name: name in required or _is_usual(registry, field) for name, field in fields.items()}
            # What stands in both is said where it always was, and in the other place only where that requires it.
            home, other = (in_parameters, in_body) if endpoint.operation.method == "get" else (in_body, in_parameters)
            for flag in [one for one in other if one in home and not other[one]]:
                del other[flag]
            gone = [one for one in flags if one not in in_parameters and one not in in_body]
            found[rule.name] = FacadeRequest(rule, endpoint, model, wires, in_parameters, in_body, gone)
    return found


def _is_usual(registry: SchemaRegistry, schema: Any) -> bool:
    """Tell whether the server takes a flag that nobody says for true, so that it has to be said where it is false."""
    said = {**registry.target(schema), **schema} if isinstance(schema, dict) else {}
    return said.get("default") in (True, "true")


def missing_operations(
    candidates: Mapping[str, Sequence[Operation]], operations: Sequence[Operation]
) -> Iterator[Finding]:
    """Report the facade operations that the document does not have, or has more than once."""
    for rule in RULES:
        methods = " or ".join(rule.methods).upper()
        missing = f"there is no {methods} operation on a path ending in {rule.shape} now{_nearest(rule, operations)}"
        several = f"several operations could be meant: {' and '.join(one.label for one in candidates[rule.name])}"
        if len(candidates[rule.name]) != 1:
            yield Finding(
                rule.name,
                several if candidates[rule.name] else missing,
                f"name the path or operationId that is meant in the rule `{rule.name}` in {_TABLE}; if it was removed, "
                "deprecate the facade method",
            )


def _nearest(rule: Rule, operations: Sequence[Operation]) -> str:
    """Name the operation that has the identifier of a missing one, or a similar path."""
    known = {normalize_name(name) for name in rule.operation_ids}
    if same := [one for one in operations if normalize_name(one.identifier) in known]:
        return f" (its operationId `{same[0].identifier}` is {same[0].label} now)"
    close = difflib.get_close_matches(rule.shape, [one.path for one in operations], n=1, cutoff=0.5)
    return f" (closest: {close[0]})" if close else ""


def check_facade(canonical: Canonical, url_paths: Mapping[str, tuple[JsonPath, ...]]) -> Iterator[Finding]:
    """Report everything that keeps a facade operation of this document from doing its job."""
    for name, request in facade_requests(canonical).items():
        operation = request.endpoint.operation
        unsaid = [*request.unsayable()]
        unsaid += [f"it has no `{one}` any more, neither as a parameter nor in the body" for one in request.gone]
        if not unsaid:  # else the first thing that the vendor's own schemas do not take
            judged = (one for case in request.cases() for one in _judged(case))
            complaints = ((what, _complaint(canonical.registry, schema, ways)) for what, schema, ways in judged)
            unsaid = [f"{what}: {why}" for what, why in complaints if why][:1]
        yield from (Finding(name, why, _DECIDE) for why in unsaid)
        for about in (_about_response(name, operation, url_paths), _about_access(operation, canonical)):
            yield from (Finding(name, changed, advice) for changed, advice in about)


def _judged(case: Case) -> Iterator[tuple[str, Any, list[Any]]]:
    """Yield what a request says, each part with the vendor's schema for it and the ways in which it may be meant."""
    for one in (one for one in case.endpoint.parameters if one.own in case.values and one.location != "path"):
        value, is_text = case.values[one.own], re.search(r'"(string|\$ref)"', json.dumps(one.view))
        what = f"it requires `{one.wire}`"
        if isinstance(value, bool) and not one.required:
            what = f"`{one.own}` ({one.location}) is no longer a yes-or-no flag"
        for kind, media in (one.stated.get("content") or {}).items():
            schema = media.get("schema", {}) if is_json(kind) else False
            yield f"{what}: {json.dumps(value)} is not allowed, it is written as {kind}", schema, [value]
        ways = [value, json.dumps(value)] if isinstance(value, bool) and is_text else [value]
        yield f"{what}: {json.dumps(value)} is not allowed", one.stated.get("schema", {}), ways
    if case.endpoint.body and "body" in case.values:
        said, schema = case.values["body"], case.endpoint.body.stated.get("schema", {})
        shown = json.dumps(said, ensure_ascii=False)[:200]
        yield f"its body may not be what the facade sends, {shown}", schema, [said]


def _complaint(registry: SchemaRegistry, schema: Any, ways: list[Any]) -> str:
    """Return what the vendor's own schema, of which a view has lost the fine print, finds wrong; empty for nothing."""

    def required(validator: Any, stated: Any, instance: Any, owner: Json) -> Iterator[Any]:
        fields = owner.get("properties", {})
        said = [one for one in stated if side_of(fields.get(one), registry.target(fields.get(one))) != "response"]
        yield from checks["required"](validator, said, instance, owner) or ()

    def read_only(validator: Any, stated: Any, instance: Any, owner: Json) -> Iterator[Any]:
        del validator, owner
        if stated is True:
            yield ValidationError(f"{json.dumps(instance)} is for responses alone (`readOnly`)")

    checks = Draft202012Validator.VALIDATORS
    # Alternatives are seldom written so that no two of them fit, and servers take the first that does.
    own = {"oneOf": checks["anyOf"], "required": required, "readOnly": read_only}
    document = {key: one for key, one in registry.spec.items() if not key.startswith("$")}
    try:
        validator = extend(Draft202012Validator, own)({**document, "x-judged": schema, "$ref": "#/x-judged"})
        errors: list[Any] = [next(validator.iter_errors(way), None) for way in ways]
    except Exception:  # what is no schema, or one without an end, makes the validator raise whatever comes of it
        return ""
    return str(errors[-1].message)[:300] if all(errors) else ""


def _about_response(
    name: str, operation: Operation, url_paths: Mapping[str, tuple[JsonPath, ...]]
) -> Iterator[tuple[str, str]]:
    ranks = {path: rank_of(path) for found in url_paths.values() for path in found}
    named = [".".join(path) for path, rank in ranks.items() if rank is not None and rank < len(UNMISTAKABLE)]
    if not url_paths[name]:
        statuses = ", ".join(status for status in operation.responses if status[0] in "23") or "none documented"
        changed = f"none of its success responses ({statuses}) has one clear field for the address of the video"
        yield changed, f"name the field in `VIDEO_URL_NAMES` of {_TABLE}, or teach the facade the new kind of response"
    elif named and all(ranks[path] == GENERIC for path in url_paths[name]):
        only = ".".join(url_paths[name][0])
        changed = f"its response has only `{only}`, which may be another address than `{named[0]}`"
        yield changed, "ask the vendor what stands there"


def _about_access(operation: Operation, canonical: Canonical) -> Iterator[tuple[str, str]]:
    credentials, base = canonical.credentials, canonical.base
    for kind, schemes in (("API key", credentials.key_schemes), ("bearer token", credentials.bearer_schemes)):
        if not suffices(schemes, operation):
            asked = [" together with ".join(one) or "nothing" for one in operation.security or [{}]]
            changed = f"the vendor takes no {kind} for it any more; it asks for {' or '.join(asked)}"
            yield changed, "change how the facade authenticates"
    own = base_url(operation.servers)
    stated = [str(server.get("url"))[:200] for server in operation.servers]
    named = f"; it names {', '.join(stated[:5])}" if stated else ""
    if base is None:
        changed = f"no server of the document can be used (https, or http on loopback){named}"
        yield changed, "ask the vendor for the whole address"
    elif own != base:
        where = f"it is on a server of its own, {own}" if own else f"its own server cannot be used{named}"
        advice = f"ask the vendor for one address, or give the facade a second one in {FACADE_SOURCE}"
        yield f"{where}, and the facade sends its credential to {base} alone", advice


def facade_values(spec: Json, canonical: Canonical, url_paths: Mapping[str, tuple[JsonPath, ...]]) -> Json:
    """Return what the template of the module says. Every value becomes a literal, so the document cannot add code."""
    requests = facade_requests(canonical)
    reasons = {rule.name: "the vendor's spec has no such operation any more" for rule in RULES}
    reasons |= {name: "; ".join(one.unsayable()) for name, one in requests.items()}
    return {
        "title": str(spec["info"].get("title", "")),
        "version": str(spec["info"].get("version", "")),
        "base": canonical.base,
        "credentials": canonical.credentials,
        "unsupported": {name: reason for name, reason in reasons.items() if reason},
        "url_paths": {name: found for name, found in url_paths.items() if found},
        "modules": {name: one.endpoint.module for name, one in requests.items()},
        "operations": [(rule.name, rule.flags, requests.get(rule.name)) for rule in RULES],
        "session": SESSION_PARAMETER,
        "said": _as_arguments,
        "module_name": module_name,
        "ascii": ascii,
    }


def _as_arguments(flags: Mapping[str, bool], unsaid: str) -> list[str]:
    """Return flags as arguments; most are left unsaid where they are false."""
    return [f"{name}={name}{'' if is_always_said else f' or {unsaid}'}" for name, is_always_said in flags.items()]
