"""What one lookup costs in connections, memory and modules: counts that do not depend on the machine's mood."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from aikynetix import Aikynetix, AsyncAikynetix
from aikynetix._transport._lanes import ASYNC_SIZE
from aikynetix._transport._sync import PooledTransport

from ..transport.servers import Connection, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = b'{"analyzed_video_url": "https://storage.googleapis.com/bucket/video.mp4?X-Goog-Signature=' + b"a" * 512 + b'"}'


def answer(connection: Connection) -> None:
    """Answer every lookup."""
    while connection.request():
        connection.answer(BODY, headers=b"Content-Type: application/json\r\n")


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that has every video."""
    with Server(answer) as running:
        yield running


def test_a_loop_of_lookups_uses_one_connection(server: Server) -> None:
    """A hundred lookups in a row open one connection."""
    with Aikynetix(api_key="k", base_url=server.url) as client:
        for number in range(100):
            client.analyzed_videos.get(f"session-{number}")
    assert server.connections == 1


def test_a_flood_of_lookups_opens_no_more_connections_than_are_in_flight(server: Server) -> None:
    """400 lookups, 32 at a time, open 32 connections at most; no wait or error among them."""

    async def flood() -> None:
        sessions = iter(range(400))

        async def work() -> None:
            for number in sessions:
                await client.analyzed_videos.get(f"session-{number}")

        async with AsyncAikynetix(api_key="k", base_url=server.url, max_retries=0) as client:
            await asyncio.gather(*(work() for _ in range(32)))

    asyncio.run(flood())
    assert 1 <= server.connections <= 32


def test_more_lookups_at_once_than_the_pool_holds_wait_their_turn(server: Server) -> None:
    """600 lookups at once open as many connections as the pool holds, and all succeed."""

    async def flood() -> None:
        async with AsyncAikynetix(api_key="k", base_url=server.url, max_retries=0) as client:
            await asyncio.gather(*(client.analyzed_videos.get(f"session-{number}") for number in range(600)))

    asyncio.run(flood())
    assert 1 <= server.connections <= ASYNC_SIZE


def test_a_lookup_leaves_nothing_behind(server: Server) -> None:
    """After 300 lookups no more memory blocks are in use than before them, a few dozen aside."""
    with Aikynetix(api_key="k", base_url=server.url) as client:

        def look_up(count: int) -> int:
            for number in range(count):
                client.analyzed_videos.get(f"session-{number}")
            gc.collect()
            return sys.getallocatedblocks()

        look_up(50)
        before = look_up(50)
        assert look_up(300) - before < 100


def test_a_lookup_takes_little_memory_for_its_time(server: Server) -> None:
    """One lookup holds less than 160 KiB at its peak, two socket buffers (one is the server's own) among it."""
    with Aikynetix(api_key="k", base_url=server.url) as client:
        for number in range(10):
            client.analyzed_videos.get(f"session-{number}")
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            client.analyzed_videos.get("session")
            peak = tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
    assert peak < 160 * 1024


@pytest.mark.parametrize(("protocol", "most"), [("_http1.Http1", 650), ("_fast.FastHttp1", 450)])
def test_a_lookup_is_a_bounded_number_of_function_calls(server: Server, protocol: str, most: int) -> None:
    """One lookup calls fewer Python functions than the bound; httpx calls over 900 for the same request and answer."""
    module, name = protocol.split(".")
    made = getattr(pytest.importorskip(f"aikynetix._transport.{module}"), name)
    with Aikynetix(api_key="k", base_url=server.url, transport=PooledTransport(protocol=made)) as client:
        for number in range(10):
            client.analyzed_videos.get(f"session-{number}")
        calls = [0]

        def count(_frame: object, event: str, _argument: object) -> None:
            calls[0] += event == "call"

        sys.setprofile(count)
        try:
            client.analyzed_videos.get("session")
        finally:
            sys.setprofile(None)
    assert 0 < calls[0] < most


def modules_of(program: str, *arguments: str) -> set[str]:
    """Return the modules that a program loads in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)", *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_else() -> None:
    """`import aikynetix` loads its own first module and at most a few of the standard library."""
    extra = modules_of("import aikynetix") - modules_of("")
    assert {name for name in extra if name.partition(".")[0] in ("httpx", "attr", "attrs", "aikynetix_api")} == set()
    assert {name for name in extra if name.startswith("aikynetix")} == {"aikynetix"}
    assert len(extra) < 8, sorted(extra)


def test_a_first_lookup_loads_what_it_needs(server: Server) -> None:
    """Retrying, the asynchronous machinery, downloads and exports load when they are used, not before."""
    program = (
        "import sys\nfrom aikynetix import Aikynetix\n"
        "with Aikynetix(api_key='k', base_url=sys.argv[1]) as client:\n    client.analyzed_videos.get('s').url\n"
    )
    loaded = modules_of(program, server.url)
    assert "aikynetix._client" in loaded
    idle = {"stamina", "tenacity", "httpcore", "anyio", "trio", "dateutil", "certifi", "fsspec"}
    idle |= {"aikynetix._download", "aikynetix._export", "aikynetix._cli", "aikynetix.sandbox"}
    assert loaded & idle - modules_of("import httpx") == set()
