"""An API that cannot prove its name never sees the key, whatever the environment says."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from aikynetix import Aikynetix, APIConnectionError
from tests.faults.test_faults import assert_readable, assert_silent
from tests.transport.servers import Connection, Server

from .hunt import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Listener:
    """Notes what it is asked, and finds nothing."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []

    def __call__(self, connection: Connection) -> None:
        while head := connection.request():
            self.heads.append(head)
            connection.answer(b"", status=b"404 Not Found")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[tuple[str, Listener]]:
    context, listener = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), Listener()
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Server(listener, context) as running:
        yield running.url, listener


def ask(url: str) -> BaseException:
    with Aikynetix(KEY, base_url=url, max_retries=0, timeout=5) as client, pytest.raises(APIConnectionError) as caught:
        client.analyzed_videos.get("s")
    return caught.value


@pytest.mark.parametrize(
    "variable", ["", "PYTHONHTTPSVERIFY", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR"], ids=str
)
def test_only_one_variable_says_whom_to_trust(
    variable: str, server: tuple[str, Listener], ca_file: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Those that other tools obey do not make an API trusted that is not, and its key stays here."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    if variable:
        monkeypatch.setenv(variable, {"PYTHONHTTPSVERIFY": "0", "SSL_CERT_DIR": str(tmp_path)}.get(variable, ca_file))
    url, listener = server
    error = ask(url)
    assert "certificate" in str(error).lower()
    assert_readable(error)
    assert_silent(error)
    assert listener.heads == []


def test_an_authority_is_trusted_for_its_own_servers_alone(
    server: tuple[str, Listener], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With SSL_CERT_FILE naming another authority the API is refused as well."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    url, listener = server
    assert "certificate" in str(ask(url)).lower()
    assert listener.heads == []
