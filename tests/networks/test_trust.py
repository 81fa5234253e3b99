"""TLS: certificates and names are always checked, and it is said whom to trust, and why somebody is not trusted."""

from __future__ import annotations

import os
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from aikynetix import APIConnectionError, APITimeoutError, ConfigurationError, DownloadError
from tests.contract.callers import CLIENTS, KINDS, ask
from tests.faults.scenario import FOUND, assert_presentable, raw
from tests.faults.server import FaultServer
from tests.faults.storage import VIDEO
from tests.secrets.hunt import KEY

from .conftest import scripts_of, server_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ENVIRONMENT = ("SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONHTTPSVERIFY", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")


@pytest.fixture(autouse=True)
def nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def server(authority: trustme.CA) -> Iterator[FaultServer]:
    """API and storage in one, with a certificate of the authority's."""
    scripts: dict[str, Any] = {}
    with FaultServer(scripts, tls=server_context(authority, "127.0.0.1")) as running:
        scripts |= scripts_of(running.url)
        yield running


def context_of(path: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(path))


TRUST: dict[str, Callable[[Path], tuple[dict[str, Any], dict[str, str]]]] = {
    "verify=context": lambda path: ({"verify": context_of(path)}, {}),
    "verify=file": lambda path: ({"verify": str(path)}, {}),
    "verify=path": lambda path: ({"verify": path}, {}),
    "verify=folder": lambda path: ({"verify": path.parent}, {}),
    "SSL_CERT_FILE": lambda path: ({}, {"SSL_CERT_FILE": str(path)}),
    "SSL_CERT_DIR": lambda path: ({}, {"SSL_CERT_DIR": str(path.parent)}),
    "verify= before SSL_CERT_FILE": lambda path: ({"verify": path}, {"SSL_CERT_FILE": os.devnull}),
}
"""Settings and environment that make the authority trusted, given its file, which is alone in its folder."""


@pytest.mark.parametrize("way", TRUST)
@pytest.mark.parametrize("kind", CLIENTS)
def test_who_is_named_is_trusted(
    kind: str, way: str, server: FaultServer, ca_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For the API and for the storage, by argument or environment."""
    server.forget()
    given, environment = TRUST[way](ca_file)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    video = ask(kind, "download", "s", tmp_path / "v.mp4", api_key=KEY, base_url=server.url, **given)
    assert video.size == len(VIDEO)
    assert len(server.seen) == 2


REFUSED: dict[str, tuple[str, list[str]]] = {
    "nobody named": ("127.0.0.1", ["certificate", "SSL_CERT_FILE", "verify="]),
    "another host": ("elsewhere.example", ["certificate", "127.0.0.1"]),
    "another authority": ("127.0.0.1", ["certificate", "SSL_CERT_FILE", "verify="]),
}


@pytest.mark.parametrize("why", REFUSED)
@pytest.mark.parametrize("kind", KINDS)
def test_who_is_not_trusted_is_asked_once_and_never_sees_the_key(
    kind: str, why: str, authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The reason stands in the message, with what to do; it is no passing failure."""
    name, words = REFUSED[why]
    if why == "another authority":
        trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    elif why == "another host":
        monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    with FaultServer({}, tls=server_context(authority, name)) as server:
        with pytest.raises(APIConnectionError) as caught:
            ask(kind, "get", "s", api_key=KEY, base_url=server.url, max_retries=3)
        assert (server.connections, server.seen) == (1, [])
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert_presentable(caught.value)


@pytest.mark.parametrize("variable", ["PYTHONHTTPSVERIFY", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_what_other_tools_obey_makes_nobody_trusted(
    variable: str, server: FaultServer, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two variables of OpenSSL's say whom to trust, and no others."""
    monkeypatch.setenv(variable, "0" if variable == "PYTHONHTTPSVERIFY" else str(ca_file))
    with pytest.raises(APIConnectionError, match="certificate"):
        ask("sync", "get", "s", api_key=KEY, base_url=server.url)


@pytest.mark.parametrize("words", [("certificate", "SSL_CERT_FILE", "verify="), ("TLS",)], ids=["untrusted", "plain"])
@pytest.mark.parametrize("kind", CLIENTS)
def test_a_download_says_why_it_cannot_reach_a_storage(
    kind: str, words: tuple[str, ...], authority: trustme.CA, tmp_path: Path
) -> None:
    """One that is not trusted, or speaks plain http: asked once, with what to do; nothing on disk."""
    scripts: dict[str, Any] = {}
    tls = server_context(authority, "127.0.0.1") if "certificate" in words else None
    with FaultServer({}, tls=tls) as storage, FaultServer(scripts) as api:
        scripts |= scripts_of(f"https://127.0.0.1:{storage.port}")
        with pytest.raises(DownloadError) as caught:
            ask(kind, "download", "s", tmp_path / "v.mp4", api_key=KEY, base_url=api.url, max_retries=3)
        assert storage.connections == 1
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert_presentable(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_https_to_a_port_that_speaks_http_is_tried_once(kind: str) -> None:
    """The server does not speak TLS, now or later, and the message says so."""
    with FaultServer({"s": raw(FOUND)}) as server:
        with pytest.raises(APIConnectionError, match=r"TLS|https") as caught:
            ask(kind, "get", "s", api_key=KEY, base_url=f"https://127.0.0.1:{server.port}", max_retries=3)
        assert (server.connections, server.seen) == (1, [])
    assert_presentable(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_certificate_comes_with_the_context(kind: str, authority: trustme.CA, ca_file: Path) -> None:
    """A server that wants one is satisfied by it; without it the error says that a certificate is missing."""
    wanting = server_context(authority, "127.0.0.1")
    wanting.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(wanting)
    known, unknown = context_of(ca_file), context_of(ca_file)
    authority.issue_cert("client@example.test").configure_cert(known)
    with FaultServer({"s": raw(FOUND)}, tls=wanting) as server:
        settings = {"api_key": KEY, "base_url": server.url, "max_retries": 0}
        assert ask(kind, "get", "s", **settings, verify=known).session_id == "s"
        with pytest.raises(APIConnectionError) as caught:
            ask(kind, "get", "s", **settings, verify=unknown)
    assert_presentable(caught.value)


@pytest.mark.parametrize("content", [None, b"no certificates here"], ids=["missing", "useless"])
@pytest.mark.parametrize("kind", CLIENTS)
def test_a_useless_authority_file_is_named(
    kind: str, content: bytes | None, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the setting or the variable that names it."""
    path = tmp_path / "authority.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="verify="):
        ask(kind, "get", "s", api_key=KEY, base_url=server.url, verify=path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        ask(kind, "get", "s", api_key=KEY, base_url=server.url)


@pytest.mark.parametrize("verify", [False, True, 0, b"ca.pem"])
@pytest.mark.parametrize("kind", CLIENTS)
def test_checking_cannot_be_switched_off(kind: str, verify: object) -> None:
    """What is neither a context nor a path is refused when the client is made."""
    with pytest.raises(ConfigurationError, match="verify="):
        ask(kind, "get", "s", api_key=KEY, verify=verify)


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_context_that_checks_nothing_is_refused(kind: str) -> None:
    """Certificates are always checked: one that is told not to is no way round."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.raises(ConfigurationError, match="verify="):
        ask(kind, "get", "s", api_key=KEY, verify=context)


@pytest.mark.parametrize("kind", KINDS)
def test_a_handshake_that_is_never_answered_is_a_timeout(kind: str) -> None:
    """A server that takes the connection and then says nothing has the time of an attempt, no more."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url, began = f"https://127.0.0.1:{silent.getsockname()[1]}", time.monotonic()
        with pytest.raises(APITimeoutError):
            ask(kind, "get", "s", api_key=KEY, base_url=url, timeout=0.3, max_retries=0)
        assert 0.2 < time.monotonic() - began < 3
