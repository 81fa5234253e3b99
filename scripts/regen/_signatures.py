"""Reading a generated module: what its operation takes and returns. Source in, values out."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


_END = "\ndef _parse_response("  # the rest is long and says nothing new


@dataclass(frozen=True)
class Argument:
    """One argument of a generated function.

    Attributes:
        name: As in Python.
        annotation: Its type, as source.
        default: Its default, as source; None where it must be given.
        is_positional: Whether it stands in the path.
    """

    name: str
    annotation: str
    default: str | None
    is_positional: bool = False


@dataclass(frozen=True)
class OperationSource:
    """A generated operation module.

    Attributes:
        arguments: What `_get_kwargs` takes.
        imports: Name to the statement that imports it.
        returns: The type of a success, as source.
    """

    arguments: tuple[Argument, ...]
    imports: dict[str, str]
    returns: str


def read_operation(source: str) -> OperationSource:
    """Read the module of an operation, as far as what it takes and gives is stated there."""
    tree = ast.parse(source.partition(_END)[0])
    functions = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
    function, returns = functions["_get_kwargs"], functions["_success"].returns
    success = ast.unparse(returns) if returns else "Any"
    return OperationSource(tuple(_arguments(function)), dict(_imports(tree)), success)


def names_in(expression: str) -> list[str]:
    """List the names in an expression, in the order in which they stand."""
    found = [one for one in ast.walk(ast.parse(expression, mode="eval")) if isinstance(one, ast.Name)]
    return [one.id for one in sorted(found, key=lambda one: one.col_offset)]


def _arguments(function: ast.FunctionDef) -> Iterator[Argument]:
    stated = function.args
    missing: list[ast.expr | None] = [None] * (len(stated.args) - len(stated.defaults))
    positional = zip(stated.args, [*missing, *stated.defaults], strict=True)
    for pairs, is_positional in ((positional, True), (zip(stated.kwonlyargs, stated.kw_defaults, strict=True), False)):
        for one, default in pairs:
            annotation = ast.unparse(one.annotation) if one.annotation else "Any"
            yield Argument(one.arg, annotation, None if default is None else ast.unparse(default), is_positional)


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                one = (
                    ast.Import([alias])
                    if isinstance(node, ast.Import)
                    else ast.ImportFrom(node.module, [alias], node.level)
                )
                yield alias.asname or alias.name, ast.unparse(one)
