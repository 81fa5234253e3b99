"""What changed in one operation: its name and path, what it takes, what it answers, which credentials are enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scripts.regen._diff_schema import ADDITIVE, BREAKING, DOCUMENTATION, UNJUDGED, Found, SchemaDiff, members_changed
from scripts.regen._document import differing_keys, without_prose
from scripts.regen._paths import PARAMETER_IN_PATH

if TYPE_CHECKING:
    from scripts.regen._load import Json
    from scripts.regen._operations import Operation

_JUDGED_OF_PARAMETERS = ("name", "in", "required", "schema", "content")
_WAYS = ("style", "explode")
# Styles that write a single value alike (RFC 6570).
_SAME_FOR_ONE = {"form", "simple", "spaceDelimited", "pipeDelimited"}


def operation_changes(old: Operation, new: Operation, schemas: SchemaDiff, *, facade: bool) -> Found:
    """Compare two states of an operation, except for the credentials that it asks for."""
    yield from _identity(old, new, facade)
    yield from _parameters(old, new, schemas)
    yield from _bodies(old, new, schemas)
    yield from _responses(old, new, schemas)
    for key in differing_keys(old.more, new.more, ()):
        yield UNJUDGED, f"it differs in `{key}`"


def bare_path(path: str) -> str:
    """Return a path without the names of its parameters."""
    return PARAMETER_IN_PATH.sub("{}", path)


def _identity(old: Operation, new: Operation, facade: bool) -> Found:
    if old.method != new.method:
        yield BREAKING, f"the method is {new.method.upper()}, was {old.method.upper()}"
    if bare_path(old.path) != bare_path(new.path):
        yield BREAKING, f"the path was {old.path}"
    elif old.path != new.path:
        names = [", ".join(one.path_parameters) for one in (new, old)]
        yield ADDITIVE, f"path parameters are named {names[0]}, were {names[1]}"
    if (old.identifier, old.tag) != (new.identifier, new.tag):
        # The facade's operations keep their module whatever the vendor calls them.
        kind = ADDITIVE if facade else BREAKING
        yield kind, f"it is called `{new.tag}`/`{new.identifier}`, was `{old.tag}`/`{old.identifier}`"
    if new.deprecated and not old.deprecated:
        yield ADDITIVE, "it is deprecated now"
    if without_prose(list(old.servers)) != without_prose(list(new.servers)) and (old.own_servers or new.own_servers):
        yield BREAKING, "its own servers changed"


def _parameters(old: Operation, new: Operation, schemas: SchemaDiff) -> Found:
    before, after = (
        {f"{one['in']} parameter `{one['name']}`": one for one in spec.parameters if one["in"] != "path"}
        for spec in (old, new)
    )
    yield from members_changed(before, after, str, (_required(before), _required(after)), request=True)
    for title, stated in before.items():
        if title in after:
            yield from _parameter(stated, after[title], title, schemas)
    of_paths = [[one for one in spec.parameters if one["in"] == "path"] for spec in (old, new)]
    if len(of_paths[0]) == len(of_paths[1]):
        for left, right in zip(*of_paths, strict=True):
            yield from _parameter(left, right, "a path parameter", schemas)


def _required(stated: dict[str, Json]) -> list[str]:
    return [title for title, one in stated.items() if one.get("required") is True]


def _parameter(old: Json, new: Json, title: str, schemas: SchemaDiff) -> Found:
    before, after = _schema(old), _schema(new)
    was, now = (_written(one, is_single=schemas.is_plain(after)) for one in (old, new))
    if was != now:
        yield BREAKING, f"{title} is written as {now}, was {was}"
    for key in differing_keys(old, new, (*_JUDGED_OF_PARAMETERS, *(_WAYS if was != now else ()))):
        yield UNJUDGED, f"{title} differs in `{key}`"
    yield from schemas.compare(before, after, title, request=True)


def _schema(parameter: Json) -> Any:
    media = parameter if "schema" in parameter else next(iter((parameter.get("content") or {}).values()), {})
    return media.get("schema")


def _written(parameter: Json, *, is_single: bool) -> str:
    """Say how a parameter is written (OpenAPI 3.1.1, section 4.8.12.2); single values are alike in most styles."""
    if "schema" not in parameter and parameter.get("content"):
        return str(next(iter(parameter["content"])))
    usual = "form" if parameter["in"] in ("query", "cookie") else "simple"
    style = str(parameter.get("style", usual))
    explode = parameter.get("explode", style == "form") is True
    return "text" if is_single and style in _SAME_FOR_ONE else f"{style}, {'' if explode else 'not '}exploded"


def _bodies(old: Operation, new: Operation, schemas: SchemaDiff) -> Found:
    before, after = ({"body": one.body} if one.body else {} for one in (old, new))
    yield from members_changed(before, after, str, (_required(before), _required(after)), request=True)
    if old.body and new.body:
        yield from _contents(old.body, new.body, "the body", schemas, request=True)


def _responses(old: Operation, new: Operation, schemas: SchemaDiff) -> Found:
    for kind, text in members_changed(old.responses, new.responses, "answer {}".format, request=False):
        # Whoever handles an error that does not come any more misses nothing.
        is_success = text.startswith("answer 2")
        yield kind if is_success else ADDITIVE, text
    for status, before in old.responses.items():
        if status in new.responses:
            yield from _contents(before, new.responses[status], f"the answer {status}", schemas, request=False)


def _contents(old: Json, new: Json, title: str, schemas: SchemaDiff, *, request: bool) -> Found:
    for key in differing_keys(old, new, ("content", "required")):
        yield UNJUDGED, f"{title} differs in `{key}`"
    before, after = _by_type(old["content"]), _by_type(new["content"])
    yield from members_changed(before, after, lambda kind: f"`{kind}` of {title}", request=request)
    for kind, (was, left) in before.items():
        if kind in after:
            now, right = after[kind]
            if was != now:
                yield DOCUMENTATION, f"{title} as {was} is written {now}"
            for key in differing_keys(left, right, ("schema",)):
                yield UNJUDGED, f"{title} differs in `{key}`"
            yield from schemas.compare(left.get("schema"), right.get("schema"), title, request=request)


def _by_type(content: Json) -> dict[str, tuple[str, Json]]:
    """List contents by their media type, which has no case and whose parameters change nothing (RFC 9110, 8.3.1)."""
    return {kind.split(";", maxsplit=1)[0].strip().lower(): (kind, media) for kind, media in reversed(content.items())}


def access_changes(old: Operation, new: Operation, specs: tuple[Json, Json]) -> Found:
    """Compare the credentials that an operation asks for; breaking when what was enough is not enough any more."""
    before, after = (_accepted(one, spec) for one, spec in zip((old, new), specs, strict=True))
    if before.keys() != after.keys():
        lost = any(not any(enough <= one for enough in after) for one in before)
        yield BREAKING if lost else ADDITIVE, f"it accepts {_listed(after)}, accepted {_listed(before)}"


def _accepted(operation: Operation, spec: Json) -> dict[frozenset[str], str]:
    """List what is enough: the credentials that are needed together, once for each scope, and how they are called.

    Names of headers and of HTTP's schemes have no case (RFC 9110, 5.1).
    """
    schemes = (spec.get("components") or {}).get("securitySchemes") or {}
    found: dict[frozenset[str], str] = {}
    for one in operation.security or [{}]:
        parts: list[str] = []
        for name, scopes in one.items():
            sent = _sent(schemes[name]) if name in schemes else name
            parts += [sent, *(f"{sent} for {scope}" for scope in scopes)]
        found[frozenset(map(str.lower, parts))] = " with ".join(sorted(parts)) or "none"
    return found


def _sent(scheme: Json) -> str:
    """Say what a scheme sends."""
    if scheme.get("type") == "apiKey":
        return f"`{scheme.get('name')}` in the {scheme.get('in')}"
    return f"{scheme.get('type')} {scheme.get('scheme', '')}".strip()


def _listed(alternatives: dict[frozenset[str], str]) -> str:
    return " or ".join(sorted({*alternatives.values()}))
