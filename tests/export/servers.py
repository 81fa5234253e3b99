"""A stand-in for the API and its storage that is countable and ill-behaved on demand, session by session."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, unquote

from attrs import define, field, frozen

from tests.download.servers import Fault, Request, Storage, serving, video

if TYPE_CHECKING:
    import socket

API_KEY = "export-test-key"


@frozen
class Reply:
    """A response of the API in place of the video's URL, or of the storage in place of the video."""

    status: int = 200
    body: Mapping[str, object] | None = None  # sent as JSON
    headers: Mapping[str, str] = field(factory=dict)  # further ones
    delay: float = 0.0  # seconds before it is sent, in addition to the latency
    hang_up: bool = False  # whether to break the connection off instead


Behaviour = Callable[[str, int], Reply | None]
"""What is sent, given the session id and how often it was asked for; None for the URL, or for the video."""


@define
class Seen:
    """What the service was asked for, in order; times are of ``time.monotonic``."""

    lookups: list[str] = field(factory=list)  # session ids
    lookup_times: list[float] = field(factory=list)
    queries: dict[str, str] = field(factory=dict)  # of the last lookup of each session
    downloads: list[str] = field(factory=list)  # session ids
    ranges: list[str] = field(factory=list)  # the Range headers among them
    at_once: int = 0  # lookups that are waiting for a response
    most_at_once: int = 0


class Service(Storage):
    """The service, for the time of a ``with`` block; every lookup takes ``latency`` seconds."""

    def __init__(
        self,
        *,
        size: int = 1000,
        latency: float = 0.0,
        rate: float = 0.0,
        behave: Behaviour = lambda _, __: None,
        store: Behaviour = lambda _, __: None,
    ) -> None:
        super().__init__(video(size), rate=rate, fault=self._stored)
        self.latency, self.behave, self.store, self.seen, self._serving = latency, behave, store, Seen(), ExitStack()

    def __enter__(self) -> Self:
        self._serving.enter_context(serving(self))
        return self

    def __exit__(self, *_: object) -> None:
        self._serving.close()

    def look_up(self, connection: socket.socket, target: str, headers: dict[str, str]) -> bool:
        path, _, query = target.partition("?")
        session_id, seen = unquote(path.split("/")[3]), self.seen
        with self.lock:
            seen.lookups.append(session_id)
            seen.lookup_times.append(time.monotonic())
            seen.queries[session_id] = query
            seen.at_once += 1
            seen.most_at_once = max(seen.most_at_once, seen.at_once)
            reply = self.behave(session_id, seen.lookups.count(session_id))
        if headers.get("api-key") != API_KEY:
            reply = Reply(401, {"error": "Token is missing or invalid."})
        time.sleep(self.latency)
        with self.lock:
            seen.at_once -= 1
        url = f"{self.base_url}/videos/{quote(session_id, safe='')}/analyzed_video.mp4?X-Goog-Signature=feedfacecafe"
        reply = reply or Reply(200, {"analyzed_video_url": url})
        self.hold(reply.delay)
        return not reply.hang_up and self.send(connection, _fault(reply), None)

    def _stored(self, request: Request) -> Fault | None:
        session_id, asked = unquote(request.target.split("/")[2]), request.headers.get("range")
        self.seen.downloads.append(session_id)
        self.seen.ranges += [asked] if asked else []
        refusal = self.store(session_id, self.seen.downloads.count(session_id))
        return None if refusal is None else _fault(refusal)


def _fault(reply: Reply) -> Fault:
    body = json.dumps(reply.body or {}).encode()
    return Fault(status=reply.status, body=body, headers={"Content-Type": "application/json", **reply.headers})
