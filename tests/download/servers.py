"""A storage host on loopback that can misbehave in every way the tests need, and limit each connection's speed.

It also plays the API: a lookup of any session answers with the URL of its one object.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import struct
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import google_crc32c

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator, Sequence

__all__ = ["Fault", "Request", "Storage", "hash_header", "serving", "video"]


def video(size: int, seed: int = 1) -> bytes:
    """Return ``size`` bytes with the top-level boxes of an mp4."""
    head = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + max(8, size - 24).to_bytes(4, "big") + b"mdat"
    block = hashlib.sha512(str(seed).encode()).digest() * 1024
    return (head + b"".join(block + i.to_bytes(4, "big") for i in range(size // len(block) + 1)))[:size]


def hash_header(body: bytes, names: Sequence[str] = ("md5", "crc32c")) -> str:
    """Return the value of ``x-goog-hash`` for ``body``."""
    crc32c: Any = google_crc32c.Checksum  # the package has no types
    digests = {"md5": hashlib.md5(body).digest(), "crc32c": crc32c(body).digest()}
    return ",".join(f"{name}={base64.b64encode(digests[name]).decode()}" for name in names)


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
    headers: dict[str, str | None] = field(default_factory=dict)
    body: bytes | None = None
    cut_after: int | None = None
    reset: bool = False
    stall: float = 0.0
    ignore_range: bool = False
    chunked: bool = False
    raw: bytes | None = None
    drip: float = 0.0

    def __str__(self) -> str:
        """What a test with this fault is called."""
        told = [f"{name}={value!r:.40}" for name, value in vars(self).items() if value != getattr(Fault(), name)]
        return ",".join(told) or "none"


@dataclass
class Storage:
    """An object, and how it is served.

    ``urls`` gives the URL for each lookup, an empty one for a session that is not found. ``rate`` is bytes per second
    and connection. ``sent`` counts the bytes of bodies that went out, ``most_streaming`` the bodies under way at once.
    """

    body: bytes
    hashes: Sequence[str] = ("md5",)
    etag: str | None = '"one"'
    generation: str | None = "1"
    fault: Callable[[Request], Fault | None] = lambda request: None
    urls: Callable[[int], str] | None = None
    rate: float = 0.0
    tls: ssl.SSLContext | None = None
    path: str = "/bucket/sessions/analyzed_video.mp4"
    requests: list[Request] = field(default_factory=list)
    lookups: list[Request] = field(default_factory=list)
    sent: int = 0
    port: int = 0
    streaming: int = 0
    most_streaming: int = 0
    severed: int = 0
    stopping: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    live: set[socket.socket] = field(default_factory=set)
    _hashed: tuple[bytes, str] = (b"", "")

    @property
    def base_url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def url(self, query: str = "X-Goog-Signature=topsecret") -> str:
        return f"{self.base_url}{self.path}?{query}"

    def object_headers(self) -> dict[str, str | None]:
        headers: dict[str, str | None] = {"Accept-Ranges": "bytes", "Content-Type": "video/mp4"}
        headers |= {"ETag": self.etag, "x-goog-generation": self.generation}
        if self.hashes:
            if self._hashed[0] is not self.body:
                self._hashed = self.body, hash_header(self.body, self.hashes)
            headers["x-goog-hash"] = self._hashed[1]
        return headers

    def sever(self) -> None:
        """Reset every open connection, as a server that is restarted does."""
        for connection in list(self.live):
            self.severed += 1
            with contextlib.suppress(OSError):
                _reset(connection)
                connection.shutdown(socket.SHUT_RDWR)

    def serve(self, connection: socket.socket) -> None:
        with connection:
            with self.lock:
                self.live.add(connection)
            connection.settimeout(20)
            pending = b""
            try:
                while not self.stopping:
                    while b"\r\n\r\n" not in pending:
                        data = connection.recv(65536)
                        if not data:
                            return
                        pending += data
                    head, pending = pending.split(b"\r\n\r\n", 1)
                    if not self.answer(connection, head.decode("latin-1")):
                        return
            except OSError:
                return
            finally:
                self.live.discard(connection)

    def answer(self, connection: socket.socket, head: str) -> bool:
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        target, span = first.split()[1], _span(headers.get("range"), len(self.body))
        if target.startswith("/session-management/"):
            return self.look_up(connection, target, headers)
        with self.lock:
            request = Request(len(self.requests), target, headers, span)
            self.requests.append(request)
        fault = self.fault(request) or Fault()
        current = (None, self.etag, fault.headers.get("Last-Modified"))
        if fault.ignore_range or headers.get("if-range") not in current:
            span = None
        if span is not None and span[0] >= len(self.body):
            fault = Fault(status=416, body=b"", headers={"Content-Range": f"bytes */{len(self.body)}"})
            span = None
        return self.send(connection, fault, span)

    def look_up(self, connection: socket.socket, target: str, headers: dict[str, str]) -> bool:
        """Play the API; each URL has another signature."""
        number = len(self.lookups)
        self.lookups.append(Request(number, target, headers, None))
        url = self.urls(number) if self.urls else self.url(f"X-Goog-Signature=topsecret{number}")
        text = json.dumps({"analyzed_video_url": url} if url else {"error": "there is no such session"}).encode()
        head = f"HTTP/1.1 {200 if url else 404} .\r\nContent-Type: application/json\r\nContent-Length: {len(text)}"
        connection.sendall(f"{head}\r\n\r\n".encode() + text)
        return True

    def send(self, connection: socket.socket, fault: Fault, span: tuple[int, int] | None) -> bool:
        if fault.raw is not None:
            connection.sendall(fault.raw)
            self.hold(fault.stall)
            return False
        start, stop = span or (0, len(self.body))
        body = memoryview(self.body)[start:stop] if fault.body is None else memoryview(fault.body)
        status = fault.status or (206 if span else 200)
        headers = self.object_headers() | {"Content-Length": str(len(body))}
        if span:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(self.body)}"
        if fault.chunked:
            headers |= {"Content-Length": None, "Transfer-Encoding": "chunked"}
        headers |= fault.headers
        text = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
        connection.sendall(f"HTTP/1.1 {status} .\r\n{text}\r\n".encode())
        with self.lock:
            self.streaming += 1
            self.most_streaming = max(self.most_streaming, self.streaming)
        try:
            whole = self.send_body(connection, fault, body)
        finally:
            with self.lock:
                self.streaming -= 1
        if fault.reset:
            _reset(connection)
        return whole and headers.get("Content-Length") == str(len(body))

    def send_body(self, connection: socket.socket, fault: Fault, body: memoryview) -> bool:
        begun, sent = time.monotonic(), 0
        size = len(body) if fault.cut_after is None else min(fault.cut_after, len(body))
        step = 1 if fault.drip else 65536
        while sent < size:
            piece = body[sent : min(sent + step, size)]
            sent += len(piece)
            with self.lock:  # before they go out, so that no byte is on its way uncounted
                self.sent += len(piece)
            if fault.chunked:
                connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            else:
                connection.sendall(piece)
            if (late := begun + max(sent / self.rate if self.rate else 0, sent * fault.drip) - time.monotonic()) > 0:
                time.sleep(late)
            if self.stopping:
                return False
        if fault.chunked:
            connection.sendall(b"0\r\n\r\n")
        self.hold(fault.stall)
        return fault.cut_after is None and not fault.stall

    def hold(self, seconds: float) -> None:
        """Keep the connection open and say nothing."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.stopping:
            time.sleep(0.02)


def _span(value: str | None, size: int) -> tuple[int, int] | None:
    if value is None or not value.startswith("bytes="):
        return None
    first, _, last = value[6:].partition("-")
    return int(first), (min(int(last) + 1, size) if last else size)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def serving(storage: Storage) -> Generator[Storage]:
    """Serve ``storage`` on a free port until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    storage.port = listener.getsockname()[1]

    def talk(connection: socket.socket) -> None:
        try:
            if storage.tls is not None:
                connection = storage.tls.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            return
        storage.serve(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield storage
    finally:
        storage.stopping = True
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
    secrets = {"api-key", "authorization", "cookie"}
    assert not any(secrets & request.headers.keys() for request in storage.requests), "the storage saw a credential"
