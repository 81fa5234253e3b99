"""The one server of these tests: what it does to a request is a script that the session id in the path chooses.

Standard library only, on the loopback address, in a thread of its own. It listens on two ports, so that there is a
second host to be led astray to, speaks TLS when it is given a context, and is a proxy to whoever sends it CONNECT.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping


@dataclass(frozen=True)
class Stall:
    """Say nothing more, and keep the connection open."""


@dataclass(frozen=True)
class Reset:
    """Break the connection off with a TCP reset."""


@dataclass(frozen=True)
class Keep:
    """Keep the connection open for another request."""


@dataclass(frozen=True)
class Pause:
    """Wait before going on."""

    seconds: float


@dataclass(frozen=True)
class Drip:
    """Send byte by byte, with a pause after each, over and over when ``endless``."""

    data: bytes
    pause: float = 0.05
    endless: bool = False


@dataclass(frozen=True)
class Flood:
    """Send the same bytes so many times, as fast as they are taken."""

    data: bytes
    times: int


@dataclass(frozen=True)
class Tunnel:
    """Answer a CONNECT with 200, then pass bytes to and from this port of the loopback address, whatever was named."""

    port: int


Part = bytes | Stall | Reset | Keep | Pause | Drip | Flood | Tunnel


@dataclass(frozen=True)
class Script:
    """What the server does to a request.

    Attributes:
        parts: What it does to the first one.
        later: What it does to the next for the same session, and to every further one; None for the same again.
    """

    parts: tuple[Part, ...]
    later: tuple[Part, ...] | None = None


@dataclass(frozen=True)
class Seen:
    """A request as it arrived, and the port that it arrived at."""

    port: int
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass
class FaultServer:
    """Serves scripts by session id.

    Attributes:
        scripts: By session id, or by the whole target where it names no session (``host:port`` for CONNECT); any other
            gets a 404 without a body. In bytes, ``{api}`` stands for this server's origin, ``{other}`` for the second
            one's.
        tls: With a context both ports speak TLS.
        host: The loopback address to listen at.
        seen: The requests so far.
        connections: How many connections were accepted so far, whatever came of them.
    """

    scripts: Mapping[str, Script]
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    _known: set[str] = field(default_factory=set)

    def __enter__(self) -> Self:
        self._sockets = [socket.create_server((self.host, 0), backlog=1024) for _ in range(2)]
        self.port, self.other_port = (sock.getsockname()[1] for sock in self._sockets)
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.host}:{self.port}"

    @property
    def other_url(self) -> str:
        return f"{self._scheme}://{self.host}:{self.other_port}"

    @property
    def _scheme(self) -> str:
        return "http" if self.tls is None else "https"

    def forget(self) -> None:
        """Make the next request for any session the first one again."""
        self.seen.clear()
        self._known.clear()
        self.connections = 0

    def requests_at_other(self) -> list[Seen]:
        return [seen for seen in self.seen if seen.port == self.other_port]

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        servers = [await asyncio.start_server(self._connected, sock=sock) for sock in self._sockets]
        ready.set()
        await self._over.wait()
        for server in servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            # A cancelled handler would be reported as an error of the server's.
            quiet = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError)
            with contextlib.suppress(*quiet):
                if self.tls is not None:
                    await writer.start_tls(self.tls)
                while await self._answer(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        opening = await reader.readexactly(1)
        if opening == b"\x16":  # TLS, which the server does not speak here
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return False
        head = (opening + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
        body = await reader.readexactly(int(dict(headers).get("content-length", "0")))
        port = writer.get_extra_info("sockname")[1]
        self.seen.append(Seen(port, method, target, headers, body))
        name = unquote(target.partition("/sessions/")[2].partition("/")[0]) or target
        script = self.scripts.get(name, NOT_FOUND)
        parts = script.parts if script.later is None or name not in self._known else script.later
        self._known.add(name)
        for part in parts:
            if not await self._play(part, reader, writer):
                return False
        await writer.drain()
        return parts[-1:] == (Keep(),)

    async def _play(self, part: Part, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if isinstance(part, bytes):
            writer.write(part.replace(b"{api}", self.url.encode()).replace(b"{other}", self.other_url.encode()))
        elif isinstance(part, Stall):
            await writer.drain()
            await self._over.wait()
            return False
        elif isinstance(part, Reset):
            await writer.drain()
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        elif isinstance(part, Pause):
            await writer.drain()
            await asyncio.sleep(part.seconds)
        elif isinstance(part, Drip):
            await _drip(part, writer)
        elif isinstance(part, Flood):
            for _ in range(part.times):
                writer.write(part.data)
                await writer.drain()
        elif isinstance(part, Tunnel):
            await _tunnel(part.port, reader, writer)
            return False
        return True


async def _drip(part: Drip, writer: asyncio.StreamWriter) -> None:
    while True:
        for byte in part.data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(part.pause)
        if not part.endless:
            return


async def _tunnel(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    ways = [asyncio.ensure_future(_copy(reader, far_writer)), asyncio.ensure_future(_copy(far_reader, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        far_writer.close()  # first, because the server may end in the middle of what follows
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


NOT_FOUND = Script((b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Keep()))
