"""The proxy that everybody has to go by: named by the environment or an argument, for the API and the storage alike."""

from __future__ import annotations

import base64
import gc
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

from aikynetix import Aikynetix, APIConnectionError, ConfigurationError, DownloadError
from tests.contract.callers import CLIENTS, KINDS, ask
from tests.faults.scenario import FOUND, assert_presentable, raw, response
from tests.faults.server import FaultServer, Keep, Script, Tunnel
from tests.faults.storage import VIDEO
from tests.secrets.hunt import KEY, PASSWORD, finds

from .conftest import API, STORAGE, scripts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

USER = "someone"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
TARGETS = {"get": [API], "download": [API, STORAGE], "export": [API, STORAGE]}


@pytest.fixture
def proxy(far: FaultServer) -> Iterator[FaultServer]:
    """A proxy that finds `far` under both of its names."""
    script = Script((Tunnel(far.port),))
    with FaultServer({f"{API}:443": script, f"{STORAGE}:443": script}) as server:
        yield server


def do(kind: str, job: str, folder: Path, settings: dict[str, Any]) -> None:
    """Do a job for session "s", and see that it is done."""
    if job == "get":
        assert ask(kind, "get", "s", **settings).session_id == "s"
    elif job == "download":
        assert ask(kind, "download", "s", folder / "v.mp4", **settings).size == len(VIDEO)
    else:
        records = ask(kind, "export", ["s"], folder, **settings)
        assert [record.status for record in records] == ["done"], records[0].message


def assert_went_by(proxy: FaultServer, job: str, authorization: str | None = None) -> None:
    """The proxy was asked for tunnels to these hosts and no others, and saw nothing of the requests inside."""
    assert {(seen.method, seen.target) for seen in proxy.seen} == {("CONNECT", f"{host}:443") for host in TARGETS[job]}
    for seen in proxy.seen:
        assert dict(seen.headers).get("proxy-authorization") == authorization
    assert finds(repr(proxy.seen).replace(BASIC, "")) == []


@pytest.mark.parametrize("job", TARGETS)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("kind", CLIENTS)
def test_the_environment_names_the_proxy(
    kind: str, variable: str, job: str, far: FaultServer, proxy: FaultServer, settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    """Lookups, downloads and exports go by it, the storage's part too; the key is for the API alone."""
    monkeypatch.setenv(variable, proxy.url)
    do(kind, job, tmp_path, settings)
    assert_went_by(proxy, job)
    assert {dict(seen.headers).get("api-key") for seen in far.seen if "/sessions/s/" in seen.target} == {KEY}
    assert {dict(seen.headers).get("api-key") for seen in far.seen if "/video/" in seen.target} <= {None}


@pytest.mark.parametrize(
    "given",
    [
        lambda proxy: {"proxy": proxy.url.replace("//", f"//{USER}:{quote(PASSWORD)}@")},
        lambda proxy: {"proxy": httpx.Proxy(proxy.url, auth=(USER, PASSWORD))},
        lambda proxy: {},
    ],
    ids=["text", "httpx.Proxy", "environment"],
)
@pytest.mark.parametrize("job", ["get", "download"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_with_user_and_password(
    kind: str, job: str, given: Any, far: FaultServer, proxy: FaultServer, settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    """As an argument, which wins over the environment, or in a variable; nobody but the proxy hears them."""
    wrong = "http://127.0.0.1:9"
    monkeypatch.setenv(
        "HTTPS_PROXY", wrong if given(proxy) else proxy.url.replace("//", f"//{USER}:{quote(PASSWORD)}@")
    )
    do(kind, job, tmp_path, settings | given(proxy))
    assert_went_by(proxy, job, BASIC)
    assert not any("proxy-authorization" in dict(seen.headers) for seen in far.seen)
    assert PASSWORD not in repr(Aikynetix(**settings | given(proxy)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("url", ["http://127.0.0.1", "http://localhost"])
def test_loopback_is_never_asked_for_by_a_proxy(kind: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says: plain http carries the key in the clear."""
    with FaultServer({"s": raw(FOUND)}) as server, FaultServer({}) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        ask(kind, "get", "s", api_key=KEY, base_url=f"{url}:{server.port}")
        assert (len(server.seen), proxy.connections) == (1, 0)


@pytest.mark.parametrize("kind", CLIENTS)
def test_no_proxy_is_obeyed(
    kind: str, near: FaultServer, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A host that NO_PROXY names is asked directly, the storage too."""
    with FaultServer({}) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", f"elsewhere.example, {near.host}")
        do(kind, "download", tmp_path, settings | {"base_url": near.url})
        assert (len(near.seen), proxy.connections) == (2, 0)


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("entry", ["fe80::/10", "[::1]", "[fe80::1]:80", "b\u00fccher.example", "host:port"])
def test_what_httpx_cannot_match_in_no_proxy_is_passed_over(
    kind: str, entry: str, near: FaultServer, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other programs take such entries, so they are common; httpx itself raises where a client is made."""
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", f"{entry},{near.host}")
    assert ask(kind, "get", "s", **(settings | {"base_url": near.url})).session_id == "s"


@pytest.mark.parametrize("job", ["get", "download"])
@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_that_is_not_there_is_named(kind: str, scheme: str, job: str, tmp_path: Path) -> None:
    """The message says that it is the proxy, and where, and not that the host of the request has a fault."""
    settings: dict[str, Any] = {"api_key": KEY, "max_retries": 0}
    with FaultServer(scripts_of(f"https://{STORAGE}")) as near, socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        taken.close()
        settings |= {"proxy": f"{scheme}://{USER}:{quote(PASSWORD)}@{where}"}
        settings |= {"base_url": near.url if job == "download" else f"https://{API}"}
        with pytest.raises(APIConnectionError if job == "get" else DownloadError) as caught:
            ask(kind, job, "s", *([tmp_path / "v.mp4"] if job == "download" else []), **settings)
    assert f"the proxy cannot be reached at {where} (" in str(caught.value)
    assert_presentable(caught.value)


REFUSALS = {
    "407": (response(status=407, headers="Proxy-Authenticate: Basic\r\n"), ["407", "proxy"]),
    "403": (response(status=403), ["403", "proxy"]),
}


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_that_says_no_is_asked_once(kind: str, refusal: str, settings: dict[str, Any]) -> None:
    """The status stands in the message, with what to do about it, and without the proxy's password."""
    said, words = REFUSALS[refusal]
    with FaultServer({f"{API}:443": Script((said, Keep()))}) as proxy:
        given = settings | {"proxy": proxy.url.replace("//", f"//{USER}:{quote(PASSWORD)}@"), "max_retries": 3}
        with pytest.raises(APIConnectionError) as caught:
            ask(kind, "get", "s", **given)
        assert len(proxy.seen) == 1
    assert all(word in str(caught.value) for word in words)
    assert_presentable(caught.value)


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("kind", CLIENTS)
def test_a_proxy_that_refuses_the_storage_is_asked_once(
    kind: str, refusal: str, far: FaultServer, settings: dict[str, Any], tmp_path: Path
) -> None:
    """A download says why it cannot be, at once, and leaves nothing."""
    said, words = REFUSALS[refusal]
    scripts = {f"{API}:443": Script((Tunnel(far.port),)), f"{STORAGE}:443": Script((said, Keep()))}
    with FaultServer(scripts) as proxy:
        with pytest.raises(DownloadError) as caught:
            ask(kind, "download", "s", tmp_path / "v.mp4", **settings | {"proxy": proxy.url, "max_retries": 3})
        assert [seen.target for seen in proxy.seen].count(f"{STORAGE}:443") == 1
    assert all(word in str(caught.value) for word in words)
    assert_presentable(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_proxy_that_is_overloaded_is_asked_again(kind: str, far: FaultServer, settings: dict[str, Any]) -> None:
    """503 to a CONNECT never reached the API, so that even a POST may be sent again."""
    busy = (response(status=503, headers="Retry-After: 0\r\n"), Keep())
    with FaultServer({f"{API}:443": Script(busy, (Tunnel(far.port),))}) as proxy:
        video = ask(kind, "generate", "s", **settings | {"proxy": proxy.url, "max_retries": 1})
        assert video.session_id == "s"
        assert (len(proxy.seen), len(far.seen)) == (2, 1)


@pytest.mark.parametrize(
    "proxy", ["ftp://127.0.0.1:1", "127.0.0.1", "http://", 5, f"gopher://{USER}:{quote(PASSWORD)}@h"]
)
@pytest.mark.parametrize("kind", CLIENTS)
def test_a_proxy_that_cannot_be_one_is_refused(kind: str, proxy: Any) -> None:
    """When the client is made, by the setting's name, without its password."""
    with pytest.raises(ConfigurationError, match="proxy=") as caught:
        ask(kind, "get", "s", api_key=KEY, proxy=proxy)
    assert finds(str(caught.value)) == []


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
    return port


@contextmanager
def running(command: list[str], port: int) -> Generator[None]:
    """A program that listens at this port."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(200):
                with socket.socket() as sock:
                    if sock.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.02)
            yield
        finally:
            process.kill()


PROGRAMS: dict[str, Callable[[int, Path], list[str]]] = {
    "socks5": lambda port, _: ["microsocks", "-i", "127.0.0.1", "-p", str(port), "-u", USER, "-P", "right"],
    "http": lambda _, config: ["tinyproxy", "-d", "-c", str(config)],
}
"""By the scheme of a proxy's URL: the command of a program that speaks it, given its port and its settings."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # httpcore leaves a refusing one open
@pytest.mark.parametrize("scheme", PROGRAMS)
@pytest.mark.parametrize("kind", KINDS)
def test_programs_that_are_proxies_carry_everything(
    kind: str, scheme: str, near: FaultServer, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With user and password from ALL_PROXY; with another password nothing gets through, and the error says so."""
    port, config = free_port(), tmp_path / "tinyproxy.conf"
    config.write_text(f"Port {port}\nListen 127.0.0.1\nTimeout 20\nBasicAuth {USER} right\nAllow 127.0.0.1\n")
    with running(PROGRAMS[scheme](port, config), port):
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://{USER}:right@127.0.0.1:{port}")
        for job in ("download", "export"):
            do(kind, job, tmp_path, settings | {"base_url": near.url})
        assert len(near.seen) == 4
        near.forget()
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://{USER}:{quote(PASSWORD)}@127.0.0.1:{port}")
        with pytest.raises(APIConnectionError, match="the proxy wants a user and password") as caught:
            ask(kind, "get", "s", **settings | {"base_url": near.url, "max_retries": 0})
        assert caught.value.is_permanent
        assert_presentable(caught.value)
        assert near.connections == 0
        del caught
        gc.collect()
