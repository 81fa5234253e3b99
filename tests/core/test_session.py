"""The session: what is sent again, what is followed, what is raised. Over a fake transport, so that no time passes."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aikynetix import (
    Aikynetix,
    AikynetixError,
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AsyncAikynetix,
    AuthenticationError,
    BearerToken,
    ConfigurationError,
    InternalServerError,
    RateLimitError,
)
from tests.faults.scenario import answer as faulty
from tests.faults.server import FaultServer

KEY = "canary-key-1234567890"
URL = "https://storage.googleapis.com/bucket/video.mp4?X-Goog-Signature=canary"
FOUND = {"analyzed_video_url": URL}
AT_ONCE = {"Retry-After": "0"}

Reply = httpx.Response | Exception
Verb = Callable[..., Any]


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


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Run a verb of either client over a script."""

    def call(script: Script, verb: str = "get", *arguments: Any, **settings: Any) -> Any:
        settings = {"api_key": KEY, "transport": script, **settings}
        if "token" in settings or "auth" in settings:
            del settings["api_key"]
        if request.param == "sync":
            with Aikynetix(**settings) as client:
                return getattr(client.analyzed_videos, verb)("s", *arguments)

        async def main() -> Any:
            async with AsyncAikynetix(**settings) as client:
                return await getattr(client.analyzed_videos, verb)("s", *arguments)

        return asyncio.run(main())

    return call


def ok() -> httpx.Response:
    return httpx.Response(200, json=FOUND)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_get_is_sent_again_after_a_passing_status(run: Verb, status: int) -> None:
    """The second answer counts; the first one's Retry-After of 0 keeps the wait at nothing."""
    script = Script(httpx.Response(status, headers=AT_ONCE), ok())
    assert run(script).url == URL
    assert len(script.requests) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 418, 422, 501, 520])
def test_a_get_is_not_sent_again_after_a_lasting_status(run: Verb, status: int) -> None:
    """A refusal stays a refusal."""
    script = Script(httpx.Response(status, headers=AT_ONCE), ok())
    with pytest.raises(APIStatusError) as caught:
        run(script)
    assert caught.value.status_code == status
    assert len(script.requests) == 1


@pytest.mark.parametrize(("status", "requests"), [(429, 2), (503, 2), (408, 1), (500, 1), (502, 1), (504, 1)])
def test_a_post_is_sent_again_only_when_it_was_not_processed(run: Verb, status: int, requests: int) -> None:
    """429 and 503 turn a request away; after any other status it may have been worked on."""
    script = Script(httpx.Response(status, headers=AT_ONCE), ok())
    if requests == 2:
        assert run(script, "generate").url == URL
    else:
        with pytest.raises(APIStatusError):
            run(script, "generate")
    assert len(script.requests) == requests


def test_a_post_whose_connection_broke_is_not_sent_again(run: Verb) -> None:
    """Nobody knows whether it arrived, so the caller is told."""
    script = Script(httpx.ReadError("reset"), ok())
    with pytest.raises(APIConnectionError, match="reset"):
        run(script, "generate")
    assert len(script.requests) == 1


def test_the_retries_are_as_many_as_asked_for(run: Verb) -> None:
    """max_retries=2 makes three attempts, and the last error is the one raised."""
    script = Script(httpx.Response(503, headers=AT_ONCE, json={"error": "down"}))
    with pytest.raises(InternalServerError, match="down"):
        run(script, max_retries=2)
    assert len(script.requests) == 3


def test_a_retry_after_beyond_the_budget_is_raised_at_once(run: Verb) -> None:
    """A server that wants a minute is not waited for; the caller learns how long it wanted."""
    script = Script(httpx.Response(429, headers={"Retry-After": "60"}), ok())
    with pytest.raises(RateLimitError) as caught:
        run(script)
    assert caught.value.retry_after == 60
    assert len(script.requests) == 1


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
)
def test_whatever_a_transport_raises_becomes_ours(run: Verb, raised: Exception, expected: type[Exception]) -> None:
    """The exception is one of ours, keeps the foreign one as its cause, and names the request."""
    with pytest.raises(APIConnectionError) as caught:
        run(Script(raised), max_retries=0)
    assert type(caught.value) is expected
    assert isinstance(caught.value.__cause__, (type(raised), httpx.ReadTimeout))
    assert caught.value.request_method == "GET"
    assert caught.value.request_url == "https://api.aikynetix.app/session-management/sessions/s/analyzed-video/"


