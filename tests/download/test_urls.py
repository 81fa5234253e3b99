"""Which URLs are asked: signed ones that run out, hosts that may not be asked, redirects, no credential anywhere."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import trustme

from aikynetix import AikynetixError, DownloadError, NotFoundError

from .calls import EXPIRED, MIB, assert_right, client_of, fetch
from .servers import Fault, Request, Storage, serving, video

if TYPE_CHECKING:
    from pathlib import Path


def signature(request: Request) -> str:
    return parse_qs(urlsplit(request.target).query)["X-Goog-Signature"][0]


@pytest.mark.parametrize("connections", [1, 8])
def test_a_url_that_expires_in_the_middle_is_replaced(connections: int, tmp_path: Path) -> None:
    """Every connection breaks and the URL works no more: a fresh one goes on, and what is finished stays."""
    expired: list[int] = []

    def fault(request: Request) -> Fault | None:
        return Fault(status=400, body=EXPIRED) if expired and signature(request) == "topsecret0" else None

    def cut(done: int, size: int | None) -> None:
        if done > 4 * MIB and not expired:
            expired.append(done)
            storage.sent = 0
            storage.sever()

    with serving(Storage(video(8 * MIB), rate=12 * MIB, fault=fault)) as storage:
        fetch(storage, tmp_path / "v.mp4", connections=connections, progress=cut)
        assert {signature(request) for request in storage.requests} == {"topsecret0", "topsecret1"}
        assert storage.sent < 6 * MIB


def test_what_the_api_says_to_a_second_lookup_reaches_the_caller(tmp_path: Path) -> None:
    """The session may be gone when a fresh URL is asked for; its bytes stay for a later call."""
    storage = Storage(video(2 * MIB))
    storage.fault = lambda request: Fault(status=400, body=EXPIRED) if request.number else Fault(cut_after=MIB)
    storage.urls = lambda number: "" if number else storage.url()
    with serving(storage):
        with pytest.raises(NotFoundError):
            fetch(storage, tmp_path / "v.mp4")
        storage.fault, storage.urls = lambda request: None, None
        assert fetch(storage, tmp_path / "v.mp4").resumed_from == MIB


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's settings, and the file of the authority behind them."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return context, path


@pytest.mark.parametrize("chunked", [False, True])
def test_a_storage_over_tls_works_like_any_other(
    chunked: bool, tls: tuple[ssl.SSLContext, Path], tmp_path: Path
) -> None:
    """Right from the network over many connections, or through the parser."""
    fault = Fault(chunked=True) if chunked else None
    storage = Storage(video(8 * MIB), rate=8 * MIB, tls=tls[0], fault=lambda request: fault)
    with serving(storage), client_of(storage, verify=tls[1]) as client:
        result = client.analyzed_videos.download("session", tmp_path / "v.mp4")
        assert (len(storage.requests) > 1) is not chunked
    assert_right(result, storage.body)


def test_a_redirect_from_tls_to_plain_http_is_refused(tls: tuple[ssl.SSLContext, Path], tmp_path: Path) -> None:
    """Even to this machine: what began encrypted stays so."""
    with serving(Storage(video(1000))) as plain:
        away = Fault(status=302, body=b"", headers={"Location": plain.url()})
        storage = Storage(video(1000), tls=tls[0], fault=lambda request: away)
        with (
            serving(storage),
            client_of(storage, verify=tls[1]) as client,
            pytest.raises(DownloadError, match="neither https"),
        ):
            client.analyzed_videos.download("session", tmp_path / "v.mp4")
        assert plain.requests == []


@pytest.mark.parametrize(
    "target", ["http://storage.example/v.mp4", "http://127.0.0.1.example/v.mp4", "ftp://127.0.0.1/v.mp4", "http://["]
)
@pytest.mark.parametrize("is_redirect", [False, True])
def test_only_https_and_this_machine_are_asked(is_redirect: bool, target: str, tmp_path: Path) -> None:
    """A URL or redirect that would send the signature in the clear is refused, and nothing is repeated."""
    target += "?X-Goog-Signature=topsecret"
    away = Fault(status=307, body=b"", headers={"Location": target})
    with serving(Storage(video(1000), fault=lambda request: away)) as storage:
        storage.urls = None if is_redirect else lambda number: target
        with pytest.raises(AikynetixError) as caught:
            fetch(storage, tmp_path / "v.mp4")
        assert len(storage.requests) == is_redirect
    assert "topsecret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "query", ["X-Goog-Credential=a%40b%2F2026&X-Goog-Signature=0123abcdef", "a=!$&'()*+,;=:@/?%zz"]
)
def test_a_query_is_asked_for_as_it_is(query: str, tmp_path: Path) -> None:
    """What was signed is what is sent."""
    storage = Storage(video(1000))
    storage.urls = lambda number: storage.url(query)
    with serving(storage):
        fetch(storage, tmp_path / "v.mp4")
    assert storage.requests[0].target == httpx.URL(storage.url(query)).raw_path.decode()
