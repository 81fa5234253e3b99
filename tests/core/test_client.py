"""Both clients over a fake transport: what is sent, sent again, followed and raised. No time passes."""

from __future__ import annotations

import copy
import io
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
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncAikynetix,
    AuthenticationError,
    ConfigurationError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
)
from tests.contract.callers import CLIENTS, KINDS, ask
from tests.faults.scenario import answer as faulty
from tests.faults.server import FaultServer

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "canary-key-1234567890"
URL = "https://storage.googleapis.com/bucket/video.mp4?X-Goog-Signature=canary"
FOUND = {"analyzed_video_url": URL}
AT_ONCE = {"Retry-After": "0"}
BASE = "https://api.aikynetix.app/session-management/sessions"

Reply = httpx.Response | Exception
both = pytest.mark.parametrize("kind", CLIENTS)


class Script(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that answers from a list, the last entry for ever, and keeps what it was asked."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(
            httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        )
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self.handle_request(request)


def run(kind: str, script: Script, verb: str = "get", session: str = "s", **settings: Any) -> Any:
    return ask(kind, verb, session, **{"api_key": KEY, "transport": script, **settings})


def ok() -> httpx.Response:
    return httpx.Response(200, json=FOUND)


def status(code: int, **headers: str) -> httpx.Response:
    return httpx.Response(code, headers={**AT_ONCE, **headers}, json={"error": "told"})


RETRIES: dict[str, tuple[str, list[Reply], int, type[AikynetixError] | None]] = {
    **{f"GET {code}": ("get", [status(code), ok()], 2, None) for code in (408, 429, 500, 501, 503, 520)},
    **{f"GET {code}": ("get", [status(code), ok()], 1, APIStatusError) for code in (400, 401, 403, 404, 409, 418, 422)},
    **{f"POST {code}": ("generate", [status(code), ok()], 2, None) for code in (429, 503)},
    **{f"POST {code}": ("generate", [status(code), ok()], 1, APIStatusError) for code in (408, 500, 502, 504)},
    "GET, reset": ("get", [httpx.ReadError("reset"), ok()], 2, None),
    "GET, timeout": ("get", [httpx.ReadTimeout("slow"), ok()], 2, None),
    "POST, reset": ("generate", [httpx.ReadError("reset"), ok()], 1, APIConnectionError),
    "POST, timeout": ("generate", [httpx.ReadTimeout("slow"), ok()], 1, APITimeoutError),
    "POST, never connected": ("generate", [httpx.ConnectError("refused"), ok()], 2, None),
    "503 for ever": ("get", [status(503)], 4, InternalServerError),
    "a minute to wait": ("get", [status(429, **{"Retry-After": "60"}), ok()], 1, RateLimitError),
    "redirect within the origin": ("get", [status(301, Location="/elsewhere/"), ok()], 2, None),
    "redirects for ever": ("get", [status(307, Location=f"/{n}/") for n in range(8)], 4, APIStatusError),
    "a POST that would become a GET": ("generate", [status(302, Location="/x/"), ok()], 1, APIStatusError),
    "a POST that stays one": ("generate", [status(308, Location="/x/"), ok()], 2, None),
    "redirects counted anew": (
        "get",
        [*[status(307, Location="/x/"), status(307, Location="/y/"), status(503)] * 3, ok()],
        10,
        None,
    ),
    **{
        f"away to {location!r}": ("get", [status(302, Location=location), ok()], 1, APIStatusError)
        for location in (
            *("https://evil.example/", "//evil.example/", "http://api.aikynetix.app/", "https://api.aikynetix.app:8443/"),
            *("file:///x", "https://[", "https://u:p@api.aikynetix.app/"),
        )
    },
}  # fmt: skip
"""The verb, what is answered, how many requests are sent, and the error or None for success."""


