"""What one lookup costs in connections, memory, calls and modules: counts, which depend on no machine's mood."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import tracemalloc
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

import aikynetix
from aikynetix import Aikynetix, AsyncAikynetix
from tests import spec
from tests.faults.scenario import answer
from tests.faults.server import FaultServer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

PACKAGE = str(Path(aikynetix.__file__).parent)
VIDEO_URL = "https://storage.googleapis.com/bucket/video.mp4?X-Goog-Signature=" + "a" * 512
# Of one warm lookup, in this package alone: Python calls, files that they are in, changes from file to file.
MOST_CALLS, MOST_FILES, MOST_SWITCHES = 67, 13, 30


@pytest.fixture
def api() -> Iterator[FaultServer]:
    """A server that has every video."""
    found = answer(spec.success(VIDEO_URL))
    with FaultServer(dict.fromkeys(["session", *map(str, range(400))], found)) as server:
        yield server


@contextmanager
def lookups(api: FaultServer) -> Generator[Callable[[], object]]:
    """A function that looks a video up, warmed up."""
    with Aikynetix(api_key="k", base_url=api.url) as client:
        for _ in range(10):
            client.analyzed_videos.get("session")
        yield lambda: client.analyzed_videos.get("session")


@contextmanager
def bare_requests(api: FaultServer) -> Generator[Callable[[], object]]:
    """The same by httpx alone."""
    with httpx.Client(base_url=api.url) as client:
        for _ in range(10):
            client.get(spec.path("session")).json()
        yield lambda: client.get(spec.path("session")).json()


@pytest.mark.parametrize(("tasks", "most"), [(1, 1), (32, 32), (400, 256)])
def test_a_flood_of_lookups_opens_no_more_connections_than_it_needs(api: FaultServer, tasks: int, most: int) -> None:
    """400 lookups open as many connections as are in flight, and never more than 256; none of them fails."""

    async def flood() -> None:
        sessions = iter(range(400))

        async def work() -> None:
            for number in sessions:
                await client.analyzed_videos.get(str(number))

        async with AsyncAikynetix(api_key="k", base_url=api.url, max_retries=0) as client:
            await asyncio.gather(*(work() for _ in range(tasks)))

    asyncio.run(flood())
    assert 1 <= api.connections <= most


def test_a_lookup_leaves_nothing_behind(api: FaultServer) -> None:
    """After 300 lookups no more memory blocks are in use than before them, a few dozen of the server's aside."""
    with lookups(api) as look_up:

        def blocks_after(count: int) -> int:
            for _ in range(count):
                look_up()
            api.forget()
            gc.collect()
            return sys.getallocatedblocks()

        before = blocks_after(1_000)  # until what is cached is cached
        assert blocks_after(300) - before < 100


def peak(work: Callable[[], object]) -> int:
    """Return the most bytes that ``work`` holds at a time."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_a_lookup_takes_little_more_memory_than_httpx(api: FaultServer) -> None:
    """At its peak one lookup holds at most 32 KiB more than the same request by httpx alone."""
    with lookups(api) as look_up, bare_requests(api) as ask:
        assert peak(look_up) < peak(ask) + 32 * 1024


def calls_of(work: Callable[[], object]) -> list[str]:
    """Return the file of every Python function that ``work`` calls, in order."""
    files: list[str] = []

    def note(frame: object, event: str, _argument: object) -> None:
        if event == "call":
            files.append(frame.f_code.co_filename)  # type: ignore[attr-defined]  # it is a frame

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return files


def test_the_walk_of_a_lookup_is_short(api: FaultServer) -> None:
    """One warm lookup makes few calls in few files of ours, and in all a tenth more than httpx by hand at most."""
    with lookups(api) as look_up, bare_requests(api) as ask:
        files, baseline = calls_of(look_up), calls_of(ask)
    ours = [file for file in files if file.startswith(PACKAGE)]
    switches = sum(one != other for one, other in pairwise(ours))
    assert len(ours) <= MOST_CALLS
    assert len(set(ours)) <= MOST_FILES
    assert switches <= MOST_SWITCHES
    assert len(files) <= len(baseline) * 1.1


def modules_of(program: str, *arguments: str) -> set[str]:
    """Return the modules that a program loads in a process of its own."""
    command = [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)", *arguments]
    return set(subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.split())


def test_importing_the_package_loads_nothing_else() -> None:
    """`import aikynetix` loads its own first module alone."""
    assert modules_of("import aikynetix") - modules_of("") == {"aikynetix"}


def test_a_first_lookup_loads_what_it_needs(api: FaultServer) -> None:
    """Downloads, exports, the command and the sandbox load when they are used, not before; so does dateutil."""
    program = (
        "import sys\nfrom aikynetix import Aikynetix\n"
        "with Aikynetix(api_key='k', base_url=sys.argv[1]) as client:\n    client.analyzed_videos.get('session').url\n"
    )
    loaded = modules_of(program, api.url)
    assert "aikynetix._client" in loaded
    idle = {"dateutil", "fsspec", "aikynetix._download", "aikynetix._export"}
    assert loaded & (idle | {"aikynetix._cli", "aikynetix.sandbox"}) == set()
