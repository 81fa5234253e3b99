"""Can the facade still do its job with what was generated? Pure: documents in, findings out."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types
from jsonschema.validators import extend  # type: ignore[import-untyped]  # the same

from scripts.regen._address import is_generic, is_unmistakable, video_url_places
from scripts.regen._document import side_of
from scripts.regen._find import base_url, is_json, session_parameter
from scripts.regen._names import folded
from scripts.regen._problems import Finding
from scripts.regen._rules import FACADE_SOURCE, RULES, Rule
from scripts.regen._security import asked, suffices
from scripts.regen._wire import UNSAID, Case

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scripts.regen._canonical import Canonical, Endpoint, Parameter
    from scripts.regen._load import Json
    from scripts.regen._operations import Operation
    from scripts.regen._schemas import ModelBook
    from scripts.regen._security import Credentials

_TABLE = "scripts/regen/_rules.py"
_DECIDE = f"decide what the facade sends, and say it in {FACADE_SOURCE}"


def missing_operations(
    candidates: Mapping[str, Sequence[Operation]], operations: Sequence[Operation]
) -> Iterator[Finding]:
    """Report the facade operations that the document does not have, or has more than once."""
    for rule in RULES:
        found = candidates[rule.name]
        if len(found) > 1:
            labels = " and ".join(one.label for one in found)
            yield Finding(rule.name, f"several operations could be meant: {labels}", f"tell them apart in {_TABLE}")
        elif not found:
            wanted = "/".join(rule.shape)
            near = _moved(rule, operations) or _closest(wanted, operations)
            yield Finding(
                rule.name,
                f"there is no {' or '.join(rule.methods).upper()} operation on a path ending in {wanted} now{near}",
                f"if it was renamed, add its path or operationId to the rule `{rule.name}` in {_TABLE}; if it was "
                "removed, deprecate the facade method",
            )


def check_facade(canonical: Canonical, credentials: Credentials, base: str | None) -> list[Finding]:
    """Report everything that keeps a facade operation of this document from doing its job."""
    findings: list[Finding] = []
    for rule in RULES:
        endpoint = canonical.named(rule.name)
        if endpoint is not None:
            findings.extend(_check_path(rule, endpoint))
            findings.extend(_check_requests(canonical, rule, endpoint))
            findings.extend(_check_response(canonical, rule, endpoint.operation))
            findings.extend(_check_access(rule, endpoint.operation, credentials, base))
    return [*findings, *_check_names(canonical)]


def _check_names(canonical: Canonical) -> Iterator[Finding]:
    """Find an operation that answers with just a `url` beside one whose answer calls the address what it is."""
    found = {
        rule.name: video_url_places(canonical.book, endpoint.operation)
        for rule in RULES
        if (endpoint := canonical.named(rule.name)) is not None
    }
    named = [".".join(place) for places in found.values() for place in places if is_unmistakable(place)]
    for name, places in found.items():
        if named and places and all(map(is_generic, places)):
            changed = f"its answer has only `{'.'.join(places[0])}`, which may be another address than `{named[0]}`"
            yield Finding(name, changed, "ask the vendor what stands there")


def _check_path(rule: Rule, endpoint: Endpoint) -> Iterator[Finding]:
    operation = endpoint.operation
    written = [kind for one in operation.parameters if one["in"] == "path" for kind in one.get("content") or ()]
    if trouble := endpoint.trouble or (f"its path is written as {written[0]}" if written else ""):
        yield Finding(rule.name, trouble, f"write it that way in {FACADE_SOURCE}")
    in_path = [one for one in endpoint.parameters if one.place == "path"]
    session = session_parameter(operation) if in_path else None
    if session is None:
        yield Finding(
            rule.name, "its path holds no session", f"give the facade method what it needs, in {FACADE_SOURCE}"
        )
    elif len(in_path) > 1:
        extra = list(operation.path_parameters)
        extra.remove(session)
        defaults = {
            one["name"]: f" (default {one['schema']['default']!r})"
            for one in operation.parameters
            if one["in"] == "path" and "default" in (one.get("schema") or {})
        }
        needed = ", ".join(f"{name}{defaults.get(name, '')}" for name in extra)
        changed = f"its path {operation.path} needs more than a session: {needed}"
        yield Finding(rule.name, changed, f"give the facade method what the path needs, in {FACADE_SOURCE}")


def _check_requests(canonical: Canonical, rule: Rule, endpoint: Endpoint) -> list[Finding]:
    """Find what the facade does not say and has to, and hold what it says against the vendor's own schemas."""
    flags = {flag.name for flag in rule.flags}
    missing = [
        f"it requires the new {one.place} parameter `{one.wire}`"
        for one in endpoint.parameters
        if one.place != "path" and one.required and one.own not in flags and "default" not in one.view
    ]
    parameters = {one.own for one in endpoint.parameters}
    component = _component(canonical, endpoint)
    fields = component.get("properties", {})
    if endpoint.body is not None:
        if "properties" not in component and endpoint.body.required:
            missing.append(f"its request body is now no object with fields ({endpoint.body.media[0]})")
        wires = canonical.book.wire_names.get(endpoint.body.model, {})
        needed = [name for name in component.get("required", ()) if "default" not in fields[name]]
        missing += [
            f"its body requires the new field `{wires.get(name, name)}`"
            for name in needed
            if name not in flags - parameters
        ]
    missing += [
        f"it has no `{name}` any more, neither as a parameter nor in the body"
        for name in sorted(flags - parameters - fields.keys())
    ]
    if not missing:
        wrong = (_refused(canonical, endpoint, case) for case in requests_of(canonical, rule, endpoint))
        missing = [why for why in wrong if why][:1]
    return [Finding(rule.name, changed, _DECIDE) for changed in missing]


