"""The proxy that everybody has to go by: named by the environment or an argument, for the API and the storage alike."""

from __future__ import annotations

import base64
import gc
import logging
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

from aikynetix import Aikynetix, APIConnectionError, APITimeoutError, DownloadError
from tests.contract.callers import CLIENTS, KINDS, ask, do
from tests.faults.scenario import FOUND, assert_presentable, raw, response
from tests.faults.server import Drip, FaultServer, Keep, Script, Tunnel
from tests.secrets.hunt import KEY, PASSWORD, finds

from .conftest import API, STORAGE, free_port, listening, scripts_of, server_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import trustme

USER = "someone"
LOGIN = f"{USER}:{quote(PASSWORD)}@"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def proxy(far: FaultServer) -> Iterator[FaultServer]:
    """A proxy that finds `far` under both of its names."""
    script = Script((Tunnel(far.port),))
    with FaultServer({f"{API}:443": script, f"{STORAGE}:443": script}) as server:
        yield server


WAYS: dict[str, Callable[[str], tuple[dict[str, Any], dict[str, str]]]] = {
    "HTTPS_PROXY": lambda url: ({}, {"HTTPS_PROXY": url}),
    "https_proxy": lambda url: ({}, {"https_proxy": url}),
    "ALL_PROXY": lambda url: ({}, {"ALL_PROXY": url.replace("//", f"//{LOGIN}")}),
    "text": lambda url: ({"proxy": url.replace("//", f"//{LOGIN}")}, {"HTTPS_PROXY": NOWHERE}),
    "httpx.Proxy": lambda url: ({"proxy": httpx.Proxy(url, auth=(USER, PASSWORD))}, {"HTTPS_PROXY": NOWHERE}),
}
"""Settings and environment that name a proxy; three give a user and a password."""


