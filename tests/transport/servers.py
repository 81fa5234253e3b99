"""Servers that do exactly what a test says, over real TCP on loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

PATIENCE = 10.0
"""Seconds after which a server gives up on a client that does nothing; no test comes near."""


class Connection:
    """One accepted connection.

    Attributes:
        number: Which one it is for its server, from 1.
    """

    def __init__(self, sock: socket.socket, number: int) -> None:
        self._socket = sock
        self._buffer = b""
        self.number = number
        sock.settimeout(PATIENCE)

    def request(self) -> bytes:
        """Return the head of the next request, its body skipped; nothing when the client has closed."""
        while b"\r\n\r\n" not in self._buffer:
            data = self._socket.recv(65536)
            if not data:
                return b""
            self._buffer += data
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        return head

    def send(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._socket.sendall(data)

    def send_together(self, *parts: bytes) -> None:
        """Send ``parts``, over TLS each in a record of its own, so that they arrive at once."""
        cork = getattr(socket, "TCP_CORK", None)
        if cork is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, cork, 1)
        for part in parts:
            self._socket.sendall(part)
        if cork is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, cork, 0)

    def answer(self, body: bytes, status: bytes = b"200 OK", headers: bytes = b"") -> None:
        """Send a complete answer."""
        self.send(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), headers, body))

    def drip(self, data: bytes, every: float) -> None:
        """Send ``data`` byte by byte, ``every`` so many seconds."""
        for index in range(len(data)):
            self.send(data[index : index + 1])
            time.sleep(every)

    def wait_for_close(self) -> bool:
        """Return whether the client closes its end without sending anything more."""
        return self._socket.recv(65536) == b""

    def reset(self) -> None:
        """Break the connection the hard way."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self._socket.close()

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Server:
    """Runs ``script`` on a thread for each connection; the connection is closed when it returns.

    Args:
        script: What to do with a connection. Errors of its socket end it quietly: the client has gone.
        tls: With a context the server speaks TLS.

    Attributes:
        connections: How many were accepted.
    """

    def __init__(self, script: Callable[[Connection], None], tls: ssl.SSLContext | None = None) -> None:
        self._script, self._tls = script, tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._threads: list[threading.Thread] = []
        self._live: set[Connection] = set()
        self._lock = threading.Lock()
        self.connections = 0
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *args: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            live = list(self._live)
        for connection in live:
            connection.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _begin(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._begin(self._serve, sock, self.connections)

    def _serve(self, sock: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            connection = Connection(sock, number)
            with self._lock:
                self._live.add(connection)
            try:
                self._script(connection)
            finally:
                connection.close()
        sock.close()


def echo(connection: Connection) -> None:
    """Answer every request with its own path, for as long as the client likes."""
    while head := connection.request():
        connection.answer(head.split(b" ", 2)[1])
