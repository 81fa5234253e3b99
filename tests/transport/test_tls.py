"""TLS: certificates and names are always checked, and one setting says whom to trust."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING

import httpx
import pytest
import trustme

from aikynetix import ConfigurationError
from aikynetix._transport._sync import PooledTransport

from .servers import Connection, Server, echo
from .test_bodies import received
from .wires import Wire, body_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that nobody trusts yet."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    """The authority's certificate in a file."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    """Return a server's context with a certificate for ``name``."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(made)
    return made


def test_a_trusted_server_is_talked_to_over_one_connection(
    run: Callable[..., None], authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With SSL_CERT_FILE set to its authority the server is trusted, and its connection is kept."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    with Server(echo, context(authority, "127.0.0.1")) as server:

        async def scenario(wire: Wire) -> None:
            for number in range(5):
                response = await wire.open(f"{server.url}/{number}")
                assert response.extensions["network_stream"].get_extra_info("ssl_object") is not None
                assert await body_of(response) == b"/%d" % number

        run(scenario)
        assert server.connections == 1


def unasked(body: bytes, *, together: bool) -> Callable[[Connection], None]:
    """Return a script that sends an answer too many, in one record with the other or in its own."""

    def script(connection: Connection) -> None:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        stray = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray"
        connection.request()
        if connection.number > 1:
            connection.send(answer)
        elif together:
            connection.send(answer + stray)
        else:
            connection.send_together(answer, stray)
        connection.request()

    return script


@pytest.mark.parametrize("together", [True, False])
def test_what_nobody_asked_for_answers_nobody(
    run: Callable[..., None], authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    """What has been received and not been read, decrypted or not, is thrown away with its connection."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    with Server(unasked(b"honest", together=together), context(authority, "127.0.0.1")) as server:

        async def scenario(wire: Wire) -> None:
            for _ in range(2):
                assert await wire.get(server.url) == b"honest"

        run(scenario)
        assert server.connections == 2


@pytest.mark.parametrize("size", [5_000, 9_000, 12_000, 40_000])
def test_what_nobody_asked_for_behind_a_body_that_passes_the_parser(
    authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """The end of a body may stand in the middle of a record; what it has behind that is no answer."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    body = bytes(size)
    with (
        Server(unasked(body, together=True), context(authority, "127.0.0.1")) as server,
        PooledTransport() as transport,
    ):
        for _ in range(2):
            assert received(transport, server.url) == body
        assert server.connections == 2


@pytest.mark.parametrize(("name", "trusted"), [("127.0.0.1", False), ("elsewhere.example", True)])
def test_a_wrong_certificate_is_refused(
    run: Callable[..., None],
    authority: trustme.CA,
    ca_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    trusted: bool,
) -> None:
    """A certificate of an unknown authority, or for another name, is a ConnectError that says so."""
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    else:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with Server(echo, context(authority, name)) as server:

        async def scenario(wire: Wire) -> None:
            with pytest.raises(httpx.ConnectError, match=r"(?i)certificate") as caught:
                await wire.get(server.url)
            causes: list[object] = []
            link: BaseException | None = caught.value
            while link is not None:
                causes.append(link)
                link = link.__cause__ or link.__context__
            assert any(isinstance(each, ssl.SSLCertVerificationError) for each in causes)

        run(scenario)


@pytest.mark.parametrize("content", [None, b"no certificates here"])
def test_a_useless_authority_file_is_named(
    run: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    """SSL_CERT_FILE naming no file, or one without certificates, is a ConfigurationError that names the variable."""
    path = tmp_path / "missing.pem"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))

    with Server(echo) as server:
        port = httpx.URL(server.url).port

        async def reaching(wire: Wire) -> None:
            with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
                await wire.get(f"https://127.0.0.1:{port}/")

        run(reaching)


def test_a_handshake_that_is_never_answered_is_a_timeout(run: Callable[..., None]) -> None:
    """A server that takes the connection and then says nothing has the time for connecting, no more."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"

        async def scenario(wire: Wire) -> None:
            began = time.monotonic()
            with pytest.raises(httpx.ConnectTimeout):
                await wire.get(url, connect=0.3)
            assert 0.2 < time.monotonic() - began < 3

        run(scenario)
