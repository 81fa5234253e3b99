"""One client at work, in a process of its own: prints what it took as JSON.

It imports nothing of the other modules here, because it also runs in environments that do not have them.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "k" * 32
PATH = "/session-management/sessions/{}/analyzed-video/"
FIELD = "analyzed_video_url"


def aikynetix_get(url: str) -> Callable[[str], object]:
    """The facade."""
    from aikynetix import Aikynetix

    return Aikynetix(api_key=KEY, base_url=url).analyzed_videos.get


def httpx_get(url: str) -> Callable[[str], object]:
    """The measure of the others."""
    client = import_module("httpx").Client(base_url=url, headers={"API-KEY": KEY})
    return lambda session: client.get(PATH.format(session)).json()[FIELD]


async def aikynetix_aget(url: str) -> Any:
    """The facade."""
    from aikynetix import AsyncAikynetix

    return AsyncAikynetix(api_key=KEY, base_url=url, timeout=60).analyzed_videos.get


async def httpx_aget(url: str) -> Any:
    """The measure of the others."""
    client = import_module("httpx").AsyncClient(base_url=url, headers={"API-KEY": KEY}, timeout=60)

    async def get(session: str) -> object:
        return (await client.get(PATH.format(session))).json()[FIELD]

    return get


def sequential(name: str, url: str, count: int) -> int:
    """Look up ``count`` sessions one after the other, after 20 that do not count."""
    get: Callable[[str], object] = globals()[f"{name}_get"](url)
    for number in range(20):
        get(f"warm-{number}")
    clock.start()
    for number in range(count):
        get(f"session-{number}")
    return count


async def concurrent(name: str, url: str, count: int, in_flight: int) -> int:
    """Look up ``count`` sessions, ``in_flight`` at a time."""
    get = await globals()[f"{name}_aget"](url)
    await get("warm")
    sessions = iter(range(count))

    async def work() -> None:
        for number in sessions:
            await get(f"session-{number}")

    clock.start()
    await asyncio.gather(*(work() for _ in range(in_flight)))
    return count


def growing(url: str, count: int) -> dict[str, float]:
    """Look up ``count`` sessions and say how much memory stayed behind after the first tenth."""

    def resident() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20

    get = aikynetix_get(url)
    for number in range(count // 10):
        get(f"warm-{number}")
    before = resident()
    for number in range(count):
        get(f"session-{number}")
    return {"growth_mib": resident() - before}


def download(url: str, path: str, connections: int) -> int:
    """Save one video; 0 connections leave their number to the facade."""
    from aikynetix import Aikynetix

    client = Aikynetix(api_key=KEY, base_url=url)
    clock.start()
    client.analyzed_videos.download("session", path, overwrite=True, connections=connections or None)
    return 1


def export(url: str, folder: str, workers: int, count: int) -> int:
    """Save many videos."""
    from aikynetix import Aikynetix

    clock.start()
    with Aikynetix(api_key=KEY, base_url=url) as client:
        names = [f"session-{number}" for number in range(count)]
        states = [record.status for record in client.analyzed_videos.export(names, folder, concurrency=workers)]
    assert len(states) == count
    assert set(states) == {"done"}
    return count


def by_hand(url: str, folder: str, workers: int, count: int) -> int:
    """What one would write oneself: no manifest, no checksum, nothing that reaches the disk for sure or resumes."""
    httpx = import_module("httpx")
    clock.start()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    with httpx.Client(headers={"API-KEY": KEY}, limits=limits) as api, httpx.Client(limits=limits) as storage:

        def fetch(number: int) -> None:
            found = api.get(url + PATH.format(f"session-{number}")).raise_for_status().json()[FIELD]
            with storage.stream("GET", found) as video, Path(folder, f"session-{number}.mp4").open("wb") as file:
                file.writelines(video.raise_for_status().iter_bytes())

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(fetch, range(count)))
    return count


class _Clock:
    """Wall clock and CPU since `start`."""

    def start(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def told(self, count: int) -> dict[str, float]:
        """Return what ``count`` calls took."""
        seconds, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        each = {"per_second": count / seconds, "cpu_us": cpu / count * 1e6}
        return {"seconds": seconds, "cpu_s": cpu, "peak_mib": peak, **each}


clock = _Clock()


def main(what: str, *words: str) -> dict[str, float]:
    """Run what the command line asks for."""
    arguments = [int(word) if word.isdigit() else word for word in words]
    done = globals()[what](*arguments)
    if what == "concurrent":
        done = asyncio.run(done)
    return done if isinstance(done, dict) else clock.told(done)


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