def test_a_redirect_within_the_origin_is_followed(run: Verb) -> None:
    """A moved slash costs one more request, with the credential."""
    script = Script(httpx.Response(301, headers={"Location": "/elsewhere/"}), ok())
    assert run(script).url == URL
    assert [request.url.path for request in script.requests][1] == "/elsewhere/"
    assert script.requests[1].headers["API-KEY"] == KEY


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/",
        "//evil.example/",
        "http://api.aikynetix.app/",
        "https://api.aikynetix.app:8443/",
        "file:///x",
        "",
        "https://[",
    ],
)
def test_a_redirect_elsewhere_is_not_followed(run: Verb, location: str) -> None:
    """Another host, scheme or port never sees a request; the caller learns where it was sent."""
    script = Script(httpx.Response(302, headers={"Location": location}), ok())
    with pytest.raises(APIStatusError) as caught:
        run(script)
    assert caught.value.status_code == 302
    assert len(script.requests) == 1


def test_a_redirect_loop_ends(run: Verb) -> None:
    """Three redirects are followed, the fourth is an error."""
    script = Script(
        *(httpx.Response(307, headers={"Location": f"/{n}/"}) for n in range(8)),
    )
    with pytest.raises(APIStatusError):
        run(script)
    assert len(script.requests) == 4


def test_a_redirected_post_does_not_become_a_get(run: Verb) -> None:
    """302 to a POST would lose its body, so it is not followed; 308 keeps method and body."""
    with pytest.raises(APIStatusError):
        run(Script(httpx.Response(302, headers={"Location": "/x/"}), ok()), "generate")
    script = Script(httpx.Response(308, headers={"Location": "/x/"}), ok())
    assert run(script, "generate").url == URL
    assert script.requests[1].method == "POST"
    assert script.requests[1].content == script.requests[0].content


def test_a_callable_token_is_asked_again_once_on_401(run: Verb) -> None:
    """A Firebase token that ran out is replaced, and the request repeated with the new one."""
    tokens = iter(["first-token-1", "second-token-2", "third-token-3"])
    script = Script(httpx.Response(401), ok())
    assert run(script, token=lambda: next(tokens)).url == URL
    assert [request.headers["Authorization"] for request in script.requests] == [
        "Bearer first-token-1",
        "Bearer second-token-2",
    ]
    refused = Script(httpx.Response(401, json={"error": "no"}))
    with pytest.raises(AuthenticationError, match="no"):
        run(refused, token=lambda: "always-the-same")
    assert len(refused.requests) == 2


def test_a_fixed_credential_is_not_tried_twice_on_401(run: Verb) -> None:
    """Nothing would have changed."""
    script = Script(httpx.Response(401), ok())
    with pytest.raises(AuthenticationError):
        run(script)
    assert len(script.requests) == 1


@pytest.mark.parametrize("bad", [None, 17, "", "with space", "line\nend"])
def test_a_token_callable_that_returns_nonsense_is_said_to(run: Verb, bad: object) -> None:
    """The error names the callable, and no request is made."""
    script = Script(ok())
    with pytest.raises(AikynetixError, match="callable"):
        run(script, auth=BearerToken(lambda: bad))  # type: ignore[arg-type]  # the point
    assert not script.requests


def test_a_token_callable_that_raises_is_said_to(run: Verb) -> None:
    """Its exception is the cause, even where it is one of httpx's, which would look like a failed request."""

    def fail() -> str:
        raise httpx.ConnectError("no route")

    with pytest.raises(AikynetixError, match="callable raised ConnectError") as caught:
        run(Script(ok()), token=fail)
    assert isinstance(caught.value.__cause__, httpx.ConnectError)


def test_any_httpx_auth_will_do_and_its_secret_is_scrubbed_too(run: Verb) -> None:
    """Basic authentication works although the library knows nothing of it; an echo of it does not get through."""
    script = Script(httpx.Response(200, json=FOUND))
    assert run(script, auth=httpx.BasicAuth("user", "pass")).url == URL
    header = script.requests[0].headers["Authorization"]
    echo = Script(httpx.Response(400, json={"error": f"bad header {header}"}))
    with pytest.raises(APIStatusError) as caught:
        run(echo, auth=httpx.BasicAuth("user", "pass"))
    assert header.split()[1] not in str(caught.value) + json.dumps(caught.value.body)


