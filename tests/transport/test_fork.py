"""A process that forks after its first request: parent and child both go on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from .servers import Server, echo

PROGRAM = """
import os, sys
import httpx
from aikynetix._transport import default_transport

url, transport = sys.argv[1], default_transport()

def get(path):
    request = httpx.Request("GET", url + path, extensions={"timeout": {"read": 5.0, "connect": 5.0, "pool": 5.0}})
    assert transport.handle_request(request).read() == path.encode()

get("/before")
transport._lock.acquire()  # as another thread may hold it in the moment of the fork
child = os.fork()
if child == 0:
    get("/child")
    os._exit(0)
transport._lock.release()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
get("/parent")
transport.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_parent_and_child_have_connections_of_their_own() -> None:
    """The child of a fork opens a new connection, and the parent's stays its own, even with the pool locked."""
    with Server(echo) as server:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM, server.url],
            check=False,
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        assert server.connections == 2
