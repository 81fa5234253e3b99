"""The interpreter ends quietly and at once, whatever state the clients are in; a fork after first use works."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from tests.faults.scenario import FOUND, answer, raw
from tests.faults.server import FaultServer, Keep, Script, Stall

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROGRAMS = {
    "closed": "with Aikynetix(**settings) as client: client.analyzed_videos.get('found')",
    "never-closed": "client = Aikynetix(**settings); client.analyzed_videos.get('found')",
    "never-used": "Aikynetix(**settings); AsyncAikynetix(**settings)",
    "in-the-middle-of-a-call": """
        client = Aikynetix(**settings)
        threading.Thread(target=client.analyzed_videos.get, args=('stalls',), daemon=True).start()
        time.sleep(0.2)
    """,
    "async-closed": """
        async def main():
            async with AsyncAikynetix(**settings) as client:
                await client.analyzed_videos.get('found')
        run(main)
    """,
    "async-on-trio": """
        import trio
        async def main():
            async with AsyncAikynetix(**settings) as client:
                await client.analyzed_videos.get('found')
        trio.run(main)
    """,
}

# In development mode asyncio warns of slow steps, and on a busy machine every step may be one.
_PRELUDE = """
import asyncio, os, threading, time
from aikynetix import Aikynetix, AikynetixError, AsyncAikynetix

def run(main):
    with asyncio.Runner() as runner:
        runner.get_loop().slow_callback_duration = 60
        runner.run(main())
"""


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    scripts = {"found": Script((FOUND, Keep())), "missing": answer(status=404), "stalls": raw(Stall())}
    with FaultServer(scripts) as running:
        yield running


@pytest.mark.parametrize("program", _PROGRAMS)
def test_the_interpreter_ends_quietly(server: FaultServer, program: str) -> None:
    """Warnings are errors, but for Python's own about clients that nobody closed; the process is gone within seconds."""
    settings = f"settings = dict(api_key='k' * 20, base_url={server.url!r}, timeout=20)\n"
    code = _PRELUDE + settings + textwrap.dedent(_PROGRAMS[program])
    closed = ["-X", "dev"] if program in ("closed", "async-closed", "async-on-trio", "never-used") else []
    ignored = [] if closed else ["-W", "ignore::ResourceWarning"]
    command = [sys.executable, *closed, "-W", "error", *ignored, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
