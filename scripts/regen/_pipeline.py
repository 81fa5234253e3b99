"""The run: from a document's bytes to a verified package in the place of the committed one, and its command line."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import shutil
import signal
import sys
import tempfile
import traceback
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from scripts.regen._canonical import NO_SERVER, Canonical
from scripts.regen._diff import Change, compare, name_changes, one_line, report
from scripts.regen._diff_schema import ADDITIVE, BREAKING, UNCLASSIFIED
from scripts.regen._document import RefusedError, load_spec, reached, to_bytes
from scripts.regen._facade import Finding, Plan, check_facade, facade_requests, facade_values, missing_operations
from scripts.regen._find import (
    Credentials,
    base_url,
    check_schemes,
    find_credentials,
    find_operations,
    suffices,
    video_url_paths,
)  # fmt: skip
from scripts.regen._generate import PACKAGE, generate
from scripts.regen._operations import Operation, operations_of
from scripts.regen._wire import Case, UnsureError, difference, made, sampled

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    import httpx

EXIT_OK, EXIT_LOUD, EXIT_REFUSED = range(3)
_RECURSION = 12_000  # frames; documents are at most 150 levels deep and a level takes a few dozen frames


def plan(data: bytes, name: str) -> Plan:
    """Read a document and decide what to generate."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _RECURSION))
    spec = load_spec(data, name)
    for _ in reached(spec, [spec]):  # which refuses references that lead nowhere
        pass
    operations = operations_of(spec)
    check_schemes(spec, operations)
    candidates = find_operations(operations)
    facade = {rule: found[0] for rule, found in candidates.items() if len(found) == 1}
    credentials = find_credentials(spec, list(facade.values()))
    base = base_url(next(iter(facade.values())).servers if facade else spec.get("servers") or ())
    canonical = Canonical(spec, operations, facade, credentials, base)
    canonical.caveats.extend(_caveats(canonical))
    url_paths = {name: video_url_paths(canonical.registry, operation) for name, operation in facade.items()}
    findings = [*missing_operations(candidates, operations), *check_facade(canonical, url_paths)]
    return Plan(spec, operations, canonical, url_paths, findings)


def build(planned: Plan, folder: Path) -> Path:
    """Generate and verify the package below a folder, with why an operation cannot be called, or with what alone."""
    package = folder / PACKAGE
    facade = facade_values(planned.spec, planned.canonical, planned.url_paths)
    generate(planned.canonical, package, facade)
    (package / "openapi.json").write_bytes(to_bytes(planned.spec))
    wrong = _check_requests(planned, package)
    for endpoint in planned.canonical.endpoints:
        kinds, why = _accepted(planned.canonical.credentials, endpoint.operation), wrong.get(endpoint.module)
        if kinds is None and not why:
            continue
        path = package / endpoint.file
        source = path.read_text("utf-8")
        if why:
            which = f" ({endpoint.name})" if endpoint.suffix else ""
            said = f"{endpoint.operation.label}{which} cannot be called: {why}"
            planned.canonical.caveats.append(said)
            source = source.replace(_HEAD, f"{_HEAD}    raise ValueError(NOT_CALLABLE)\n", 1)
            source += f"{_MARK.decode()}{said!a}\n"
        if kinds is not None:
            source += f"\n\nCREDENTIALS: tuple[str, ...] = {kinds!a}\n"
        path.write_text(source, "utf-8")
    return package


