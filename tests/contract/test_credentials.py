"""Credentials over TCP: which are refused, and what is done about a token that has run out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import ApiKey, AuthenticationError

from .callers import CLIENTS, Caller, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from aikynetix.sandbox import Sandbox

WRONG: dict[str, Callable[[Sandbox], Settings]] = {
    "header, another key": lambda _: {"api_key": "another-key"},
    "header, the token": lambda box: {"api_key": box.token},
    "header, a longer key": lambda box: {"api_key": f"{box.api_key}0"},
    "header, a shorter key": lambda box: {"api_key": box.api_key[:-1]},
    "header, the key in upper case": lambda box: {"api_key": box.api_key.upper()},
    "authorization, another key": lambda _: {"auth": ApiKey("another-key", header="Authorization")},
    "authorization, the token": lambda box: {"auth": ApiKey(box.token, header="Authorization")},
    "authorization, the key in upper case": lambda box: {"auth": ApiKey(box.api_key.upper(), header="Authorization")},
    "bearer, another token": lambda _: {"token": "another-token"},
    "bearer, the key": lambda box: {"token": box.api_key},
    "bearer, a callable": lambda _: {"token": lambda: "another-token"},
}
OPERATIONS = {"GET": "get", "POST": "generate"}
REFUSAL = "Token is missing or invalid."


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("method", OPERATIONS)
def test_a_wrong_credential_is_an_authentication_error(
    sandbox: Sandbox, client: Caller, wrong: str, method: str
) -> None:
    """Whatever the session: one that is ready, forbidden or unknown gives the same 401, which tells nothing of it."""
    settings = {**WRONG[wrong](sandbox), "base_url": sandbox.base_url}
    for session in ("jump", "forbidden", "unknown"):
        with pytest.raises(AuthenticationError) as caught:
            client(settings, _asking(method, sandbox.sessions[session]))
        error = caught.value
        assert type(error) is AuthenticationError
        assert (error.status_code, error.message, error.body) == (401, REFUSAL, {"error": REFUSAL})
        assert error.request_id == sandbox.requests[-1].request_id
        assert error.headers["www-authenticate"].startswith("Bearer ")
    assert {(request.method, request.status) for request in sandbox.requests} == {(method, 401)}


def test_a_wrong_credential_is_not_tried_again(sandbox: Sandbox, client: Caller) -> None:
    """A 401 is final for a credential that does not change: it costs one request, retries or not."""
    settings = {"api_key": "another-key", "base_url": sandbox.base_url, "max_retries": 3}
    with pytest.raises(AuthenticationError):
        client(settings, _asking("GET", sandbox.sessions["jump"]))
    assert [request.status for request in sandbox.requests] == [401]


@pytest.mark.parametrize("method", OPERATIONS)
def test_a_callable_token_is_asked_again_once(sandbox: Sandbox, client: Caller, method: str) -> None:
    """A token that has run out is replaced in the same call, for GET and POST; the caller sees the video only."""
    tokens = iter(["run-out", sandbox.token])
    settings = {"token": lambda: next(tokens), "base_url": sandbox.base_url, "max_retries": 0}
    video = client(settings, _asking(method, sandbox.sessions["jump"]))
    assert video.url == sandbox.signed_url(sandbox.sessions["jump"])
    assert [(request.method, request.status) for request in sandbox.requests] == [(method, 401), (method, 200)]
    assert next(tokens, None) is None


def test_a_coroutine_function_gives_the_token_of_the_async_client(sandbox: Sandbox) -> None:
    """It is awaited for the first token and for the one after a 401."""
    tokens = iter(["run-out", sandbox.token])

    async def token() -> str:
        return next(tokens)

    settings = {"token": token, "base_url": sandbox.base_url}
    video = CLIENTS["async"](settings, _asking("GET", sandbox.sessions["jump"]))
    assert video.session_id == sandbox.sessions["jump"]
    assert [request.status for request in sandbox.requests] == [401, 200]


def test_a_token_that_stays_wrong_is_given_up(sandbox: Sandbox, client: Caller) -> None:
    """Two requests, and the 401 is the caller's."""
    settings = {"token": lambda: "run-out", "base_url": sandbox.base_url}
    with pytest.raises(AuthenticationError) as caught:
        client(settings, _asking("GET", sandbox.sessions["jump"]))
    assert caught.value.message == REFUSAL
    assert [request.status for request in sandbox.requests] == [401, 401]


def _asking(method: str, session_id: str) -> Callable[[Any], Any]:
    return lambda client: getattr(client.analyzed_videos, OPERATIONS[method])(session_id)
