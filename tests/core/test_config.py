"""Settings: where they come from, and what is said about a wrong one."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from aikynetix import Aikynetix, ApiKey, AsyncAikynetix, BearerToken, ConfigurationError
from tests.contract.callers import Replies, ask
from tests.secrets.hunt import KEY, PASSWORD, TOKEN, finds


def sent(**given: Any) -> httpx.Request:
    """What a lookup of a client with these settings sends."""
    replies = Replies(httpx.Response(200, json={"analyzed_video_url": "https://h/v.mp4"}))
    ask("sync", "get", "s", transport=replies, **given)
    return replies.requests[0]


@pytest.mark.parametrize(
    ("given", "environ", "header", "value"),
    [
        ({"api_key": KEY}, {}, "API-KEY", KEY),
        ({"token": TOKEN}, {}, "Authorization", f"Bearer {TOKEN}"),
        ({"auth": BearerToken(lambda: TOKEN)}, {}, "Authorization", f"Bearer {TOKEN}"),
        ({"auth": ApiKey(KEY, header="Authorization")}, {}, "Authorization", f"API-KEY {KEY}"),
        ({"auth": ApiKey(KEY, header="X-Other")}, {}, "X-Other", KEY),
        ({}, {"AIKYNETIX_API_KEY": f" {KEY}\n"}, "API-KEY", KEY),
        ({}, {"AIKYNETIX_TOKEN": TOKEN, "AIKYNETIX_API_KEY": ""}, "Authorization", f"Bearer {TOKEN}"),
        ({"token": TOKEN}, {"AIKYNETIX_API_KEY": KEY}, "Authorization", f"Bearer {TOKEN}"),
        ({"api_key": KEY}, {}, "Host", "api.aikynetix.app"),
        ({"api_key": KEY}, {"AIKYNETIX_BASE_URL": "https://b.example/"}, "Host", "b.example"),
        (
            {"api_key": KEY, "base_url": "https://c.example"},
            {"AIKYNETIX_BASE_URL": "https://b.example"},
            "Host",
            "c.example",
        ),
        *(
            ({"api_key": KEY, "base_url": f"http://{loopback}:1"}, {}, "Host", f"{loopback}:1")
            for loopback in ("localhost", "127.0.0.1", "127.9.9.9", "[::1]")
        ),
    ],
)
def test_an_argument_wins_over_the_environment_and_that_over_the_spec(
    given: dict[str, Any], environ: dict[str, str], header: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key goes where the spec or the caller wants it, a token as RFC 6750 has it; white space is dropped."""
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    assert sent(**given).headers[header] == value


_BOTH = {"AIKYNETIX_API_KEY": KEY, "AIKYNETIX_TOKEN": KEY}
WRONG: list[tuple[dict[str, Any], dict[str, str], list[str]]] = [
    ({}, {}, ["AIKYNETIX_API_KEY", "AIKYNETIX_TOKEN", "api_key="]),
    ({"api_key": KEY, "token": KEY}, {}, ["api_key and token", "give one"]),
    ({"api_key": KEY, "auth": ApiKey(KEY)}, {}, ["api_key and auth"]),
    ({}, _BOTH, ["more than one credential"]),
    ({"api_key": ""}, {}, ["is empty", "AIKYNETIX_API_KEY"]),
    ({"api_key": f"{KEY}\r\nX-Evil: 1"}, {}, ["control"]),
    ({"api_key": "schlüssel"}, {}, ["non-ASCII"]),
    ({"api_key": KEY.encode()}, {}, ["must be a string, not bytes"]),
    ({"token": "  "}, {}, ["is empty", "AIKYNETIX_TOKEN"]),
    ({"token": f"{KEY} x"}, {}, ["a space"]),
    ({"auth": KEY}, {}, ["httpx.Auth", "api_key="]),
    ({"api_key": KEY, "verify": ""}, {}, ["verify=", "is empty"]),
    ({"api_key": KEY, "timeout": 0}, {}, ["timeout="]),
    ({"api_key": KEY, "timeout": float("nan")}, {}, ["timeout="]),
    ({"api_key": KEY, "timeout": 10**400}, {}, ["timeout=", "at most 1,000,000"]),
    ({"api_key": KEY, "timeout": httpx.Timeout(5, read=0)}, {}, ["timeout="]),
    ({"api_key": KEY, "timeout": httpx.Timeout(5, pool=float("nan"))}, {}, ["timeout="]),
    ({"api_key": KEY, "max_retries": -1}, {}, ["max_retries=", "0 to 100"]),
    ({"api_key": KEY, "max_retries": 1.5}, {}, ["max_retries="]),
    *(
        ({"api_key": KEY, "proxy": proxy}, {}, ["proxy="])
        for proxy in ("ftp://127.0.0.1:1", "127.0.0.1", "http://", "http://[h", 5, f"gopher://someone:{PASSWORD}@h")
    ),
    *(
        ({"api_key": KEY, "base_url": url}, {}, ["base_url="])
        for url in (
            *("", "api.example.com", "ftp://api.example.com", "https:api.example.com", "https://exa mple.com"),
            *("http://api.example.com", "http://127.0.0.1.example.com", "http://128.0.0.1", "http://2130706433/"),
            *("http://[::ffff:8.8.8.8]/", "https://[::1", "https://h:0", "https://h:99999", f"https://h?key={KEY}"),
            *(f"https://u:{KEY}@h", "https://api.aikynetix.app@evil.example", "https://@api.example.com"),
            *("https://api.example.com\\@evil.example", "https://evil.example\\.api.aikynetix.app"),
            *("https://api.aikynetix.app\r\nHost: evil.example", "https://\u2028evil.example"),
        )
    ),
]
"""Settings, environment, and what the error says."""


@pytest.mark.parametrize(("given", "environ", "words"), WRONG)
@pytest.mark.parametrize("client", [Aikynetix, AsyncAikynetix])
def test_a_wrong_setting_is_named_and_never_shown(
    client: Any, given: dict[str, Any], environ: dict[str, str], words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text names the setting and what to do about it; no credential stands in it or in what led to it."""
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    with pytest.raises(ConfigurationError) as caught:
        client(**given)
    error = caught.value
    assert [word for word in words if word not in str(error)] == []
    assert finds(f"{error!r} {vars(error)} {error.__cause__!r} {error.__context__!r}") == []


@pytest.mark.parametrize(
    "wrong", [lambda: ApiKey(KEY + " x"), lambda: BearerToken(KEY + " x"), lambda: ApiKey("API-KEY", KEY)]
)
def test_a_wrong_credential_is_never_shown(wrong: Any) -> None:
    """The same where it is made by hand, also with key and header swapped."""
    with pytest.raises(ConfigurationError) as caught:
        wrong()
    assert finds(f"{caught.value!r} {vars(caught.value)}") == []


@pytest.mark.parametrize(
    ("timeout", "each"),
    [
        (None, httpx.Timeout(30.0, connect=10.0)),
        (2, httpx.Timeout(2.0)),
        (httpx.Timeout(5.0, connect=9.0), httpx.Timeout(5.0, connect=9.0)),
        (httpx.Timeout(None), httpx.Timeout(None)),
    ],
)
def test_a_timeout_is_httpx_s_own_or_seconds(timeout: Any, each: httpx.Timeout) -> None:
    """The default is finite."""
    assert Aikynetix(KEY, timeout=timeout).raw.get_httpx_client().timeout == each
