"""Which names of the generated package callers lose, whatever the reason: its modules, models and `client.api`."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from scripts.regen._diff import Change
from scripts.regen._shapes import ADDITIVE, BREAKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_METHOD, _MODULE, _MODEL = "methods of `client.api`", "modules of operations", "models"
_CLASSES = re.compile(r"^class (\w+)|^(\w+) = Literal\[", re.MULTILINE)
_REQUEST = re.compile(r"Request: `([^`]*)`")


def package_changes(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Iterator[Change]:
    """Compare the names of two packages; one that only moved is told with its new name."""
    differing = {path for path in {**old, **new} if old.get(path) != new.get(path)}
    before, after = (dict(_named({path: tree[path] for path in differing & tree.keys()})) for tree in (old, new))
    fresh = {name: said for name, said in after.items() if name not in before}
    for name, said in before.items():
        if name not in after:
            heir = next((other for other, its in fresh.items() if its == said), None)
            fresh.pop(heir or "", None)
            yield Change(BREAKING, said[0], f"`{name}` is {f'called `{heir}` now' if heir else 'gone'}")
        elif said[0] == _METHOD and after[name] != said and said in after.values():
            yield Change(BREAKING, said[0], f"`{name}` is another operation now, {after[name][1]}")
    for name, (room, what) in fresh.items():
        if room == _METHOD:
            yield Change(ADDITIVE, room, f"`{name}` is new: {what}")


def _named(files: Mapping[str, bytes]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the public names of generated files, each with its room and what it is beside its name."""
    for path, data in sorted(files.items()):
        folder, *parts = path.removesuffix(".py").split("/")
        if path.endswith(".py") and parts and parts[-1] != "__init__":
            text = data.decode()
            if folder == "api":
                yield (
                    ".".join(["aikynetix_api", "api", *parts]),
                    (_MODULE, text.partition("def _get_kwargs")[2].partition("\n\n\n")[0]),
                )
            elif folder == "models":
                for name in map("".join, _CLASSES.findall(text)):
                    same = re.sub(rf"\b({re.escape(name)}|{re.escape(parts[-1])})\b", "_", text)
                    yield f"aikynetix_api.models.{name}", (_MODEL, same)
            elif folder == "operations":
                yield from _methods(text, parts[-1])


def _methods(text: str, group: str) -> Iterator[tuple[str, tuple[str, str]]]:
    for node in ast.parse(text).body:
        for method in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                requests = _REQUEST.findall(ast.get_docstring(method) or "")
                yield f"client.api.{group}.{method.name}", (_METHOD, requests[-1] if requests else ast.unparse(method))
