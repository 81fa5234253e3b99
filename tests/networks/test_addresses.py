"""A host with several addresses, the first of which leads nowhere: what that costs (RFC 8305)."""

from __future__ import annotations

import socket
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.callers import KINDS, do
from tests.faults.server import FaultServer
from tests.secrets.hunt import KEY

from .conftest import black_hole, scripts_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.server import Script


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue may refuse, and 127.0.0.2 not be there")
@pytest.mark.parametrize(("first", "refuses"), [("::1", False), ("127.0.0.2", False), ("127.0.0.2", True)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_dead_first_address_costs_under_a_second(
    kind: str, first: str, refuses: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """API and storage, where the first of two addresses swallows or refuses whatever is sent to it."""
    genuine = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> list[Any]:
        addresses = (first, "127.0.0.1") if host in ("localhost", b"localhost") else (host,)
        return [found for address in addresses for found in genuine(address, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)  # the one thing that has to be made up
    scripts: dict[str, Script] = {}
    with FaultServer(scripts) as server, ExitStack() as stack:
        scripts |= scripts_of(f"http://localhost:{server.other_port}")
        for port in () if refuses else (server.port, server.other_port):
            stack.enter_context(black_hole(first, port))
        for base_url, job, most in (
            (server.url, "download", 60),  # loads what the next one needs
            (f"http://localhost:{server.port}", "get", 1),
            (f"http://localhost:{server.port}", "download", 2),  # its lookup and its storage have a dead address each
        ):
            folder, began = tmp_path / str(most), time.monotonic()
            folder.mkdir()
            do(kind, job, folder, api_key=KEY, base_url=base_url, timeout=5, max_retries=0)
            assert time.monotonic() - began < most
