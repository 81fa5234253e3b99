"""Runs the targets, each in a process of its own; exits with 1 when one of them broke a promise."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any


def main() -> int:
    """Run the targets that are named, or all."""
    if sys.argv[1:2] == ["--one"]:
        return _fuzz(sys.argv[2], sys.argv[3:])
    from .targets import TARGETS  # here, because the process that fuzzes has to instrument it while it is imported

    parser = argparse.ArgumentParser(prog="python -m scripts.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--runs", type=int, default=1_000_000, help="executions of each target")
    parser.add_argument("--seconds", type=int, default=600, help="most seconds for each target")
    arguments = parser.parse_args()
    unknown = set(arguments.targets) - set(TARGETS)
    if unknown:
        parser.error(f"unknown target: {', '.join(sorted(unknown))}")
    broken = [name for name in arguments.targets or TARGETS if not _run(name, arguments.runs, arguments.seconds)]
    print("broken: " + ", ".join(broken) if broken else "every promise was kept")
    return 1 if broken else 0


def _run(name: str, runs: int, seconds: int) -> bool:
    from .targets import SEEDS

    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS[name]):
            Path(folder, f"seed-{number}").write_bytes(seed)
        limits = [f"-atheris_runs={runs}", f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10"]
        command = [sys.executable, "-m", "scripts.fuzz", "--one", name, f"-artifact_prefix={folder}/found-", *limits]
        done = subprocess.run([*command, folder], capture_output=True, text=True, check=False)
        ends = [line.strip() for line in done.stderr.splitlines() if line.startswith("Done ")]
        print(f"{name}: {'BROKEN' if done.returncode else 'kept'}; {' '.join(ends) or 'no summary'}", flush=True)
        if done.returncode:
            print("\n".join(done.stdout.splitlines()[-25:]))
            for found in Path(folder).glob("found-*"):
                print(f"input: {found.read_bytes()!r}")
        return done.returncode == 0


def _fuzz(name: str, arguments: list[str]) -> int:
    import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]  # has no types; not for every system

    instrumented: Any = atheris.instrument_imports  # pyright: ignore[reportAttributeAccessIssue]  # found at run time
    with instrumented(include=["aikynetix", "scripts", "email", "dateutil"]):
        from .targets import TARGETS
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