def test_an_echoed_key_does_not_get_into_the_error(run: Verb) -> None:
    """Message, body and headers of the error are free of the credential."""
    echo = httpx.Response(
        400, json={"error": f"bad key {KEY}", KEY: [KEY]}, headers={"X-Echo": KEY, "X-Request-Id": KEY}
    )
    with pytest.raises(APIStatusError) as caught:
        run(Script(echo))
    error = caught.value
    assert KEY not in f"{error} {error.body} {error.headers} {error.request_id} {error!r}"
    assert error.message == "bad key ***"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx.Response(200), "empty body"),
        (httpx.Response(200, html="<h1>Sign in</h1>"), "not JSON"),
        (httpx.Response(200, json=[FOUND]), "JSON array"),
        (httpx.Response(200, content=b"null"), "JSON null"),
        (httpx.Response(200, json={}), "no analyzed_video_url"),
        (httpx.Response(200, json={"analyzed_video_url": None}), "no analyzed_video_url"),
        (httpx.Response(200, json={"analyzed_video_url": 7}), "JSON number"),
        (httpx.Response(200, json={"analyzed_video_url": "/relative.mp4"}), "absolute"),
        (httpx.Response(200, json={"analyzed_video_url": "javascript:alert(1)"}), "absolute"),
        (httpx.Response(200, json={"analyzed_video_url": "file:///etc/hosts"}), "absolute"),
        (httpx.Response(200, json={"analyzed_video_url": "https://u:p@storage.example.com/x"}), "user info"),
        (httpx.Response(200, json={"error": "no plan"}), "no plan"),
        (httpx.Response(204), "204"),
        (httpx.Response(202, json={"job": "7"}), "202"),
        (httpx.Response(200, content=b"[" * 100_000), "not JSON"),
        (httpx.Response(200, content=b'{"analyzed_video_url": ' + b"9" * 10_000 + b"}"), "not JSON"),
    ],
)
def test_a_success_that_cannot_be_used_is_said_to(run: Verb, answer: httpx.Response, why: str) -> None:
    """A 2xx without a usable URL is never returned as a video."""
    with pytest.raises(APIResponseValidationError) as caught:
        run(Script(answer))
    assert why in str(caught.value)
    assert caught.value.status_code == answer.status_code


def test_any_2xx_with_the_url_is_a_success(run: Verb) -> None:
    """The vendor documents 200; a 201 with the URL is no less of an answer."""
    assert run(Script(httpx.Response(201, json={**FOUND, "new": 1})), "generate").url == URL


def test_a_closed_client_says_so() -> None:
    """Use after close is an error of ours that says what to do; closing twice is fine."""
    client = Aikynetix(api_key=KEY, transport=Script(ok()))
    client.close()
    client.close()
    with pytest.raises(AikynetixError, match="closed"):
        client.analyzed_videos.get("s")


def test_raw_returns_statuses_as_the_generator_documents() -> None:
    """Through client.raw a 404 is a parsed error model, and the request carries the credential."""
    from aikynetix_api.api.analyzed_videos import get_analyzed_video
    from aikynetix_api.models import ErrorResponse

    script = Script(httpx.Response(404, json={"error": "unknown"}))
    with Aikynetix(api_key=KEY, transport=script) as client:
        answer = get_analyzed_video.sync_detailed("s", client=client.raw)
    assert answer.status_code == 404
    assert isinstance(answer.parsed, ErrorResponse)
    assert answer.parsed.error == "unknown"
    assert script.requests[0].headers["API-KEY"] == KEY


def test_raw_is_retried_too() -> None:
    """The generated functions run on the same session."""
    from aikynetix_api.api.analyzed_videos import get_analyzed_video

    script = Script(httpx.Response(503, headers=AT_ONCE), ok())
    with Aikynetix(api_key=KEY, transport=script) as client:
        parsed = get_analyzed_video.sync("s", client=client.raw)
    assert getattr(parsed, "analyzed_video_url", None) == URL
    assert len(script.requests) == 2


@pytest.mark.parametrize("refusal", ["503", "401", "307"])
@pytest.mark.parametrize("source", ["iterator", "generator", "file"])
def test_raw_keeps_the_answer_where_a_body_cannot_be_sent_again(refusal: str, source: str) -> None:
    """What gives its bytes once is sent once, and what the server said counts: the next time it would be empty."""
    made: dict[str, Callable[[], Any]] = {
        "iterator": lambda: iter([b"once"]),
        "generator": lambda: (part for part in [b"once"]),
        "file": lambda: io.BytesIO(b"once"),
    }
    refused = faulty(status=int(refusal), headers="Retry-After: 0\r\nLocation: /sessions/other\r\n")
    with (
        FaultServer({"upload": refused, "other": faulty()}) as server,
        Aikynetix(token=lambda: "token-1234567890", base_url=server.url) as client,
    ):
        http, length = client.raw.get_httpx_client(), {"Content-Length": "4"}
        answer = http.post("/sessions/upload", content=made[source](), headers=length)
        assert len(server.seen) == 1
    assert answer.status_code == int(refusal)


