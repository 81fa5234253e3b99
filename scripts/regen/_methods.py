"""Writing `aikynetix_api/operations/`: every operation as a typed method, a module for each group, loaded when used."""

from __future__ import annotations

import ast
import builtins
import textwrap
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from scripts.regen._method_names import method_names
from scripts.regen._names import identifier
from scripts.regen._schemas import clean_prose
from scripts.regen._signatures import Argument, OperationSource, names_in, read_operation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scripts.regen._canonical import Canonical, Endpoint
    from scripts.regen._operations import Operation

FOLDER = "operations"
_MADE = "made by `make regen`, never edited by hand."
_INIT = """
    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call
"""


@dataclass(frozen=True)
class _Method:
    """One operation and what it is called.

    Attributes:
        group: The attribute of `client.api`.
        name: The attribute of the group.
        endpoint: The operation as generated.
        source: What its module holds.
    """

    group: str
    name: str
    endpoint: Endpoint
    source: OperationSource

    @cached_property
    def names(self) -> set[str]:
        """The names in its annotations."""
        annotations = [self.source.returns, *(one.annotation for one in self.source.arguments)]
        return {name for annotation in annotations for name in names_in(annotation)}


def named_methods(canonical: Canonical) -> list[tuple[str, str]]:
    """Return (group, name) of each endpoint."""
    seen = set[int]()
    kinds: list[tuple[Operation, str]] = []
    for one in canonical.endpoints:
        kinds.append((one.operation, one.body.kind if one.body and id(one.operation) in seen else ""))
        seen.add(id(one.operation))
    return method_names(kinds)


def method_modules(canonical: Canonical, package: Path) -> dict[str, str]:
    """Return path and source of each module.

    Args:
        canonical: What was generated.
        package: The folder that it was generated into.
    """
    groups: dict[str, list[_Method]] = {}
    for (group, name), endpoint in zip(named_methods(canonical), canonical.endpoints, strict=True):
        path = package / "api" / endpoint.tag / f"{endpoint.name}.py"
        method = _Method(group, name, endpoint, read_operation(path.read_text("utf-8")))
        groups.setdefault(group, []).append(method)
    ordered = {group: sorted(groups[group], key=lambda one: one.name) for group in sorted(groups)}
    modules = {f"{FOLDER}/{group}.py": _group_module(methods) for group, methods in ordered.items()}
    return {f"{FOLDER}/__init__.py": _package_module(list(ordered.values())), **modules}


def _package_module(groups: Sequence[Sequence[_Method]]) -> str:
    imports = "".join(
        f"    from .{one[0].group} import {_class_name(one, 'Async')}, {_class_name(one)}\n" for one in groups
    )
    head = f'"""Every operation of the vendor\'s API as a method: `client.api.<group>.<method>(...)`; {_MADE}"""\n'
    head += _header(["from collections.abc import Callable"]) + f"if TYPE_CHECKING:\n{imports}\n\n"
    return head + "\n\n".join(_api_class(prefix, groups) for prefix in ("", "Async"))


def _api_class(prefix: str, groups: Sequence[Sequence[_Method]]) -> str:
    code = f'class {prefix}Api:\n    """The vendor\'s operations, by group."""\n{_INIT}'
    for methods in groups:
        name, group = _class_name(methods, prefix), methods[0].group
        listed = ", ".join(f"`{one.name}`" for one in methods)
        code += f'\n    @property\n    def {group}(self) -> {name}:\n        """Methods: {listed}."""\n'
        code += f"        from .{group} import {name}\n\n        return {name}(self._call)\n"
    return code