@pytest.mark.parametrize("case", RETRIES)
@both
def test_what_is_sent_again_and_what_is_followed(kind: str, case: str) -> None:
    """As many requests as the rules say, each with the credential and the same body, and the last outcome counts."""
    verb, replies, requests, error = RETRIES[case]
    script = Script(*replies)
    if error is None:
        assert run(kind, script, verb).url == URL
    else:
        with pytest.raises(AikynetixError) as caught:
            run(kind, script, verb)
        assert isinstance(caught.value, error)
    assert len(script.requests) == requests
    assert {request.headers["API-KEY"] for request in script.requests} == {KEY}
    assert len({(request.method, request.content) for request in script.requests}) == 1
    assert {request.url.host for request in script.requests} == {"api.aikynetix.app"}


class Speechless(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (httpx.ConnectError("refused"), APIConnectionError),
        (httpx.RemoteProtocolError("garbage"), APIConnectionError),
        (httpx.ReadTimeout("slow"), APITimeoutError),
        (httpx.PoolTimeout("full"), APITimeoutError),
        (httpx.UnsupportedProtocol("gopher"), APIConnectionError),
        (ValueError("a transport of one's own may raise anything"), APIConnectionError),
        (OSError(5, "input/output error"), APIConnectionError),
        (TimeoutError("slow"), APITimeoutError),
        (UnicodeError("idna"), APIConnectionError),
        (KeyError("x"), APIConnectionError),
        (RuntimeError("Event loop is closed"), APIConnectionError),
        (Speechless(), APIConnectionError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else type(value).__name__,
)
@both
def test_whatever_a_transport_raises_becomes_ours(kind: str, raised: Exception, expected: type[Exception]) -> None:
    """The exception is one of ours, keeps the foreign one as its cause, and names the request."""
    with pytest.raises(APIConnectionError) as caught:
        run(kind, Script(raised), max_retries=0)
    assert type(caught.value) is expected
    assert isinstance(caught.value.__cause__, type(raised) | httpx.ReadTimeout)
    assert (caught.value.request_method, caught.value.request_url) == ("GET", f"{BASE}/s/analyzed-video/")


@both
def test_a_credential_is_renewed_once(kind: str) -> None:
    """A callable token is asked again on 401, once; one that does not change is not tried twice."""
    tokens = iter(["first-token-1", "second-token-2", "third-token-3"])
    script = Script(httpx.Response(401), ok())
    assert run(kind, script, api_key=None, token=lambda: next(tokens)).url == URL
    sent = [request.headers["Authorization"] for request in script.requests]
    assert sent == ["Bearer first-token-1", "Bearer second-token-2"]
    refusals: list[tuple[dict[str, Any], int]] = [
        ({"api_key": None, "token": lambda: "always-the-same"}, 2),
        ({"api_key": KEY}, 1),
    ]
    for credential, requests in refusals:
        refused = Script(httpx.Response(401, json={"error": "no"}))
        with pytest.raises(AuthenticationError, match="no"):
            run(kind, refused, **credential)
        assert len(refused.requests) == requests


class Nothing(httpx.Auth):
    """Yields no request, as untyped code may."""

    def auth_flow(self, request: httpx.Request) -> Any:
        yield None


@pytest.mark.parametrize("kind", KINDS)
def test_any_httpx_auth_will_do(kind: str) -> None:
    """Basic authentication works although the library knows nothing of it; one that yields nothing is our error."""
    script = Script(ok())
    run(kind, script, api_key=None, auth=httpx.BasicAuth("user", "pass"))
    assert script.requests[0].headers["Authorization"] == "Basic dXNlcjpwYXNz"
    with pytest.raises(AikynetixError):
        run(kind, script, api_key=None, auth=Nothing())


# --- what is asked for


@pytest.mark.parametrize("bad", ["", " ", "\u2003", ".", "..", "a\nb", "a\x00b", "x" * 1_025, "\ud800", "\x7f"])
@pytest.mark.parametrize("verb", ["get", "generate", "ensure"])
@both
def test_a_bad_session_id_is_refused_before_any_request(kind: str, verb: str, bad: str) -> None:
    """A ValueError, which is an error of ours as well; nothing was sent."""
    script = Script(ok())
    with pytest.raises(ValueError, match="session_id") as caught:
        run(kind, script, verb, bad)
    assert isinstance(caught.value, AikynetixError)
    assert not script.requests


@pytest.mark.parametrize(
    "odd", ["a/b", "a?b=c#d", "ä ö", "%2e%2e", "a\\b", "{x}", "x" * 1_024, "..;", "a@b:c", "\u202e"]
)
@pytest.mark.parametrize("verb", ["get", "generate"])
def test_every_other_session_id_is_percent_encoded(verb: str, odd: str) -> None:
    """It stays one segment of the path, and the server gets it back as it was."""
    script = Script(ok())
    assert run("sync", script, verb, odd).session_id == odd
    path = script.requests[0].url.raw_path.decode()
    assert path.startswith("/session-management/sessions/")
    assert path.count("/") == 5
    assert script.requests[0].url.path == f"/session-management/sessions/{odd}/analyzed-video/"


@both
def test_a_path_in_the_base_url_is_kept(kind: str) -> None:
    """A gateway may serve the API below a path."""
    script = Script(ok())
    run(kind, script, base_url="https://gate.example.com/aiky/")
    assert str(script.requests[0].url) == "https://gate.example.com/aiky" + f"{BASE}/s/analyzed-video/"[25:]


@pytest.mark.parametrize("bad", ["run", "", "JUMP ", 1])
def test_an_unknown_analysis_is_refused_with_the_choices(bad: Any) -> None:
    """The text lists what there is."""
    with (
        Aikynetix(api_key=KEY, transport=Script(ok())) as client,
        pytest.raises(ValueError, match="'jump', 'weightlifting'"),
    ):
        client.analyzed_videos.get("s", analysis=bad)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"url": "/s/a%2Fb/v/"},
        {"url": "/s/x/v/", "params": {"is_jump": True, "é": "a b&c"}},
        {"url": "/x?already=there", "params": {"a": "b"}},
        {"url": "/a/../b/./c"},
        {"url": "https://elsewhere.example/x"},
        {"url": "/x", "headers": {"X-More": "1", "x-kept": "no"}},
        {"method": "post", "url": "/x", "json": {"is_jump": True}},
        {"method": "delete", "url": "/x"},
    ],
)
@pytest.mark.parametrize("base", ["https://api.example.com", "https://api.example.com/v2/", "http://[::1]:9/a%20b"])
def test_a_request_is_the_one_that_httpx_would_make(base: str, kwargs: dict[str, Any]) -> None:
    """Ours are made without parsing URL and headers over and over: byte for byte the same on the wire."""
    with Aikynetix("k", base_url=base) as client:
        arguments: dict[str, Any] = {"method": "get", **kwargs}
        http: Any = client.raw.get_httpx_client()
        ours, theirs = http.build(arguments), http.build_request(**arguments)
    assert (ours.method, ours.url, ours.url.raw_path) == (theirs.method, theirs.url, theirs.url.raw_path)
    assert sorted(ours.headers.raw) == sorted(theirs.headers.raw)
    assert (ours.extensions, ours.read()) == (theirs.extensions, theirs.read())


