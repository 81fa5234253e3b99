"""Checks of a generated package before it replaces the committed one."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from scripts.regen._problems import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from scripts.regen._canonical import Canonical

_IMPORT_TIMEOUT = 180.0  # seconds
_ALLOWED_IMPORTS = frozenset(
    {"__future__", "attr", "attrs", "builtins", "collections", "datetime", "enum", "http", "httpx", "importlib", "io",
     "json", "ssl", "typing", "urllib", "uuid", "dateutil"}
)  # fmt: skip
_FORBIDDEN = frozenset(
    {"eval", "exec", "compile", "open", "input", "breakpoint", "globals", "locals", "vars", "getattr", "setattr",
     "delattr", "__import__"}
)  # fmt: skip
_OWN_METHODS = frozenset({"__init__", "__enter__", "__exit__", "__aenter__", "__aexit__"})
# httpx's own command line, which it imports where click and rich are installed, takes half of its time.
_PROBE = """
import importlib, json, sys
sys.modules["httpx._main"] = None
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
            f"The generator wrote {len(models)} models of {len(canonical.book.components)}: two share a name or one "
            "was left out."
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
    if shown.name != "__init__.py":
        _check_reach(tree, shown)


def _check_reach(tree: ast.Module, shown: Path) -> None:
    """Refuse code, in functions too, that reaches for what no client of an API needs."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and not _is_known_import(node):
            name = "import"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FORBIDDEN:
            name = node.func.id
        elif isinstance(node, ast.Attribute) and node.attr.startswith("__") and node.attr not in _OWN_METHODS:
            name = node.attr
        else:
            continue
        raise RefusedError(f"The generated module {shown} uses `{name}` where no generated code needs it.")


def _is_known_import(node: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or (node.module or "").split(".")[0] in _ALLOWED_IMPORTS
    return all(name.name.split(".")[0] in _ALLOWED_IMPORTS for name in node.names)


def _is_definition(node: ast.stmt) -> bool:
    match node:
        case ast.ImportFrom() | ast.Import():
            return _is_known_import(node)
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return all(map(_is_definition, node.body))
        case ast.Assign() | ast.AnnAssign():
            calls = [one for one in ast.walk(node.value) if isinstance(one, ast.Call)] if node.value else []
            return all(map(_is_plain_call, calls))
        case ast.ClassDef():
            return all(map(_is_definition, node.body)) and all(map(_is_plain, (*node.decorator_list, *node.bases)))
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            defaults = [one for one in (*node.args.defaults, *node.args.kw_defaults) if one is not None]
            return all(map(_is_plain, (*node.decorator_list, *defaults)))
        case _:
            return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _is_plain(node: ast.expr) -> bool:
    return not any(isinstance(one, ast.Call) for one in ast.walk(node))


def _is_plain_call(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in ("TypeVar", "Unset", "field", "_attrs_field")


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
    # An escape that Python does not know is a warning of the compiler, which has no module's name yet.
    strict = ["-W", "error::SyntaxWarning", "-W", "error::DeprecationWarning:aikynetix_api"]
    command = [sys.executable, "-P", *strict, "-c", code]
    try:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_IMPORT_TIMEOUT,
            check=False,
            env=environment,
            cwd=root,
        )
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
