"""A server that sends the credential back, in whatever spelling, does not get it into our exceptions."""

from __future__ import annotations

import asyncio
import base64
import html
import json
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

import aikynetix
from aikynetix import Aikynetix, AikynetixError, ApiKey, AsyncAikynetix
from aikynetix._redact import scrub
from tests.faults.test_faults import texts_of

from .hunt import KEY, TOKEN, finds

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda key: quote(key, safe=""),
    "percent-lower": lambda key: quote(key, safe="").lower(),
    "percent-all": lambda key: "".join(f"%{ord(char):02X}" for char in key),
    "percent-twice": lambda key: quote(quote(key, safe=""), safe=""),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64-within": lambda key: base64.b64encode(f'{{"k":"{key}"}}'.encode()).decode(),
    "base64-shifted": lambda key: base64.b64encode(f"ab{key}yz".encode()).decode(),
    "base64-url": lambda key: base64.urlsafe_b64encode(f"a{key}".encode()).decode().rstrip("="),
    "json-escaped": lambda key: "".join(f"\\u{ord(char):04x}" for char in key),
    "json-escaped-twice": lambda key: "".join(f"\\\\u{ord(char):04x}" for char in key),
    "json-slash": lambda key: key.replace("/", "\\/"),
    "html": html.escape,
    "html-all": lambda key: "".join(f"&#{ord(char)};" for char in key),
    "html-open": lambda key: "".join(f"&#{ord(char)}" for char in key),
    "html-hex": lambda key: "".join(f"&#x{ord(char):X};" for char in key),
    "mixed": lambda key: "".join(
        (char, f"%{ord(char):02x}", f"&#{ord(char)};", f"\\u{ord(char):04x}")[place % 4]
        for place, char in enumerate(key)
    ),
    "hex": lambda key: key.encode().hex(),
    "upper": str.upper,
}
_PLACES: dict[str, Callable[[str], httpx.Response]] = {
    "json": lambda echo: httpx.Response(403, json={"error": f"key {echo} refused", echo: [echo]}),
    "raw-json": lambda echo: httpx.Response(403, content=f'{{"error": "key {echo} refused"}}'.encode()),
    "text": lambda echo: httpx.Response(500, text=f"<p>{echo}</p>"),
    "cut": lambda echo: httpx.Response(500, text="x" * (64 * 1024 - 12) + echo + "y" * 99),
    "header": lambda echo: httpx.Response(400, headers={"X-Echo": echo, "X-Request-Id": echo}),
    "header-name": lambda echo: httpx.Response(400, headers=[(b"X-" + echo.encode(), b"1")]),
    "utf-16": lambda echo: httpx.Response(500, content=f"key {echo}".encode("utf-16")),
    "location": lambda echo: httpx.Response(302, headers={"Location": f"https://evil.example/{echo}?k={echo}"}),
    "success": lambda echo: httpx.Response(200, json={"error": f"key {echo}"}, headers={"X-Request-Id": echo}),
    "large-success": lambda echo: httpx.Response(200, json={"error": [f"key {echo}", "x" * (64 * 1024)]}),
    "type": lambda echo: httpx.Response(200, text="<html>", headers={"Content-Type": f"text/html; k={echo}"}),
}


def _failure(reply: httpx.Response, **credential: Any) -> AikynetixError:
    transport = httpx.MockTransport(lambda _: reply)
    client = Aikynetix(base_url="https://api.example", transport=transport, max_retries=0, **credential)
    with client, pytest.raises(AikynetixError) as caught:
        client.analyzed_videos.get("s")
    return caught.value


@pytest.mark.parametrize("spelling", _SPELLINGS)
@pytest.mark.parametrize("place", _PLACES)
def test_an_echoed_credential_is_masked(place: str, spelling: str) -> None:
    """In text, JSON, headers, redirects, a cut body or the guise of a success, in any of its spellings."""
    for credential, secret in (
        ({"api_key": KEY}, KEY),
        ({"token": TOKEN}, TOKEN),
        ({"auth": ApiKey(KEY, header="Authorization")}, KEY),
        ({"auth": httpx.BasicAuth("someone", KEY)}, KEY),
    ):
        echo = _SPELLINGS[spelling](secret)
        told = "\n".join(texts_of(_failure(_PLACES[place](echo), **credential))).replace("\\x00", "")
        for form in {echo, secret, json.dumps(echo)[1:-1], repr(echo)[1:-1]}:
            assert form.lower() not in told.lower()
        assert echo[:12].lower() not in told.lower() or spelling == "base64-within"


