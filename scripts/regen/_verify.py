"""Checks of a generated package before it replaces the committed one."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.regen._problems import RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.regen._canonical import Canonical
    from scripts.regen._load import Json

_TIMEOUT = 180.0  # seconds
_PLAIN_CALLS = frozenset({"TypeVar", "Unset", "field", "_attrs_field"})
_DEFINITIONS = (
    ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef,
    ast.Pass,
)  # fmt: skip
_PROBE = Path(__file__).with_name("_probe.py")


def verify(canonical: Canonical, package: Path, jobs: Sequence[Json] = ()) -> list[Json]:
    """Check that the package is whole, holds no foreign code, and that every module of it imports; make requests."""
    for endpoint in canonical.endpoints:
        if not (package / "api" / endpoint.tag / f"{endpoint.name}.py").is_file():
            raise RefusedError(
                f"The generator left out {endpoint.operation.label}: it wrote no module {endpoint.module}."
            )
    paths = sorted(package.rglob("*.py"))
    for path in paths:
        if path != package / "wire.py":  # ours, word for word
            _check_source(path, path.relative_to(package))
    names = [".".join(path.relative_to(package.parent).with_suffix("").parts) for path in paths]
    return _probe([name.removesuffix(".__init__") for name in names], jobs, package.parent)


def _check_source(path: Path, shown: Path) -> None:
    """Refuse a module that does anything but define: the vendor's text must never become code that runs."""
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except (SyntaxError, ValueError) as error:
        raise RefusedError(f"The generator wrote a module that is not Python: {shown}: {error}") from error
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body.clear()  # it runs later; decorators and defaults run at once
        left.extend(ast.iter_child_nodes(node))
        if not _defines(node):
            raise RefusedError(
                f"The generated module {shown} would run code when it is imported (line {getattr(node, 'lineno', 0)})."
            )


def _defines(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name in _PLAIN_CALLS
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.Expr(value=ast.Constant()):
            return True
        case _:
            is_other = isinstance(node, ast.stmt) and not isinstance(node, _DEFINITIONS)
            return not is_other and not isinstance(node, ast.Call)


def _probe(modules: Sequence[str], jobs: Sequence[Json], root: Path) -> list[Json]:
    """Import modules in a fresh interpreter with `root` first on its path and warnings as errors, and make requests."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment = {**kept, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    # An escape that Python does not know is a warning of the compiler, which has no module's name yet.
    strict = ["-W", "error::SyntaxWarning", "-W", "error::DeprecationWarning:aikynetix_api"]
    command = [sys.executable, "-P", *strict, str(_PROBE)]
    job = json.dumps({"modules": modules, "cases": jobs})
    done = subprocess.run(
        command, input=job, capture_output=True, text=True, timeout=_TIMEOUT, check=False, env=environment, cwd=root
    )
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[-600:]
        raise RefusedError(f"The generator wrote a module that cannot be imported: {said}")
    made: list[Json] = json.loads(done.stdout)
    return made


def tree_files(folder: Path) -> dict[str, bytes]:
    """Read all files below a folder, by relative path, without what interpreters leave behind."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
