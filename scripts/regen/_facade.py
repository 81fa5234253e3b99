"""Can the facade still do its job with what was generated? Pure: documents in, findings out."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from scripts.regen._address import answers_with_fields, is_generic, is_unmistakable, unread_kinds, video_url_places
from scripts.regen._canonical import bodies, expanded, parameters_of_body_type, schema_of
from scripts.regen._find import base_url, is_json, session_parameter
from scripts.regen._flatten import required_of, variants
from scripts.regen._http_fields import why_unsendable
from scripts.regen._names import folded
from scripts.regen._problems import Finding
from scripts.regen._rules import FACADE_SOURCE, RULES, Flag, Rule
from scripts.regen._security import asked, suffices
from scripts.regen._sent import Sent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scripts.regen._canonical import Canonical, Endpoint
    from scripts.regen._load import Json
    from scripts.regen._operations import Operation
    from scripts.regen._security import Credentials

_TABLE = "scripts/regen/_rules.py"
_FORM = "application/x-www-form-urlencoded"


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


def check_facade(canonical: Canonical, credentials: Credentials, base: str | None) -> tuple[list[Finding], list[str]]:
    """Report everything that keeps a facade operation of this document from doing its job, and what may.

    Args:
        canonical: What is generated.
        credentials: What the document accepts.
        base: The base URL, None when no server is usable.

    Returns:
        What keeps it, and remarks on what a person had better look at.
    """
    findings: list[Finding] = []
    remarks: list[str] = []
    for rule in RULES:
        endpoint = canonical.named(rule.name)
        if endpoint is not None:
            sent = Sent(canonical, rule, endpoint)
            findings.extend(_check_operation(canonical, rule, endpoint, sent))
            findings.extend(_check_access(rule, endpoint.operation, credentials, base))
            remarks.extend(sent.undecided)
            remarks.extend(_assumed(canonical, rule, endpoint.operation))
            for place, kinds in unread_kinds(canonical.book, endpoint.operation).items():
                named = f"{endpoint.operation.label}: `{'.'.join(place)}`"
                remarks.append(f"{named} may also be {' or '.join(kinds)}, which the facade refuses when it comes")
    findings.extend(_check_names(canonical))
    return findings, remarks


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


def _check_operation(canonical: Canonical, rule: Rule, endpoint: Endpoint, sent: Sent) -> Iterator[Finding]:
    operation = endpoint.operation
    raw = raw_operation(canonical, endpoint)
    parameters = {one["name"]: one for one in raw["parameters"]}
    yield from _check_path(rule, operation, parameters)
    yield from _check_parameters(rule, endpoint, parameters, sent)
    yield from _check_writing(rule, operation)
    in_body = list(_check_body(canonical, rule, operation, raw))
    fields = _body_fields(canonical, raw)[0]
    for flag in rule.flags:
        in_body.extend(_check_flag(rule, flag, parameters.get(flag.name), fields, sent))
    if fields and (stated := parameters_of_body_type(operation)):
        changed = f"its body has to be announced as `{stated}`, and the facade leaves the parameters out"
        in_body.append(Finding(rule.name, changed, f"say it in {FACADE_SOURCE}"))
    if fields and not in_body and (why := sent.body(_body_model(raw), parameters)):
        changed = f"its body may not be what the facade sends, {why}"
        in_body.append(Finding(rule.name, changed, f"decide what to send instead, and say it in {FACADE_SOURCE}"))
    yield from in_body
    yield from _check_answer(canonical, rule, operation)


def _check_path(rule: Rule, operation: Operation, parameters: Mapping[str, Json]) -> Iterator[Finding]:
    in_path = [name for name, one in parameters.items() if one["in"] == "path"]
    session = session_parameter(operation) if in_path else None
    extra = _beside_session(operation, session) if len(in_path) > 1 else []
    if session is None or extra:
        what = (
            f"its path {operation.path} needs more than a session: {', '.join(extra)}"
            if session
            else "its path holds no session"
        )
        yield Finding(rule.name, what, f"give the facade method what the path needs, in {FACADE_SOURCE}")


def _check_parameters(rule: Rule, endpoint: Endpoint, parameters: Mapping[str, Json], sent: Sent) -> Iterator[Finding]:
    flags = {flag.name for flag in rule.flags}
    for name, parameter in parameters.items():
        wire, value = endpoint.wire_names[parameter["in"]][name], parameter["schema"].get("default")
        place = f"{parameter['in']} parameter `{wire}`"
        if (parameter["required"] or name in flags) and (why := why_unsendable(parameter["in"], wire, value)):
            yield Finding(rule.name, f"its {place} cannot be sent: {why}", "ask the vendor what is meant")
            continue
        if not parameter["required"] or parameter["in"] == "path" or name in flags:
            continue
        changed = f"it requires the new {place}"
        if "default" not in parameter["schema"]:
            yield Finding(rule.name, changed, "decide what the facade sends for it")
        elif why := sent.parameter(parameter, (parameter["schema"]["default"],)):
            yield Finding(rule.name, f"{changed}, in which {why}", "decide what the facade sends for it")


def _check_writing(rule: Rule, operation: Operation) -> Iterator[Finding]:
    """Find what is written in a way that the facade does not know: JSON in the path, a query that is no form."""
    for one in operation.parameters:
        kinds = list(one.get("content") or {})
        in_path = one["in"] == "path" and any(map(is_json, kinds))
        if in_path or (one["in"] == "querystring" and kinds and _FORM not in kinds):
            changed = f"its {one['in']} parameter `{one['name']}` is written as {kinds[0]}"
            yield Finding(rule.name, changed, f"write it that way in {FACADE_SOURCE}")


def _check_body(canonical: Canonical, rule: Rule, operation: Operation, raw: Json) -> Iterator[Finding]:
    _, required, strange = _body_fields(canonical, raw)
    if strange:
        yield Finding(rule.name, f"its request body is now {strange}", "build the body in the facade method by hand")
    flags = {flag.name for flag in rule.flags} - {one["name"] for one in raw["parameters"]}
    for name in required:
        if name not in flags:
            yield Finding(rule.name, f"its body requires the new field `{name}`", "decide what the facade sends for it")
    need = _unsaid_need(canonical, operation, raw)
    if need:
        changed = f"its body needs {need}, and a request without an analysis says nothing in it"
        yield Finding(rule.name, changed, f"decide what the facade sends then, and say it in {FACADE_SOURCE}")


def _beside_session(operation: Operation, session: str | None) -> list[str]:
    """List the path's parameters without the session, with the defaults that the document gives them."""
    declared = {one["name"]: one.get("schema") for one in operation.parameters if one["in"] == "path"}
    names = list(operation.path_parameters)
    if session in names:
        names.remove(session)
    schemas = {name: schema for name in names if isinstance(schema := declared.get(name), dict)}
    defaults = {name: f" (default {schema['default']!r})" for name, schema in schemas.items() if "default" in schema}
    return [f"{name}{defaults.get(name, '')}" for name in names]


