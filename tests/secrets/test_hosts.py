"""No host but the API's ever sees a credential."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aikynetix import AikynetixError, ApiKey, BearerToken
from tests.contract.callers import CLIENTS, KINDS, ask, do
from tests.faults.scenario import HEAD, answer, raw
from tests.faults.server import FaultServer, Keep, Script
from tests.faults.storage import VIDEO, head

from .hunt import KEY, TOKEN, finds

if TYPE_CHECKING:
    from pathlib import Path

_SCRIPTS = {
    "s": raw(HEAD, b'Set-Cookie: session=1\r\n\r\n{"analyzed_video_url": "{other}/sessions/video/v.mp4"}'),
    "video": Script((head(200, "Set-Cookie: track=1"), VIDEO, Keep())),
}
_CREDENTIALS: dict[str, dict[str, Any]] = {
    "key": {"api_key": KEY},
    "token": {"token": TOKEN},
    "key-in-authorization": {"auth": ApiKey(KEY, header="Authorization")},
    "callable": {"token": lambda: TOKEN},
    "own": {"auth": httpx.BasicAuth("user", KEY)},
    "bearer": {"auth": BearerToken(TOKEN)},
}


@pytest.mark.parametrize("job", ["download", "export"])
@pytest.mark.parametrize("credential", _CREDENTIALS)
@pytest.mark.parametrize("kind", CLIENTS)
def test_the_storage_sees_no_credential_and_no_cookie(kind: str, credential: str, job: str, tmp_path: Path) -> None:
    """The API is asked with the credential, the storage without it and without the API's cookies."""
    with FaultServer(_SCRIPTS) as server:
        do(kind, job, tmp_path, **_CREDENTIALS[credential], base_url=server.url)
        assert {"api-key", "authorization"} & dict(server.seen[0].headers).keys()
        there = server.requests_at_other()
    assert there
    for request in there:
        assert not {name for name, _ in request.headers} & {"authorization", "api-key", "cookie", "proxy-authorization"}
        assert finds(repr(request)) == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("verb", ["get", "generate"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_redirect_carries_a_credential_away(kind: str, verb: str, status: int) -> None:
    """A redirect to another origin is an error that says where to, and the other host hears nothing."""
    with FaultServer({"moved": answer(status=status, headers="Location: {other}/sessions/stored/\r\n")}) as server:
        with pytest.raises(AikynetixError, match="not followed"):
            ask(kind, verb, "moved", api_key=KEY, base_url=server.url)
        assert server.requests_at_other() == []


@pytest.mark.parametrize("credential", _CREDENTIALS)
@pytest.mark.parametrize("kind", CLIENTS)
def test_the_raw_client_takes_the_credential_to_no_other_origin(kind: str, credential: str) -> None:
    """Whoever asks it for another address asks without."""
    lend = "get_httpx_client" if kind == "sync" else "get_async_httpx_client"
    with FaultServer(_SCRIPTS) as server:
        settings = _CREDENTIALS[credential] | {"base_url": server.url}
        KINDS[kind](settings, lambda client: getattr(client.raw, lend)().get(f"{server.other_url}/sessions/video/"))
        assert finds(repr(server.requests_at_other())) == []
        assert not {"authorization", "api-key"} & dict(server.seen[0].headers).keys()
