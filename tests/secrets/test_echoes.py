"""A server that sends the credential back does not get it into our errors, as it was sent or percent-encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

from aikynetix import AikynetixError, ApiKey
from tests.contract.callers import CLIENTS, Replies, ask
from tests.faults.scenario import FOUND_BODY, assert_presentable, texts_of

from .hunt import KEY, TOKEN, finds

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_SPELLINGS: dict[str, Callable[[str], str]] = {
    "as sent": str,
    "percent": lambda key: quote(key, safe=""),
    "percent-lower": lambda key: quote(key, safe="").lower(),
    "percent-path": quote,
    "upper": str.upper,
}
_PLACES: dict[str, Callable[[str], httpx.Response | Exception]] = {
    "json": lambda echo: httpx.Response(403, json={"error": f"key {echo} refused", echo: [echo]}),
    "text": lambda echo: httpx.Response(500, text=f"<p>{echo}</p>"),
    "header": lambda echo: httpx.Response(400, headers={"X-Echo": echo, "X-Request-Id": echo}),
    "header-name": lambda echo: httpx.Response(400, headers=[(b"X-" + echo.encode(), b"1")]),
    "location": lambda echo: httpx.Response(302, headers={"Location": f"https://evil.example/{echo}?k={echo}"}),
    "success": lambda echo: httpx.Response(200, json={"error": f"key {echo}"}, headers={"X-Request-Id": echo}),
    "type": lambda echo: httpx.Response(200, text="<html>", headers={"Content-Type": f"text/html; k={echo}"}),
    "reason": lambda echo: httpx.Response(404, extensions={"reason_phrase": f"no {echo}".encode()}),
    "protocol": lambda echo: httpx.RemoteProtocolError(f"illegal line {echo}"),
    "connection": lambda echo: httpx.ConnectError(f"no {echo}"),
    "transport": lambda echo: RuntimeError(f"{echo} of {echo}"),
}
"""Where an echo stands: in a response, or in what a transport raises."""


class Anew(httpx.Auth):
    """Sends a request of its own making in place of the one that it is given."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        yield httpx.Request(request.method, request.url, headers={"X-Mine": KEY})


class InQuery(httpx.Auth):
    """Puts the key where it does not belong."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.url = request.url.copy_merge_params({"key": KEY})
        yield request


_CREDENTIALS: dict[str, tuple[dict[str, Any], str]] = {
    "api_key": ({"api_key": KEY}, KEY),
    "token": ({"token": TOKEN}, TOKEN),
    "callable": ({"token": lambda: TOKEN}, TOKEN),
    "authorization": ({"auth": ApiKey(KEY, header="Authorization")}, KEY),
    "made anew": ({"auth": Anew()}, KEY),
    "in the query": ({"auth": InQuery()}, KEY),
}


def failure(kind: str, *replies: httpx.Response | Exception, **credential: Any) -> AikynetixError:
    """How a lookup ends that is answered with these."""
    with pytest.raises(AikynetixError) as caught:
        ask(kind, "get", "s", transport=Replies(*replies), max_retries=0, **credential)
    return caught.value


@pytest.mark.parametrize("spelling", _SPELLINGS)
@pytest.mark.parametrize("credential", _CREDENTIALS)
@pytest.mark.parametrize("place", _PLACES)
def test_an_echoed_credential_is_masked(place: str, credential: str, spelling: str) -> None:
    """In our text, in what the error carries, and in its cause, which stays what it was."""
    given, secret = _CREDENTIALS[credential]
    echo = _SPELLINGS[spelling](secret)
    for kind in CLIENTS:
        reply = _PLACES[place](echo)
        error = failure(kind, reply, **given)
        assert_presentable(error)
        assert echo.lower() not in "\n".join(texts_of(error)).lower()
        assert isinstance(reply, httpx.Response) or error.__cause__ is reply


def test_a_request_id_with_the_key_in_it_is_masked_on_success_too() -> None:
    """The id of a response that is fine is shown as well."""
    reply = httpx.Response(200, json=FOUND_BODY, headers={"X-Request-Id": KEY})
    video = ask("sync", "get", "s", api_key=KEY, transport=Replies(reply))
    assert video.request_id == "***"
    assert finds(repr(video)) == []


def test_a_token_that_was_replaced_is_masked_too() -> None:
    """After a 401 the next token is sent, and the server tells of both; of the longer one no tail is left."""
    tokens = iter([TOKEN, f"{TOKEN}-and-more"])
    replies = [httpx.Response(401), httpx.Response(403, json={"error": f"{TOKEN}, then {TOKEN}-and-more."})]
    error: Any = failure("sync", *replies, token=lambda: next(tokens))
    assert error.message == "***, then ***."
