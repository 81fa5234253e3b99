"""The API's lookup, and a storage host: as little work as possible, so that it is the client that is measured."""

from __future__ import annotations

import argparse
import asyncio
import ssl

SIGNATURE = "ab" * 256
QUERY = (
    "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=client%40project.iam.gserviceaccount.com%2F20260101%2Fauto%2F"
    "storage%2Fgoog4_request&X-Goog-Date=20991231T000000Z&X-Goog-Expires=3600&X-Goog-SignedHeaders=host"
    f"&X-Goog-Signature={SIGNATURE}"
)
# The head of an mp4: its kind, and a box of media data that goes on to the end of the file.
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0\0\0\0mdat"
CHUNK = 1024 * 1024
FILLER = bytes(CHUNK)
WINDOW = 1024 * 1024  # bytes that may be under way before the client has to acknowledge some


class Server:
    """What the connections share: how the links are (see `main`), and what a lookup is answered with."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.lookup = options, b""

    def at(self, base_url: str) -> None:
        """Say where the storage is."""
        body = f'{{"analyzed_video_url": "{base_url}/bucket/analyzed_video.mp4?{QUERY}"}}'.encode()
        head = (
            "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
            f"Content-Type: application/json\r\nX-Request-Id: 6f1c5f0e\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.lookup = head.encode() + body


class Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._buffer = b""
        self._room = asyncio.Event()
        self._room.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(8 * CHUNK)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        """Called by asyncio."""
        for task in self._tasks:
            task.cancel()

    def pause_writing(self) -> None:
        """Called by asyncio."""
        self._room.clear()

    def resume_writing(self) -> None:
        """Called by asyncio."""
        self._room.set()

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        loop = asyncio.get_running_loop()
        path = head.split(b" ", 2)[1]
        if path.startswith(b"/bucket/"):
            task = loop.create_task(self._video(head))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif self._server.options.delay:
            loop.call_later(self._server.options.delay, self._transport.write, self._server.lookup)
        else:
            self._transport.write(self._server.lookup)

    async def _video(self, head: bytes) -> None:
        await asyncio.sleep(self._server.options.latency)
        size = self._server.options.size
        start, end, status = 0, size, b"200 OK"
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"range: bytes="):
                first, _, last = line[13:].partition(b"-")
                start, end, status = int(first), min(int(last or size - 1) + 1, size), b"206 Partial Content"
        ranged = b"Content-Range: bytes %d-%d/%d\r\n" % (start, end - 1, size) if status[:3] == b"206" else b""
        self._transport.write(
            b'HTTP/1.1 %s\r\nContent-Type: video/mp4\r\nETag: "bench"\r\nAccept-Ranges: bytes\r\n'
            b"%sContent-Length: %d\r\n\r\n" % (status, ranged, end - start)
        )
        rate, loop = self._server.options.rate, asyncio.get_running_loop()
        began, sent = loop.time(), 0
        step = int(min(CHUNK, rate / 50)) if rate else CHUNK
        while start < end and not self._transport.is_closing():
            await self._room.wait()
            data = MP4[start:end][:step] if start < len(MP4) else FILLER[: min(end - start, step)]
            self._transport.write(data)
            start, sent = start + len(data), sent + len(data)
            due = max(sent / rate if rate else 0.0, sent // WINDOW * self._server.options.latency)
            if due:
                await asyncio.sleep(max(0.0, began + due - loop.time()))


async def serve(options: argparse.Namespace) -> None:
    """Serve until the process is ended; the base URL is printed on a line of its own."""
    server, context = Server(options), None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: Connection(server), "127.0.0.1", 0, ssl=context, backlog=4096)
    base_url = f"{'https' if context else 'http'}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    server.at(base_url)
    print(base_url, flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=serve.__doc__)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before a lookup is answered")
    parser.add_argument("--size", type=int, default=0, help="bytes of the video")
    parser.add_argument("--rate", type=float, default=0.0, help="bytes per second and connection; 0 for no limit")
    parser.add_argument(
        "--latency", type=float, default=0.0, help="seconds of a round trip, for each window of a video"
    )
    parser.add_argument("--certificate", default="")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