# --- the other doors


@both
def test_raw_returns_statuses_as_the_generator_documents(kind: str) -> None:
    """Through client.raw a 404 is a parsed error model; credential, retries and redirects are those of the verbs."""
    script = Script(status(503), status(307, Location="/moved/"), httpx.Response(404, json={"error": "unknown"}))
    function: Any = get_analyzed_video.sync_detailed if kind == "sync" else get_analyzed_video.asyncio_detailed
    settings = {"api_key": KEY, "transport": script}
    answer = KINDS[kind](settings, lambda client: function("s", client=client.raw))
    assert (answer.status_code, type(answer.parsed), answer.parsed.error) == (404, ErrorResponse, "unknown")
    assert {request.headers["API-KEY"] for request in script.requests} == {KEY}
    assert len(script.requests) == 3


@pytest.mark.parametrize("refusal", [503, 401, 307])
@pytest.mark.parametrize(
    "source", [lambda: iter([b"once"]), lambda: (part for part in [b"once"]), lambda: io.BytesIO(b"once")]
)
def test_raw_keeps_the_response_where_a_body_cannot_be_sent_again(refusal: int, source: Callable[[], Any]) -> None:
    """What gives its bytes once is sent once, and what the server said counts: the next time it would be empty."""
    refused = faulty(status=refusal, headers="Retry-After: 0\r\nLocation: /sessions/other\r\n")
    with (
        FaultServer({"upload": refused, "other": faulty()}) as server,
        Aikynetix(token=lambda: "token-1234567890", base_url=server.url) as client,
    ):
        http, length = client.raw.get_httpx_client(), {"Content-Length": "4"}
        answer = http.post("/sessions/upload", content=source(), headers=length)
        assert [seen.body for seen in server.seen] == [b"once"]
    assert answer.status_code == refusal


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
    """Any operation by its generated module; another 2xx is read as the documented one, an empty one is None."""
    replies = [ok(), httpx.Response(404, json={"error": "no"}), httpx.Response(206, json=FOUND), httpx.Response(204)]

    def call(script: Script) -> Any:
        settings = {"api_key": KEY, "transport": script}
        return KINDS[kind](settings, lambda client: client.call(get_analyzed_video, "s"))

    script = Script(*replies)
    assert call(script).analyzed_video_url == URL
    with pytest.raises(NotFoundError, match="no"):
        call(script)
    assert call(script).analyzed_video_url == URL
    assert call(script) is None


