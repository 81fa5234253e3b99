"""Prism as a process of its own: a mock of the spec, or a proxy that holds everything that passes against the spec."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import aikynetix_api
import pytest

if TYPE_CHECKING:
    from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
SPEC = Path(aikynetix_api.__file__).with_name("openapi.json")
"""The document that the package in use was made of."""
_PROGRAM = ROOT / ".cache/node/node_modules/@stoplight/prism-cli/dist/index.js"
_START_SECONDS = 60
_ATTEMPTS = 3


class Prism:
    """Prism on a free port of the loopback address, accepting requests inside the ``with`` block.

    Args:
        folder: Where its log goes.
        upstream: The server to stand in front of; None mocks the spec instead.

    Attributes:
        url: Its address.
    """

    def __init__(self, folder: Path, upstream: str | None = None) -> None:
        self.url = ""
        self._log = folder / "prism.log"
        self._upstream = upstream
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start the process; another one may take the free port first, so there is more than one attempt."""
        node = shutil.which("node")
        if node is None or not _PROGRAM.exists():
            pytest.skip("Prism is not installed: `make judges` installs it where there are node and npm")
        for _ in range(_ATTEMPTS):
            port = _free_port()
            self._start([node, str(_PROGRAM)], port)
            if self._accepts(port):
                self.url = f"http://127.0.0.1:{port}"
                return self
            self._stop()
        raise RuntimeError(f"Prism did not start:\n{self._log.read_text('utf-8')[-2000:]}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self._stop()

    def _start(self, program: list[str], port: int) -> None:
        options = ["--host", "127.0.0.1", "--port", str(port), "--multiprocess", "false"]
        mode = ["mock", *options, str(SPEC)]
        if self._upstream is not None:
            mode = ["proxy", *options, "--errors", str(SPEC), self._upstream]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*program, *mode], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def _accepts(self, port: int) -> bool:
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return self._process.poll() is None
        return False

    def _stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
