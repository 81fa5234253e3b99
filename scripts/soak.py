"""Many lookups through one client, one in twenty of them disturbed: ``python -m scripts.soak [--lookups N]``.

One synchronous client is shared by 64 threads, then one asynchronous client by 1,000 tasks. Every answer must be the
right one, and in the end no file descriptor, thread or task may be left over. Exits with 1 otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aikynetix import Aikynetix, AikynetixError, APIResponseValidationError, AsyncAikynetix, NotFoundError
from tests.faults.scenario import answer, raw, response
from tests.faults.server import FaultServer, Keep, Reset, Script
from tests.spec import success

THREADS = 64
TASKS = 1_000
KEY = "soak-key-0123456789"


class Lottery(Mapping[str, Script]):
    """A script for every number: in 50 of 1,000 cases a disturbed one, and always the same for the same number."""

    def __getitem__(self, name: str) -> Script:
        if not name.isdigit():
            raise KeyError(name)
        found = response(success(url_of(name)))
        disturbed = {
            0: Script((response(status=503, headers="Retry-After: 0\r\n"), Keep()), (found, Keep())),
            1: Script((Reset(),), (found, Keep())),
            2: Script((), (found, Keep())),
            3: answer({"error": "unknown"}, status=404),
            4: raw(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"),
        }
        return disturbed.get(_draw(name), Script((found, Keep())))

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _draw(name: str) -> int:
    return int(name) * 2_654_435_761 % 1_000 // 10


def url_of(name: str) -> str:
    """Return the URL that the lookup of ``name`` must give: one that went to the wrong caller shows."""
    return f"https://storage.googleapis.com/bucket/{name}.mp4?X-Goog-Signature={name}"


def with_threads(url: str, lookups: int, threads: int = THREADS) -> Counter[str]:
    """Run ``lookups`` through one client on ``threads`` threads; return how many ended in which way."""
    with Aikynetix(KEY, base_url=url, max_retries=5) as client, ThreadPoolExecutor(threads) as pool:

        def look(name: str) -> str:
            try:
                return _verdict(name, client.analyzed_videos.get(name).url)
            except AikynetixError as error:
                return _verdict(name, type(error))

        return Counter(pool.map(look, map(str, range(lookups))))


async def with_tasks(url: str, lookups: int, tasks: int = TASKS) -> Counter[str]:
    """Run ``lookups`` through one client in ``tasks`` tasks; return how many ended in which way."""
    import anyio

    names, verdicts = iter(map(str, range(lookups))), Counter[str]()
    async with AsyncAikynetix(KEY, base_url=url, max_retries=5) as client, anyio.create_task_group() as group:

        async def look() -> None:
            for name in names:
                try:
                    outcome: object = (await client.analyzed_videos.get(name)).url
                except AikynetixError as error:
                    outcome = type(error)
                verdicts[_verdict(name, outcome)] += 1

        for _ in range(tasks):
            group.start_soon(look)
    return verdicts


def _verdict(name: str, outcome: object) -> str:
    due = {3: NotFoundError, 4: APIResponseValidationError}.get(_draw(name)) or url_of(name)
    if outcome != due:
        return f"wrong: {outcome} instead of {due}"
    return "found" if isinstance(due, str) else due.__name__


def open_files() -> int:
    """Return how many file descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def main() -> int:
    """Run both and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lookups", type=int, default=100_000, help="for each of the two clients")
    lookups: int = parser.parse_args().lookups
    failed = False
    with FaultServer(Lottery()) as server:
        with_threads(server.url, 50)  # what the first calls import and open stays out of the count
        time.sleep(0.5)
        files, threads = open_files(), threading.active_count()
        for name in (f"{THREADS} threads", f"{TASKS} tasks"):
            server.forget()
            began = time.monotonic()
            is_sync = name.endswith("threads")
            verdicts = with_threads(server.url, lookups) if is_sync else asyncio.run(with_tasks(server.url, lookups))
            took = time.monotonic() - began
            time.sleep(0.5)
            left = (open_files() - files, threading.active_count() - threads)
            failed = failed or any(verdict.startswith("wrong") for verdict in verdicts) or any(left)
            print(f"{name}: {lookups} lookups in {took:.0f} s, left over: {left[0]} files, {left[1]} threads")
            for verdict, count in sorted(verdicts.items()):
                print(f"    {count:>8}  {verdict}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
