"""A storage host on loopback that can misbehave in every way the tests need, and limit each connection's speed."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["Fault", "Request", "Storage", "serving", "video"]


def video(size: int, seed: int = 1) -> bytes:
    """Return ``size`` bytes that start as an mp4 does."""
    head = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
    block = hashlib.sha512(str(seed).encode()).digest() * 1024
    return (head + b"".join(block + i.to_bytes(4, "big") for i in range(size // len(block) + 1)))[:size]


@dataclass
class Request:
    """What a client asked for."""

    number: int
    target: str
    headers: dict[str, str]
    span: tuple[int, int] | None


@dataclass
class Fault:
    """What to do in place of a plain answer; the fields combine."""

    status: int | None = None
    reason: str = ""
    headers: dict[str, str | None] = field(default_factory=dict)
    body: bytes | None = None
    cut_after: int | None = None
    reset: bool = False
    stall: float = 0.0
    ignore_range: bool = False
    chunked: bool = False
    raw: bytes | None = None
    endless: bool = False
    drip: float = 0.0


@dataclass
class Storage:
    """An object, and how it is served.

    ``rate`` is bytes per second and connection, ``window`` bytes per ``round_trip`` seconds and connection.
    """

    body: bytes
    hashes: bool = True
    etag: str | None = '"one"'
    generation: str | None = "1"
    fault: Callable[[Request], Fault | None] = lambda request: None
    rate: float = 0.0
    round_trip: float = 0.0
    window: int = 1 << 20
    requests: list[Request] = field(default_factory=list)
    sent: int = 0
    port: int = 0
    connections: int = 0
    stopping: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, query: str = "X-Goog-Signature=topsecret") -> str:
        return f"http://127.0.0.1:{self.port}/bucket/sessions/analyzed_video.mp4?{query}"

    def object_headers(self) -> dict[str, str | None]:
        headers: dict[str, str | None] = {"Accept-Ranges": "bytes", "Content-Type": "video/mp4"}
        headers |= {"ETag": self.etag, "x-goog-generation": self.generation}
        if self.hashes:
            headers["x-goog-hash"] = "md5=" + base64.b64encode(hashlib.md5(self.body).digest()).decode()
        return headers

    def serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(20)
            time.sleep(self.round_trip)
            pending = b""
            try:
                while not self.stopping:
                    while b"\r\n\r\n" not in pending:
                        data = connection.recv(65536)
                        if not data:
                            return
                        pending += data
                    head, pending = pending.split(b"\r\n\r\n", 1)
                    time.sleep(self.round_trip)
                    if not self.answer(connection, head.decode("latin-1")):
                        return
            except OSError:
                return

    def answer(self, connection: socket.socket, head: str) -> bool:
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        span = _span(headers.get("range"), len(self.body))
        with self.lock:
            request = Request(len(self.requests), first.split()[1], headers, span)
            self.requests.append(request)
        fault = self.fault(request) or Fault()
        if fault.raw is not None:
            connection.sendall(fault.raw)
            return False
        if fault.ignore_range or headers.get("if-range", self.etag) != self.etag:
            span = None
        if span is not None and span[0] >= len(self.body):
            fault = Fault(status=416, body=b"", headers={"Content-Range": f"bytes */{len(self.body)}"})
            span = None
        return self.send(connection, fault, span)

    def send(self, connection: socket.socket, fault: Fault, span: tuple[int, int] | None) -> bool:
        start, stop = span or (0, len(self.body))
        body = memoryview(self.body)[start:stop] if fault.body is None else memoryview(fault.body)
        status = fault.status or (206 if span else 200)
        headers = self.object_headers() | {"Content-Length": str(len(body))}
        if span:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(self.body)}"
        if fault.chunked or fault.endless:
            headers |= {"Content-Length": None, "Transfer-Encoding": "chunked"}
        headers |= fault.headers
        text = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
        connection.sendall(f"HTTP/1.1 {status} {fault.reason}\r\n{text}\r\n".encode())
        whole = self.send_body(connection, fault, body)
        if fault.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return whole and headers.get("Content-Length") == str(len(body))

    def send_body(self, connection: socket.socket, fault: Fault, body: memoryview) -> bool:
        begun, sent = time.monotonic(), 0
        size = len(body) if fault.cut_after is None else min(fault.cut_after, len(body))
        step = 1 if fault.drip else 65536 if self.rate else self.window if self.round_trip else 1 << 18
        while sent < size or fault.endless:
            piece = body[sent % max(1, size) : min(sent % max(1, size) + step, size)]
            if fault.chunked or fault.endless:
                connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            else:
                connection.sendall(piece)
            sent += len(piece)
            with self.lock:
                self.sent += len(piece)
            delay = max(
                sent / self.rate if self.rate else 0, (sent // self.window) * self.round_trip, sent * fault.drip
            )
            if (late := begun + delay - time.monotonic()) > 0:
                time.sleep(late)
            if self.stopping:
                return False
        if fault.chunked:
            connection.sendall(b"0\r\n\r\n")
        until = time.monotonic() + fault.stall
        while time.monotonic() < until and not self.stopping:
            time.sleep(0.02)
        return fault.cut_after is None and not fault.stall


def _span(value: str | None, size: int) -> tuple[int, int] | None:
    if value is None or not value.startswith("bytes="):
        return None
    first, _, last = value[6:].partition("-")
    return int(first), (min(int(last) + 1, size) if last else size)


@contextmanager
def serving(storage: Storage) -> Generator[Storage]:
    """Serve ``storage`` on a free port until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    storage.port = listener.getsockname()[1]

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            storage.connections += 1
            threading.Thread(target=storage.serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield storage
    finally:
        storage.stopping = True
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
