"""A stand-in for the API and its storage that is fast, countable and ill-behaved on demand.

One asyncio protocol on one port: ``/session-management/...`` answers lookups after a set latency, ``/videos/...``
serves the bytes. `Service` runs it in a thread.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Self, cast
from urllib.parse import quote, unquote

from attrs import define, field, frozen

if TYPE_CHECKING:
    from types import TracebackType

API_KEY = "export-test-key"

_API = "/session-management/sessions/"
_TAIL = "/analyzed-video/"
_VIDEOS = "/videos/"
_REASONS = {200: "OK", 206: "Partial Content"}


@frozen
class Reply:
    """An answer of the API in place of the video's URL, or of the storage in place of the video.

    Attributes:
        status: The HTTP status.
        body: Sent as JSON.
        headers: Further headers.
        delay: Seconds before it is sent, in addition to the latency.
        hang_up: Whether to break the connection off instead.
    """

    status: int = 200
    body: Mapping[str, object] | None = None
    headers: Mapping[str, str] = field(factory=dict)
    delay: float = 0.0
    hang_up: bool = False


Behaviour = Callable[[str, int], Reply | None]
"""What is answered, given the session id and how often it was asked for; None for the URL, or for the video."""


def proper(session_id: str, asked: int) -> Reply | None:
    """Always give the URL."""
    return None


def video_of(size: int) -> bytes:
    """Return ``size`` bytes that begin as an mp4 does."""
    head = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42"
    block = bytes(range(256)) * 4096
    return (head + block * (size // len(block) + 1))[:size]


@define
class Seen:
    """What the service was asked for.

    Attributes:
        lookups: Session ids, in order.
        queries: The query of the last lookup of each session.
        lookup_times: When each of them came, in seconds of ``time.monotonic``.
        downloads: Session ids of the videos, in order.
        download_times: When each of them came.
        ranges: The ``Range`` headers among them.
        most_at_once: Most lookups that were waiting for an answer at the same time.
        leaked: Requests for a video that carried a credential.
    """

    lookups: list[str] = field(factory=list)
    queries: dict[str, str] = field(factory=dict)
    lookup_times: list[float] = field(factory=list)
    downloads: list[str] = field(factory=list)
    download_times: list[float] = field(factory=list)
    ranges: list[str] = field(factory=list)
    most_at_once: int = 0
    at_once: int = 0
    leaked: int = 0
    counts: Counter[str] = field(factory=Counter)


class Service:
    """The service, in a thread of this process for the time of a ``with`` block.

    Args:
        size: Bytes of every video.
        latency: Seconds that a lookup takes.
        rate: Bytes per second of each download; None for as fast as it goes.
        behave: What the API answers.
        store: What the storage answers.
    """

    def __init__(
        self,
        *,
        size: int = 1000,
        latency: float = 0.0,
        rate: float | None = None,
        behave: Behaviour = proper,
        store: Behaviour = proper,
    ) -> None:
        self.serve(size)
        self.latency = latency
        self.rate = rate
        self.behave = behave
        self.store = store
        self.seen = Seen()
        self.base_url = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self.connections: set[asyncio.Transport] = set()

    def serve(self, size: int) -> None:
        """Let every video have ``size`` bytes from now on."""
        self.video = video_of(size)
        md5 = base64.b64encode(hashlib.md5(self.video).digest()).decode()
        self.video_headers = f'ETag: "{md5[:12]}"\r\nx-goog-hash: md5={md5}\r\nAccept-Ranges: bytes\r\n'

    async def start(self) -> None:
        """Listen on a free port of this machine; called in the loop."""
        self._loop = asyncio.get_running_loop()
        self._server = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=512)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.start(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for transport in list(self.connections):
            transport.abort()
        await asyncio.sleep(0)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Connection(asyncio.Protocol):
    def __init__(self, service: Service) -> None:
        self._service = service
        self._buffer = b""
        self._writable = asyncio.Event()
        self._writable.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._service.connections.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._service.connections.discard(self._transport)
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            length = int(headers.get("content-length", 0))
            self._buffer = self._buffer[length:]
            path, _, query = lines[0].split(" ")[1].partition("?")
            self._asked(path, query, headers)

    def _asked(self, path: str, query: str, headers: dict[str, str]) -> None:
        service = self._service
        if path.startswith(_VIDEOS):
            name = unquote(path.removeprefix(_VIDEOS).removesuffix("/analyzed_video.mp4"))
            service.seen.downloads.append(name)
            service.seen.download_times.append(time.monotonic())
            service.seen.ranges += [headers["range"]] if "range" in headers else []
            service.seen.leaked += "api-key" in headers or "authorization" in headers or "cookie" in headers
            refusal = service.store(name, service.seen.downloads.count(name)) if service.store is not proper else None
            if refusal is not None:
                asyncio.get_running_loop().call_later(refusal.delay, self._send, refusal)
                return
            task = asyncio.ensure_future(self._send_video(headers.get("range")))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        session_id = unquote(path.removeprefix(_API).removesuffix(_TAIL))
        seen = service.seen
        seen.lookups.append(session_id)
        seen.queries[session_id] = query
        seen.lookup_times.append(time.monotonic())
        seen.counts[session_id] += 1
        seen.at_once += 1
        seen.most_at_once = max(seen.most_at_once, seen.at_once)
        reply = service.behave(session_id, seen.counts[session_id])
        if headers.get("api-key") != API_KEY:
            reply = Reply(401, {"error": "Token is missing or invalid."})
        delay = service.latency + (reply.delay if reply is not None else 0.0)
        asyncio.get_running_loop().call_later(delay, self._answer, session_id, reply)

    def _answer(self, session_id: str, reply: Reply | None) -> None:
        self._service.seen.at_once -= 1
        if reply is None:
            name = quote(session_id, safe="")
            url = f"{self._service.base_url}{_VIDEOS}{name}/analyzed_video.mp4?X-Goog-Signature=feedfacecafebeef"
            reply = Reply(200, {"analyzed_video_url": url})
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        if self._transport.is_closing():
            return
        if reply.hang_up:
            self._transport.abort()
            return
        body = json.dumps(reply.body or {}).encode()
        extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        head = f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Answer')}\r\nContent-Type: application/json\r\n"
        self._transport.write(f"{head}{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    async def _send_video(self, asked: str | None) -> None:
        video = self._service.video
        first, last, status, of = 0, len(video) - 1, 200, ""
        if asked is not None and asked.startswith("bytes="):
            start, _, end = asked.removeprefix("bytes=").partition("-")
            first, last, status = int(start), min(int(end or last), last), 206
            of = f"Content-Range: bytes {first}-{last}/{len(video)}\r\n"
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: video/mp4\r\n{self._service.video_headers}{of}"
        self._transport.write(f"{head}Content-Length: {last + 1 - first}\r\n\r\n".encode())
        rate = self._service.rate
        step = len(video) or 1 if rate is None else max(1, int(rate / 50))
        for at in range(first, last + 1, step):
            if self._transport.is_closing():
                return
            self._transport.write(memoryview(video)[at : min(at + step, last + 1)])
            await self._writable.wait()
            if rate is not None:
                await asyncio.sleep(step / rate)
