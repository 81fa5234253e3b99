"""Both clients over a fake transport: what is sent, and the doors beside the verbs."""

from __future__ import annotations

import copy
import json
import pickle
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from aikynetix_api.api.analyzed_videos import get_analyzed_video
from aikynetix_api.models import ErrorResponse

from aikynetix import (
    Aikynetix,
    AikynetixError,
    APIResponseValidationError,
    AsyncAikynetix,
    ConfigurationError,
    InternalServerError,
    NotFoundError,
)
from tests import spec
from tests.contract.callers import CLIENTS, KINDS, Replies, ask
from tests.faults.scenario import answer as faulty
from tests.faults.server import FaultServer
from tests.secrets.hunt import KEY

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "https://storage.googleapis.com/bucket/video.mp4?X-Goog-Signature=canary"
OK = httpx.Response(200, json={"analyzed_video_url": URL})
both = pytest.mark.parametrize("kind", CLIENTS)


def status(code: int, **headers: str) -> httpx.Response:
    return httpx.Response(code, headers={"Retry-After": "0", **headers}, json={"error": "told"})


@pytest.mark.parametrize("odd", ["a/b", "a?b=c#d", "ä ö", "%2e%2e", "a\\b", "{x}", "x" * 1_024, "..;", "a@b", "\u202e"])
@pytest.mark.parametrize("base", ["https://api.example.com", "https://gate.example.com/aiky/", "http://[::1]:9/a%20b"])
@pytest.mark.parametrize("verb", ["get", "generate"])
def test_a_request_is_the_one_that_httpx_would_make(verb: str, base: str, odd: str) -> None:
    """Any other session id stays one segment, percent-encoded, and a path in the base URL is kept."""
    replies = Replies(OK)
    assert ask("sync", verb, odd, api_key=KEY, transport=replies, base_url=base).session_id == odd
    (ours,), theirs = replies.requests, spec.request(f"{verb}_analyzed_video", odd, base_url=base)
    assert (ours.method, ours.url.raw_path, ours.content) == (theirs.method, theirs.url.raw_path, theirs.read())
    assert ours.url.path == httpx.URL(base).path.rstrip("/") + f"/session-management/sessions/{odd}/analyzed-video/"
    same = ("host", "content-type", "content-length", "accept")
    assert [ours.headers.get(name) for name in same] == [theirs.headers.get(name) for name in same]


@both
def test_raw_returns_statuses_as_the_generator_documents(kind: str) -> None:
    """Through client.raw a 404 is a parsed error model; credential, retries and redirects are those of the verbs."""
    replies = Replies(status(503), status(307, Location="/moved/"), httpx.Response(404, json={"error": "unknown"}))
    function: Any = get_analyzed_video.sync_detailed if kind == "sync" else get_analyzed_video.asyncio_detailed
    settings = {"api_key": KEY, "transport": replies}
    said = KINDS[kind](settings, lambda client: function("s", client=client.raw))
    assert (said.status_code, type(said.parsed), said.parsed.error) == (404, ErrorResponse, "unknown")
    assert [request.headers["API-KEY"] for request in replies.requests] == [KEY] * 3


@pytest.mark.parametrize("refusal", [503, 401, 307])
def test_raw_keeps_the_response_where_a_body_cannot_be_sent_again(refusal: int) -> None:
    """What gives its bytes once is sent once, and what the server said counts: the next time it would be empty."""
    refused = faulty(status=refusal, headers="Retry-After: 0\r\nLocation: /sessions/other\r\n")
    with (
        FaultServer({"upload": refused, "other": faulty()}) as server,
        Aikynetix(token=lambda: "token-1234567890", base_url=server.url) as client,
    ):
        http, length = client.raw.get_httpx_client(), {"Content-Length": "4"}
        assert http.post("/sessions/upload", content=iter([b"once"]), headers=length).status_code == refusal
        assert [seen.body for seen in server.seen] == [b"once"]


