"""What the facade would say in its requests, held against the vendor's own schemas."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scripts.regen._canonical import bodies, expanded, schema_of
from scripts.regen._find import is_json
from scripts.regen._judge import Judge, UndecidedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scripts.regen._canonical import Canonical, Endpoint
    from scripts.regen._load import Json
    from scripts.regen._rules import Rule


@dataclass
class Sent:
    """Judges what one facade operation sends.

    Attributes:
        canonical: What is generated.
        rule: The operation's rule.
        endpoint: The operation as generated.
        undecided: What could not be judged and why, one sentence each.
    """

    canonical: Canonical
    rule: Rule
    endpoint: Endpoint
    undecided: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Prepare to judge by the document's schemas."""
        self._judge = Judge(self.canonical.book)

    def parameter(self, view: Json, values: Sequence[object]) -> str:
        """Return why the vendor does not take one of some values of a parameter, empty when it takes them all.

        Outside a body everything is text: a boolean may be meant by a schema of text, where that is what it asks for.

        Args:
            view: The parameter as generated.
            values: What the facade says in it.
        """
        wire = self.endpoint.wire_names[view["in"]][view["name"]]
        stated = next(
            one
            for one in expanded(self.canonical.book, self.endpoint.operation)
            if (one["in"], one["name"]) == (view["in"], wire)
        )
        schema, kind = _written(stated)
        if kind and not is_json(kind):
            return f"it is written as {kind}"
        as_text = not kind and any(word in json.dumps(view["schema"]) for word in ('"string"', '"$ref"'))
        for value in values:
            ways = [value, json.dumps(value)] if as_text and isinstance(value, bool) else [value]
            if why := self._complaint(f"`{wire}`", schema, ways):
                return f"{json.dumps(value)} is not allowed: {why}"
        return ""

    def body(self, model: str, parameters: Mapping[str, Json]) -> str:
        """Return which request the vendor does not take because of its body, and why; empty when it takes them all.

        Args:
            model: The body's model.
            parameters: The operation's parameters as generated; a flag among them is not said in the body.
        """
        media = bodies(self.endpoint.operation)[0][1]
        flags = [flag.name for flag in self.rule.flags if flag.name not in parameters]
        for said in self.rule.requests:
            content = self._content(model, [flag for flag in flags if flag in said], flags)
            ways = [content]
            if self.endpoint.body_kind in ("form", "multipart"):
                ways.append({name: one if isinstance(one, str) else json.dumps(one) for name, one in content.items()})
            if why := self._complaint("the body", media.get("schema", {}), ways):
                return f"{json.dumps(content, ensure_ascii=False)[:200]}: {why}"
        return ""

    def _content(self, model: str, said: Sequence[str], flags: Sequence[str]) -> Json:
        """Return the body of a request that says some of the flags, as `aikynetix/_operations.py` makes it."""
        component = self.canonical.book.components[model]
        fields, required = component["properties"], component.get("required", ())
        own = {name: one["default"] for name, one in fields.items() if "default" in one}
        own.update({flag: flag in said for flag in flags if flag in said or flag in required})
        if not own and self.endpoint.body_kind in ("form", "multipart"):
            own = {flag: False for flag in flags if flag in fields}  # a form that says nothing is no body at all
        wires = self.canonical.book.wire_names.get(model, {})
        return {wires.get(name, name): value for name, value in own.items()}

    def _complaint(self, what: str, schema: Any, ways: Sequence[object]) -> str:
        """Return what is wrong with a value in the best of the ways in which it can be meant."""
        try:
            complaints = [self._judge.complaint(schema, value) for value in ways]
        except UndecidedError as problem:
            self._note(what, str(problem))
            return ""
        return "" if "" in complaints else complaints[-1]

    def _note(self, what: str, why: str) -> None:
        note = f"{self.endpoint.operation.label}: whether it takes what the facade says in {what} is not judged ({why})"
        if note not in self.undecided:
            self.undecided.append(note)


def _written(parameter: Json) -> tuple[Any, str]:
    """Return the schema of a parameter's value, and the media type that it is written in where it has one."""
    content = parameter.get("content")
    if "schema" in parameter or not isinstance(content, dict) or not content:
        return schema_of(parameter), ""
    kind, media = next(iter(content.items()))
    return (media.get("schema", {}) if isinstance(media, dict) else {}), kind
