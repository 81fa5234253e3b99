"""Prism as a process of its own: a proxy that holds everything that passes against the spec."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import aikynetix_api
import pytest

from tests.networks.conftest import free_port, listening

if TYPE_CHECKING:
    from collections.abc import Generator

ROOT = Path(__file__).resolve().parents[2]
SPEC = Path(aikynetix_api.__file__).with_name("openapi.json")
"""The document that the package in use was made of."""
_PROGRAM = ROOT / ".cache/node/node_modules/@stoplight/prism-cli/dist/index.js"


@contextmanager
def prism(upstream: str) -> Generator[str]:
    """Run Prism in front of a server, and give its address on the loopback interface."""
    if not _PROGRAM.exists():
        pytest.skip("Prism is not installed: `make judges` installs it where there are node and npm")
    port = free_port()
    options = ["--host", "127.0.0.1", "--port", str(port), "--multiprocess", "false", "--errors"]
    with listening(["node", str(_PROGRAM), "proxy", *options, str(SPEC), upstream], port):
        yield f"http://127.0.0.1:{port}"