@both
def test_a_raw_client_lends_the_httpx_client_of_its_own_kind(kind: str) -> None:
    """The other kind is refused in words; leaving it does not close the facade; no copy without the credential."""
    client: Any = Aikynetix(KEY) if kind == "sync" else AsyncAikynetix(KEY)
    mine, other = ("get_httpx_client", "get_async_httpx_client")[:: 1 if kind == "sync" else -1]
    assert getattr(client.raw, mine)() is getattr(client.raw, mine)()
    with pytest.raises(ConfigurationError, match="this raw client is"):
        getattr(client.raw, other)()
    for name, value in (("with_headers", {"X-A": "b"}), ("with_cookies", {"a": "b"}), ("with_timeout", 1)):
        with pytest.raises(ConfigurationError, match=r"client\.raw"):
            getattr(client.raw, name)(value)


@both
def test_call_returns_the_model_or_raises_our_error(kind: str) -> None:
    """Any operation by its generated module; another 2xx is read as the documented one, 204 is None."""
    found = {"analyzed_video_url": URL}
    replies = Replies(
        OK, httpx.Response(206, json=found), httpx.Response(204), httpx.Response(404, json={"error": "no"})
    )

    def call() -> Any:
        settings = {"api_key": KEY, "transport": replies}
        return KINDS[kind](settings, lambda client: client.call(get_analyzed_video, "s"))

    assert [call().analyzed_video_url, call().analyzed_video_url, call()] == [URL, URL, None]
    with pytest.raises(NotFoundError, match="no"):
        call()
    for body, why in ((b"", "its body is empty"), (b"[]", "no JSON object"), (b'[["a", 1]]', "no JSON object")):
        replies = Replies(httpx.Response(200, content=body))
        with pytest.raises(APIResponseValidationError, match=why):
            call()
    with pytest.MonkeyPatch.context() as patch:  # a module of the plain generator does not say what a success is
        patch.delattr(get_analyzed_video, "_success")
        replies = Replies(httpx.Response(200))
        assert call() is None


@pytest.mark.parametrize(
    ("arguments", "named", "kind", "words"),
    [
        ([json], {}, TypeError, "get_analyzed_video"),
        ([get_analyzed_video], {}, TypeError, r"what get_analyzed_video takes: missing 1 .*'session_id'"),
        ([get_analyzed_video, "s"], {"nosuch": True}, TypeError, r"what get_analyzed_video takes: .*'nosuch'"),
        *(([get_analyzed_video, bad], {}, ValueError, "are not what get_analyzed_video takes") for bad in ("", "..")),
        ([get_analyzed_video, "x" * 100_000], {}, ValueError, "the arguments make no "),
    ],
)
def test_call_refuses_what_is_no_operation(
    arguments: list[Any], named: dict[str, Any], kind: type[Exception], words: str
) -> None:
    """The text shows what an operation looks like; wrong arguments are named by the operation, not the function."""
    with Aikynetix(api_key=KEY, transport=Replies(OK)) as client, pytest.raises(kind, match=words):
        client.call(*arguments, **named)


@pytest.mark.parametrize("kind", [Aikynetix, AsyncAikynetix])
@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_client_is_neither_copied_nor_pickled(kind: type[Any], way: Callable[[object], object]) -> None:
    """It holds connections and a credential; the error says what to do instead."""
    with pytest.raises(TypeError, match="with_options"):
        way(kind(api_key=KEY))


def test_with_options_changes_limits_and_shares_the_connections() -> None:
    """A copy has its own timeout and retries; closing it leaves the original open, closing the original ends both."""
    replies = Replies(status(503))
    client = Aikynetix(api_key=KEY, transport=replies)
    other = client.with_options(timeout=1.5, max_retries=0)
    for each, requests in ((other, 1), (other.with_options(), 1), (client, 4)):
        replies.requests.clear()
        with pytest.raises(InternalServerError):
            each.analyzed_videos.get("s")
        assert len(replies.requests) == requests
    with pytest.raises(ConfigurationError, match="max_retries="):
        client.with_options(max_retries=1_000)
    other.close()
    replies.replies[:] = [OK]
    assert client.analyzed_videos.get("s").url == URL
    client.close()
    with pytest.raises(AikynetixError, match="closed"):
        other.analyzed_videos.get("s")
