"""A host with several addresses, the first of which leads nowhere: what that costs (RFC 8305)."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.contract.callers import KINDS
from tests.faults.server import FaultServer

from .conftest import black_hole, scripts_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.server import Script

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
live = settings | {"base_url": url.replace("localhost", addresses[-1])}
ask(kind, "download", "s", Path(folder, "warm.mp4"), **live)  # loads what the first one needs

def seconds(verb, *to, **given):
    began = time.monotonic()
    ask(kind, verb, "s", *to, **given)
    return time.monotonic() - began

usual = seconds("get", **live)
print(json.dumps([seconds("get", **settings) - usual, seconds("download", Path(folder, "v.mp4"), **settings) - usual]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue may refuse, and 127.0.0.2 not be there")
@pytest.mark.parametrize(("first", "refuses"), [("::1", False), ("127.0.0.2", False), ("127.0.0.2", True)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_dead_first_address_costs_under_a_second(kind: str, first: str, refuses: bool, tmp_path: Path) -> None:
    """API and storage, where the first of two addresses swallows or refuses whatever is sent to it."""
    scripts: dict[str, Script] = {}
    with FaultServer(scripts) as server, ExitStack() as stack:
        scripts |= scripts_of(f"http://localhost:{server.other_port}")
        for port in () if refuses else (server.port, server.other_port):
            stack.enter_context(black_hole(first, port))
        url = f"http://localhost:{server.port}"
        command = [sys.executable, "-c", _PROGRAM, kind, url, str(tmp_path), first, "127.0.0.1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    lookup, download = json.loads(done.stdout)
    assert lookup < 1
    assert download < 2  # its lookup and its storage have a dead address each
