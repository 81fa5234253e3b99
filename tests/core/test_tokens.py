"""A token that a callable gives: in the child of a fork, on more than one event loop, and with its own client."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import anyio
import httpx
import pytest

from aikynetix import Aikynetix, AsyncAikynetix, ConfigurationError

FOUND = {"analyzed_video_url": "https://storage.googleapis.com/bucket/video.mp4"}


def answer(request: httpx.Request) -> httpx.Response:
    """Take any token but the first of each event loop."""
    return httpx.Response(401 if request.headers["Authorization"].endswith("old") else 200, json=FOUND)


PROGRAM = """
import os, signal
import httpx
from aikynetix import Aikynetix, BearerToken

auth = BearerToken(lambda: "token-of-the-child")
answer = httpx.MockTransport(lambda _: httpx.Response(200, json={"analyzed_video_url": "https://h/v"}))
client = Aikynetix(auth=auth, transport=answer)
client._session.credential.inner._lock.acquire()  # as another thread may hold it in the moment of the fork
child = os.fork()
if child == 0:
    signal.alarm(10)
    client.analyzed_videos.get("s")
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_the_child_of_a_fork_asks_for_a_token_of_its_own() -> None:
    """Also where a thread of the parent was asking for one."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_callable_that_needs_its_own_token_is_said_to() -> None:
    """It would wait for itself for ever."""
    box: list[Aikynetix] = []

    def ask() -> str:
        return box[0].analyzed_videos.get("s").url

    def run() -> None:
        with pytest.raises(ConfigurationError, match="the token callable raised ConfigurationError") as caught:
            client.analyzed_videos.get("s")
        assert "makes a request that needs the token" in str(caught.value.__cause__)
        told.append(caught.value)

    told: list[ConfigurationError] = []
    with Aikynetix(token=ask, transport=httpx.MockTransport(answer)) as client:
        box.append(client)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(30)
        assert told


def test_a_client_renews_its_token_on_one_event_loop_after_another() -> None:
    """Five tasks at once on asyncio, trio and asyncio again: of each five, one asks."""
    asked = 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        await anyio.sleep(0.01)
        return f"token-{asked}-" + ("old" if asked % 2 else "new")

    client = AsyncAikynetix(token=ask, transport=httpx.MockTransport(answer), max_retries=0)

    async def five() -> None:
        client._session.credential.inner._current = None  # type: ignore[attr-defined]  # as if it had run out
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(client.analyzed_videos.get, "s")

    for number, backend in enumerate(("asyncio", "trio", "asyncio"), 1):
        anyio.run(five, backend=backend)
        assert asked == 2 * number
