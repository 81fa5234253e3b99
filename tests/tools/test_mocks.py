"""The mocks and recorders that people put around httpx: every request of both clients is theirs, and none leaves."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import respx
import vcr  # type: ignore[import-untyped]  # it ships no types

from aikynetix import Aikynetix, AsyncAikynetix, ConfigurationError, NotFoundError
from tests.contract.callers import CLIENTS, KINDS, ask, do
from tests.faults.scenario import FOUND_BODY, URL
from tests.faults.storage import VIDEO
from tests.secrets.hunt import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pytest_httpx import HTTPXMock

API = "https://api.aikynetix.app/session-management/sessions/s/analyzed-video/"
STORED = URL.partition("?")[0]
"""As `URL`, where the API says that the video is, without its query."""


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


def reply(request: httpx.Request) -> httpx.Response:
    """What the API and the storage answer."""
    if request.url.host == "storage.googleapis.com":
        assert "api-key" not in request.headers
        return httpx.Response(200, content=VIDEO, headers={"Content-Type": "video/mp4"})
    assert request.headers["api-key"] == KEY
    return httpx.Response(200, json=FOUND_BODY) if str(request.url) == API else httpx.Response(404)


Mocked = tuple[dict[str, Any], "Callable[[], list[tuple[str, str]]]"]
"""Settings that the mock needs, and what was asked for so far: method and URL without its query."""


def _named(requests: list[httpx.Request]) -> list[tuple[str, str]]:
    return [(request.method, str(request.url).partition("?")[0]) for request in requests]


class Recorder(httpx.MockTransport):
    """Is false before its first request, for its length is their number."""

    def __init__(self) -> None:
        super().__init__(self._record)
        self.requests = list[httpx.Request]()

    def __len__(self) -> int:
        return len(self.requests)

    def _record(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return reply(request)


@contextmanager
def with_transport(request: pytest.FixtureRequest, folder: Path) -> Generator[Mocked]:
    recorder = Recorder()
    yield {"transport": recorder}, lambda: _named(recorder.requests)


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
    found = json.dumps(FOUND_BODY), "application/json"
    interactions = [
        {
            "request": {"method": method, "uri": uri, "body": "", "headers": {}},
            "response": {
                "status": {"code": 200, "message": "OK"},
                "headers": {"content-type": [kind], "content-length": [str(len(body))]},
                "body": {"string": body},
            },
        }
        for method, uri, (body, kind) in (
            ("GET", API, found),
            ("POST", API, found),
            ("GET", URL, (VIDEO.decode(), "video/mp4")),
        )
    ]
    cassette = folder / "cassette.json"
    cassette.write_text(json.dumps({"version": 1, "interactions": interactions}))
    untyped: Any = vcr.VCR
    recorder = untyped(serializer="json", record_mode="none", match_on=["method", "scheme", "host", "path"])
    with recorder.use_cassette(str(cassette), allow_playback_repeats=True) as tape:
        yield {}, lambda: _named([tape.data[number][0] for number, count in tape.play_counts.items() if count])


TOOLS: dict[str, Callable[..., AbstractContextManager[Mocked]]] = {
    "transport=": with_transport,
    "respx": with_respx,
    "pytest-httpx": with_pytest_httpx,
    "vcrpy": with_vcr,
}


@pytest.mark.parametrize("job", ["get", "generate", "ensure", "download", "export"])
@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_mocked(kind: str, tool: str, job: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Each request is answered by the mock: the lookup, with its credential, and what the storage is asked for."""
    with TOOLS[tool](request, tmp_path) as (settings, asked):
        do(kind, job, tmp_path, api_key=KEY, max_retries=0, **settings)
        stored = {("GET", STORED)} if job in ("download", "export") else set[tuple[str, str]]()
        assert set(asked()) == {("POST" if job == "generate" else "GET", API)} | stored


@pytest.mark.parametrize("kind", CLIENTS)
def test_side_effects_of_a_mock_are_answers(kind: str, respx_mock: respx.MockRouter) -> None:
    """A mocked status is that status; the next of its side effects answers the retry; `raw` is mocked too."""
    from aikynetix_api.api.analyzed_videos import get_analyzed_video

    route, busy = respx_mock.get(API), httpx.Response(503, headers={"Retry-After": "0"})
    route.side_effect = [busy, httpx.Response(404, json={"error": "no"}), httpx.Response(200, json=FOUND_BODY)]
    with pytest.raises(NotFoundError, match="no"):
        ask(kind, "get", "s", api_key=KEY)
    assert route.call_count == 2
    function: Any = get_analyzed_video.sync if kind == "sync" else get_analyzed_video.asyncio
    assert KINDS[kind]({"api_key": KEY}, lambda client: function("s", client=client.raw)).analyzed_video_url == URL


class Threadless(httpx.AsyncBaseTransport):
    """Works on an event loop alone."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return reply(request)


@pytest.mark.parametrize("job", ["download", "export"])
@pytest.mark.parametrize("kind", ["async", "trio"])
def test_a_transport_that_works_on_an_event_loop_alone_carries_everything(kind: str, job: str, tmp_path: Path) -> None:
    """Downloads run on threads, and are carried by it all the same; exports as well."""
    do(kind, job, tmp_path, api_key=KEY, transport=Threadless())


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Aikynetix, httpx.AsyncHTTPTransport()),
        (AsyncAikynetix, httpx.HTTPTransport()),
        (Aikynetix, "http://h"),
        (Aikynetix, 5),
    ],
)
def test_what_is_no_transport_of_this_client_is_refused(kind: Any, wrong: Any) -> None:
    """When the client is made, by the setting's name; the other client's kind too."""
    with pytest.raises(ConfigurationError, match="transport="):
        kind(KEY, transport=wrong)


@pytest.mark.parametrize("kind", CLIENTS)
def test_event_hooks_see_each_response_whole(kind: str) -> None:
    """Those that are set on the httpx client behind ``client.raw``, as people set them for their logs."""
    seen: list[bytes] = []

    async def asynchronous(response: httpx.Response) -> None:
        seen.append(response.content)

    def call(client: Any) -> Any:
        raw, is_sync = client.raw, kind == "sync"
        http = raw.get_httpx_client() if is_sync else raw.get_async_httpx_client()
        http.event_hooks = {"response": [lambda it: seen.append(it.content) if is_sync else asynchronous(it)]}
        return client.analyzed_videos.get("s")

    assert KINDS[kind]({"api_key": KEY, "transport": httpx.MockTransport(reply)}, call).url == URL
    assert json.loads(seen[0]) == FOUND_BODY
