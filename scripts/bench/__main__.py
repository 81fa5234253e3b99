"""Print the tables that are asked for, or all of them, as Markdown.

Every measure is a process of its own on one core, with the server on another; rounds are interleaved, so that the
machine's moods strike all alike, and the middle one counts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from statistics import median

from ._server import QUERY

Sample = dict[str, float]
Measure = Callable[[], Sample]

ROOT = Path(__file__).resolve().parent.parent.parent
CLIENT = Path(__file__).with_name("_client.py")
CACHE = ROOT / ".cache" / "bench"
PATIENCE = 300  # seconds that one measurement may take
MIB = 1024**2
SESSIONS = 200
LINKS = {
    "8 MiB/s per connection": ("--rate", str(8 * MIB)),
    "50 ms round trip, 1 MiB window": ("--latency", "0.05"),
    "8 MiB/s per connection, 50 ms round trip": ("--rate", str(8 * MIB), "--latency", "0.05"),
}
FIGURES = {
    "seconds": ("time, s", ".2f"),
    "cpu_s": ("CPU, s", ".2f"),
    "cpu_us": ("CPU each, µs", ".0f"),
    "per_second": ("per second", ".0f"),
    "peak_mib": ("peak memory, MiB", ".0f"),
}
FIRST = {
    "httpx": "import httpx, sys; httpx.Client(base_url=sys.argv[1]).get('/session-management/x').json()",
    "aikynetix": "import aikynetix, sys; aikynetix.Aikynetix('k', base_url=sys.argv[1]).analyzed_videos.get('one').url",
}
# For each session: ask where its video is, then fetch it, as a shell script would.
FETCH = (
    'url=$(curl -sf -H "API-KEY: bench" "$0/session-management/sessions/$2/analyzed-video/" | cut -d\\" -f4) '
    '&& curl -sf -o "$1/$2.mp4" "$url"'
)
_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]


def pinned(core: int) -> list[str]:
    """Return what to put before a command to keep it on one core; nothing where that is not possible."""
    return ["taskset", "-c", str(core)] if len(_CORES) > 1 and shutil.which("taskset") else []


@cache
def python(name: str, extra: str = "") -> str:
    """Return the Python of an environment with this project and an extra, made at first use."""
    made, stamp = CACHE / name / "bin" / "python", CACHE / name / ".made"
    wanted = extra + (ROOT / "pyproject.toml").read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(CACHE / name)], check=True)
        install = [str(made), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable"]
        subprocess.run([*install, f"{ROOT}[{extra}]" if extra else str(ROOT)], check=True, stdout=sys.stderr)
        stamp.write_text(wanted)
    return str(made)


@contextlib.contextmanager
def server(*arguments: str) -> Generator[str]:
    """Run a server on a core of its own, and give its base URL."""
    command = [*pinned(_CORES[-1]), sys.executable, "-m", "scripts.bench._server", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def run(words: Sequence[str], text: str = "", **variables: str) -> tuple[str, Sample]:
    """Run a whole process; return what it prints and the time that it and its children took."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = kept | {"PYTHONPYCACHEPREFIX": str(CACHE / "compiled")} | variables
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [*pinned(_CORES[0]), *words]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, input=text, timeout=PATIENCE, env=environment
    )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)[:200]}: {done.stderr[-2000:]}")
    return done.stdout, {"seconds": seconds, "cpu_s": sum(after[:2]) - sum(before[:2])}  # of user and system


def whole(*words: str) -> Measure:
    """Return a measure of a whole process."""
    return lambda: run(words)[1]


def client(*arguments: object, **variables: str) -> Measure:
    """Return a measure by one client of `_client`."""
    words = [python("plain"), "-P", str(CLIENT), *map(str, arguments)]

    def measure() -> Sample:
        sample: Sample = json.loads(run(words, **variables)[0])
        return sample

    return measure


def table(title: str, rounds: int, base: str, key: str, measures: Mapping[str, Measure], figures: Sequence[str]) -> str:
    """Return a table of every measure: the ratio of ``key`` to that of ``base``, its spread, and other figures."""
    samples: dict[str, list[Sample]] = {label: [] for label in measures}
    for _ in range(rounds):
        for label, measure in measures.items():
            samples[label].append(measure())

    def middle(label: str, name: str) -> float | None:
        found = [sample[name] for sample in samples[label] if name in sample]
        return median(found) if found else None

    unit = middle(base, key) or 1.0
    lines = [f"**{title}** ({FIGURES[key][0].partition(',')[0]}, {base} = 1.00; median of {rounds})", ""]
    lines.append(f"| client | ratio | spread | {' | '.join(FIGURES[name][0] for name in figures)} |")
    lines.append("|---|" + "---:|" * (2 + len(figures)))
    for label, taken in samples.items():
        centre = middle(label, key) or 1.0
        values = [sample[key] / centre for sample in taken]
        told = [middle(label, name) for name in figures]
        cells = [
            "" if value is None else format(value, FIGURES[name][1]) for name, value in zip(figures, told, strict=True)
        ]
        spread = f"{min(values):.2f}-{max(values):.2f}"
        lines.append(f"| {label} | {centre / unit:.2f} | {spread} | {' | '.join(cells)} |")
    return "\n".join(lines)


def lookups(rounds: int) -> str:
    """What one lookup costs, one after the other."""
    with server() as url:
        measures = {name: client("sequential", name, url, 400) for name in ("httpx", "aikynetix")}
        figures = ["cpu_us", "per_second", "peak_mib"]
        return table("One lookup after the other", rounds, "httpx", "cpu_us", measures, figures)


