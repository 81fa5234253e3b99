"""A stand-in for the API and its storage that is fast, countable and ill-behaved on demand.

One asyncio server on one port: ``/session-management/...`` answers lookups after a set latency, ``/videos/...`` serves
the bytes. `Service` runs it in a thread.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Self
from urllib.parse import quote, unquote

from attrs import define, field, frozen

API_KEY = "export-test-key"

_API, _TAIL = "/session-management/sessions/", "/analyzed-video/"
_VIDEOS = "/videos/"


@frozen
class Reply:
    """A response of the API in place of the video's URL, or of the storage in place of the video.

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
"""What is sent, given the session id and how often it was asked for; None for the URL, or for the video."""


@define
class Seen:
    """What the service was asked for.

    Attributes:
        lookups: Session ids, in order.
        lookup_times: When each of them came, in seconds of ``time.monotonic``.
        queries: The query of the last lookup of each session.
        downloads: Session ids of the videos, in order.
        ranges: The ``Range`` headers among them.
        at_once: Lookups that are waiting for a response.
        most_at_once: Most of them at the same time.
        leaked: Requests for a video that carried a credential.
    """

    lookups: list[str] = field(factory=list)
    lookup_times: list[float] = field(factory=list)
    queries: dict[str, str] = field(factory=dict)
    downloads: list[str] = field(factory=list)
    ranges: list[str] = field(factory=list)
    at_once: int = 0
    most_at_once: int = 0
    leaked: int = 0


class Service:
    """The service, in a thread of this process for the time of a ``with`` block.

    Args:
        size: Bytes of every video.
        latency: Seconds that a lookup takes.
        rate: Bytes per second of each download; None for as fast as it goes.
        behave: What the API sends.
        store: What the storage sends.
    """

    def __init__(
        self,
        *,
        size: int = 1000,
        latency: float = 0.0,
        rate: float | None = None,
        behave: Behaviour = lambda _, __: None,
        store: Behaviour = lambda _, __: None,
    ) -> None:
        self.serve(size)
        self.latency, self.rate, self.behave, self.store = latency, rate, behave, store
        self.seen, self.base_url = Seen(), ""
        self.connections: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def serve(self, size: int) -> None:
        """Let every video have ``size`` bytes from now on."""
        block = bytes(range(256)) * 4096
        self.video = (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42" + block * (size // len(block) + 1))[:size]
        md5 = base64.b64encode(hashlib.md5(self.video).digest()).decode()
        self.video_headers = {"ETag": f'"{md5[:12]}"', "x-goog-hash": f"md5={md5}", "Accept-Ranges": "bytes"}

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(10)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for writer in self.connections:
            writer.transport.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not writer.is_closing():
                first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                await reader.readexactly(int(headers.get("content-length", 0)))
                path, _, query = first.split(" ")[1].partition("?")
                if path.startswith(_VIDEOS):
                    await self._send_video(writer, path, headers)
                else:
                    reply = await self._look_up(unquote(path.removeprefix(_API).removesuffix(_TAIL)), query, headers)
                    await self._send(writer, reply)
        self.connections.discard(writer)
        writer.close()

    async def _look_up(self, session_id: str, query: str, headers: Mapping[str, str]) -> Reply:
        seen = self.seen
        seen.lookups.append(session_id)
        seen.lookup_times.append(time.monotonic())
        seen.queries[session_id] = query
        seen.at_once += 1
        seen.most_at_once = max(seen.most_at_once, seen.at_once)
        reply = self.behave(session_id, seen.lookups.count(session_id))
        if headers.get("api-key") != API_KEY:
            reply = Reply(401, {"error": "Token is missing or invalid."})
        await asyncio.sleep(self.latency)
        seen.at_once -= 1
        url = f"{self.base_url}{_VIDEOS}{quote(session_id, safe='')}/analyzed_video.mp4?X-Goog-Signature=feedfacecafe"
        return reply or Reply(200, {"analyzed_video_url": url})

    async def _send(self, writer: asyncio.StreamWriter, reply: Reply) -> None:
        await asyncio.sleep(reply.delay)
        if reply.hang_up:
            writer.transport.abort()
            return
        body = json.dumps(reply.body or {}).encode()
        _send_head(writer, reply.status, {"Content-Type": "application/json"} | dict(reply.headers), len(body))
        writer.write(body)

    async def _send_video(self, writer: asyncio.StreamWriter, path: str, headers: Mapping[str, str]) -> None:
        name, asked = unquote(path.removeprefix(_VIDEOS).removesuffix("/analyzed_video.mp4")), headers.get("range")
        self.seen.downloads.append(name)
        self.seen.leaked += "api-key" in headers or "authorization" in headers or "cookie" in headers
        refusal = self.store(name, self.seen.downloads.count(name))
        if refusal is not None:
            await self._send(writer, refusal)
            return
        first, last, more = 0, len(self.video) - 1, {"Content-Type": "video/mp4"} | self.video_headers
        if asked is not None:
            self.seen.ranges.append(asked)
            start, _, end = asked.removeprefix("bytes=").partition("-")
            first, last = int(start), min(int(end or last), last)
            more["Content-Range"] = f"bytes {first}-{last}/{len(self.video)}"
        _send_head(writer, 200 if asked is None else 206, more, last + 1 - first)
        step = len(self.video) if self.rate is None else int(self.rate / 50)
        for at in range(first, last + 1, step):
            writer.write(memoryview(self.video)[at : min(at + step, last + 1)])
            await writer.drain()
            if self.rate is not None:
                await asyncio.sleep(step / self.rate)


def _send_head(writer: asyncio.StreamWriter, status: int, headers: dict[str, str], length: int) -> None:
    lines = [f"{name}: {value}" for name, value in (headers | {"Content-Length": str(length)}).items()]
    writer.write("\r\n".join([f"HTTP/1.1 {status} Status", *lines, "", ""]).encode())
