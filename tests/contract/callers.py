"""Both clients behind one signature, and the three documented forms of a credential."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import httpx

from aikynetix import Aikynetix, AikynetixError, ApiKey, AsyncAikynetix
from tests.faults.storage import VIDEO

if TYPE_CHECKING:
    from pathlib import Path

    from aikynetix.sandbox import Sandbox

Settings = dict[str, Any]
Caller = Callable[[Settings, Callable[[Any], Any]], Any]
"""Makes a client of the settings, gives it to the action, closes it, and returns what the action did."""


def _sync(settings: Settings, action: Callable[[Any], Any]) -> Any:
    with Aikynetix(**settings) as client:
        outcome = action(client)
        return list(outcome) if hasattr(outcome, "__next__") else outcome


def _async(backend: str, settings: Settings, action: Callable[[Any], Any]) -> Any:
    async def main() -> Any:
        async with AsyncAikynetix(**settings) as client:
            outcome = action(client)
            return [each async for each in outcome] if hasattr(outcome, "__anext__") else await outcome

    return anyio.run(main, backend=backend)


CLIENTS: dict[str, Caller] = {"sync": _sync, "async": partial(_async, "asyncio")}
KINDS: dict[str, Caller] = CLIENTS | {"trio": partial(_async, "trio")}
"""The two clients, the asynchronous one on each event loop. An action may return an export, which is run to its end."""


def ask(kind: str, verb: str, *arguments: Any, options: Any = None, **settings: Any) -> Any:
    """Call a method of ``analyzed_videos`` of a client of this kind and return what it returns."""
    return KINDS[kind](settings, lambda client: getattr(client.analyzed_videos, verb)(*arguments, **(options or {})))


def in_a_row(kind: str, settings: Settings, *calls: Callable[[Any], Any]) -> list[Any]:
    """Make calls of ``analyzed_videos`` with one client: what each returned, or the error of ours that it ended in."""
    ended: list[Any] = []

    def sync(client: Any) -> None:
        for call in calls:
            try:
                ended.append(call(client.analyzed_videos))
            except AikynetixError as error:
                ended.append(error)

    async def patiently(client: Any) -> None:
        for call in calls:
            try:
                ended.append(await call(client.analyzed_videos))
            except AikynetixError as error:
                ended.append(error)

    KINDS[kind](settings, sync if kind == "sync" else patiently)
    return ended


def do(kind: str, job: str, folder: Path, **settings: Any) -> None:
    """Look session "s" up, download it or export it, and see that it is done; its video is `VIDEO`."""
    if job == "download":
        assert ask(kind, "download", "s", folder / "v.mp4", **settings).size == len(VIDEO)
        assert (folder / "v.mp4").read_bytes() == VIDEO
    elif job == "export":
        records = ask(kind, "export", ["s"], folder / "export", **settings)
        assert [record.status for record in records] == ["done"], records[0].message
    else:
        assert ask(kind, job, "s", **settings).session_id == "s"


class Replies(httpx.MockTransport):
    """A transport that answers from a list, the last entry for ever, and keeps what it was asked."""

    def __init__(self, *replies: httpx.Response | Exception) -> None:
        super().__init__(self._next)
        self.replies, self.requests = list(replies), list[httpx.Request]()

    def _next(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(
            httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        )
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(
            reply.status_code, headers=reply.headers, stream=reply.stream, extensions=reply.extensions
        )


FORMS: dict[str, Callable[[str, str], Settings]] = {
    "API-KEY header": lambda key, _token: {"api_key": key},
    "Authorization: API-KEY": lambda key, _token: {"auth": ApiKey(key, header="Authorization")},
    "bearer": lambda _key, token: {"token": token},
}
"""The settings for a credential, given a key and a token."""

SENT = {
    "API-KEY header": {"api-key": "***"},
    "Authorization: API-KEY": {"authorization": "API-KEY ***"},
    "bearer": {"authorization": "Bearer ***"},
}
"""What the sandbox records of each form: the header it came in, with the scheme, without the credential."""


def settings_of(sandbox: Sandbox, form: str = "bearer", *, right: bool = True) -> Settings:
    """The settings for a sandbox with its credential or with a wrong one, in this form, and without retries."""
    key, token = (sandbox.api_key, sandbox.token) if right else ("another-key", "another-token")
    return {**FORMS[form](key, token), "base_url": sandbox.base_url, "max_retries": 0}
