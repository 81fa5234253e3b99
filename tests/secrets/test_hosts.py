"""No host but the API's ever sees a credential."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aikynetix import Aikynetix, AikynetixError, ApiKey, AsyncAikynetix, BearerToken, ConfigurationError
from tests.faults.scenario import HEAD, answer, raw
from tests.faults.server import FaultServer, Keep, Script

from .hunt import KEY, TOKEN, finds

if TYPE_CHECKING:
    from pathlib import Path

_VIDEO = b"\0\0\0\x18ftypisom" + b"\0" * 200
_VIDEO_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nSet-Cookie: track=1\r\nContent-Length: %d\r\n\r\n" % len(_VIDEO)
)
_SCRIPTS = {
    "stored": raw(HEAD, b'Set-Cookie: session=1\r\n\r\n{"analyzed_video_url": "{other}/sessions/video/v.mp4"}'),
    "video": Script((_VIDEO_ANSWER + _VIDEO, Keep())),
    "moved": answer(status=307, headers="Location: {other}/sessions/stored/\r\n"),
}
_CREDENTIALS: dict[str, dict[str, Any]] = {
    "key": {"api_key": KEY},
    "token": {"token": TOKEN},
    "key-in-authorization": {"auth": ApiKey(KEY, header="Authorization")},
    "callable": {"token": lambda: TOKEN},
    "own": {"auth": httpx.BasicAuth("user", KEY)},
    "bearer": {"auth": BearerToken(TOKEN)},
}


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("credential", _CREDENTIALS.values(), ids=_CREDENTIALS)
def test_the_storage_sees_no_credential_and_no_cookie(credential: dict[str, Any], kind: str, tmp_path: Path) -> None:
    """A download asks the API with the credential, and the storage without it and without the API's cookies."""
    with FaultServer(_SCRIPTS) as server:
        settings: dict[str, Any] = {**credential, "base_url": server.url, "timeout": 2}
        if kind == "sync":
            with Aikynetix(**settings) as client:
                client.analyzed_videos.download("stored", tmp_path / "v.mp4")
        else:

            async def main() -> None:
                async with AsyncAikynetix(**settings) as client:
                    await client.analyzed_videos.download("stored", tmp_path / "v.mp4")

            asyncio.run(main())
        there = server.requests_at_other()
        assert there
        for request in there:
            names = {name for name, _ in request.headers}
            assert not names & {"authorization", "api-key", "cookie", "proxy-authorization"}
            assert finds(repr(request)) == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_carries_a_credential_away(status: int) -> None:
    """A redirect to another origin is an error, and the other host hears nothing."""
    script = answer(status=status, headers="Location: {other}/sessions/stored/\r\n")
    with FaultServer({"moved": script}) as server, Aikynetix(KEY, base_url=server.url) as client:
        for verb in (client.analyzed_videos.get, client.analyzed_videos.generate):
            with pytest.raises(AikynetixError, match="not followed"):
                verb("moved")
        assert server.requests_at_other() == []


@pytest.mark.parametrize(
    "url",
    [
        "https://api.aikynetix.app@evil.example",
        "https://api.aikynetix.app:443@evil.example/",
        "https://user:pass@api.aikynetix.app",
        "https://@evil.example",
        "https://api.aikynetix.app\\@evil.example",
        "https://evil.example\\.api.aikynetix.app",
        "https://api.aikynetix.app#@evil.example",
        "https://api.aikynetix.app/?@evil.example",
        "https://api.aikynetix.app?x=1",
        "https://api.aikynetix.app#",
        "http://api.aikynetix.app",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://0.0.0.0:80",
        "http://[::ffff:8.8.8.8]/",
        "http://2130706433/",
        "https:api.aikynetix.app",
        "https:///api.aikynetix.app",
        "//api.aikynetix.app",
        "api.aikynetix.app",
        "ftp://api.aikynetix.app",
        "file:///etc/passwd",
        "https://api.aikynetix.app:0",
        "https://api.aikynetix.app:99999",
        "https://api.aiky netix.app",
        "https://api.aikynetix.app\r\nHost: evil.example",
        "https://\u2028evil.example",
        "",
    ],
)
def test_a_base_url_that_reads_as_one_host_and_means_another_is_refused(url: str) -> None:
    """User info, backslashes, fragments, other schemes and look-alikes of loopback end in a ConfigurationError."""
    with pytest.raises(ConfigurationError) as caught:
        Aikynetix(KEY, base_url=url)
    assert finds(str(caught.value)) == []


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.aikynetix.app.", "api.aikynetix.app."),
        ("https://API.aikynetix.app:8443/v2/", "api.aikynetix.app:8443"),
        ("https://xn--e1afmkfd.example", "xn--e1afmkfd.example"),
        ("http://127.0.0.1:81", "127.0.0.1:81"),
        ("http://[::1]:81", "[::1]:81"),
    ],
)
def test_a_credential_goes_to_the_host_that_was_named(url: str, host: str) -> None:
    """What a base URL may look like, and the one host that is asked for it."""
    asked: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(404)

    client = Aikynetix(KEY, base_url=url, transport=httpx.MockTransport(reply))
    with client, pytest.raises(AikynetixError):
        client.analyzed_videos.get("s")
    assert asked[0].headers["host"] == asked[0].url.netloc.decode() == host


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_no_proxy_and_no_netrc_of_the_environment_is_used(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Proxy variables and a .netrc for the API's host change nothing: the request goes to the API, with its own key."""
    with FaultServer({"x": answer(status=404)}) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, server.other_url)
            monkeypatch.setenv(name.lower(), server.other_url)
        netrc = tmp_path / ".netrc"
        netrc.write_text("machine 127.0.0.1 login netrc-user password netrc-password\n")
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("HOME", str(tmp_path))
        if kind == "sync":
            with Aikynetix(KEY, base_url=server.url) as client, pytest.raises(AikynetixError):
                client.analyzed_videos.get("x")
        else:

            async def main() -> None:
                async with AsyncAikynetix(KEY, base_url=server.url) as client:
                    await client.analyzed_videos.get("x")

            with pytest.raises(AikynetixError):
                asyncio.run(main())
        assert server.requests_at_other() == []
        assert dict(server.seen[0].headers)["api-key"] == KEY
        assert "authorization" not in dict(server.seen[0].headers)
