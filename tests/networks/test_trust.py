"""TLS: certificates and names are always checked, and it is said whom to trust, and why somebody is not trusted."""

from __future__ import annotations

import os
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import certifi
import httpx
import pytest
import trustme

from aikynetix import APIConnectionError, APITimeoutError, ConfigurationError, DownloadError
from tests.contract.callers import CLIENTS, KINDS, Replies, ask, do
from tests.faults.scenario import FOUND_BODY, assert_presentable
from tests.faults.server import FaultServer
from tests.secrets.hunt import KEY

from .conftest import scripts_of, server_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OTHERS = ("PYTHONHTTPSVERIFY", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
"""What other tools obey."""


@pytest.fixture(autouse=True)
def nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", *OTHERS):
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
    do(kind, "download", tmp_path, api_key=KEY, base_url=server.url, **given)
    assert len(server.seen) == 2


def test_certifi_serves_where_the_system_has_no_authorities(
    server: FaultServer, ca_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A minimal container has none; here certifi's are those of the tests."""
    nowhere = ssl.get_default_verify_paths()._replace(cafile="", capath="")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)
    monkeypatch.setattr(certifi, "where", lambda: str(ca_file))
    do("sync", "get", tmp_path, api_key=KEY, base_url=server.url)


UNTRUSTED = ["certificate", "SSL_CERT_FILE", "verify="]
REFUSED: dict[str, tuple[dict[str, str], str | None, list[str]]] = {
    "nobody named": ({}, "127.0.0.1", UNTRUSTED),
    "another authority": ({"SSL_CERT_FILE": "other.pem"}, "127.0.0.1", UNTRUSTED),
    "another host": ({"SSL_CERT_FILE": "ca.pem"}, "elsewhere.example", ["certificate", "127.0.0.1"]),
    "no TLS": ({"SSL_CERT_FILE": "ca.pem"}, None, ["TLS"]),
    **{name: ({name: "0" if name == "PYTHONHTTPSVERIFY" else "ca.pem"}, "127.0.0.1", UNTRUSTED) for name in OTHERS},
}
"""Environment, with files of the authority or of another one; the name in the certificate; words of the message."""


@pytest.mark.parametrize("job", ["get", "download"])
@pytest.mark.parametrize("why", REFUSED)
@pytest.mark.parametrize("kind", KINDS)
def test_who_is_not_trusted_is_asked_once_and_hears_nothing(
    kind: str,
    why: str,
    job: str,
    authority: trustme.CA,
    ca_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """API or storage: the reason stands in the message, with what to do; it is no passing failure."""
    environment, name, words = REFUSED[why]
    for variable, value in environment.items():
        monkeypatch.setenv(
            variable, value.replace("ca.pem", str(ca_file)).replace("other.pem", str(tmp_path / "other.pem"))
        )
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    scripts: dict[str, Any] = {}
    to = tmp_path / "to"
    to.mkdir()
    tls = None if name is None else server_context(authority, name)
    with FaultServer({}, tls=tls) as server, FaultServer(scripts) as api:
        url = f"https://127.0.0.1:{server.port}"
        scripts |= scripts_of(url)
        with pytest.raises(APIConnectionError if job == "get" else DownloadError) as caught:
            do(kind, job, to, api_key=KEY, base_url=url if job == "get" else api.url, max_retries=3)
        assert (server.connections, server.seen) == (1, [])
    assert [word for word in words if word not in str(caught.value)] == []
    assert_presentable(caught.value)
    assert not list(to.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_certificate_comes_with_the_context(
    kind: str, authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    """A server that wants one is satisfied by it."""
    wanting = server_context(authority, "127.0.0.1")
    wanting.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(wanting)
    known = context_of(ca_file)
    authority.issue_cert("client@example.test").configure_cert(known)
    with FaultServer(scripts_of("https://h"), tls=wanting) as server:
        do(kind, "get", tmp_path, api_key=KEY, base_url=server.url, max_retries=0, verify=known)


@pytest.mark.parametrize(("alert", "words"), [(116, "wants a client certificate"), (40, "if it wants a client")])
@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_client_certificate_is_named(kind: str, alert: int, words: str) -> None:
    """TLS 1.3 has an alert for it, TLS 1.2 only one that may mean it (RFC 8446, section 6.2)."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as pool:

        def refuse() -> None:
            with server.accept()[0] as connection:
                connection.recv(65_536)
                connection.sendall(bytes([21, 3, 3, 0, 2, 2, alert]))

        refused = pool.submit(refuse)
        with pytest.raises(APIConnectionError, match=words) as caught:
            ask(kind, "get", "s", api_key=KEY, base_url=f"https://127.0.0.1:{server.getsockname()[1]}")
        refused.result(5)
    assert caught.value.is_permanent


@pytest.mark.parametrize("content", [None, b"no certificates here"], ids=["missing", "useless"])
@pytest.mark.parametrize("kind", CLIENTS)
def test_a_useless_authority_file_is_named(
    kind: str, content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the setting or the variable that names it."""
    path = tmp_path / "authority.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="verify="):
        ask(kind, "get", "s", api_key=KEY, verify=path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        ask(kind, "get", "s", api_key=KEY, base_url="https://127.0.0.1:9")


def unchecking() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.mark.parametrize("verify", [False, True, 0, b"ca.pem", unchecking()])
@pytest.mark.parametrize("kind", CLIENTS)
def test_checking_cannot_be_switched_off(kind: str, verify: object) -> None:
    """What is neither a path nor a context that checks is refused when the client is made."""
    with pytest.raises(ConfigurationError, match="verify="):
        ask(kind, "get", "s", api_key=KEY, verify=verify)


@pytest.mark.parametrize("kind", KINDS)
def test_a_handshake_that_is_never_answered_is_a_timeout(kind: str) -> None:
    """A server that takes the connection and then says nothing has the time of an attempt, no more."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url, began = f"https://127.0.0.1:{silent.getsockname()[1]}", time.monotonic()
        with pytest.raises(APITimeoutError):
            ask(kind, "get", "s", api_key=KEY, base_url=url, timeout=0.3, max_retries=0)
        assert 0.2 < time.monotonic() - began < 3


@pytest.mark.parametrize(("why", "remedy"), [("is not trusted", "SSL_CERT_FILE"), ("has expired", "check .* clock")])
@pytest.mark.parametrize("kind", CLIENTS)
def test_a_certificate_that_truststore_refuses_is_told_and_not_tried_again(
    kind: str, why: str, remedy: str, tmp_path: Path
) -> None:
    """Its error, on Windows and macOS, lacks the ``reason`` that OpenSSL's has; for the API and the storage alike."""
    cause = ssl.SSLCertVerificationError(f"certificate {why}")
    cause.verify_message, refused = f"certificate {why}", httpx.ConnectError("refused")
    refused.__cause__ = cause
    for verb, replies in (("get", [refused]), ("download", [httpx.Response(200, json=FOUND_BODY), refused])):
        transport, to = Replies(*replies), [tmp_path / "v.mp4"] if verb == "download" else []
        with pytest.raises((APIConnectionError, DownloadError), match=remedy):
            ask(kind, verb, "s", *to, api_key=KEY, transport=transport, max_retries=2)
        assert len(transport.requests) == len(replies)