def _check_answer(canonical: Canonical, rule: Rule, operation: Operation) -> Iterator[Finding]:
    if video_url_places(canonical.book, operation):
        return
    changed = f"none of its success answers ({_statuses(operation)}) has one clear place for the address of the video"
    advice = f"name the place in `VIDEO_URL_NAMES` of {_TABLE}, or teach the facade the new kind of answer"
    if not answers_with_fields(canonical.book, operation):
        changed += ", for none is described as an object with named fields"
        advice = "ask the vendor where the address stands, or teach the facade the new kind of answer"
    yield Finding(rule.name, changed, advice)


def _check_flag(
    rule: Rule, flag: Flag, parameter: Json | None, fields: Mapping[str, Json], sent: Sent
) -> Iterator[Finding]:
    if parameter is not None:
        schema, place = parameter["schema"], parameter["in"]
    elif flag.name in fields:
        schema, place = fields[flag.name], "body"
    else:
        changed = f"it has no `{flag.name}` any more, neither as a parameter nor in the body"
        yield Finding(rule.name, changed, f"find out what replaces it and say it in {FACADE_SOURCE}")
        return
    changed, advice = f"`{flag.name}` ({place}) is no longer a yes-or-no flag", f"translate it in {FACADE_SOURCE}"
    if not _takes_boolean(sent.canonical, schema, place):
        yield Finding(rule.name, changed, advice)
    elif parameter is not None and (why := sent.parameter(parameter, (True, False)[: 1 + parameter["required"]])):
        yield Finding(rule.name, f"{changed}: {why}", advice)


def _assumed(canonical: Canonical, rule: Rule, operation: Operation) -> Iterator[str]:
    """Say which flags the vendor takes for true where nobody says them, and the facade says only what is true."""
    book = canonical.book
    stated = [(one["name"], schema_of(one)) for one in expanded(book, operation) if one.get("required") is not True]
    for _, media in bodies(operation)[:1]:
        merged = book.target(book.merged(media.get("schema"))).schema
        needed = required_of(merged)
        stated.extend(item for item in (merged.get("properties") or {}).items() if item[0] not in needed)
    names = {folded(flag.name) for flag in rule.flags}
    for name, schema in stated:
        if folded(name) in names and str(book.target(schema).schema.get("default")).lower() == "true":
            yield f"{operation.label}: `{name}` counts as true where it is not said, which the facade means as no"