@pytest.mark.parametrize("job", ["download", "export"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_lookups_and_videos_go_by_the_proxy(
    kind: str,
    way: str,
    job: str,
    far: FaultServer,
    proxy: FaultServer,
    settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """By tunnels to these hosts; it hears its own password and no more, API and storage hear nothing of that."""
    given, environment = WAYS[way](proxy.url)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    do(kind, job, tmp_path, **settings | given)
    assert {(seen.method, seen.target) for seen in proxy.seen} == {("CONNECT", f"{h}:443") for h in (API, STORAGE)}
    login = None if way.lower() == "https_proxy" else BASIC
    assert {dict(seen.headers).get("proxy-authorization") for seen in proxy.seen} == {login}
    assert finds(repr(proxy.seen).replace(BASIC, "")) == []
    assert not any("proxy-authorization" in dict(seen.headers) for seen in far.seen)
    assert [dict(seen.headers).get("api-key") for seen in far.seen] == [KEY, None]
    assert PASSWORD not in repr(Aikynetix(**settings | given))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_never_asked_for_by_a_proxy(kind: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says: plain http carries the key in the clear."""
    with FaultServer({"s": raw(FOUND)}) as server, FaultServer({}) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        ask(kind, "get", "s", api_key=KEY, base_url=f"http://{host}:{server.port}")
        assert (len(server.seen), proxy.connections) == (1, 0)


# The first as people write it; the others other programs take, and httpx raises where a client is made.
@pytest.mark.parametrize(
    "entry", ["elsewhere.example", "fe80::/10", "[::1]", "[fe80::1]:80", "b\u00fccher.de", "h:port"]
)
@pytest.mark.parametrize("kind", CLIENTS)
def test_no_proxy_is_obeyed(
    kind: str,
    entry: str,
    near: FaultServer,
    settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A host that NO_PROXY names is asked directly, the storage too; what cannot be matched is passed over."""
    monkeypatch.setenv("ALL_PROXY", NOWHERE)
    monkeypatch.setenv("NO_PROXY", f"{entry}, {near.host}")
    do(kind, "download", tmp_path, **settings | {"base_url": near.url})


@pytest.mark.parametrize("job", ["get", "download"])
@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_that_is_not_there_is_named(kind: str, scheme: str, job: str, tmp_path: Path) -> None:
    """The message says that it is the proxy, and where, and not that the host of the request has a fault."""
    with FaultServer(scripts_of(f"https://{STORAGE}")) as api, socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # is nobody else's, and refuses, for it does not listen
        where = f"127.0.0.1:{deaf.getsockname()[1]}"
        base_url = api.url if job == "download" else f"https://{API}"
        with pytest.raises(APIConnectionError if job == "get" else DownloadError) as caught:
            do(kind, job, tmp_path, api_key=KEY, max_retries=0, proxy=f"{scheme}://{LOGIN}{where}", base_url=base_url)
    assert f"the proxy cannot be reached at {where} (" in str(caught.value)
    assert_presentable(caught.value)


@pytest.mark.parametrize(
    ("hangs_up", "words"),
    [(True, "the proxy cannot be reached at 127"), (False, "proxy at 127.* does not respond")],
)
@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_that_does_nothing_is_named_and_asked_again(
    kind: str, scheme: str, hangs_up: bool, words: str, tmp_path: Path
) -> None:
    """Before there is a tunnel nothing has reached the API, so that a POST is sent again as well."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as pool, ExitStack() as taken:

        def take() -> None:
            for _ in range(2):
                taken.enter_context(server.accept()[0]).recv(65_536)
                if hangs_up:
                    taken.close()

        both_came = pool.submit(take)
        given = {"proxy": f"{scheme}://127.0.0.1:{server.getsockname()[1]}", "base_url": f"https://{API}"}
        with pytest.raises(APIConnectionError, match=words):
            do(kind, "generate", tmp_path, api_key=KEY, timeout=0.5, max_retries=1, **given)
        both_came.result(5)


@pytest.mark.parametrize("kind", KINDS)
def test_behind_tls_to_a_proxy_a_call_ends_too(
    kind: str, authority: trustme.CA, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    """A server that sends byte by byte through TLS inside of TLS is held to the deadline."""
    context, slow = server_context(authority, API, "127.0.0.1"), Script((Drip(b"HTTP/1.1 ", endless=True),))
    with FaultServer({"s": slow}, tls=context) as far:
        with FaultServer({f"{API}:443": Script((Tunnel(far.port),))}, tls=context) as proxy:
            given = {"proxy": f"https://127.0.0.1:{proxy.port}", "base_url": f"https://{API}", "verify": trusting}
            with pytest.raises(APITimeoutError):
                do(kind, "get", tmp_path, api_key=KEY, timeout=1, max_retries=0, **given)
        assert far.connections == 1


@pytest.mark.parametrize("name", ["127.0.0.1", "elsewhere.example"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_whose_certificate_is_refused_is_named(
    kind: str, name: str, authority: trustme.CA, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    """It is the proxy that is not trusted, or has another name, and not the server behind it; it is asked once."""
    verify = trusting if name != "127.0.0.1" else ssl.create_default_context()
    with FaultServer({}, tls=server_context(authority, name)) as proxy:
        given = {"proxy": f"https://127.0.0.1:{proxy.port}", "base_url": f"https://{API}", "max_retries": 3}
        with pytest.raises(APIConnectionError, match="the proxy's certificate is") as caught:
            do(kind, "get", tmp_path, api_key=KEY, verify=verify, **given)
        assert (proxy.connections, proxy.seen) == (1, [])
    assert caught.value.is_permanent
    assert_presentable(caught.value)


REFUSALS = {"407": response(status=407, headers="Proxy-Authenticate: Basic\r\n"), "403": response(status=403)}


@pytest.mark.parametrize("job", ["get", "download"])
@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_that_says_no_is_asked_once(
    kind: str, refusal: str, job: str, far: FaultServer, settings: dict[str, Any], tmp_path: Path
) -> None:
    """The status stands in the message, without the proxy's password; a download leaves nothing."""
    refused = f"{API if job == 'get' else STORAGE}:443"
    scripts = {f"{API}:443": Script((Tunnel(far.port),)), refused: Script((REFUSALS[refusal], Keep()))}
    with FaultServer(scripts) as proxy:
        given = settings | {"proxy": proxy.url.replace("//", f"//{LOGIN}"), "max_retries": 3}
        with pytest.raises(APIConnectionError if job == "get" else DownloadError) as caught:
            do(kind, job, tmp_path, **given)
        assert [seen.target for seen in proxy.seen].count(refused) == 1
    assert refusal in str(caught.value)
    assert "proxy" in str(caught.value)
    assert_presentable(caught.value)
    assert list(tmp_path.iterdir()) == []


PROGRAMS: dict[str, Callable[[int, Path], list[str]]] = {
    "socks5": lambda port, _: ["microsocks", "-i", "127.0.0.1", "-p", str(port), "-u", USER, "-P", "right"],
    "http": lambda _, config: ["tinyproxy", "-d", "-c", str(config)],
}
"""By the scheme of a proxy's URL: the command of a program that speaks it, given its port and its settings."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # httpcore leaves a refusing one open
@pytest.mark.parametrize("scheme", PROGRAMS)
@pytest.mark.parametrize("kind", KINDS)
def test_programs_that_are_proxies_carry_everything(
    kind: str,
    scheme: str,
    near: FaultServer,
    settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    """With user and password from ALL_PROXY; with another password nothing gets through, and the error says so."""
    caplog.set_level(logging.DEBUG)
    port, config = free_port(), tmp_path / "tinyproxy.conf"
    config.write_text(f"Port {port}\nListen 127.0.0.1\nTimeout 20\nBasicAuth {USER} right\nAllow 127.0.0.1\n")
    with listening(PROGRAMS[scheme](port, config), port):
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://{USER}:right@127.0.0.1:{port}")
        for job in ("download", "export"):
            do(kind, job, tmp_path, **settings | {"base_url": near.url})
        assert len(near.seen) == 4
        near.forget()
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://{LOGIN}127.0.0.1:{port}")
        with pytest.raises(APIConnectionError, match="the proxy wants a user and password") as caught:
            ask(kind, "get", "s", **settings | {"base_url": near.url, "max_retries": 0})
        assert caught.value.is_permanent
        assert_presentable(caught.value)
        assert near.connections == 0
        assert finds(caplog.text) == []
        del caught
        gc.collect()
