"""A host with several addresses, the first of which leads nowhere: what that costs (RFC 8305)."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests.contract.callers import KINDS
from tests.faults.server import FaultServer

from .conftest import black_hole, scripts_of

# The resolver is the one thing that has to be made up: it needs a process of its own.
_PROGRAM = """
import json, socket, sys, time
from pathlib import Path
from tests.contract.callers import ask

kind, url, folder, *addresses = sys.argv[1:]
genuine = socket.getaddrinfo

def getaddrinfo(host, port, *args, **kwargs):
    if host in ("localhost", b"localhost"):
        return [found for address in addresses for found in genuine(address, port, *args, **kwargs)]
    return genuine(host, port, *args, **kwargs)

socket.getaddrinfo = getaddrinfo
settings = {"api_key": "key-0123456789", "base_url": url, "timeout": 5, "max_retries": 0}
began = time.monotonic()
ask(kind, "get", "s", **settings)
between = time.monotonic()
ask(kind, "download", "s", Path(folder, "v.mp4"), **settings)
print(json.dumps([between - began, time.monotonic() - between]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue may refuse")
@pytest.mark.parametrize("dead", ["::1", "127.0.0.2"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_dead_first_address_costs_under_a_second(
    kind: str, dead: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """API and storage, where the first of two addresses swallows whatever is sent to it."""
    scripts = dict(scripts_of(""))
    with FaultServer(scripts) as server, ExitStack() as stack:
        url = f"http://localhost:{server.port}"
        scripts |= scripts_of(f"http://localhost:{server.other_port}")
        for port in (server.port, server.other_port):
            stack.enter_context(black_hole(dead, port))
        folder = str(tmp_path_factory.mktemp("to"))
        command = [sys.executable, "-c", _PROGRAM, kind, url, folder, dead, "127.0.0.1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    lookup, download = json.loads(done.stdout)
    assert lookup < 1
    assert download < 2 * 1  # the lookup and the storage have a dead address each


@pytest.mark.parametrize("kind", KINDS)
def test_an_address_that_refuses_is_passed_over_at_once(kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nobody listens at the first address; the second one serves."""
    scripts = dict(scripts_of(""))
    with FaultServer(scripts) as server:
        scripts |= scripts_of(f"http://localhost:{server.other_port}")
        url, folder = f"http://localhost:{server.port}", str(tmp_path_factory.mktemp("to"))
        command = [sys.executable, "-c", _PROGRAM, kind, url, folder, "127.0.0.2", "127.0.0.1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert sum(json.loads(done.stdout)) < 2
