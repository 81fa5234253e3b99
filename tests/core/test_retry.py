"""What is sent again, after what wait, what is followed, and what becomes of a failure: over a fake transport."""

from __future__ import annotations

import random
import socket
import ssl
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aikynetix import (
    AikynetixError,
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    InternalServerError,
    RateLimitError,
)
from aikynetix._responses import BUDGET, next_wait
from tests.contract.callers import CLIENTS, Replies, ask
from tests.secrets.hunt import KEY

if TYPE_CHECKING:
    from collections.abc import Generator

API = "https://api.aikynetix.app/session-management/sessions/s/analyzed-video/"
URL = "https://storage.googleapis.com/bucket/video.mp4?X-Goog-Signature=canary"
OK = httpx.Response(200, json={"analyzed_video_url": URL})
both = pytest.mark.parametrize("kind", CLIENTS)


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are drawn from zero to a second and more; here they take no time."""
    monkeypatch.setattr(random, "random", lambda: 0.0)


def run(kind: str, replies: Replies, verb: str = "get", **settings: Any) -> Any:
    return ask(kind, verb, "s", **{"api_key": KEY, "transport": replies, **settings})


def status(code: int, **headers: str) -> httpx.Response:
    return httpx.Response(code, headers={"Retry-After": "0", **headers}, json={"error": "told"})


def to(location: str, code: int = 307) -> httpx.Response:
    return status(code, Location=location)


RETRIES: dict[str, tuple[str, list[httpx.Response | Exception], int, type[AikynetixError] | None]] = {
    **{f"GET {code}": ("get", [status(code), OK], 2, None) for code in (408, 429, 500, 501, 502, 503, 504, 520, 599)},
    **{
        f"GET {code}": ("get", [status(code), OK], 1, APIStatusError)
        for code in (304, 400, 401, 403, 404, 409, 418, 422, 499, 600)
    },
    **{f"POST {code}": ("generate", [status(code), OK], 2, None) for code in (429, 503)},
    **{f"POST {code}": ("generate", [status(code), OK], 1, APIStatusError) for code in (408, 500, 502, 504, 520)},
    "503 for ever": ("get", [status(503)], 4, InternalServerError),
    "a timeout of a transport of one's own": ("get", [TimeoutError("slow")], 4, APITimeoutError),
    "a minute to wait": ("get", [status(429, **{"Retry-After": "60"}), OK], 1, RateLimitError),
    "within the origin": ("get", [to("/elsewhere/", 301), OK], 2, None),
    "for ever": ("get", [to(f"/{n}/") for n in range(8)], 4, APIStatusError),
    "a POST that would become a GET": ("generate", [to("/x/", 302), OK], 1, APIStatusError),
    "a POST that stays one": ("generate", [to("/x/", 308), OK], 2, None),
    "counted anew after a retry": ("get", [*[to("/x/"), to("/y/"), status(503)] * 3, OK], 10, None),
    **{
        f"away to {location!r}": ("get", [to(location, 302), OK], 1, APIStatusError)
        for location in (
            *(
                "https://evil.example/",
                "//evil.example/",
                "http://api.aikynetix.app/",
                "https://api.aikynetix.app:8443/",
            ),
            *("file:///x", "https://[", "https://u:p@api.aikynetix.app/"),
            *("http://[::1", "http://x:abc/", "javascript:alert(1)"),
        )
    },
}
"""The verb, what is answered, how many requests are sent, and the error or None for success."""


@pytest.mark.parametrize("case", RETRIES)
@both
def test_what_is_sent_again_and_what_is_followed(kind: str, case: str) -> None:
    """As many requests as the rules say, each with the credential and the same body, and the last outcome counts."""
    verb, answers, requests, error = RETRIES[case]
    replies = Replies(*answers)
    if error is None:
        assert run(kind, replies, verb).url == URL
    else:
        with pytest.raises(error):
            run(kind, replies, verb)
    assert len(replies.requests) == requests
    assert {request.headers["API-KEY"] for request in replies.requests} == {KEY}
    assert len({(request.method, request.content) for request in replies.requests}) == 1
    assert {request.url.host for request in replies.requests} == {"api.aikynetix.app"}


class Speechless(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise ValueError("no text")


EOF_IN_HANDSHAKE = ssl.SSLEOFError(8, "eof")
EOF_IN_HANDSHAKE.reason = "UNEXPECTED_EOF_WHILE_READING"


def because(cause: Exception) -> httpx.ConnectError:
    """A failure to connect as httpx raises it, with its reason deep in the chain."""
    middle, outer = OSError("wrapped"), httpx.ConnectError("x")
    middle.__context__, outer.__cause__ = cause, middle
    return outer


def proxy(
    said: str, words: str, gets: int = 1, posts: int = 1
) -> tuple[Exception, type[APIConnectionError], str, int, int]:
    return httpx.ProxyError(said), APIConnectionError, words, gets, posts


_BROKEN, _SLOW, _PASSWORD, _PROXY = APIConnectionError, APITimeoutError, "http://user:password@host:port", "HTTPS_PROXY"
FAILURES: dict[str, tuple[Exception, type[AikynetixError], str, int, int]] = {
    "refused": (httpx.ConnectError("refused"), _BROKEN, "refused", 2, 2),
    "no connection in time": (httpx.ConnectTimeout("slow"), _SLOW, "within the timeout", 2, 2),
    "no slot in time": (httpx.PoolTimeout("full"), _SLOW, "within the timeout", 2, 2),
    "reset": (httpx.ReadError("reset"), _BROKEN, "reset", 2, 1),
    "no response in time": (httpx.ReadTimeout("slow"), _SLOW, "within the timeout", 2, 1),
    "garbage": (httpx.RemoteProtocolError("garbage"), _BROKEN, "garbage", 2, 1),
    "host name": (because(socket.gaierror(-2, "unknown")), _BROKEN, "host name", 2, 2),
    "handshake cut off": (because(EOF_IN_HANDSHAKE), _BROKEN, "", 2, 2),
    "proxy away": proxy("cannot be reached at proxy:3128 (refused)", "cannot be reached", 2, 2),
    "proxy 503": proxy("503 Service Unavailable", _PROXY, 2, 2),
    "proxy 407": proxy("407 Proxy Authentication Required", _PASSWORD),
    **{f"proxy {status}": proxy(f"{status} No", _PROXY) for status in (302, 403, 410, 451, 501, 511)},
    **{f"proxy {status}": proxy(f"{status} Later", _PROXY, 2, 2) for status in (408, 425, 429, 502)},
    "SOCKS password": proxy("Invalid username/password", _PASSWORD),
    "SOCKS no password": proxy("Requested NO AUTHENTICATION REQUIRED from proxy server, but got X.", _PASSWORD),
    "SOCKS method": proxy("Requested USERNAME/PASSWORD from proxy server, but got X.", _PROXY),
    "SOCKS rule": proxy("Proxy Server could not connect: Connection not allowed by ruleset.", _PROXY),
    "SOCKS host": proxy("Proxy Server could not connect: Host unreachable.", _PROXY, 2, 2),
    "our own fault": (httpx.LocalProtocolError("x"), _BROKEN, "x", 1, 1),
    "scheme": (httpx.UnsupportedProtocol("gopher"), _BROKEN, "gopher", 1, 1),
    "compression": (httpx.DecodingError("x"), APIResponseValidationError, "x", 1, 1),
    # What a transport of the caller's own may raise.
    "value": (ValueError(""), _BROKEN, "ValueError", 1, 1),
    "key": (KeyError("x"), _BROKEN, "x", 1, 1),
    "input/output": (OSError(5, "input/output error"), _BROKEN, "input/output", 1, 1),
    "loop": (RuntimeError("Event loop is closed"), _BROKEN, "closed", 1, 1),
    "speechless": (Speechless(), _BROKEN, "Speechless", 1, 1),
}
"""What is raised, what it becomes, words of its text, and how many GETs and POSTs are sent where one may be retried."""


@pytest.mark.parametrize("case", FAILURES)
@both
def test_whatever_a_transport_raises_becomes_ours(kind: str, case: str) -> None:
    """It says why and what to do, keeps its cause, names the request; a POST is repeated if it surely never arrived."""
    raised, expected, words, *most = FAILURES[case]
    for verb, method, requests in zip(("get", "generate"), ("GET", "POST"), most, strict=True):
        replies = Replies(raised)
        with pytest.raises(AikynetixError) as caught:
            run(kind, replies, verb, max_retries=1)
        error: Any = caught.value
        assert type(caught.value) is expected
        assert error.__cause__ is raised
        assert words in str(error)
        assert (error.request_method, error.request_url) == (method, API)
        assert len(replies.requests) == requests
        assert getattr(error, "is_permanent", False) is (isinstance(raised, httpx.ProxyError) and most == [1, 1])


class Stubborn(httpx.Auth):
    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        while True:
            yield request


@both
def test_a_credential_that_never_gives_up_ends_in_the_refusal(kind: str) -> None:
    """One of the caller's own may send as often as it likes, within bounds; the last response is what counts."""
    replies = Replies(httpx.Response(401))
    with pytest.raises(AuthenticationError):
        run(kind, replies, api_key=None, auth=Stubborn())
    assert len(replies.requests) == 10


