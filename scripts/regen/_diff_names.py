"""What changed in the names that callers use, between what is generated from two documents.

A document says nothing of names in Python: what is new may take another's. What is new, gone or of another type itself
is told where the documents are compared.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.regen._diff_schema import BREAKING, paired
from scripts.regen._document import without_prose
from scripts.regen._generate import method_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scripts.regen._canonical import Canonical

_METHOD, _MODULE, _MODEL = "methods of `client.api`", "modules of operations", "models"


@dataclass(frozen=True)
class _Named:
    """An operation or a model."""

    names: Mapping[str, str]  # its public names, by what they are names of
    keys: tuple[Any, ...]  # what tells it from others, the surest first; None where that tells nothing
    wires: Mapping[str, str]  # its arguments or fields, by their names in Python: what each is on the wire


def name_changes(old: Canonical, new: Canonical) -> Iterator[tuple[str, str, str]]:
    """Yield what has another name, or whose name is another's now: kind, where, and a phrase."""
    for title, named in (("argument", _operations), ("field", _models)):
        before, after = named(old), named(new)
        taken = {name for one in after for name in one.names.values()}
        for left, right in paired(before, after, *(lambda one, n=n: one.keys[n] for n in range(4))):
            for what, name in left.names.items() if left else ():
                now = right.names[what] if right else ""
                if now != name and (now or what == _MODEL):  # of an operation that is gone the document tells
                    text = f"called `{now}` now" if now else "gone"
                    text = f"another now, and what it was is {text}" if name in taken else text
                    yield BREAKING, what, f"`{name}` is {text}"
            if left and right:
                where = f"`{next(iter(right.names.values()))}`"
                yield from ((BREAKING, where, f"its {title} {text}") for text in _moved(left.wires, right.wires))


def _moved(was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    called = {wire: own for own, wire in now.items()}
    for own, wire in was.items():
        if own in now and now[own] != wire:
            yield f"`{own}` is {now[own]}, was {wire}"
        elif own not in now and wire in called:
            yield f"`{own}` is called `{called[wire]}` now"


def methods_of(canonical: Canonical) -> list[str]:
    """Return what each endpoint is called in `client.api`."""
    names = method_names([(one.operation, one.suffix) for one in canonical.endpoints])
    return [f"client.api.{group}.{name}" for group, name in names]


def _operations(canonical: Canonical) -> list[_Named]:
    """List operations; what their parameters in the path are called is told of the document's path."""
    found: list[_Named] = []
    for method, one in zip(methods_of(canonical), canonical.endpoints, strict=True):
        request = one.operation.method, one.operation.bare_path
        media = one.body.media[0] if one.body else ""
        wires = {other.own: f"the {other.place} parameter `{other.wire}`" for other in one.parameters}
        found.append(
            _Named(
                {_METHOD: method, _MODULE: one.module},
                ((request, media), (request, one.suffix), (one.operation.identifier, one.suffix), None),
                {own: wire for own, wire in wires.items() if not wire.startswith("the path")},
            )
        )
    return found


def _models(canonical: Canonical) -> list[_Named]:
    book = canonical.book
    vendors = {own: name for name, own in book.names.items()}
    found: list[_Named] = []
    for name, view in book.components.items():
        wires = {own: book.wire_names.get(name, {}).get(own, own) for own in view.get("properties", ())}
        content = json.dumps([without_prose(view), wires]).replace(f'/{name}"', '/"')
        found.append(
            _Named(
                {_MODEL: f"aikynetix_api.models.{name}"},
                (vendors.get(name), (name, content), content, name),
                {own: f"the field `{wire}`" for own, wire in wires.items()},
            )
        )
    return found
