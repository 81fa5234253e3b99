"""The command line of the regeneration, and how it puts a new package in the place of the committed one."""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.regen._diff import Change, compare, package_changes
from scripts.regen._document import load_spec
from scripts.regen._generate import PACKAGE
from scripts.regen._pipeline import Plan, build, plan
from scripts.regen._problems import EXIT_LOUD, EXIT_OK, EXIT_REFUSED, RefusedError, one_line
from scripts.regen._report import decisions, report

if TYPE_CHECKING:
    from collections.abc import Sequence


ROOT = Path(__file__).resolve().parents[2]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 left to a person and nothing written, 2 refused."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.regen", description="Regenerate the package from the vendor's OpenAPI document."
    )
    parser.add_argument("--spec", type=Path, default=Path("openapi.json"), help="the vendor's document")
    parser.add_argument("--output", type=Path, default=Path("generated"), help="the folder that holds the package")
    parser.add_argument(
        "--accept", action="store_true", help="write though a facade method is affected or credentials go elsewhere"
    )
    parser.add_argument("--report", type=Path, metavar="FILE.md", help="also write the report to a file")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the committed package differs")
    options = parser.parse_args(argv)
    previous_handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run(options)
    except Exception as error:
        print(f"regen: refused. {one_line(_why(error))}\nregen: {options.output} is as it was.", file=sys.stderr)
        return EXIT_REFUSED
    except KeyboardInterrupt:
        print(f"regen: interrupted; {options.output} is as it was.", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGTERM, previous_handler)


def _why(error: Exception) -> str:
    """Say why nothing was made; a document that nobody foresaw is refused too, with the cause for a report."""
    if isinstance(error, RefusedError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'}: {error.strerror or type(error).__name__}."
    cause = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"This document is beyond what the regeneration foresees: {type(error).__name__} ({str(error)[:300]}) in "
        f"{Path(cause.filename).name}, line {cause.lineno}. It is a fault of this project; please report it with the "
        "document."
    )


def _run(options: argparse.Namespace) -> int:
    planned = plan(options.spec.read_bytes(), str(options.spec))
    destination: Path = options.output / PACKAGE
    with tempfile.TemporaryDirectory(prefix="regen-") as folder:
        package = build(planned, Path(folder))
        if options.check:
            return _compare(package, destination)
        changes = _changes(planned, package, destination)
        text = report(planned, changes, version=_version(), accepted=options.accept)
        print(text)
        if options.report:
            options.report.write_text(text, encoding="utf-8")
        if (planned.findings or decisions(changes or ())) and not options.accept:
            print(f"regen: {destination} is as it was; `make regen ACCEPT=1` updates it all the same.", file=sys.stderr)
            return EXIT_LOUD
        changed = publish(package, destination)
    print(f"regen: {destination} {'is up to date' if changed else 'was up to date'}.", file=sys.stderr)
    return EXIT_OK


def _changes(planned: Plan, package: Path, destination: Path) -> list[Change] | None:
    """Return what changed for callers since the committed package, None when it does not say what it was made from."""
    try:
        previous = load_spec((destination / "openapi.json").read_bytes(), "the previous document")
    except (OSError, RefusedError):
        return None
    return [*compare(previous, planned.spec), *package_changes(tree_files(destination), tree_files(package))]


def _version() -> str:
    found = re.search(r'__version__ = "(\d+\.\d+\.\d+)', (ROOT / "aikynetix" / "__init__.py").read_text("utf-8"))
    return found[1] if found else "0.0.0"


def _compare(package: Path, destination: Path) -> int:
    new, old = tree_files(package), tree_files(destination) if destination.is_dir() else {}
    different = sorted(name for name in new.keys() | old.keys() if new.get(name) != old.get(name))
    for name in different:
        state = "missing" if name not in old else "not generated" if name not in new else "different"
        print(f"regen: {destination / name}: {state}", file=sys.stderr)
    if different:
        print("regen: the committed package is not what `make regen` makes of the document.", file=sys.stderr)
    return EXIT_LOUD if different else EXIT_OK


def publish(package: Path, destination: Path) -> bool:
    """Replace `destination` by `package`, and return whether anything changed."""
    if destination.is_dir() and tree_files(destination) == tree_files(package):
        return False
    destination.parent.mkdir(parents=True, exist_ok=True)
    for left in destination.parent.glob(".regen-*"):  # of a run that was killed outright
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".regen-", dir=destination.parent, ignore_cleanup_errors=True) as staging:
        fresh, old = shutil.copytree(package, Path(staging) / destination.name), Path(staging) / "old"
        try:
            if destination.exists():
                destination.rename(old)
            fresh.rename(destination)
        except BaseException:
            if old.exists() and not destination.exists():
                old.rename(destination)
            raise
    return True


def tree_files(folder: Path) -> dict[str, bytes]:
    """Read all files below a folder, by relative path, without what interpreters leave behind."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
