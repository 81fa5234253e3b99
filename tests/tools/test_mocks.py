"""The mocks and recorders that people put around httpx: every request of both clients is theirs, and none leaves."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
import respx
import vcr  # type: ignore[import-untyped]  # it ships no types

from aikynetix import AsyncAikynetix, ConfigurationError, NotFoundError
from tests.contract.callers import CLIENTS, KINDS, ask
from tests.secrets.hunt import KEY, SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pytest_httpx import HTTPXMock

API = "https://api.aikynetix.app/session-management/sessions"
STORED = f"https://storage.googleapis.com/bucket/v.mp4?X-Goog-Signature={SIGNATURE}"
FOUND = {"analyzed_video_url": STORED}
SESSIONS = ("one", "two")
VIDEO = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + b"v" * 1_000  # ASCII, as cassettes have it


@pytest.fixture(autouse=True)
def nothing_leaves(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """A request that passes a mock by would ask for an address or connect."""
    asked: list[object] = []

    def refuse(*arguments: object, **named: object) -> Any:
        asked.append(arguments)
        raise OSError("a request left")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield
    assert asked == []


def api_url(session: str) -> str:
    return f"{API}/{session}/analyzed-video/"


def reply(request: httpx.Request) -> httpx.Response:
    """What the API and the storage answer."""
    if request.url.host == "storage.googleapis.com":
        assert "api-key" not in request.headers
        return httpx.Response(200, content=VIDEO, headers={"Content-Type": "video/mp4"})
    assert request.headers["api-key"] == KEY
    return httpx.Response(200, json=FOUND) if str(request.url).startswith(API) else httpx.Response(404)


Mocked = tuple[dict[str, Any], "Callable[[], list[tuple[str, str]]]"]
"""Settings that the mock needs, and what was asked for so far: method and URL without its query."""


def _named(requests: list[httpx.Request]) -> list[tuple[str, str]]:
    return [(request.method, str(request.url).partition("?")[0]) for request in requests]


@contextmanager
def with_transport(request: pytest.FixtureRequest, folder: Path) -> Generator[Mocked]:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return reply(request)

    yield {"transport": httpx.MockTransport(handle)}, lambda: _named(seen)


@contextmanager
def with_respx(request: pytest.FixtureRequest, folder: Path) -> Generator[Mocked]:
    with respx.mock(assert_all_called=False) as router:
        router.route(host="api.aikynetix.app").mock(side_effect=reply)
        router.route(host="storage.googleapis.com").mock(side_effect=reply)
        yield {}, lambda: _named([call.request for call in router.calls])


@contextmanager
def with_pytest_httpx(request: pytest.FixtureRequest, folder: Path) -> Generator[Mocked]:
    mock: HTTPXMock = request.getfixturevalue("httpx_mock")
    mock.add_callback(reply, is_reusable=True)
    yield {}, lambda: _named(mock.get_requests())


@contextmanager
def with_vcr(request: pytest.FixtureRequest, folder: Path) -> Generator[Mocked]:
    """A cassette as somebody recorded it."""
    bodies = {("GET", STORED): (VIDEO.decode(), "video/mp4")}
    bodies |= {
        (method, api_url(session)): (json.dumps(FOUND), "application/json")
        for method in ("GET", "POST")
        for session in SESSIONS
    }
    interactions = [
        {
            "request": {"method": method, "uri": uri, "body": "", "headers": {}},
            "response": {
                "status": {"code": 200, "message": "OK"},
                "headers": {"content-type": [kind], "content-length": [str(len(body))]},
                "body": {"string": body},
            },
        }
        for (method, uri), (body, kind) in bodies.items()
    ]
    cassette = folder / "cassette.json"
    cassette.write_text(json.dumps({"version": 1, "interactions": interactions}))
    untyped: Any = vcr.VCR
    recorder = untyped(serializer="json", record_mode="none", match_on=["method", "scheme", "host", "path"])
    with recorder.use_cassette(str(cassette), allow_playback_repeats=True) as tape:
        data, counts = tape.data, tape.play_counts
        yield (
            {},
            lambda: [(data[n][0].method, data[n][0].uri.partition("?")[0]) for n, count in counts.items() if count],
        )


TOOLS: dict[str, Callable[..., AbstractContextManager[Mocked]]] = {
    "transport=": with_transport,
    "respx": with_respx,
    "pytest-httpx": with_pytest_httpx,
    "vcrpy": with_vcr,
}


@pytest.fixture(params=TOOLS)
def mocked(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Mocked]:
    with TOOLS[request.param](request, tmp_path) as (settings, asked):
        yield {"api_key": KEY, "max_retries": 0, **settings}, asked


@pytest.mark.parametrize("verb", ["get", "generate", "ensure"])
@pytest.mark.parametrize("kind", KINDS)
def test_lookups_are_mocked(kind: str, verb: str, mocked: Mocked) -> None:
    """One request, answered by the mock, with the credential in it."""
    settings, asked = mocked
    assert ask(kind, verb, "one", **settings).url == STORED
    assert ("POST" if verb == "generate" else "GET", api_url("one")) in asked()


@pytest.mark.parametrize("kind", KINDS)
def test_downloads_are_mocked(kind: str, mocked: Mocked, tmp_path: Path) -> None:
    """The lookup and what the storage sends."""
    settings, asked = mocked
    done = ask(kind, "download", "one", tmp_path / "v.mp4", **settings)
    assert (tmp_path / "v.mp4").read_bytes() == VIDEO
    assert done.size == len(VIDEO)
    assert {("GET", api_url("one")), ("GET", STORED.partition("?")[0])} <= set(asked())


@pytest.mark.parametrize("kind", KINDS)
def test_exports_are_mocked(kind: str, mocked: Mocked, tmp_path: Path) -> None:
    """Every session of it."""
    settings, asked = mocked
    records = ask(kind, "export", SESSIONS, tmp_path / "to", **settings)
    assert [record.status for record in records] == ["done", "done"], records
    assert {("GET", api_url(session)) for session in SESSIONS} <= set(asked())


@pytest.mark.parametrize("kind", CLIENTS)
def test_what_a_mock_does_not_know_is_an_error_of_ours(kind: str, respx_mock: respx.MockRouter) -> None:
    """A mocked status is that status; the next of its side effects answers the retry."""
    route = respx_mock.get(api_url("one"))
    route.side_effect = [httpx.Response(503, headers={"Retry-After": "0"}), httpx.Response(404, json={"error": "no"})]
    with pytest.raises(NotFoundError, match="no"):
        ask(kind, "get", "one", api_key=KEY)
    assert route.call_count == 2


@pytest.mark.parametrize("kind", CLIENTS)
def test_the_raw_client_is_mocked(kind: str, respx_mock: respx.MockRouter) -> None:
    """The generated functions run on the same httpx client."""
    from aikynetix_api.api.analyzed_videos import get_analyzed_video

    respx_mock.get(api_url("one")).mock(return_value=httpx.Response(200, json=FOUND))
    function: Any = get_analyzed_video.sync if kind == "sync" else get_analyzed_video.asyncio
    assert KINDS[kind]({"api_key": KEY}, lambda client: function("one", client=client.raw)).analyzed_video_url == STORED


class Threadless(httpx.AsyncBaseTransport):
    """Works on an event loop alone."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return reply(request)


@pytest.mark.parametrize("kind", ["async", "trio"])
def test_a_transport_that_works_on_an_event_loop_alone_carries_everything(kind: str, tmp_path: Path) -> None:
    """Downloads run on threads, and are carried by it all the same; exports as well."""
    settings: dict[str, Any] = {"api_key": KEY, "transport": Threadless()}
    assert ask(kind, "download", "one", tmp_path / "v.mp4", **settings).size == len(VIDEO)
    assert [record.status for record in ask(kind, "export", ["one"], tmp_path / "to", **settings)] == ["done"]


@pytest.mark.parametrize("wrong", [httpx.AsyncHTTPTransport(), "http://proxy", 5])
def test_what_is_no_transport_of_this_client_is_refused(wrong: Any) -> None:
    """When the client is made, by the setting's name; the other client's kind too."""
    with pytest.raises(ConfigurationError, match="transport="):
        ask("sync", "get", "one", api_key=KEY, transport=wrong)
    with pytest.raises(ConfigurationError, match="transport="):
        AsyncAikynetix(KEY, transport=cast("Any", httpx.HTTPTransport()))