class Anew(httpx.Auth):
    """Sends a request of its own making in place of the one that it is given."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        yield httpx.Request(request.method, request.url, headers={"X-Mine": KEY})


@pytest.mark.parametrize("place", ["json", "success", "type", "broken"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_credential_in_a_request_made_anew_is_masked(kind: str, place: str) -> None:
    """Authentication may yield another request than it was given: statuses, successes and failures tell none of it."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.extensions["timeout"]["read"] == 7
        if place == "broken":
            raise httpx.RemoteProtocolError(f"illegal line {KEY}", request=request)
        return _PLACES[place](KEY)

    settings: dict[str, Any] = {"auth": Anew(), "timeout": 7, "max_retries": 0}
    settings["transport"] = httpx.MockTransport(answer)

    def ask() -> None:
        with Aikynetix(**settings) as client:
            client.analyzed_videos.get("s")

    async def patiently() -> None:
        async with AsyncAikynetix(**settings) as client:
            await client.analyzed_videos.get("s")

    with pytest.raises(AikynetixError) as caught:
        ask() if kind == "sync" else asyncio.run(patiently())
    assert finds("\n".join(texts_of(caught.value))) == []
    assert "***" in str(caught.value)


def test_a_request_id_with_the_key_in_it_is_masked_on_success_too() -> None:
    """The id of an answer that is fine is shown as well."""
    reply = httpx.Response(200, json={"analyzed_video_url": "https://x.example/v.mp4"}, headers={"X-Request-Id": KEY})
    with Aikynetix(KEY, base_url="https://api.example", transport=httpx.MockTransport(lambda _: reply)) as client:
        video = client.analyzed_videos.get("s")
    assert video.request_id == "***"
    assert finds(repr(video)) == []


def test_a_token_that_was_replaced_is_masked_too() -> None:
    """After a 401 the next token is sent, and the server tells of both."""
    tokens = iter(["first-0123456789", TOKEN])
    replies = iter([httpx.Response(401), httpx.Response(403, json={"error": f"first-0123456789, then {TOKEN}"})])
    transport = httpx.MockTransport(lambda _: next(replies))
    with (
        Aikynetix(token=lambda: next(tokens), base_url="https://api.example", transport=transport) as client,
        pytest.raises(AikynetixError) as caught,
    ):
        client.analyzed_videos.get("s")
    assert caught.value.message == "***, then ***"  # type: ignore[attr-defined]  # an APIStatusError


class InQuery(httpx.Auth):
    """Puts the key where it does not belong."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.url = request.url.copy_merge_params({"key": KEY})
        yield request


def test_a_key_in_the_query_is_in_no_frame_of_a_refusal() -> None:
    """Tracebacks with local variables show a request with its URL."""
    error: BaseException = _failure(httpx.Response(404), auth=InQuery())
    package, looked_at = Path(aikynetix.__file__).parent, 0
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if Path(frame.f_code.co_filename).is_relative_to(package):
            assert finds(repr(frame.f_locals)) == []
            looked_at += 1
    assert looked_at >= 3


@pytest.mark.parametrize(
    "broken",
    [
        OSError(5, f"cannot read {KEY}", f"/tmp/{KEY}"),
        SyntaxError(f"bad {KEY}", ("file", 1, 1, KEY)),
        ValueError({"Authorization": [KEY]}, (KEY, [KEY])),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_transport_raises_keeps_no_key_in_any_corner(broken: Exception) -> None:
    """Some exceptions keep texts beside their arguments, some arguments are collections."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise broken

    with (
        Aikynetix(KEY, base_url="https://api.example", transport=httpx.MockTransport(fail), max_retries=0) as client,
        pytest.raises(AikynetixError) as caught,
    ):
        client.analyzed_videos.get("s")
    cause = caught.value.__cause__
    assert type(cause) is type(broken)
    kept = [getattr(cause, name, None) for name in ("strerror", "filename", "msg", "text")]
    assert finds("\n".join([*texts_of(caught.value), *map(str, kept)])) == []


def test_a_key_of_digits_echoed_as_a_number_is_masked() -> None:
    """JSON has numbers too."""
    error = _failure(httpx.Response(403, json={"error": {"key": 1234567890123}}), api_key="1234567890123")
    assert "1234567890123" not in "\n".join(texts_of(error))


def test_a_short_credential_behind_a_scheme_is_masked() -> None:
    """The part behind ``Authorization: API-KEY`` counts by itself, however short it is."""
    error = _failure(httpx.Response(403, json={"error": "key ab12c no"}), auth=ApiKey("ab12c", header="Authorization"))
    assert str(error).startswith("403: key *** no ")


def test_words_that_are_no_secret_stay() -> None:
    """Masking leaves ordinary messages alone."""
    text = "Session not found: see https://docs.example/help#errors, token expired; signature invalid"
    assert scrub(text, [KEY, TOKEN]) == text


def test_an_exception_of_the_callers_own_is_left_alone() -> None:
    """What the caller was handling when it called us keeps its traceback and its text."""
    context: BaseException | None = None
    try:
        try:
            raise KeyError(f"mine {KEY}")
        except KeyError:
            with Aikynetix(KEY, transport=httpx.MockTransport(_raise), max_retries=0) as client:
                client.analyzed_videos.get("s")
    except AikynetixError as error:
        context = error.__context__
        while context is not None and not isinstance(context, KeyError):
            context = context.__context__
    assert context is not None
    assert context.__traceback__ is not None
    assert KEY in str(context)


def _raise(_: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("broken")