def concurrent(rounds: int) -> str:
    """Many lookups at a time."""
    tables = []
    with server() as url:
        for in_flight in (1, 16, 64, 256):
            count = 5_000 if in_flight == 256 else 1_500
            measures = {name: client("concurrent", name, url, count, in_flight) for name in ("httpx", "aikynetix")}
            title = f"Lookups, {in_flight} in flight"
            tables.append(table(title, min(rounds, 3), "httpx", "per_second", measures, ["per_second", "cpu_us"]))
    return "\n\n".join(tables)


def start(rounds: int) -> str:
    """What whole processes take: importing, the first lookup, the command's first words."""
    command, plain = python("command", "cli"), python("plain")
    with server() as url:
        words = {f"import {name}": [plain, "-c", f"import {name}"] for name in FIRST}
        words |= {f"first lookup with {name}": [plain, "-c", code, url] for name, code in FIRST.items()}
        words |= {f"aikynetix {option}": [command, "-m", "aikynetix", option] for option in ("--version", "--help")}
        measures = {"python -c pass": whole(plain, "-c", "pass")} | {
            label: whole(*each) for label, each in words.items()
        }
        return table("Whole processes", max(rounds, 15), "import httpx", "seconds", measures, ["seconds", "cpu_s"])


def memory(_rounds: int) -> str:
    """Whether memory stays flat over many lookups; one long run says more than several."""
    with server() as url:
        grown = client("growing", url, 100_000)()["growth_mib"]
    return f"**Memory**: {grown:.1f} MiB more after 100,000 lookups than after the first 10,000"


def download(rounds: int) -> str:
    """One file over one connection, beside curl: plain and over TLS."""
    import trustme

    made, tables = trustme.CA(), []
    with tempfile.TemporaryDirectory() as folder:
        authority, certificate, target = f"{folder}/authority.pem", f"{folder}/server.pem", f"{folder}/video.mp4"
        made.cert_pem.write_to_path(authority)
        made.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
        for label, options in {"plain": [], "TLS": ["--certificate", certificate]}.items():
            with server("--size", str(512 * MIB), *options) as url:
                curl = ["curl", "--silent", "--fail", "--cacert", authority, "--output", target]
                measures = {
                    "curl": whole(*curl, f"{url}/bucket/v.mp4?{QUERY}"),
                    "aikynetix": client("download", url, target, 1, SSL_CERT_FILE=authority),
                }
                title = f"One stream of 512 MiB, {label}; the facade also verifies and syncs"
                tables.append(table(title, rounds, "curl", "seconds", measures, ["seconds", "cpu_s", "peak_mib"]))
    return "\n\n".join(tables)


def links(rounds: int) -> str:
    """One file over links that a single connection does not fill, beside aria2c with 16 connections."""
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        for label, options in LINKS.items():
            with server("--size", str(128 * MIB), *options) as url:
                words = ["aria2c", "-q", "-x16", "-s16", "-k1M", "--allow-overwrite=true", "--file-allocation=none"]
                aria = whole(*words, "-d", folder, "-o", "aria.mp4", f"{url}/bucket/v.mp4?{QUERY}")
                measures = {
                    "aria2c -x16": aria,
                    "aikynetix, nothing set": client("download", url, f"{folder}/ours.mp4", 0),
                }
                title = f"128 MiB, {label}"
                tables.append(table(title, min(rounds, 3), "aria2c -x16", "seconds", measures, ["seconds", "cpu_s"]))
    return "\n\n".join(tables)


def export(rounds: int) -> str:
    """Many small videos, beside xargs with curl, and beside what one would write oneself."""
    names = "\n".join(f"session-{number}" for number in range(SESSIONS))

    def saving(measure: Callable[[str], Sample]) -> Measure:
        def measured() -> Sample:
            with tempfile.TemporaryDirectory() as folder:
                taken = measure(folder)
                saved = [path for path in Path(folder).glob("*.mp4") if path.stat().st_size == 2 * MIB]
                assert len(saved) == SESSIONS, f"{len(saved)} of {SESSIONS} videos were saved"
            return taken

        return measured

    with server("--size", str(2 * MIB), "--delay", "0.1") as url:
        xargs = ["xargs", "-P16", "-n1", "sh", "-c", FETCH, url]
        measures = {"xargs -P16 curl": saving(lambda folder: run([*xargs, folder], names)[1])}
        for label, what in {"httpx by hand": "by_hand", "aikynetix": "export"}.items():
            for workers in (16, 64):
                ours = partial(
                    lambda what, workers, folder: client(what, url, folder, workers, SESSIONS)(), what, workers
                )
                measures[f"{label}, {workers} workers"] = saving(ours)
        title = f"{SESSIONS} sessions of 2 MiB, lookups take 100 ms"
        return table(title, min(rounds, 3), "xargs -P16 curl", "seconds", measures, ["seconds", "cpu_s", "peak_mib"])


TABLES: Mapping[str, Callable[[int], str]] = {
    made.__name__: made for made in (lookups, concurrent, start, memory, download, links, export)
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench", description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="table", help=f"of {', '.join(TABLES)}; default: all")
    parser.add_argument("--rounds", type=int, default=5, help="how often each client is measured")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.tables) - set(TABLES))
    if unknown:
        parser.error(f"no such table: {', '.join(unknown)}; there are {', '.join(TABLES)}")
    machine = f"{platform.machine()}, {len(_CORES)} cores, {platform.system()} {platform.release()}"
    print(f"{machine}, Python {platform.python_version()}; load at the start {os.getloadavg()[0]:.1f}", flush=True)
    for name in arguments.tables or TABLES:
        print(f"\n{TABLES[name](arguments.rounds)}", flush=True)


if __name__ == "__main__":
    main()
