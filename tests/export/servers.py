"""A stand-in for the API and its storage, countable and ill-behaved session by session; and what an export left."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from attrs import define, field

from aikynetix import Aikynetix, AnalyzedVideos
from tests.download.servers import Fault, Storage, video

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from aikynetix import ExportRecord

API_KEY = "export-test-key"


def reply(status: int, body: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None) -> Fault:
    """Return a response of the API in place of the video's URL."""
    sent: dict[str, str | None] = {"Content-Type": "application/json", **(headers or {})}
    return Fault(status=status, body=json.dumps(body or {}).encode(), headers=sent)


HANG_UP, SLOW = Fault(raw=b""), Fault(raw=b"", stall=20.0)

Behaviour = Callable[[str, int], Fault | None]
"""What is sent, given the session id and how often it was asked for; None for the URL."""


@define
class Seen:
    """What the service was asked for, in order; times are of ``time.monotonic``."""

    lookups: list[str] = field(factory=list)  # session ids
    lookup_times: list[float] = field(factory=list)
    queries: dict[str, str] = field(factory=dict)  # of the last lookup of each session
    at_once: int = 0  # lookups that are waiting for a response
    most_at_once: int = 0


class Service(Storage):
    """The service; every lookup takes ``latency`` seconds, and those of ``replies`` go as it says."""

    def __init__(self) -> None:
        super().__init__(video(1000))
        self.latency, self.seen = 0.0, Seen()
        self.replies: dict[str, Fault] = {}
        self.behave: Behaviour = lambda session_id, _: self.replies.get(session_id)
        self.clients = ExitStack()

    def videos(self, **settings: Any) -> AnalyzedVideos:
        """Return the videos of a client of its own, which the fixture closes."""
        fields: dict[str, Any] = {"api_key": API_KEY, "timeout": 5.0, "max_retries": 0}
        return self.clients.enter_context(Aikynetix(base_url=self.base_url, **fields | settings)).analyzed_videos

    def store(self, size: int, rate: float = 0.0) -> None:
        """Have videos of so many bytes, sent at so many a second."""
        self.body, self.rate = video(size), rate

    def look_up(self, connection: socket.socket, target: str, headers: dict[str, str]) -> bool:
        path, _, query = target.partition("?")
        session_id, seen = unquote(path.split("/")[3]), self.seen
        with self.lock:
            seen.lookups.append(session_id)
            seen.lookup_times.append(time.monotonic())
            seen.queries[session_id] = query
            seen.at_once += 1
            seen.most_at_once = max(seen.most_at_once, seen.at_once)
            answer = self.behave(session_id, seen.lookups.count(session_id))
        if headers.get("api-key") != API_KEY:
            answer = reply(401, {"error": "Token is missing or invalid."})
        time.sleep(self.latency)
        with self.lock:
            seen.at_once -= 1
        url = f"{self.base_url}/videos/{quote(session_id, safe='')}/analyzed_video.mp4?X-Goog-Signature=feedfacecafe"
        return self.send(connection, answer or reply(200, {"analyzed_video_url": url}), None)


def manifest(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a folder's manifest."""
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]


def statuses(records: Iterable[ExportRecord]) -> dict[str, str]:
    """Return what came of each session."""
    return {record.session_id: record.status.value for record in records}


def workers() -> list[str]:
    """Return the names of the threads of exports, once those that were told to end have had the time to do so."""
    end = time.monotonic() + 5
    while True:
        names = [thread.name for thread in threading.enumerate() if thread.name.startswith("aikynetix-export")]
        if not names or time.monotonic() > end:
            return names
        time.sleep(0.02)
