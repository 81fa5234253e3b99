"""Runs the targets, each in a process of its own; exits with 1 when one of them broke a promise or was cut short."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

_LONGEST_INPUT = 4_096
_WORD = re.compile(rb"[A-Za-z0-9_-]{2,}|[^A-Za-z0-9_-]{1,4}")


def main() -> int:
    """Run the targets that are named, or all, and print a line for each."""
    if sys.argv[1:2] == ["--one"]:
        return _fuzz(sys.argv[2], sys.argv[3:])
    from .targets import TARGETS  # here, because the process that fuzzes has to instrument it while it is imported

    parser = argparse.ArgumentParser(prog="python -m scripts.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--runs", type=int, default=1_000_000, help="executions of each target")
    parser.add_argument("--seconds", type=int, default=1800, help="most seconds for each target")
    arguments = parser.parse_args()
    unknown = set(arguments.targets) - set(TARGETS)
    if unknown:
        parser.error(f"unknown target: {', '.join(sorted(unknown))}")
    names = arguments.targets or TARGETS
    failed = [name for name in names if not _run(name, arguments.runs, arguments.seconds)]
    print("\nnot kept: " + ", ".join(failed) if failed else "\nevery promise was kept")
    return 1 if failed else 0


def _run(name: str, runs: int, seconds: int) -> bool:
    from .targets import SEEDS

    with tempfile.TemporaryDirectory() as folder:
        corpus, words = Path(folder, "corpus"), Path(folder, "words")
        corpus.mkdir()
        for number, seed in enumerate(SEEDS[name]):
            (corpus / f"seed-{number}").write_bytes(seed)
        # The words of the seeds as libFuzzer reads them, so that it need not find the keywords by chance.
        found = {word for seed in SEEDS[name] for word in _WORD.findall(seed) if len(word) <= 64}
        escaped = ("".join(f"\\x{byte:02x}" for byte in word) for word in sorted(found))
        words.write_text("".join(f'"{word}"\n' for word in escaped), encoding="ascii")
        limits = [f"-atheris_runs={runs}", f"-max_total_time={seconds}", f"-max_len={_LONGEST_INPUT}", "-timeout=10"]
        command = [sys.executable, "-m", "scripts.fuzz", "--one", name, f"-artifact_prefix={folder}/found-", *limits]
        command += [f"-dict={words}", str(corpus)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        executed = int((re.findall(r"^Done ([0-9]+)", done.stderr, re.MULTILINE) or ["0"])[0])
        result = "BROKEN" if done.returncode else "kept" if executed >= runs else "cut short"
        print(f"{name}: {executed:,} executions, {result}", flush=True)
        if done.returncode:
            print("\n".join([*done.stdout.splitlines()[-25:], *done.stderr.splitlines()[-5:]]))
            for input_ in Path(folder).glob("found-*"):
                print(f"input: {input_.read_bytes()!r}")
        return result == "kept"


def _fuzz(name: str, arguments: list[str]) -> int:
    import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]  # has no types; not for every system

    instrumented: Any = atheris.instrument_imports  # pyright: ignore[reportAttributeAccessIssue]  # found at run time
    with instrumented(include=["aikynetix", "scripts", "email", "dateutil"]):
        import_module("dateutil.parser")  # the package imports it when it first needs it, which would be too late

        from .targets import TARGETS
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
