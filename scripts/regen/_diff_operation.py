"""What changed in one operation: its name and path, what it takes, what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scripts.regen._document import differing_keys, without_prose
from scripts.regen._operations import PARAMETER_IN_PATH
from scripts.regen._shapes import ADDITIVE, BREAKING, DOCUMENTATION, UNJUDGED, Found, kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.regen._diff_schema import SchemaDiff
    from scripts.regen._load import Json
    from scripts.regen._operations import Operation

_JUDGED_OF_PARAMETERS = ("name", "in", "required", "schema", "content", "style", "explode")

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
        yield (
            ADDITIVE,
            f"path parameters are named {', '.join(new.path_parameters)}, were {', '.join(old.path_parameters)}",
        )
    if (old.identifier, old.tag) != (new.identifier, new.tag):
        # The facade's operations keep their module whatever the vendor calls them.
        kind = ADDITIVE if facade else BREAKING
        yield kind, f"it is called `{new.tag}`/`{new.identifier}`, was `{old.tag}`/`{old.identifier}`"
    if new.deprecated and not old.deprecated:
        yield ADDITIVE, "it is deprecated now"
    if without_prose(list(old.servers)) != without_prose(list(new.servers)) and (old.own_servers or new.own_servers):
        yield BREAKING, "its own servers changed"


def _parameters(old: Operation, new: Operation, schemas: SchemaDiff) -> Found:
    before = {(one["in"], one["name"]): one for one in old.parameters if one["in"] != "path"}
    after = {(one["in"], one["name"]): one for one in new.parameters if one["in"] != "path"}
    for key in [*before, *(key for key in after if key not in before)]:
        title = f"{key[0]} parameter `{key[1]}`"
        if key not in after:
            yield BREAKING, f"{title} is gone"
        elif key not in before:
            required = after[key].get("required") is True
            yield (BREAKING, f"new required {title}") if required else (ADDITIVE, f"new {title}")
        else:
            yield from _requirement(title, before[key].get("required") is True, after[key].get("required") is True)
            yield from _parameter(before[key], after[key], title, schemas)
    of_paths = [[one for one in spec.parameters if one["in"] == "path"] for spec in (old, new)]
    if len(of_paths[0]) == len(of_paths[1]):
        for left, right in zip(*of_paths, strict=True):
            yield from _parameter(left, right, "a path parameter", schemas)


def _parameter(old: Json, new: Json, title: str, schemas: SchemaDiff) -> Found:
    (was, before), (now, after) = _described(old), _described(new)
    if was != now:
        yield BREAKING, f"{title} is written as {now}, was {was}"
    elif was == "text" and _style(old) != _style(new):
        is_same = schemas.is_plain(after) and {_style(old)[0], _style(new)[0]} <= _SAME_FOR_ONE
        shown = [f"{style}, {'' if explode else 'not '}exploded" for style, explode in (_style(new), _style(old))]
        yield kind_of(not is_same), f"{title} has the style {shown[0]}, had {shown[1]}"
    for key in differing_keys(old, new, _JUDGED_OF_PARAMETERS):
        yield UNJUDGED, f"{title} differs in `{key}`"
    yield from schemas.request(before, after, title)


def _described(parameter: Json) -> tuple[str, Any]:
    """Return how a parameter is written and its schema (OpenAPI 3.1.1, section 4.8.12.2.2)."""
    content = parameter.get("content")
    if "schema" in parameter or not isinstance(content, dict) or not content:
        return "text", parameter.get("schema")
    kind, media = next(iter(content.items()))
    return kind, media.get("schema") if isinstance(media, dict) else None


def _style(parameter: Json) -> tuple[str, bool]:
    usual = "form" if parameter["in"] in ("query", "cookie") else "simple"
    style = str(parameter.get("style", usual))
    return style, parameter.get("explode", style == "form") is True


def _requirement(title: str, before: bool, after: bool) -> Found:
    if before != after:
        yield (BREAKING, f"{title} is required now") if after else (ADDITIVE, f"{title} is optional now")


def _bodies(old: Operation, new: Operation, schemas: SchemaDiff) -> Found:
    if old.body is None or new.body is None:
        if new.body is not None:
            required = new.body.get("required") is True
            yield (BREAKING, "it requires a body now") if required else (ADDITIVE, "it takes a body now")
        elif old.body is not None:
            yield BREAKING, "it takes no body any more"
        return
    yield from _requirement("the body", old.body.get("required") is True, new.body.get("required") is True)
    for key in differing_keys(old.body, new.body, ("content", "required")):
        yield UNJUDGED, f"the body differs in `{key}`"
    yield from _contents(old.body["content"], new.body["content"], "the body", schemas, request=True)


def _responses(old: Operation, new: Operation, schemas: SchemaDiff) -> Found:
    for status in [*old.responses, *(status for status in new.responses if status not in old.responses)]:
        success = status.startswith("2")
        if status not in new.responses:
            yield (BREAKING if success else ADDITIVE), f"the answer {status} is not documented any more"
        elif status not in old.responses:
            yield ADDITIVE, f"new answer {status}"
        else:
            before, after = old.responses[status], new.responses[status]
            for key in differing_keys(before, after, ("content",)):
                yield UNJUDGED, f"the answer {status} differs in `{key}`"
            yield from _contents(before["content"], after["content"], f"the answer {status}", schemas, request=False)


def _contents(old: Json, new: Json, title: str, schemas: SchemaDiff, *, request: bool) -> Found:
    before, after = _by_type(old), _by_type(new)
    for kind in [*before, *(kind for kind in after if kind not in before)]:
        if kind not in after:
            yield BREAKING, f"{title} as {before[kind][0]} is gone"
        elif kind not in before:
            yield ADDITIVE, f"{title} can be {after[kind][0]}"
        else:
            (was, left), (now, right) = before[kind], after[kind]
            if was != now:
                yield DOCUMENTATION, f"{title} as {was} is written {now}"
            for key in differing_keys(left, right, ("schema",)):
                yield UNJUDGED, f"{title} differs in `{key}`"
            yield from (schemas.request if request else schemas.response)(
                left.get("schema"), right.get("schema"), title
            )


def _by_type(content: Json) -> dict[str, tuple[str, Json]]:
    """List contents by their media type, which has no case and whose parameters change nothing (RFC 9110, 8.3.1)."""
    return {kind.split(";", maxsplit=1)[0].strip().lower(): (kind, media) for kind, media in reversed(content.items())}


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
    stated = (spec.get("components") or {}).get("securitySchemes") or {}
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
            for part in (sent.get(name, name), *(f"{sent.get(name, name)} for {scope}" for scope in scopes))
        )
        for one in security or [{}]
    ]


def _key(credentials: frozenset[str]) -> frozenset[str]:
    """Return credentials without the case that names of headers and of HTTP's schemes do not have (RFC 9110, 5.1)."""
    exact = ("in the query", "in the cookie")
    return frozenset(one if any(place in one for place in exact) else one.lower() for one in credentials)


def _listed(alternatives: Sequence[frozenset[str]]) -> str:
    return " or ".join(sorted({" with ".join(sorted(one)) or "none" for one in alternatives}))