@pytest.mark.parametrize("bad", ["", ".", "..", "a\nb", "a\x00b", "x" * 1_025, "\ud800", "\x7f"])
@pytest.mark.parametrize("verb", ["get", "generate", "ensure"])
def test_a_bad_session_id_is_refused_before_any_request(verb: str, bad: str) -> None:
    """ValueError, and nothing was sent."""
    script = Script(ok())
    with Aikynetix(api_key=KEY, transport=script) as client, pytest.raises(ValueError, match="session_id"):
        getattr(client.analyzed_videos, verb)(bad)
    assert not script.requests


@pytest.mark.parametrize(
    "odd", ["a/b", "a?b=c#d", "ä ö", "%2e%2e", "a\\b", "{x}", "x" * 1_024, "..;", "a@b:c", "\u202e"]
)
def test_every_other_session_id_is_percent_encoded(odd: str) -> None:
    """It stays one segment of the path, and the server gets it back as it was."""
    script = Script(ok())
    with Aikynetix(api_key=KEY, transport=script) as client:
        assert client.analyzed_videos.get(odd).session_id == odd
    path = script.requests[0].url.raw_path.decode()
    assert path.startswith("/session-management/sessions/")
    assert path.count("/") == 5
    assert script.requests[0].url.path == f"/session-management/sessions/{odd}/analyzed-video/"


@pytest.mark.parametrize("bad", ["run", "", "JUMP ", 1])
def test_an_unknown_analysis_is_refused_with_the_choices(bad: Any) -> None:
    """The text lists what there is."""
    with (
        Aikynetix(api_key=KEY, transport=Script(ok())) as client,
        pytest.raises(ValueError, match="'jump', 'weightlifting'"),
    ):
        client.analyzed_videos.get("s", analysis=bad)


@pytest.mark.parametrize("bad", [-1, float("nan"), float("inf"), "5", None, True])
def test_a_bad_wait_is_refused(bad: Any) -> None:
    """Seconds, finite, 0 or more."""
    with Aikynetix(api_key=KEY, transport=Script(ok())) as client, pytest.raises(ValueError, match="wait"):
        client.analyzed_videos.ensure("s", wait=bad)


@pytest.mark.parametrize(
    ("analysis", "query", "body"),
    [
        (None, "", {}),
        ("jump", "is_jump=true", {"is_jump": True}),
        ("weightlifting", "is_weight=true", {"is_weight": True}),
    ],
)
def test_an_analysis_says_its_own_flag_and_nothing_else(
    run: Verb, analysis: str | None, query: str, body: object
) -> None:
    """The other flag is not sent as false: the caller has not said anything about it."""
    script = Script(ok())
    with Aikynetix(api_key=KEY, transport=script) as client:
        client.analyzed_videos.get("s", analysis=analysis)
        client.analyzed_videos.generate("s", analysis=analysis)
        client.analyzed_videos.get("s", analysis=analysis, as_attachment=True)
    get, post, attachment = script.requests
    assert get.url.query.decode() == query
    assert json.loads(post.content) == body
    assert attachment.url.query.decode() == "&".join(filter(None, [query, "download=true"]))


@pytest.mark.parametrize("kind", [Aikynetix, AsyncAikynetix])
def test_a_transport_of_the_wrong_kind_is_refused(kind: type[Any]) -> None:
    """A synchronous transport in the asynchronous client, or the other way round, is named when the client is made."""
    wrong: Any = httpx.HTTPTransport() if kind is AsyncAikynetix else httpx.AsyncHTTPTransport()
    with pytest.raises(ConfigurationError, match="transport="):
        kind(api_key=KEY, transport=wrong)


def test_call_refuses_what_is_no_operation() -> None:
    """The text shows what an operation looks like; wrong arguments are named too."""
    from aikynetix_api.api.analyzed_videos import generate_analyzed_video

    with Aikynetix(api_key=KEY, transport=Script(ok())) as client:
        with pytest.raises(TypeError, match="get_analyzed_video"):
            client.call(json)
        with pytest.raises(TypeError, match="session_id"):
            client.call(generate_analyzed_video)
        with pytest.raises(TypeError, match="generate_analyzed_video"):
            client.call(generate_analyzed_video, "s", body={"is_jump": True})


def test_call_does_not_pass_an_unknown_success_off_as_nothing() -> None:
    """A 2xx that the spec does not name is an error while it has a body, and None when it has none."""
    from aikynetix_api.api.analyzed_videos import get_analyzed_video

    with Aikynetix(api_key=KEY, transport=Script(httpx.Response(206, json=FOUND), httpx.Response(204))) as client:
        with pytest.raises(APIResponseValidationError, match="UnexpectedStatus"):
            client.call(get_analyzed_video, "s")
        assert client.call(get_analyzed_video, "s") is None