def _check_requests(planned: Plan, package: Path) -> dict[str, str]:
    """Make requests with the package, and return why those of some modules are not what the document describes."""
    canonical, affected = planned.canonical, {one.method for one in planned.findings}
    requests = [one for name, one in facade_requests(canonical).items() if name not in affected]
    facade = [case for one in requests for case in one.cases()]
    cases = [*facade, *(case for one in canonical.endpoints for case in sampled(canonical, one))]
    wrong = {endpoint.module: endpoint.trouble for endpoint in canonical.endpoints if endpoint.trouble}
    said: list[str] = []
    for number, (case, request) in enumerate(zip(cases, verify(canonical, package, cases), strict=True)):
        endpoint = case.endpoint
        failed = f"{type(request).__name__}: {request}"[:300].removeprefix(f"{UnsureError.__name__}: ")
        why = failed if isinstance(request, Exception) else difference(case, request)
        if why and number < len(facade):
            planned.findings.append(Finding(endpoint.name, f"its request cannot be made: {why}", "ask the vendor"))
        elif isinstance(request, UnsureError):
            said.append(f"{endpoint.operation.label} was not compared with the document: {why}")
        elif isinstance(request, Exception) and case.is_all:
            said.append(f"{endpoint.operation.label}: not everything that it describes can be said: {why}")
        elif why and canonical.facade.get(endpoint.name) is not endpoint:
            wrong.setdefault(endpoint.module, f"its request is not what the document describes: {why}")
    canonical.caveats.extend(dict.fromkeys(said))
    return wrong


def verify(canonical: Canonical, package: Path, cases: Sequence[Case] = ()) -> list[httpx.Request | Exception]:
    """Check that no operation is missing, and that every module imports; make requests."""
    for endpoint in canonical.endpoints:
        if not (package / endpoint.file).is_file():
            lost = f"{endpoint.operation.label}: it wrote no module {endpoint.module}"
            raise RefusedError(f"The generator left out {lost}.")
    with _alone(package):
        for path in sorted(package.rglob("*.py")):
            module = ".".join(path.relative_to(package.parent).with_suffix("").parts)
            try:
                importlib.import_module(module.removesuffix(".__init__"))
            except Exception as error:
                raise RefusedError(f"The generator wrote {module}, which cannot be imported: {error}") from error
        return [made(case) for case in cases]


@contextlib.contextmanager
def _alone(package: Path) -> Generator[None]:
    """Let the package be imported in the place of any other of its name, and forget it in the end."""
    path = [str(package.parent), *sys.path]
    with patch.dict(sys.modules), patch.multiple(sys, path=path, dont_write_bytecode=True):
        for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
            del sys.modules[name]
        importlib.invalidate_caches()
        yield


_HEAD = ") -> dict[str, Any]:\n"
_MARK = b"\n\nNOT_CALLABLE: str = "
_WORDS: dict[tuple[str, ...], str] = {
    (): "take neither an API key nor a bearer token alone",
    ("api_key",): "take an API key alone, no bearer token",
    ("token",): "take a bearer token alone, no API key",
}


def _accepted(credentials: Credentials, operation: Operation) -> tuple[str, ...] | None:
    """Return which of the client's credentials, ``api_key`` and ``token``, are enough; None when any is, or none."""
    stated = operation.security or []
    if not stated or {} in stated:
        return None
    known = {"api_key": credentials.key_schemes, "token": credentials.bearer_schemes}
    kinds = tuple(kind for kind, schemes in known.items() if schemes and suffices(schemes, operation))
    return None if len(kinds) == len(known) else kinds


