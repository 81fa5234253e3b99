"""Where the facade's functions stand, so that a report can point at them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def lines_of(source: Path) -> dict[str, int]:
    """Return the lines of the facade's functions, empty while there is no such file."""
    try:
        return _function_lines(source.read_text("utf-8"))
    except OSError:
        return {}


def _function_lines(source: str) -> dict[str, int]:
    try:
        tree: Any = ast.parse(source)
    except SyntaxError:
        return {}
    return {
        node.name: node.lineno for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
