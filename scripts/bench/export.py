"""Many small videos, beside xargs with curl, and beside what one would write oneself."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from . import _machine
from ._downloads import installed
from ._table import interleaved, markdown, middle, spread

if TYPE_CHECKING:
    from collections.abc import Callable

SESSIONS = 200
SIZE = 2 * 1024**2
LATENCY = 0.1
# For each session: ask where its video is, then fetch it, as a shell script would.
FETCH = (
    'url=$(curl -sf -H "API-KEY: bench" "$0/session-management/sessions/$2/analyzed-video/" | cut -d\\" -f4) '
    '&& curl -sf -o "$1/$2.mp4" "$url"'
)
OURS = """
import resource, sys
from aikynetix import Aikynetix
url, folder, workers, sessions = sys.argv[1:]
with Aikynetix(api_key="bench", base_url=url) as client:
    names = [f"session-{number}" for number in range(int(sessions))]
    states = [record.status for record in client.analyzed_videos.export(names, folder, concurrency=int(workers))]
assert len(states) == int(sessions) and set(states) == {"done"}, set(states)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
# What one would write oneself: no manifest, no checksum, nothing that reaches the disk for sure, nothing to go on from.
THREADS = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
import httpx
url, folder, workers, sessions = sys.argv[1:]
limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
with httpx.Client(headers={"API-KEY": "bench"}, limits=limits) as api, httpx.Client(limits=limits) as storage:
    def fetch(number):
        answer = api.get(f"{url}/session-management/sessions/session-{number}/analyzed-video/").raise_for_status()
        with storage.stream("GET", answer.json()["analyzed_video_url"]) as video:
            video.raise_for_status()
            with open(f"{folder}/session-{number}.mp4", "wb") as file:
                for piece in video.iter_bytes():
                    file.write(piece)
    with ThreadPoolExecutor(int(workers)) as pool:
        list(pool.map(fetch, range(int(sessions))))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def table(rounds: int) -> str:
    """Return the table."""
    if not installed("curl"):
        return "**Bulk export**: curl is not installed"
    with (
        tempfile.TemporaryDirectory() as name,
        _machine.server("--size", str(SIZE), "--delay", str(LATENCY)) as url,
    ):
        folder, python = Path(name), str(_machine.plain())
        pin = _machine.pinned(_machine.CLIENT_CORE)
        xargs = [*pin, "xargs", "-P16", "-n1", "sh", "-c", FETCH, url]

        def program(text: str, workers: int) -> Callable[[], dict[str, float]]:
            options = str(workers), str(SESSIONS)
            return _timed(folder / options[0], lambda target: [*pin, python, "-c", text, url, str(target), *options])

        samples = interleaved(
            min(rounds, 3),
            {
                "xargs -P16 curl": _timed(folder / "xargs", lambda target: [*xargs, str(target)], feed=True),
                "httpx by hand, 16 threads": program(THREADS, 16),
                "httpx by hand, 64 threads": program(THREADS, 64),
                "aikynetix export, 16 workers": program(OURS, 16),
                "aikynetix export, 64 workers": program(OURS, 64),
            },
        )
    base = middle(samples["xargs -P16 curl"], "seconds")
    rows = [
        [
            label,
            f"{middle(taken, 'seconds') / base:.2f}",
            f"{middle(taken, 'seconds'):.2f}",
            f"{middle(taken, 'cpu_s'):.2f}",
            spread(taken, "seconds"),
            f"{max(one['peak_mib'] for one in taken):.0f}" if "peak_mib" in taken[0] else "",
        ]
        for label, taken in samples.items()
    ]
    title = f"{SESSIONS} sessions of {SIZE >> 20} MiB, lookups take {LATENCY * 1000:.0f} ms (time, xargs = 1.00)"
    return markdown(title, ["client", "time, ratio", "time, s", "CPU, s", "spread", "peak, MiB"], rows)


def _timed(folder: Path, words: Callable[[Path], list[str]], *, feed: bool = False) -> Callable[[], dict[str, float]]:
    turns = iter(range(1_000_000))

    def measure() -> dict[str, float]:
        target = folder / str(next(turns))
        target.mkdir(parents=True)
        names = "\n".join(f"session-{number}" for number in range(SESSIONS))
        taken = _machine.process(words(target), names if feed else "")
        saved = [path for path in target.iterdir() if path.suffix == ".mp4" and path.stat().st_size == SIZE]
        assert len(saved) == SESSIONS, f"{len(saved)} of {SESSIONS} videos were saved"
        shutil.rmtree(target)  # else the next one waits for the disk to take what this one wrote
        return taken

    return measure