def test_call_refuses_what_is_no_operation() -> None:
    """The text shows what an operation looks like; wrong arguments are named by the operation, not the function."""
    with Aikynetix(api_key=KEY, transport=Script(ok())) as typed:
        client: Any = typed  # a type checker refuses all of this
        with pytest.raises(TypeError, match="get_analyzed_video"):
            client.call(json)
        with pytest.raises(TypeError, match=r"what get_analyzed_video takes: missing 1 .*'session_id'"):
            client.call(get_analyzed_video)
        with pytest.raises(TypeError, match=r"what get_analyzed_video takes: .*'nosuch'"):
            client.call(get_analyzed_video, "s", nosuch=True)
        for value in ("", ".", ".."):
            with pytest.raises(ValueError, match="the arguments are not what get_analyzed_video takes: "):
                client.call(get_analyzed_video, value)
        with pytest.raises(ValueError, match="the arguments make no "):
            client.call(get_analyzed_video, "x" * 100_000)


@pytest.mark.parametrize("kind", [Aikynetix, AsyncAikynetix])
@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_client_is_neither_copied_nor_pickled(kind: type[Any], way: Callable[[object], object]) -> None:
    """It holds connections and a credential; the error says what to do instead."""
    with pytest.raises(TypeError, match="with_options"):
        way(kind(api_key=KEY))


def test_with_options_changes_limits_and_shares_the_connections() -> None:
    """A copy has its own timeout and retries; closing it leaves the original open, closing the original ends both."""
    script = Script(status(503))
    client = Aikynetix(api_key=KEY, transport=script)
    other = client.with_options(timeout=1.5, max_retries=0)
    for each, requests in ((other, 1), (other.with_options(), 1), (client, 4)):
        script.requests.clear()
        with pytest.raises(InternalServerError):
            each.analyzed_videos.get("s")
        assert len(script.requests) == requests
    with pytest.raises(ConfigurationError, match="max_retries="):
        client.with_options(max_retries=1_000)
    other.close()
    script.replies[:] = [ok()]
    assert client.analyzed_videos.get("s").url == URL
    client.close()
    with pytest.raises(AikynetixError, match="closed"):
        other.analyzed_videos.get("s")
