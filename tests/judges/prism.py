"""Prism as a process of its own: a proxy that holds everything that passes against the spec."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import aikynetix_api
import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

ROOT = Path(__file__).resolve().parents[2]
SPEC = Path(aikynetix_api.__file__).with_name("openapi.json")
"""The document that the package in use was made of."""
_PROGRAM = ROOT / ".cache/node/node_modules/@stoplight/prism-cli/dist/index.js"
_START_SECONDS = 60


@contextmanager
def prism(upstream: str) -> Generator[str]:
    """Run Prism in front of a server, and give its address on the loopback interface."""
    node = shutil.which("node")
    if node is None or not _PROGRAM.exists():
        pytest.skip("Prism is not installed: `make judges` installs it where there are node and npm")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    options = ["--host", "127.0.0.1", "--port", str(port), "--multiprocess", "false", "--errors"]
    command = [node, str(_PROGRAM), "proxy", *options, str(SPEC), upstream]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
    pytest.fail("Prism did not start")