def _group_module(methods: Sequence[_Method]) -> str:
    used = set[str]().union(*(one.names for one in methods))
    defaults = [one.default for method in methods for one in method.source.arguments if one.default]
    needed = {name for default in defaults for name in names_in(default)}
    imports = {name: line for method in methods for name, line in method.source.imports.items()}
    moved = {name: line.replace("from ...", "from ..", 1) for name, line in imports.items()}
    first = [moved[name] for name in sorted(needed) if name in moved]
    typing = [line for name, line in sorted(moved.items()) if name in used - needed and name != "Any"]
    if _hidden(methods):
        typing.append("import builtins")
    head = f'"""The operations of `client.api.{methods[0].group}`; {_MADE}"""\n' + _header(first)
    head += "if TYPE_CHECKING:\n    from collections.abc import Callable\n" + "".join(
        f"    {line}\n" for line in typing
    )
    return head + "\n\n" + "\n\n".join(_group_class(methods, prefix) for prefix in ("", "Async"))


def _header(lines: Sequence[str]) -> str:
    more = "".join(f"{line}\n" for line in lines)
    return f"\nfrom __future__ import annotations\n\nfrom typing import TYPE_CHECKING, Any\n{more}\n"


def _class_name(methods: Sequence[_Method], prefix: str = "") -> str:
    group = "".join(part.capitalize() for part in methods[0].group.split("_"))
    used = set[str]().union(*(one.names for one in methods))
    name = f"{prefix}{group}Operations"
    while name in used:
        name += "_"
    return name


def _hidden(methods: Sequence[_Method]) -> set[str]:
    """Return the built-in types that methods of a class would hide in its annotations, such as `list`."""
    return {one.name for one in methods if hasattr(builtins, one.name)} & set[str]().union(
        *(one.names for one in methods)
    )


def _group_class(methods: Sequence[_Method], prefix: str) -> str:
    code = (
        f'class {_class_name(methods, prefix)}:\n    """The operations of `client.api.{methods[0].group}`."""\n{_INIT}'
    )
    return code + "".join(f"\n{textwrap.indent(_method(one, prefix, _hidden(methods)), '    ')}" for one in methods)


def _method(method: _Method, prefix: str, hidden: set[str]) -> str:
    start, wait = ("async def", "await ") if prefix else ("def", "")
    arguments = method.source.arguments
    stated = ["self", *(_stated(one, hidden) for one in arguments if one.is_positional)]
    keywords = [one for one in arguments if not one.is_positional]
    stated += ["*", *(_stated(one, hidden) for one in keywords)] if keywords else []
    passed = ["_operation", *(one.name if one.is_positional else f"{one.name}={one.name}" for one in arguments)]
    module, _, name = method.endpoint.module.partition(".")[2].rpartition(".")
    return (
        f"{start} {method.name}({', '.join(stated)}) -> {_seen(method.source.returns, hidden)}:\n"
        f'    """{textwrap.indent(_prose(method.endpoint.operation, arguments), "    ").strip()}\n    """\n'
        f"    from ..{module} import {name} as _operation\n\n"
        f"    return {wait}self._call({', '.join(passed)})\n"
    )


def _stated(one: Argument, hidden: set[str]) -> str:
    default = "" if one.default is None else f" = {one.default}"
    return f"{one.name}: {_seen(one.annotation, hidden)}{default}"


def _seen(annotation: str, hidden: set[str]) -> str:
    """Return an annotation as a class reads it that has methods of the hidden names."""
    tree = ast.parse(annotation, mode="eval")
    for one in ast.walk(tree):
        if isinstance(one, ast.Name) and one.id in hidden:
            one.id = f"builtins.{one.id}"
    return ast.unparse(tree)


def _prose(operation: Operation, arguments: Sequence[Argument]) -> str:
    """Return a docstring's text: what the vendor says of the operation and its parameters."""
    parts = [clean_prose(operation.summary).strip(), clean_prose(operation.description).strip()]
    if operation.deprecated:
        parts.append("Deprecated by the vendor.")
    described = {identifier(one["name"]): one.get("description") for one in operation.parameters}
    lines = [_line(one.name, described.get(one.name)) for one in arguments]
    parts.append("\n".join(["Args:", *filter(None, lines)]) if any(lines) else "")
    parts.append(f"Request: `{operation.label}`")
    text = "\n\n".join(part for part in parts if part)
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _line(name: str, description: object) -> str:
    words = " ".join(clean_prose(description).split()) if isinstance(description, str) else ""
    return f"    {name}: {words}" if words else ""
