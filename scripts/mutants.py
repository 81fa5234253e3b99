"""Mutation run on the code that decides: ``python -m scripts.mutants [--sample N | --all] [--seed N]``.

mutmut changes one thing at a time in a copy of the tree (``.cache/mutants``, never the work tree) and runs the tests
that reach it. What it mutates and which tests judge stands in ``pyproject.toml``, section ``[tool.mutmut]``. It leaves
out what has a decorator (properties, the cache of `_redact._patterns`) and what stands outside of functions.

A mutant is killed when a test fails or runs into the time limit; survivors and mutants that no test reaches both count
against the tests. Survivors that are known stand in ``survivors.toml`` beside this file, each kind with its reason.
Exits with 1 where less than 90% are killed.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
COPY = ROOT / ".cache" / "mutants"
KNOWN = Path(__file__).with_name("survivors.toml")
LEAST_KILLED = 90.0
"""Per cent."""

_TREE = ("aikynetix", "generated", "scripts", "tests", "pyproject.toml", "openapi.json", "README.md", "CHANGELOG.md")
_KILLED = frozenset({"killed", "timeout"})
# A small module: naming its mutants makes mutmut write down those of all modules and learn which test reaches what.
_FIRST = "aikynetix._retry.*"
_RESULT = re.compile(r"^\s*(\S+__mutmut_\d+): (.+)$", re.MULTILINE)


def prepare() -> None:
    """Copy what the tests need to where mutmut may write."""
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir(parents=True)
    for name in _TREE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, COPY / name, ignore=shutil.ignore_patterns("__pycache__", "*.part", ".hypothesis"))
        else:
            shutil.copy2(source, COPY / name)


def mutmut(*words: str) -> str:
    """Run mutmut in the copy and return what it prints.

    Raises:
        SystemExit: It failed; with what it said last.
    """
    command = [str(Path(sys.executable).with_name("mutmut")), *words]
    done = subprocess.run(command, cwd=COPY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"mutmut {words[0]} failed:\n{(done.stdout + done.stderr)[-6_000:]}")
    return done.stdout


def results() -> dict[str, str]:
    """Return what became of each mutant, by its name."""
    return dict(_RESULT.findall(mutmut("results", "--all", "true")))


def judged(sample: int | None, seed: int, jobs: int) -> tuple[dict[str, str], int]:
    """Run ``sample`` mutants drawn with ``seed``, or all; return what became of those, and how many there are."""
    prepare()
    children = f"--max-children={jobs}"
    mutmut("run", children, _FIRST)
    names = sorted(results())
    if sample is None or sample >= len(names):
        mutmut("run", children)
        return results(), len(names)
    chosen = random.Random(seed).sample(names, sample)
    mutmut("run", children, *chosen)
    found = results()
    return {name: found[name] for name in sorted(chosen)}, len(names)


def readable(name: str) -> str:
    """Return a mutant's name as people write it: ``aikynetix._errors.APIError.__init__ 3``."""
    place, _, number = name.partition("__mutmut_")
    module, _, function = place.rpartition(".")
    plain = function.removeprefix("x_") if function.startswith("x_") else function[2:].replace("ǁ", ".")
    return f"{module}.{plain} {number}"


def change(name: str) -> tuple[str, str]:
    """Return the lines taken out and put in by a mutant, each as one."""
    lines = mutmut("show", name).splitlines()
    removed = " ".join(line[1:].strip() for line in lines if line.startswith("-") and not line.startswith("---"))
    added = " ".join(line[1:].strip() for line in lines if line.startswith("+") and not line.startswith("+++"))
    return removed, added


def explained(where: str, removed: str, added: str, known: list[dict[str, str]]) -> str | None:
    """Return kind and reason of a survivor that is known, None of any other."""
    for entry in known:
        if entry["where"] == where and entry["line"] in removed and entry.get("becomes", "") in added:
            return f"{entry['kind']}: {entry['why']}"
    return None


def report(outcomes: dict[str, str], total: int) -> float:
    """Print the figures of every module and each survivor with its reason; return the per cent killed."""
    modules, killed = Counter[str](), Counter[str]()
    for name, status in outcomes.items():
        module = name.partition("__mutmut_")[0].rpartition(".")[0]
        modules[module] += 1
        killed[module] += status in _KILLED
    for module in sorted(modules):
        print(f"{module:30} {killed[module]:5} of {modules[module]:5} killed")
    known: list[dict[str, str]] = tomllib.loads(KNOWN.read_text(encoding="utf-8"))["survivor"]
    strange = 0
    for name, status in outcomes.items():
        if status in _KILLED:
            continue
        removed, added = change(name)
        reason = explained(readable(name).split(" ", 1)[0], removed, added, known)
        strange += reason is None
        print(f"\n{readable(name)} ({status})\n  - {removed}\n  + {added}\n  {reason or 'not explained'}")
    share = 100.0 * killed.total() / len(outcomes)
    print(f"\nkilled: {killed.total()} of {len(outcomes)} ({share:.1f}%; {total} mutants in all)")
    print(f"survivors without an explanation: {strange}")
    return share


def main() -> int:
    """Run and tell the figures."""
    parser = argparse.ArgumentParser(description="Change the code that decides, and see whether a test notices.")
    parser.add_argument("--sample", type=int, default=300, help="how many mutants are tried")
    parser.add_argument("--all", action="store_true", help="try every mutant")
    parser.add_argument("--seed", type=int, default=1, help="chooses the mutants")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    args = parser.parse_args()
    outcomes, total = judged(None if args.all else args.sample, args.seed, args.jobs)
    return 0 if report(outcomes, total) >= LEAST_KILLED else 1


if __name__ == "__main__":
    sys.exit(main())