def _takes_boolean(canonical: Canonical, schema: Json, place: str) -> bool:
    if "oneOf" in schema:
        return any(_takes_boolean(canonical, one, place) for one in schema["oneOf"])
    kind = schema.get("type")
    if kind == "boolean" or not {key for key in schema if key != "description"}:
        return True
    if "$ref" in schema:
        target = canonical.book.components[schema["$ref"].rsplit("/", 1)[-1]]
        return place != "body" and {"true", "false"} <= set(target.get("enum", ()))
    # Outside a body everything is text, and a flag is sent as `true` or `false`.
    return kind == "string" and place != "body" and "format" not in schema


def _check_access(rule: Rule, operation: Operation, credentials: Credentials, base: str | None) -> Iterator[Finding]:
    advice = "change how the facade authenticates"
    for kind, schemes in (("API key", credentials.key_schemes), ("bearer token", credentials.bearer_schemes)):
        if not suffices(schemes, operation):
            changed = f"the vendor takes no {kind} for it any more; it asks for {asked(operation)}"
            stated = {name for one in operation.security or [] for name in one}
            odd = [
                f"`{name}` is a key in {place}" for name, place in credentials.inexpressible.items() if name in stated
            ]
            if odd:
                changed += f", of which {' and '.join(odd)}, where no request can carry one"
            yield Finding(rule.name, changed, advice)
    own = base_url(operation.servers)
    if base is None:
        yield Finding(
            rule.name,
            f"no server of the document can be used (https, or http on loopback){_addresses(operation)}",
            "ask the vendor for the whole address",
        )
    elif own != base:
        where = (
            f"it is on a server of its own, {own}" if own else f"its own server cannot be used{_addresses(operation)}"
        )
        yield Finding(
            rule.name,
            f"{where}, and the facade sends its credential to {base} alone",
            f"ask the vendor for one address, or give the facade a second one in {FACADE_SOURCE}",
        )


def _addresses(operation: Operation) -> str:
    stated = [str(server.get("url"))[:200] for server in operation.servers]
    return f"; it names {', '.join(stated[:5])}" if stated else ""


def _body_fields(canonical: Canonical, raw: Json) -> tuple[Json, list[str], str]:
    """Return the body's fields, the required ones among them, and what the body is when it has no fields."""
    if "requestBody" not in raw:
        return {}, [], ""
    ((kind, media),) = raw["requestBody"]["content"].items()
    schema = media["schema"]
    target = canonical.book.components.get(schema.get("$ref", "").rsplit("/", 1)[-1])
    if target is not None and target.get("type") == "object":
        fields = target["properties"]
        return fields, [name for name in target.get("required", ()) if "default" not in fields[name]], ""
    return {}, [], f"{_shape_of(schema)} ({kind})" if raw["requestBody"]["required"] else ""


def _unsaid_need(canonical: Canonical, operation: Operation, raw: Json) -> str:
    """Say what the body's schema asks for beyond single required fields, empty when a body without flags has it."""
    book, media = canonical.book, next((media for _, media in bodies(operation)), {})
    target = book.target(media.get("schema")).schema
    model = _body_model(raw)
    own = book.components.get(model, {}).get("required", ())
    said = {book.wire_names.get(model, {}).get(one, one) for one in own}
    ways = [set(required_of(book.target(one).schema)) - said for one in variants(target)]
    if ways and all(ways):
        return " or ".join(dict.fromkeys(" with ".join(f"`{one}`" for one in sorted(way)) for way in ways))
    least = target.get("minProperties")
    return f"at least {least} field(s)" if isinstance(least, int) and least > len(said) else ""


def _body_model(raw: Json) -> str:
    """Name the model of an operation's body, empty when it has none."""
    stated = raw.get("requestBody", {}).get("content", {}).values()
    return next((str(one["schema"].get("$ref", "")).rsplit("/", 1)[-1] for one in stated), "")


def _shape_of(schema: Json) -> str:
    if "oneOf" in schema:
        return "one of several shapes"
    return {"array": "a list", "string": "text or bytes"}.get(schema.get("type", ""), "of no stated shape")


def raw_operation(canonical: Canonical, endpoint: Endpoint) -> Json:
    """Return the operation object that the generator saw for an endpoint."""
    number = canonical.endpoints.index(endpoint)
    path = list(canonical.document["paths"].values())[number]
    operation: Json = next(iter(path.values()))
    return operation


def _statuses(operation: Operation) -> str:
    return ", ".join(status for status in operation.responses if status[0] in "23") or "none documented"


def _moved(rule: Rule, operations: Sequence[Operation]) -> str:
    """Name the operation that has the identifier of a missing one, whatever it is now."""
    known = {folded(name) for name in rule.operation_ids}
    moved = next((one for one in operations if folded(one.identifier) in known), None)
    return f" (its operationId `{moved.identifier}` is {moved.label} now)" if moved else ""


def _closest(wanted: str, operations: Sequence[Operation]) -> str:
    close = difflib.get_close_matches(wanted, [one.path for one in operations], n=1, cutoff=0.5)
    return f" (closest: {close[0]})" if close else ""
