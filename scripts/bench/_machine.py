"""The machine, its two kinds of processes, and the environments that clients run in."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

ROOT = Path(__file__).resolve().parent.parent.parent
CLIENT = Path(__file__).with_name("_client.py")
CACHE = ROOT / ".cache" / "bench"
PEERS = ("aiohttp", "httpx", "httpx-aiohttp", "openai", "pyreqwest", "requests", "stripe")
PATIENCE = 300
"""Seconds that any one measurement may take."""

# With two cores or more the server gets one for itself, so that neither waits for the other's turn.
_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
CLIENT_CORE, SERVER_CORE = _CORES[0], _CORES[-1]


def line() -> str:
    """Return one line about the machine."""
    model = platform.machine()
    with contextlib.suppress(OSError):
        for text in Path("/proc/cpuinfo").read_text().splitlines():
            if text.startswith("model name"):
                model = text.partition(":")[2].strip()
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return (
        f"{model}, {len(_CORES)} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}; "
        f"load at the start {busy:.1f}"
    )


def surroundings() -> dict[str, str]:
    """Return the environment of measured processes: with compiled modules kept, as on any installed system."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(CACHE / "compiled")}


def pinned(core: int) -> Sequence[str]:
    """Return what to put before a command to keep it on one core; nothing where that is not possible."""
    return ("taskset", "-c", str(core)) if Path("/usr/bin/taskset").exists() and len(_CORES) > 1 else ()


def environment(name: str, *packages: str, extra: str = "") -> Path:
    """Return the Python of an environment with this project, an extra and ``packages``, made at first use."""
    home = CACHE / name
    python, stamp = home / "bin" / "python", home / ".made"
    wanted = " ".join([*packages, extra]) + (ROOT / "pyproject.toml").read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        project = f"{ROOT}[{extra}]" if extra else str(ROOT)
        subprocess.run([*install, "--editable", project], check=True, stdout=sys.stderr)
        stamp.write_text(wanted)
    return python


def plain() -> Path:
    """Return the Python of an environment with nothing but this project."""
    return environment("plain")


def fast() -> Path:
    """Return the Python of an environment with this project's extra ``fast`` and the peers."""
    return environment("peers", *PEERS, extra="fast")


@contextlib.contextmanager
def server(*arguments: str) -> Generator[str]:
    """Run a server on a core of its own, and give its base URL."""
    command = [*pinned(SERVER_CORE), sys.executable, "-m", "scripts.bench._server", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def process(words: Sequence[str], text: str = "") -> dict[str, float]:
    """Run a whole process, and return the seconds of wall clock and of CPU that it and its children took.

    If it prints a number, that is its peak memory in MiB, and is returned too.
    """
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    # Without pipes subprocess would look for the end of the process only every 50 ms.
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, input=text, timeout=PATIENCE, env=surroundings()
    )
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{words[0]}: {done.stderr[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = {"peak_mib": float(done.stdout)} if done.stdout.replace(".", "", 1).strip().isdigit() else {}
    return {"seconds": took, "cpu_s": cpu} | peak


def client(python: Path, *arguments: str, **variables: str) -> dict[str, Any]:
    """Run one client of `_client` in a process on the other core, and return what it measured."""
    command = [*pinned(CLIENT_CORE), str(python), "-P", str(CLIENT), *arguments]  # -P: its folder has a concurrent.py
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=PATIENCE, env=surroundings() | variables
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: {done.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured
