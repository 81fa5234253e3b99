"""Which connections are opened, which are used again, and that no response answers another request."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

import aikynetix
from aikynetix import (
    Aikynetix,
    APIResponseValidationError,
    APITimeoutError,
    AsyncAikynetix,
    DownloadInterruptedError,
    NotFoundError,
)
from tests.contract.callers import CLIENTS, KINDS, do, in_a_row
from tests.faults.scenario import FOUND, FOUND_BODY, HEAD, URL, answer, raw, response
from tests.faults.server import FaultServer, Keep, Pause, Script
from tests.faults.storage import VIDEO, head
from tests.secrets.hunt import KEY

from .conftest import black_hole, scripts_of, server_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    import trustme

Wire = tuple[dict[str, Any], dict[str, Any]]
STRAY = response({"analyzed_video_url": "https://evil.example/stray.mp4"})


@pytest.fixture(params=["http", "https"])
def wire(request: pytest.FixtureRequest, authority: trustme.CA, trusting: ssl.SSLContext) -> Wire:
    """The settings of a server and of a client that trusts it, without TLS and with it."""
    if request.param == "http":
        return {}, {}
    return {"tls": server_context(authority, "127.0.0.1")}, {"verify": trusting}


def get(name: str = "s", after: float = 0.0) -> Callable[[Any], Any]:
    """A lookup, so many seconds after the one before it: what the server does behind a response has arrived by then."""

    def call(videos: Any) -> Any:
        time.sleep(after)
        return videos.get(name)

    return call


def settings_of(server: FaultServer, **more: Any) -> dict[str, Any]:
    return {"api_key": KEY, "base_url": server.url, "max_retries": 0, "timeout": 5} | more


_BODY = FOUND[FOUND.index(b"{") :]
_CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(_BODY), _BODY)
REUSE: dict[str, tuple[Script, int]] = {
    "with a length": (Script((FOUND, Keep())), 1),
    "in chunks": (Script((_CHUNKED, Keep())), 1),
    "without a body": (answer(status=404), 1),
    "the server says close": (answer(FOUND_BODY, headers="Connection: close\r\n"), 3),
    "the server closes without a word": (raw(FOUND), 3),
    "until the end": (raw(HEAD, b"\r\n{}"), 3),
    "HTTP/1.0": (raw(FOUND.replace(b"HTTP/1.1", b"HTTP/1.0")), 3),
    "an error larger than what is read": (answer(b"x" * 300_000, status=404), 3),
    "a success larger than what is read": (answer(b" " * 9_000_000), 3),
}
"""What the server answers to each of three lookups in a row, and how many connections they take."""


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")  # httpcore on trio, of a body left half read
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the same, as pytest passes it on
@pytest.mark.parametrize("case", REUSE)
@pytest.mark.parametrize("kind", KINDS)
def test_a_connection_serves_again_where_its_response_was_read_to_the_end(kind: str, wire: Wire, case: str) -> None:
    """Lookups in a row, none of them retried: as many connections as HTTP needs, and all end alike."""
    (script, connections), (tls, trust) = REUSE[case], wire
    with FaultServer({"s": script}, **tls) as server:
        ended = in_a_row(kind, settings_of(server, **trust), *[get(after=0.05 if connections > 1 else 0)] * 3)
        assert len({type(each) for each in ended}) == 1, [getattr(e, "message", "ok") for e in ended]
        assert isinstance(ended[0], NotFoundError | APIResponseValidationError) or ended[0].url == URL
        assert server.connections == connections
        gc.collect()


UNASKED: dict[str, tuple[bytes | Pause | Keep, ...]] = {
    "a response": (FOUND + STRAY, Keep()),
    "half a response": (FOUND + STRAY[:30], Keep()),
    "a byte": (FOUND + b"\0", Keep()),
    "a response a moment later": (FOUND, Pause(0.02), STRAY, Keep()),
    "a response behind chunks": (_CHUNKED + STRAY, Keep()),
}


@pytest.mark.parametrize("case", UNASKED)
@pytest.mark.parametrize("kind", KINDS)
def test_what_nobody_asked_for_answers_nobody(kind: str, wire: Wire, case: str) -> None:
    """Bytes behind a response, at once or while the connection idles, are thrown away with their connection."""
    tls, trust = wire
    later = 0.3 if "later" in case else 0.05  # nobody can tell what comes while a request is under way
    with FaultServer({"s": Script(UNASKED[case], (FOUND, Keep()))}, **tls) as server:
        ended = in_a_row(kind, settings_of(server, **trust), get(), get(after=later), get())
        assert [getattr(each, "url", each) for each in ended] == [URL] * 3
        assert server.connections == 2


@pytest.mark.parametrize("kind", CLIENTS)
def test_bytes_behind_a_video_are_part_of_none(kind: str, wire: Wire, tmp_path: Path) -> None:
    """The same where the storage's body is read past the parser: two downloads in a row, both right."""
    scripts: dict[str, Script] = {}
    tls, trust = wire
    with FaultServer(scripts, **tls) as server:
        scripts |= scripts_of(server.other_url)
        scripts["video"] = Script((head(), VIDEO + head() + bytes(len(VIDEO)), Keep()))
        fetches = [lambda videos, name=name: videos.download("s", tmp_path / name) for name in ("a", "b")]
        ended = in_a_row(kind, settings_of(server, **trust), *fetches)
        assert [getattr(each, "size", each) for each in ended] == [len(VIDEO)] * 2
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {VIDEO}


@pytest.mark.parametrize(("workers", "most"), [(1, 1), (32, 32), (400, 256)])
@pytest.mark.parametrize("kind", KINDS)
def test_lookups_open_as_many_connections_as_are_in_flight(kind: str, workers: int, most: int) -> None:
    """And never more than 256; of 400 lookups none fails."""
    names = iter(["s"] * 400)

    def in_threads(client: Any) -> None:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(client.analyzed_videos.get, names))

    async def in_tasks(client: Any) -> None:
        async def look() -> None:
            for name in names:
                await client.analyzed_videos.get(name)

        async with anyio.create_task_group() as group:
            for _ in range(workers):
                group.start_soon(look)

    with FaultServer({"s": answer(FOUND_BODY)}) as server:
        KINDS[kind](settings_of(server, timeout=20), in_threads if kind == "sync" else in_tasks)
        assert len(server.seen) == 400
        assert server.connections <= most


@pytest.mark.parametrize("kind", KINDS)
def test_a_kept_connection_that_the_server_has_closed_meanwhile_fails_no_lookup(kind: str, wire: Wire) -> None:
    """Its farewell may arrive in the middle of the next request, which is sent on another connection at once."""
    tls, trust = wire
    with FaultServer({"s": raw(FOUND)}, **tls) as server:
        ended = in_a_row(kind, settings_of(server, **trust), *[get()] * 20)
    assert [video.url for video in ended] == [URL] * 20


def test_a_resolver_that_hangs_is_left_to_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The system's knows no timeout: the deadline ends the wait for it, and so does a stop."""

    def getaddrinfo(*_: object, **__: object) -> list[Any]:
        time.sleep(1)
        raise socket.gaierror(-3, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)  # as above, the system's own
    began, settings = time.monotonic(), {"api_key": KEY, "base_url": "https://slow.example", "timeout": 0.2}
    (error,) = in_a_row("sync", settings | {"max_retries": 0}, get())
    assert isinstance(error, APITimeoutError)
    assert time.monotonic() - began < 0.8
    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    with Aikynetix(KEY, base_url="https://slow.example") as client, pytest.raises(DownloadInterruptedError):
        client.analyzed_videos.download("s", tmp_path / "v.mp4", cancel=cancel)
    assert time.monotonic() - began < 1.2


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue may refuse, and 127.0.0.2 not be there")
@pytest.mark.parametrize(("first", "refuses"), [("::1", False), ("127.0.0.2", False), ("127.0.0.2", True)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_dead_first_address_costs_under_a_second(
    kind: str, first: str, refuses: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """API and storage, where the first of two addresses swallows or refuses whatever is sent to it (RFC 8305)."""
    genuine = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> list[Any]:
        addresses = (first, "127.0.0.1") if host in ("localhost", b"localhost") else (host,)
        return [found for address in addresses for found in genuine(address, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)  # the one thing that has to be made up
    scripts: dict[str, Script] = {}
    with FaultServer(scripts) as server, ExitStack() as stack:
        scripts |= scripts_of(f"http://localhost:{server.other_port}")
        for port in () if refuses else (server.port, server.other_port):
            stack.enter_context(black_hole(first, port))
        for base_url, job, most in (
            (server.url, "download", 60),  # loads what the next one needs
            (f"http://localhost:{server.port}", "get", 1),
            (f"http://localhost:{server.port}", "download", 2),  # its lookup and its storage have a dead address each
        ):
            folder, began = tmp_path / str(most), time.monotonic()
            folder.mkdir()
            do(kind, job, folder, api_key=KEY, base_url=base_url, timeout=5, max_retries=0)
            assert time.monotonic() - began < most


@pytest.mark.parametrize("place", ["connect", "handshake"])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cancelling_while_connecting_ends_at_once(backend: str, place: str) -> None:
    """A call that is opening its connection ends when it is told to."""

    async def main(url: str) -> None:
        async with AsyncAikynetix(KEY, base_url=url, timeout=20) as client:
            began = time.monotonic()
            with anyio.move_on_after(0.1) as scope:
                await client.analyzed_videos.get("s")
            assert scope.cancelled_caught
            assert time.monotonic() - began < 1

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        if place == "handshake":
            anyio.run(main, f"https://127.0.0.1:{port}", backend=backend)
        else:
            with black_hole("127.0.0.2", port):
                anyio.run(main, f"http://127.0.0.2:{port}", backend=backend)
    gc.collect()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_one_client_serves_one_event_loop_after_another(backend: str, tmp_path: Path) -> None:
    """Each gets connections of its own instead of those of a loop that has ended; downloads too; closing works."""
    scripts: dict[str, Script] = {}
    with FaultServer(scripts) as server:
        scripts |= scripts_of(server.other_url)
        client = AsyncAikynetix(KEY, base_url=server.url, max_retries=0)

        async def use(number: int) -> None:
            for _ in range(2):
                assert (await client.analyzed_videos.get("s")).session_id == "s"
            await client.analyzed_videos.download("s", tmp_path / f"{number}.mp4")

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # a loop that was closed over its connections says so
            for number, loop in enumerate(("asyncio", backend, "asyncio")):
                anyio.run(use, number, backend=loop)
            anyio.run(client.aclose, backend=backend)
            gc.collect()
    assert len(list(tmp_path.iterdir())) == 3


_FORK = """
import os, sys
from aikynetix import Aikynetix

client = Aikynetix("key-0123456789", base_url=sys.argv[1], max_retries=0)
for _ in range(3):
    client.analyzed_videos.get("100")
children = []
for number in range(4):
    child = os.fork()
    if not child:
        for _ in range(10):
            assert client.analyzed_videos.get(str(number)).url.endswith(f"/{number}.mp4")
        os._exit(0)
    children.append(child)
for _ in range(10):
    assert client.analyzed_videos.get("100").url.endswith("/100.mp4")
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
assert client.analyzed_videos.get("100").url.endswith("/100.mp4")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no fork")
def test_a_client_made_before_a_fork_works_on_both_sides() -> None:
    """Each child opens a connection of its own, the parent's stays the parent's, and nobody gets another's response."""
    names = [*map(str, range(4)), "100"]
    with FaultServer({name: answer({"analyzed_video_url": f"https://h/{name}.mp4"}) for name in names}) as server:
        command = [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-c", _FORK, server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert server.connections == 5


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_says_what_it_is_and_no_more(kind: str) -> None:
    """Host, user agent with the version, compression that is understood, the credential; and no cookie of before."""
    with FaultServer({"s": answer({"analyzed_video_url": URL}, headers="Set-Cookie: track=1\r\n")}) as server:
        in_a_row(kind, settings_of(server), get(), get())
        first, second = ([name for name, _ in seen.headers] for seen in server.seen)
        sent = dict(server.seen[1].headers)
    assert first == second
    assert len(sent) == len(second)
    assert set(sent) <= {"host", "user-agent", "accept", "accept-encoding", "connection", "api-key"}
    assert sent["host"] == httpx.URL(server.url).netloc.decode()
    assert aikynetix.__version__ in sent["user-agent"]
    assert set(sent["accept-encoding"].split(", ")) <= {"gzip", "deflate"}
