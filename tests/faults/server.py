"""A server that misbehaves: what it does to a request is a script that the session id in the path chooses.

Standard library only, on the loopback address, in a thread of its own. It listens on two ports, so that there is a
second host to be led astray to.
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
    from collections.abc import Mapping
    from types import TracebackType


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


Part = bytes | Stall | Reset | Keep | Pause | Drip | Flood


@dataclass(frozen=True)
class Script:
    """What the server does to a request.

    Attributes:
        parts: What it does to the first one.
        later: What it does to every further one for the same session; None for the same again.
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


@dataclass
class FaultServer:
    """Serves scripts by session id.

    Attributes:
        scripts: By session id; any other id gets a 404 without a body. In bytes, ``{api}`` stands for this server's
            origin, ``{other}`` for the second one's.
        seen: The requests so far.
    """

    scripts: Mapping[str, Script]
    seen: list[Seen] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._sockets = [_listening(), _listening()]
        self.port, self.other_port = (sock.getsockname()[1] for sock in self._sockets)
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def other_url(self) -> str:
        return f"http://127.0.0.1:{self.other_port}"

    def forget(self) -> None:
        """Make the next request for any session the first one again."""
        self.seen.clear()
        self._counts.clear()

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
        try:
            # A cancelled handler would be reported as an error of the server's.
            quiet = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError)
            with contextlib.suppress(*quiet):
                while await self._answer(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
        await reader.readexactly(int(dict(headers).get("content-length", "0")))
        self.seen.append(Seen(writer.get_extra_info("sockname")[1], method, target, headers))
        name = unquote(target.partition("/sessions/")[2].partition("/")[0])
        count = self._counts[name] = self._counts.get(name, 0) + 1
        script = self.scripts.get(name, NOT_FOUND)
        parts = script.parts if count == 1 or script.later is None else script.later
        for part in parts:
            if not await self._play(part, writer):
                return False
        await writer.drain()
        return parts[-1:] == (Keep(),)

    async def _play(self, part: Part, writer: asyncio.StreamWriter) -> bool:
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
        return True


async def _drip(part: Drip, writer: asyncio.StreamWriter) -> None:
    while True:
        for byte in part.data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(part.pause)
        if not part.endless:
            return


def _listening() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(512)
    return sock


NOT_FOUND = Script((b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Keep()))
