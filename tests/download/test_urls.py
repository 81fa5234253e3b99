"""Which URLs are asked: signed ones that run out, hosts that may not be asked, redirects, no credential anywhere."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import trustme

from aikynetix import (
    Aikynetix,
    AikynetixError,
    AsyncAikynetix,
    DownloadedVideo,
    DownloadError,
    NotFoundError,
)

from .calls import EXPIRED, MIB, assert_right, fetch
from .servers import Fault, Request, Storage, serving, video

if TYPE_CHECKING:
    from pathlib import Path

REFUSED = b"<?xml version='1.0'?><Error><Code>SignatureDoesNotMatch</Code></Error>"
KEY = "canary-key-of-the-caller"
ALLOWED = {"host", "accept", "accept-encoding", "user-agent", "range", "if-range", "connection"}


def signature(request: Request) -> str:
    return parse_qs(urlsplit(request.target).query)["X-Goog-Signature"][0]


@pytest.mark.parametrize(("status", "body"), [(400, EXPIRED), (403, REFUSED), (403, b""), (401, b"")])
def test_a_url_that_has_expired_before_is_replaced(status: int, body: bytes, tmp_path: Path) -> None:
    """What Cloud Storage says about an old URL makes the API be asked for another one, once."""
    fault = Fault(status=status, body=body)
    with serving(
        Storage(video(MIB), fault=lambda request: fault if signature(request) == "topsecret0" else None)
    ) as storage:
        result = fetch(storage, tmp_path / "v.mp4")
        assert [signature(request) for request in storage.requests] == ["topsecret0", "topsecret1"]
    assert_right(result, tmp_path / "v.mp4", storage.body)


@pytest.mark.parametrize("connections", [1, 8])
def test_a_url_that_expires_in_the_middle_is_replaced(connections: int, tmp_path: Path) -> None:
    """Every connection breaks and the URL works no more: a fresh one goes on, and what is finished stays."""
    body = video(8 * MIB)
    expired: list[int] = []

    def fault(request: Request) -> Fault | None:
        return Fault(status=400, body=EXPIRED) if expired and signature(request) == "topsecret0" else None

    def cut(done: int, size: int | None) -> None:
        if done > 4 * MIB and not expired:
            expired.append(done)
            storage.sent = 0
            storage.sever()

    with serving(Storage(body, rate=4 * MIB, fault=fault)) as storage:
        result = fetch(storage, tmp_path / "v.mp4", connections=connections, progress=cut)
        assert {signature(request) for request in storage.requests} == {"topsecret0", "topsecret1"}
        assert storage.sent < 6 * MIB
    assert_right(result, tmp_path / "v.mp4", body)


def test_what_the_api_says_to_a_second_lookup_reaches_the_caller(tmp_path: Path) -> None:
    """The session may be gone when a fresh URL is asked for; its bytes stay for a later call."""
    storage = Storage(video(2 * MIB))
    storage.fault = lambda request: Fault(status=400, body=EXPIRED) if request.number else Fault(cut_after=MIB)
    storage.urls = lambda number: "" if number else storage.url()
    with serving(storage):
        with pytest.raises(NotFoundError):
            fetch(storage, tmp_path / "v.mp4")
        storage.fault, storage.urls = lambda request: None, None
        result = fetch(storage, tmp_path / "v.mp4")
    assert result.resumed_from == MIB
    assert_right(result, tmp_path / "v.mp4", storage.body)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that nobody trusts yet."""
    return trustme.CA()


def context(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(made)
    return made


def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the authority trusted, and return a folder for the video."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    (tmp_path / "to").mkdir()
    return tmp_path / "to" / "v.mp4"


def download(kind: str, storage: Storage, to: Path, **settings: Any) -> DownloadedVideo:
    """Download with either client."""
    settings.update(base_url=storage.base_url, timeout=10.0, max_retries=0)
    if kind == "sync":
        with Aikynetix(**settings) as client:
            return client.analyzed_videos.download("session", to)

    async def main() -> DownloadedVideo:
        async with AsyncAikynetix(**settings) as made:
            return await made.analyzed_videos.download("session", to)

    return asyncio.run(main())


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_storage_sees_neither_credential_nor_cookie(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in the first request, not in ranges, not after a cookie, a 401 or a redirect, not from .netrc."""
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login me password {KEY}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    answers = {
        0: Fault(status=401, body=b"", headers={"Set-Cookie": "canary=1", "WWW-Authenticate": "Basic realm=x"}),
        1: Fault(status=302, body=b"", headers={"Location": "/elsewhere", "Set-Cookie": "canary=2"}),
        2: Fault(headers={"Set-Cookie": "canary=3"}),
    }
    with serving(Storage(video(8 * MIB), rate=8 * MIB, fault=lambda request: answers.get(request.number))) as storage:
        download(kind, storage, tmp_path / "v.mp4", api_key=KEY)
        assert len(storage.requests) > 4
        for request in storage.requests:
            assert set(request.headers) <= ALLOWED
            assert "canary" not in repr(request)
        assert all(KEY in repr(request) for request in storage.lookups)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_storage_over_tls_works_like_any_other(
    kind: str, chunked: bool, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right from the TLS socket over many connections, or through the parser; trusted by SSL_CERT_FILE."""
    to = trusted(authority, tmp_path, monkeypatch)
    fault = Fault(chunked=True) if chunked else None
    with serving(Storage(video(8 * MIB), rate=8 * MIB, tls=context(authority), fault=lambda request: fault)) as storage:
        result = download(kind, storage, to, api_key=KEY)
        assert (len(storage.requests) > 1) is not chunked
    assert_right(result, to, storage.body)


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


def test_a_redirect_from_tls_to_plain_http_is_refused(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even to this machine: what began encrypted stays so."""
    to = trusted(authority, tmp_path, monkeypatch)
    with serving(Storage(video(1000))) as plain:
        away = Fault(status=302, body=b"", headers={"Location": plain.url()})
        tls = Storage(video(1000), tls=context(authority), fault=lambda request: away)
        with serving(tls), pytest.raises(DownloadError, match="neither https"):
            fetch(tls, to)
        assert plain.requests == []


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
