"""No misbehaviour holds a call longer than its time budget and a tenth of it."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import anyio

from aikynetix import Aikynetix, AikynetixError, AsyncAikynetix

from .server import FaultServer
from .storage import STORAGE, lookup_of
from .test_faults import KINDS, SCENARIOS, run, settings_for

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from .scenario import Scenario

BUDGET = 3.0
"""Seconds that an attempt may take here: a tenth of it is more than a busy machine's noise."""
# The others end at once, and are held to their time one by one.
SLOW = [scenario for scenario in SCENARIOS if scenario.is_slow]
SLOW_STORAGE = [scenario for scenario in STORAGE if scenario.is_slow]
STEPS = 4
"""Parts of a download that may each take the timeout: lookup, connecting, the answer, and silence in the body."""


class Stopwatch:
    """Which calls took longer than they may."""

    def __init__(self) -> None:
        self.took: dict[str, float] = {}
        self.late: dict[str, float] = {}

    @contextlib.contextmanager
    def over(self, name: str, budget: float) -> Generator[None]:
        began = time.monotonic()
        with contextlib.suppress(AikynetixError):
            yield
        self.took[name] = time.monotonic() - began
        if self.took[name] > 1.1 * budget:
            self.late[name] = self.took[name]


def lookups(kind: str, url: str, watch: Stopwatch) -> None:
    """Make all slow calls at once through one client of this kind."""
    settings = settings_for(kind, url, BUDGET, 0)
    if kind.startswith("sync"):
        with Aikynetix(**settings) as client, ThreadPoolExecutor(len(SLOW)) as pool:

            def look(scenario: Scenario) -> None:
                videos = client.with_options(max_retries=scenario.retries).analyzed_videos
                with watch.over(f"{kind}.{scenario.name}", scenario.budget(BUDGET)):
                    getattr(videos, scenario.verb)(f"{kind}.{scenario.name}")

            list(pool.map(look, SLOW))
        return

    async def main() -> None:
        async with AsyncAikynetix(**settings) as client, anyio.create_task_group() as group:

            async def look(scenario: Scenario) -> None:
                videos = client.with_options(max_retries=scenario.retries).analyzed_videos
                with watch.over(f"{kind}.{scenario.name}", scenario.budget(BUDGET)):
                    await getattr(videos, scenario.verb)(f"{kind}.{scenario.name}")

            for scenario in SLOW:
                group.start_soon(look, scenario)

    run(kind, main)


def downloads(kind: str, url: str, folder: Path, watch: Stopwatch) -> None:
    """Download from all slow storages at once, and export them, through clients of this kind."""
    names = [f"{kind}.{scenario.name}" for scenario in SLOW_STORAGE]
    settings: dict[str, Any] = settings_for(kind, url, BUDGET / STEPS, 0)
    if kind.startswith("sync"):
        with Aikynetix(**settings) as client, ThreadPoolExecutor(len(names)) as pool:

            def fetch(name: str) -> None:
                with watch.over(name, BUDGET):
                    client.analyzed_videos.download(name, folder / f"{name}.mp4")

            list(pool.map(fetch, names))
            with watch.over(f"{kind} export", BUDGET):
                list(client.analyzed_videos.export(names, folder / kind, concurrency=len(names)))
        return

    async def main() -> None:
        async with AsyncAikynetix(**settings) as client:
            async with anyio.create_task_group() as group:

                async def fetch(name: str) -> None:
                    with watch.over(name, BUDGET):
                        await client.analyzed_videos.download(name, folder / f"{name}.mp4")

                for name in names:
                    group.start_soon(fetch, name)
            with watch.over(f"{kind} export", BUDGET):
                async for _ in client.analyzed_videos.export(names, folder / kind, concurrency=len(names)):
                    pass

    run(kind, main)


def all_at_once(work: Callable[[str], None]) -> None:
    """Do the work for every kind of client, each in a thread of its own."""
    threads = [threading.Thread(target=work, args=(kind,)) for kind in KINDS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_no_lookup_takes_longer_than_its_budget_and_a_tenth() -> None:
    """All who stall, drip or answer late, for both clients on every loop and with both parsers, all of them at once."""
    watch = Stopwatch()
    scripts = {f"{kind}.{scenario.name}": scenario.script for kind in KINDS for scenario in SLOW}
    with FaultServer(scripts) as server:
        all_at_once(lambda kind: lookups(kind, server.url, watch))
    assert watch.late == {}
    assert len(watch.took) == len(KINDS) * len(SLOW)
    assert max(watch.took.values()) > BUDGET - 0.5  # some did stall to the end, or nothing was measured


def test_no_download_takes_longer_than_its_budget_and_a_tenth(tmp_path: Path) -> None:
    """The same for storages that stall or drip, one by one and as an export."""
    watch = Stopwatch()
    names = {f"{kind}.{scenario.name}": scenario for kind in KINDS for scenario in SLOW_STORAGE}
    scripts = {name: lookup_of(name) for name in names}
    scripts |= {f"{name}-video": scenario.script for name, scenario in names.items()}
    with FaultServer(scripts) as server:
        all_at_once(lambda kind: downloads(kind, server.url, tmp_path, watch))
    assert watch.late == {}
    assert len(watch.took) == len(KINDS) * (len(SLOW_STORAGE) + 1)
    assert max(watch.took.values()) > BUDGET / STEPS - 0.1
