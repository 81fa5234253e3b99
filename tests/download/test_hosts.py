"""Who the bytes are asked of, over what, and what it gets to see of the caller."""

from __future__ import annotations

import asyncio
import http.server
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trustme

from aikynetix import Aikynetix, AsyncAikynetix, DownloadedVideo, DownloadError, DownloadInterruptedError
from aikynetix._download import Storage as Pool
from aikynetix._download._storage import Lifeline

from .calls import MIB, assert_right, fetch
from .servers import Fault, Request, Storage, serving, video

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("either_thread")

KEY, TOKEN = "canary-key-of-the-caller", "canary-token-of-the-caller"
ALLOWED = {"host", "accept", "accept-encoding", "user-agent", "range", "if-range", "connection"}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that nobody trusts yet."""
    return trustme.CA()


def context(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(made)
    return made


def download(kind: str, storage: Storage, to: Path, **settings: Any) -> DownloadedVideo:
    """Download with a client of the public API."""
    settings.update(base_url=storage.base_url, timeout=10.0, max_retries=0)
    if kind == "sync":
        with Aikynetix(**settings) as client:
            return client.analyzed_videos.download("session", to)

    async def main() -> DownloadedVideo:
        async with AsyncAikynetix(**settings) as made:
            return await made.analyzed_videos.download("session", to)

    return asyncio.run(main())


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("credential", [{"api_key": KEY}, {"token": TOKEN}], ids=["key", "token"])
def test_the_storage_sees_neither_credential_nor_cookie(
    kind: str, credential: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
        download(kind, storage, tmp_path / "v.mp4", **credential)
        assert len(storage.requests) > 4
        for request in storage.requests:
            assert set(request.headers) <= ALLOWED
            assert "canary" not in repr(request)
        assert all(KEY in repr(request) or TOKEN in repr(request) for request in storage.lookups)


@contextmanager
def proxy() -> Generator[tuple[str, list[str]]]:
    """Something that takes note of every request that is sent through it."""
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_error(502)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_no_proxy_of_the_environment_gets_to_see_a_signed_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY and its like are not for signed URLs."""
    with proxy() as (address, seen), serving(Storage(video(1000))) as storage:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, address)
        assert_right(fetch(storage, tmp_path / "v.mp4"), tmp_path / "v.mp4", storage.body)
    assert seen == []


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_storage_over_tls_is_trusted_by_its_authority(
    kind: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With SSL_CERT_FILE naming its authority, API and storage work over TLS, over many connections too."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    (tmp_path / "to").mkdir()
    with serving(Storage(video(8 * MIB), rate=8 * MIB, tls=context(authority))) as storage:
        result = download(kind, storage, tmp_path / "to" / "v.mp4", api_key=KEY)
        assert len(storage.requests) > 1
    assert_right(result, tmp_path / "to" / "v.mp4", storage.body)


@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_a_storage_with_the_wrong_certificate_gets_no_request(
    wrong: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another authority, or a certificate for another name, ends the download before the URL is sent."""
    trusted = trustme.CA() if wrong == "authority" else authority
    trusted.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    name = "127.0.0.1" if wrong == "authority" else "storage.example"
    with serving(Storage(video(1000), tls=context(authority, name))) as storage:
        with pytest.raises(DownloadInterruptedError, match="cannot be reached"):
            fetch(storage, tmp_path / "v.mp4", max_retries=0)
        assert storage.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://storage.example/v.mp4?X-Goog-Signature=topsecret",
        "http://127.0.0.1.example/v.mp4?X-Goog-Signature=topsecret",
        "http://localhost.example/v.mp4?X-Goog-Signature=topsecret",
        "http://127.0.0.1@storage.example/v.mp4?X-Goog-Signature=topsecret",
        "ftp://127.0.0.1/v.mp4?X-Goog-Signature=topsecret",
        "file:///etc/passwd?X-Goog-Signature=topsecret",
        "//storage.example/v.mp4?X-Goog-Signature=topsecret",
        "https:///v.mp4?X-Goog-Signature=topsecret",
        "https://[::1/v.mp4?X-Goog-Signature=topsecret",
        "https://storage.example:port/v.mp4?X-Goog-Signature=topsecret",
        "http://\x00/v.mp4?X-Goog-Signature=topsecret",
        "",
    ],
)
def test_only_https_and_this_machine_are_asked(url: str, tmp_path: Path) -> None:
    """A URL that would send the signature in the clear, or that is none, is refused, and it is not repeated."""
    with serving(Storage(video(1000))) as storage, pytest.raises(DownloadError) as caught:
        fetch(storage, tmp_path / "v.mp4", urls=lambda number: url)
    assert type(caught.value) is DownloadError
    assert "topsecret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "query",
    [
        "X-Goog-Credential=a%40b%2F2026&X-Goog-Signature=0123abcdef",
        "response-content-disposition=attachment%3B+filename%3D%22v.mp4%22",
        "a=!$&'()*+,;=:@/?[]{}|\\^`~%zz",
        "a=b c",
        'a="<>"',
        "a=ü",
        "a=1?b=2",
        "a=1#b=2?c=3",
        "",
        "?",
        "a=" + 9000 * "b",
    ],
)
@pytest.mark.parametrize("end", ["", "#there?a=1"])
def test_a_query_is_asked_for_as_it_is(query: str, end: str, tmp_path: Path) -> None:
    """What was signed is what is sent; only what no request can hold is encoded, and a fragment stays here."""
    with serving(Storage(video(1000))) as storage:
        url = storage.url(query) + end
        fetch(storage, tmp_path / "v.mp4", urls=lambda number: url)
    assert storage.requests[0].target == httpx.URL(url).raw_path.decode()


@pytest.mark.parametrize("query", ["X-Goog-Signature=other", "a=b c#d"])
def test_a_relative_redirect_goes_on_from_where_it_came(query: str, tmp_path: Path) -> None:
    """Its query takes the place of the other one, as RFC 3986 says in section 5.3."""

    def first(request: Request) -> Fault | None:
        return Fault(status=307, body=b"", headers={"Location": f"?{query}"}) if request.number == 0 else None

    with serving(Storage(video(1000), fault=first)) as storage:
        fetch(storage, tmp_path / "v.mp4")
        wanted = httpx.URL(storage.url(query)).raw_path.decode()
    assert [request.target for request in storage.requests[1:]] == [wanted]


@pytest.mark.parametrize(
    "target",
    [
        "http://storage.example/v.mp4",
        "ftp://127.0.0.1/v.mp4",
        "http://[",
        "http://127.0.0.1.example/",
        "https://xn--a/v.mp4",
    ],
)
def test_a_redirect_leads_to_no_other_kind_of_host(target: str, tmp_path: Path) -> None:
    """What may not be asked may not be redirected to either."""
    away = Fault(status=307, body=b"", headers={"Location": target})
    with serving(Storage(video(1000), fault=lambda request: away)) as storage:
        with pytest.raises(DownloadError) as caught:
            fetch(storage, tmp_path / "v.mp4")
        assert len(storage.requests) == 1
    assert type(caught.value) is DownloadError


def test_a_redirect_from_tls_to_plain_http_is_refused(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even to this machine: what began encrypted stays so."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with serving(Storage(video(1000))) as plain:
        away = Fault(status=302, body=b"", headers={"Location": plain.url()})
        tls = Storage(video(1000), tls=context(authority), fault=lambda request: away)
        with serving(tls), pytest.raises(DownloadError, match="neither https"):
            fetch(tls, tmp_path / "v.mp4")
        assert plain.requests == []


def test_a_redirect_within_the_rules_is_followed_with_its_ranges(tmp_path: Path) -> None:
    """Another path or host is fine; every range goes the same way, and the object is known by where it was found."""

    def fault(request: Request) -> Fault | None:
        if request.target.startswith("/moved"):
            return None
        return Fault(status=308, body=b"", headers={"Location": f"/moved{storage.path}?signature=topsecret"})

    with serving(Storage(video(8 * MIB), (), rate=8 * MIB, fault=fault)) as storage:
        assert_right(fetch(storage, tmp_path / "v.mp4"), tmp_path / "v.mp4", storage.body)
        assert sum(request.target.startswith("/moved") for request in storage.requests) > 1


def test_a_connection_that_only_redirected_is_nobodys_any_more(tmp_path: Path) -> None:
    """It serves the next download, which does not end with the one that was redirected."""
    with serving(Storage(video(1000))) as target:
        away = Fault(status=302, body=b"", headers={"Location": target.url()})
        with serving(Storage(video(1000), fault=lambda request: away if not request.number else None)) as first:
            pool, lifeline = Pool(timeout=httpx.Timeout(5)), Lifeline()
            redirected = pool.open(first.url(), {}, lifeline=lifeline)
            other = pool.open(first.url(), {})
            lifeline.pull()
            assert other.body.read_into(memoryview(bytearray(1000))) == 1000
            assert first.most == 1
            redirected.close()
            other.close()
            pool.close()
