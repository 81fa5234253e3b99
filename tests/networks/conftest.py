"""A throw-away authority, servers of the names that it vouches for, programs, and an address on a real network."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.faults.scenario import answer
from tests.faults.server import FaultServer, Keep, Script
from tests.faults.storage import VIDEO, head
from tests.secrets.hunt import KEY, SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path

API, STORAGE = "api.example.test", "storage.example.test"
"""Names that no resolver knows: who reaches them went by the proxy."""


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authority's certificate, alone in its folder under its own name and the one that OpenSSL looks for."""
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    command = ["openssl", "x509", "-subject_hash", "-noout", "-in", str(path)]
    name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    (path.parent / f"{name}.0").write_bytes(path.read_bytes())
    return path


@pytest.fixture(scope="session")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def scripts_of(storage: str) -> Mapping[str, Script]:
    """A session "s", and its video on that origin."""
    url = f"{storage}/sessions/video/v.mp4?X-Goog-Signature={SIGNATURE}"
    return {"s": answer({"analyzed_video_url": url}), "video": Script((head(), VIDEO, Keep()))}


@pytest.fixture
def far(authority: trustme.CA) -> Iterator[FaultServer]:
    """API and storage in one, by https and by names that only a proxy finds."""
    with FaultServer(scripts_of(f"https://{STORAGE}"), tls=server_context(authority, API, STORAGE)) as server:
        yield server


@pytest.fixture
def settings(ca_file: Path) -> dict[str, object]:
    """For a client of `far`."""
    return {"api_key": KEY, "base_url": f"https://{API}", "verify": str(ca_file), "timeout": 5}


@pytest.fixture(scope="session")
def own_address() -> str:
    """This machine's address on a network that is not loopback; nothing is sent to find it out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no network")
        address: str = sock.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    return address


@pytest.fixture
def near(authority: trustme.CA, own_address: str) -> Iterator[FaultServer]:
    """API and storage in one, by https, at an address that proxies reach as well."""
    scripts: dict[str, Script] = {}
    with FaultServer(scripts, tls=server_context(authority, own_address), host=own_address) as server:
        scripts |= scripts_of(server.url)
        yield server


@contextmanager
def black_hole(host: str, port: int) -> Generator[None]:
    """An address whose connections are neither made nor refused: the queue for them is full, and nobody looks."""
    with ExitStack() as stack:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = stack.enter_context(socket.socket(family))
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(4):
            caller = stack.enter_context(socket.socket(family))
            caller.setblocking(False)
            caller.connect_ex((host, port))
        yield


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
    return port


@contextmanager
def listening(command: list[str], port: int) -> Generator[None]:
    """A program that listens at this port, a minute after its start at the latest."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(3_000):
                with socket.socket() as sock:
                    if process.poll() is not None or sock.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.02)
            yield
        finally:
            process.kill()