def _caveats(canonical: Canonical) -> list[str]:
    """Say which operations take one credential alone, or are on another server than the others."""
    groups: dict[str, dict[str, None]] = defaultdict(dict)
    for endpoint in canonical.endpoints:
        label, own = endpoint.operation.label, endpoint.prefix
        if (kinds := _accepted(canonical.credentials, endpoint.operation)) is not None:
            groups[f"these {_WORDS[kinds]}"][label] = None
        if unread := endpoint.kinds[1]:
            groups[f"JSON is asked for, so these never return {', '.join(dict.fromkeys(unread))}"][label] = None
        if own == NO_SERVER:
            stated = ", ".join(str(server.get("url"))[:200] for server in endpoint.operation.servers)
            groups[f"`client.call` refuses what has no server that can be used ({stated})"][label] = None
        elif own:
            where = f"`client.call` sends what is not on the base URL {canonical.base} to {own}, with the credential"
            groups[f'{where} only if both are one origin, or the client has base_url="{own}"'][label] = None
    return [f"{text}: {', '.join(labels)}" for text, labels in groups.items()]


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
        clear_staging(options.output)  # of which a signal may have interrupted the removal
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
    if options.check:
        with tempfile.TemporaryDirectory(prefix="regen-") as folder:
            return _compare(build(planned, Path(folder)), destination)
    options.output.mkdir(parents=True, exist_ok=True)
    clear_staging(options.output)  # of a run that was killed outright
    with tempfile.TemporaryDirectory(prefix=".regen-", dir=options.output, ignore_cleanup_errors=True) as folder:
        package = build(planned, Path(folder))
        changes = _changes(planned, package, destination)
        text = report(planned, changes, accepted=options.accept)
        print(text)
        if options.report:
            options.report.write_text(text, encoding="utf-8")
        if (planned.findings or any(one.decide for one in changes)) and not options.accept:
            print(f"regen: {destination} is as it was; `make regen ACCEPT=1` updates it all the same.", file=sys.stderr)
            return EXIT_LOUD
        publish(package, destination)
    print(f"regen: {destination} is up to date.", file=sys.stderr)
    return EXIT_OK


def _changes(planned: Plan, package: Path, destination: Path) -> list[Change]:
    """Return what changed for callers since the committed package."""
    try:
        previous = plan((destination / "openapi.json").read_bytes(), "the previous document")
        return changes_between((previous, tree_files(destination)), (planned, tree_files(package)))
    except (OSError, RefusedError):
        return [Change(UNCLASSIFIED, "document", "the package that is there does not say what it was made from")]
    except Exception as problem:  # what nobody foresaw keeps out of the report, and nobody from regenerating
        return [Change(BREAKING, "document", f"it cannot be compared with the one before: {problem!r}")]


def changes_between(*sides: tuple[Plan, Mapping[str, bytes]]) -> list[Change]:
    """Compare two documents, the names that callers have for what they describe, and the packages made of them."""
    (old, new), packages = zip(*sides, strict=True)
    changes = [*compare(old, new), *name_changes(old.canonical, new.canonical)]
    for one in new.canonical.endpoints:
        was, now = (_MARK in package.get(one.file, b"") for package in packages)
        if was != now and one.file in packages[0]:
            text = "it cannot be called any more" if now else "it can be called now"
            changes.append(Change(BREAKING if now else ADDITIVE, one.operation.label, text))
    return changes


def _compare(package: Path, destination: Path) -> int:
    new, old = tree_files(package), tree_files(destination) if destination.is_dir() else {}
    different = sorted(name for name in new.keys() | old.keys() if new.get(name) != old.get(name))
    for name in different:
        state = "missing" if name not in old else "not generated" if name not in new else "different"
        print(f"regen: {destination / name}: {state}", file=sys.stderr)
    if different:
        print("regen: the committed package is not what `make regen` makes of the document.", file=sys.stderr)
    return EXIT_LOUD if different else EXIT_OK


def publish(package: Path, destination: Path) -> None:
    """Replace `destination` by `package`, which is in a folder beside it, unless it is the same."""
    if destination.is_dir() and tree_files(destination) == tree_files(package):
        return
    old = package.with_name("old")
    try:
        if destination.exists():
            destination.rename(old)
        package.rename(destination)
    except BaseException:
        if old.exists() and not destination.exists():
            old.rename(destination)
        raise


def clear_staging(folder: Path) -> None:
    """Remove what a run that was interrupted may have left beside the package."""
    for left in folder.glob(".regen-*"):
        shutil.rmtree(left, ignore_errors=True)


def tree_files(folder: Path) -> dict[str, bytes]:
    """Read all files below a folder, by relative path, without what interpreters leave behind."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