@both
def test_a_credential_is_renewed_once(kind: str) -> None:
    """A callable token is asked again on 401, once; one that does not change is not tried twice."""
    tokens = iter(["first-token-1", "second-token-2", "third-token-3"])
    replies = Replies(httpx.Response(401), OK)
    assert run(kind, replies, api_key=None, token=lambda: next(tokens)).url == URL
    sent = [request.headers["Authorization"] for request in replies.requests]
    assert sent == ["Bearer first-token-1", "Bearer second-token-2"]
    unchanging: list[tuple[dict[str, Any], int]] = [({"api_key": None, "token": lambda: "the-same"}, 2), ({}, 1)]
    for credential, requests in unchanging:
        refused = Replies(httpx.Response(401, json={"error": "no"}))
        with pytest.raises(AuthenticationError, match="no"):
            run(kind, refused, **credential)
        assert len(refused.requests) == requests


@pytest.mark.parametrize(
    ("attempt", "elapsed", "retry_after", "draw", "wait"),
    [
        (1, 0, None, 1.0, 1.0),
        (3, 0, None, 1.0, 4.0),
        (4, 0, None, 1.0, 8.0),
        (10, 0, None, 1.0, 8.0),
        (2, 0, None, 0.25, 0.5),
        (1, 0, None, 0.0, 0.0),
        (1, 0, 0.0, 1.0, 0.0),
        (1, 0, 29.9, 1.0, 29.9),
        (1, 0, 30.0, 1.0, None),
        (1, 28.5, None, 1.0, 1.0),
        (1, 29.0, None, 1.0, None),
        (1, 30.0, None, 0.0, None),
        (11, 0, None, 1.0, None),
    ],
)
def test_the_wait_doubles_from_a_second_within_the_budget(
    attempt: int, elapsed: float, retry_after: float | None, draw: float, wait: float | None
) -> None:
    """1, 2, 4, then 8 seconds, times the draw; a server's own wish instead; never beyond 30 seconds in all."""
    assert BUDGET == 30.0
    assert next_wait(attempt=attempt, max_retries=10, elapsed=elapsed, retry_after=retry_after, draw=draw) == wait