def requests_of(canonical: Canonical, rule: Rule, endpoint: Endpoint) -> list[Case]:
    """List every request that the facade makes: true flags are said, and what the document requires."""
    flags = {flag.name for flag in rule.flags}
    parameters = [one for one in endpoint.parameters if one.place != "path"]
    component = _component(canonical, endpoint)
    fields, required = component.get("properties", {}), component.get("required", ())
    wires = canonical.book.wire_names.get(endpoint.body.model, {}) if endpoint.body else {}
    in_body = [name for name in fields if name in flags and name not in {one.own for one in parameters}]
    cases = []
    for way in rule.requests:
        values: Json = {one.own: "squad 7/é" for one in endpoint.parameters if one.place == "path"}
        values.update({one.own: one.view["default"] for one in parameters if one.required and "default" in one.view})
        said = [one.own for one in parameters if one.own in flags and (one.required or one.own in way)]
        values.update({name: name in way for name in said})
        content = {wires.get(name, name): fields[name]["default"] for name in required if "default" in fields[name]}
        content.update({wires.get(name, name): name in way for name in in_body if name in way or name in required})
        cases.append(Case(endpoint, values, content if "properties" in component else UNSAID))
    return cases


def _component(canonical: Canonical, endpoint: Endpoint) -> Json:
    component: Json = canonical.book.components.get(endpoint.body.model, {}) if endpoint.body else {}
    return component


def _refused(canonical: Canonical, endpoint: Endpoint, case: Case) -> str:
    """Say what in a request the vendor's own schemas do not take, empty when they take it."""
    for one in endpoint.parameters:
        if (
            one.own in case.values
            and one.place != "path"
            and (why := _refused_value(canonical, one, case.values[one.own]))
        ):
            return why
    if endpoint.body is None or not isinstance(case.body, dict):
        return ""
    schema = endpoint.body.stated.get("schema", {})
    ways: list[Any] = [case.body]
    if endpoint.body.kind != "json":
        ways.append({name: one if isinstance(one, str) else json.dumps(one) for name, one in case.body.items()})
    reasons = [_complaint(canonical.book, schema, one) for one in ways]
    if wrong := sorted(_response_fields(canonical, schema) & case.body.keys()):
        reasons = [f"{wrong[0]!r} is for responses alone (`readOnly`)"]
    shown = json.dumps(case.body, ensure_ascii=False)[:200]
    return f"its body may not be what the facade sends, {shown}: {reasons[-1]}" if all(reasons) else ""


