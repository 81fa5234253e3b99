"""Checks of a generated package before it replaces the committed one."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scripts.regen._canonical import Canonical
from scripts.regen._problems import RefusedError

_IMPORT_TIMEOUT = 180.0  # seconds
_ALLOWED_IMPORTS = frozenset(
    {"__future__", "attr", "attrs", "collections", "datetime", "enum", "http", "httpx", "importlib", "io", "json", "ssl",
     "typing", "urllib", "uuid", "dateutil"}
)  # fmt: skip
_PROBE = """
import importlib, json, sys
for name in json.load(sys.stdin):
    try:
        importlib.import_module(name)
    except BaseException as error:
        print(f"{name}: {type(error).__name__}: {error}"[:500], file=sys.stderr)
        sys.exit(1)
"""


def verify(canonical: Canonical, package: Path) -> None:
    """Check that the package is whole, holds no foreign code, and that every module of it imports.

    Raises:
        RefusedError: Names the module and what is wrong with it.
    """
    _check_whole(canonical, package)
    for path in sorted(package.rglob("*.py")):
        _check_source(path, path.relative_to(package))
    modules = [
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(package.rglob("*.py"))
    ]
    _check_imports(modules, package.parent)


def _check_whole(canonical: Canonical, package: Path) -> None:
    for endpoint in canonical.endpoints:
        path = package / "api" / endpoint.tag / f"{endpoint.name}.py"
        if not path.is_file():
            raise RefusedError(
                f"The generator left out {endpoint.operation.label}: it wrote no module {endpoint.module}."
            )
    written = sum(1 for path in package.glob("api/*/*.py") if path.name != "__init__.py")
    if written != len(canonical.endpoints):
        raise RefusedError(f"The generator wrote {written} operations of {len(canonical.endpoints)}: two share a name.")
    models = {path.stem.casefold() for path in package.glob("models/*.py")} - {"__init__"}
    if len(models) != len(canonical.book.components):
        raise RefusedError(
            f"The generator wrote {len(models)} models of {len(canonical.book.components)}: two share a name or one was left out."
        )


def _check_source(path: Path, shown: Path) -> None:
    """Refuse a module that does anything but define: the vendor's text must never become code that runs."""
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except (SyntaxError, ValueError) as error:
        raise RefusedError(f"The generator wrote a module that is not Python: {shown}: {error}") from error
    for node in tree.body:
        if not _is_definition(node):
            raise RefusedError(f"The generated module {shown} would run code when it is imported (line {node.lineno}).")


def _is_definition(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or (node.module or "").split(".")[0] in _ALLOWED_IMPORTS
    if isinstance(node, ast.Import):
        return all(name.name.split(".")[0] in _ALLOWED_IMPORTS for name in node.names)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If):
        return (
            isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" and all(map(_is_definition, node.body))
        )
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return node.value is None or all(
            _is_plain_call(call) for call in ast.walk(node.value) if isinstance(call, ast.Call)
        )
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Pass))


def _is_plain_call(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in ("TypeVar", "Unset")


def _check_imports(modules: Sequence[str], root: Path) -> None:
    said = run_python(_PROBE, json.dumps(modules), root)
    if said is not None:
        raise RefusedError(f"The generator wrote a module that cannot be imported: {said}")


def run_python(code: str, stdin: str, root: Path) -> str | None:
    """Run code in a fresh interpreter with `root` first on its path and warnings as errors.

    Returns:
        None when it succeeds, else what it said.
    """
    kept: Mapping[str, str] = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment = {**kept, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-W", "error::SyntaxWarning", "-W", "error::DeprecationWarning:aikynetix_api", "-c", code],
            input=stdin, capture_output=True, text=True, timeout=_IMPORT_TIMEOUT, env=environment, cwd=root,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"it takes more than {_IMPORT_TIMEOUT:.0f} s"
    return None if done.returncode == 0 else " ".join(done.stderr.split())[-600:]


def tree_files(folder: Path) -> dict[str, bytes]:
    """Read all files below a folder, by relative path, without what interpreters leave behind."""
    return dict(_files(folder))


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder).as_posix(), path.read_bytes()