def _refused_value(canonical: Canonical, one: Parameter, value: Any) -> str:
    content: Json = one.stated.get("content") or {}
    kind = next(iter(content), "") if "schema" not in one.stated else ""
    schema = content[kind].get("schema", {}) if kind else one.stated.get("schema", {})
    # Outside a body everything is text: a boolean may be meant by a schema of text.
    is_text = not kind and any(word in json.dumps(one.view) for word in ('"string"', '"$ref"'))
    ways = [value, json.dumps(value)] if isinstance(value, bool) and is_text else [value]
    reasons = [_complaint(canonical.book, schema, way) for way in ways]
    if kind and not is_json(kind):
        reasons = [f"it is written as {kind}"]
    is_flag = isinstance(value, bool) and not one.required
    what = f"`{one.own}` ({one.place}) is no longer a yes-or-no flag" if is_flag else f"it requires `{one.wire}`"
    return f"{what}: {json.dumps(value)} is not allowed: {reasons[-1]}" if all(reasons) else ""


def _response_fields(canonical: Canonical, schema: Any) -> set[str]:
    fields = canonical.book.target(canonical.book.merged(schema)).get("properties") or {}
    return {name for name, one in fields.items() if side_of(one, canonical.book.target(one)) == "response"}


def _complaint(book: ModelBook, schema: Any, value: object) -> str | None:
    """Return what the vendor's own schema finds wrong with a value: empty for nothing, None when it is not decided.

    The generator's view of it has lost what no type can say (`pattern`, `not`, `dependentRequired`).
    """

    def required(validator: Any, stated: Any, instance: Any, owner: Json) -> Iterator[Any]:
        fields = owner.get("properties", {})
        said = [one for one in stated if side_of(fields.get(one), book.target(fields.get(one))) != "response"]
        yield from checks["required"](validator, said, instance, owner) or ()

    checks = Draft202012Validator.VALIDATORS
    # Alternatives are seldom written so that no two of them fit, and servers take the first that does.
    validator = extend(Draft202012Validator, {"oneOf": checks["anyOf"], "required": required})
    document = {key: one for key, one in book.spec.items() if not key.startswith("$")}
    try:
        error = next(validator({**document, "x-judged": schema, "$ref": "#/x-judged"}).iter_errors(value), None)
    except Exception:  # what is no schema, or one without an end, makes the validator raise whatever comes of it
        return None
    return "" if error is None else str(error.message)[:300]


def _check_response(canonical: Canonical, rule: Rule, operation: Operation) -> Iterator[Finding]:
    if video_url_places(canonical.book, operation):
        return
    statuses = ", ".join(status for status in operation.responses if status[0] in "23") or "none documented"
    changed = f"none of its success answers ({statuses}) has one clear place for the address of the video"
    advice = f"name the place in `VIDEO_URL_NAMES` of {_TABLE}, or teach the facade the new kind of answer"
    yield Finding(rule.name, changed, advice)


def _check_access(rule: Rule, operation: Operation, credentials: Credentials, base: str | None) -> Iterator[Finding]:
    for kind, schemes in (("API key", credentials.key_schemes), ("bearer token", credentials.bearer_schemes)):
        if not suffices(schemes, operation):
            changed = f"the vendor takes no {kind} for it any more; it asks for {asked(operation)}"
            yield Finding(rule.name, changed, "change how the facade authenticates")
    own = base_url(operation.servers)
    stated = [str(server.get("url"))[:200] for server in operation.servers]
    named = f"; it names {', '.join(stated[:5])}" if stated else ""
    if base is None:
        changed = f"no server of the document can be used (https, or http on loopback){named}"
        yield Finding(rule.name, changed, "ask the vendor for the whole address")
    elif own != base:
        where = f"it is on a server of its own, {own}" if own else f"its own server cannot be used{named}"
        changed = f"{where}, and the facade sends its credential to {base} alone"
        advice = f"ask the vendor for one address, or give the facade a second one in {FACADE_SOURCE}"
        yield Finding(rule.name, changed, advice)


def _moved(rule: Rule, operations: Sequence[Operation]) -> str:
    """Name the operation that has the identifier of a missing one, whatever it is now."""
    known = {folded(name) for name in rule.operation_ids}
    moved = next((one for one in operations if folded(one.identifier) in known), None)
    return f" (its operationId `{moved.identifier}` is {moved.label} now)" if moved else ""


def _closest(wanted: str, operations: Sequence[Operation]) -> str:
    close = difflib.get_close_matches(wanted, [one.path for one in operations], n=1, cutoff=0.5)
    return f" (closest: {close[0]})" if close else ""
