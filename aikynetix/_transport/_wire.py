"""One connection of the synchronous transport: a socket, and the HTTP/1.1 that is spoken over it."""

from __future__ import annotations

import socket
import ssl
import weakref
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from . import _faults, _tls
from ._http1 import READ_SIZE, Protocol1
from ._readable import is_readable

if TYPE_CHECKING:
    from ._lanes import Origin
    from ._limits import Limits

Trace = Callable[[str, dict[str, Any]], object]

# Seconds for which bytes are gathered before they are handed on. A TLS record has 16 KiB at most: fetching each through
# every layer above costs as much as decrypting it.
_GATHERING = 0.05


class Lane:
    """One connection to one origin."""

    __slots__ = ("__weakref__", "_abandoned", "_socket", "http", "origin")

    def __init__(self, origin: Origin, limits: Limits, http: Protocol1, trace: Trace | None = None) -> None:
        self.origin = origin
        self.http = http
        scheme, host, port = origin
        try:
            self._socket = _dial(host.decode("ascii"), port, limits, trace)
            if scheme == "https":
                self._socket = _secured(self._socket, host.decode("ascii"), limits, trace)
        except _faults.FAULTS as error:
            raise _faults.fault(_faults.CONNECT, error) from error
        # Of what the garbage collector finds at one time it finalizes the socket, which then warns, as likely first.
        self._abandoned = weakref.finalize(self, _shut, self._socket)
        self._abandoned.atexit = False  # threads may be at work on it

    def read(self, limits: Limits, size: int = READ_SIZE) -> bytes:
        """Return at most ``size`` bytes; none at the end.

        Raises:
            httpx.ReadTimeout: None came in time.
            httpx.ReadError: The connection broke.
        """
        try:
            self._socket.settimeout(limits.left(limits.read))
            return self._socket.recv(size)
        except OSError as error:
            raise _faults.fault(_faults.READ, error) from error

    def read_into(self, view: memoryview, limits: Limits) -> int:
        """Fill the beginning of ``view`` with what is there or comes at once; return how many bytes, 0 at the end.

        Raises:
            httpx.ReadTimeout: None came in time.
            httpx.ReadError: The connection broke.
        """
        receive = self._socket.recv_into
        try:
            self._socket.settimeout(limits.left(limits.read))
            filled = count = receive(view)
        except OSError as error:
            raise _faults.fault(_faults.READ, error) from error
        if count and filled < len(view):
            with suppress(OSError):  # whatever it is, the next reading meets it first
                self._socket.settimeout(_GATHERING)
                until = monotonic() + _GATHERING
                while count and filled < len(view) and monotonic() < until:
                    count = receive(view[filled:])
                    filled += count
        return filled

    def write(self, data: bytes, limits: Limits) -> None:
        """Send all of ``data``.

        Raises:
            httpx.WriteTimeout: The server stopped taking it.
            httpx.WriteError: The connection broke.
        """
        try:
            while data:
                self._socket.settimeout(limits.left(limits.write))
                data = data[self._socket.send(data) :]
        except OSError as error:
            raise _faults.fault(_faults.WRITE, error) from error

    def is_stale(self) -> bool:
        """Whether the server has closed this idle connection, or sent something that nobody asked for."""
        return is_readable(self._socket)

    def interrupt(self) -> None:
        """End the connection under the thread that uses it, which then finds it closed."""
        with suppress(OSError):
            # Not the method of an SSLSocket, which takes itself apart while the other thread is inside.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._abandoned.detach()
        _shut(self._socket)

    def __del__(self) -> None:
        """Close the connection of a client that nobody closed; at exit `weakref.finalize` does nothing any more."""
        if hasattr(self, "_abandoned"):
            self.close()

    def get_extra_info(self, info: str) -> Any:
        """Return what httpx's ``network_stream`` extension tells: the socket, its addresses, the TLS object."""
        if info == "socket":
            return self._socket
        if info == "ssl_object":
            return self._socket if isinstance(self._socket, ssl.SSLSocket) else None
        if info == "client_addr":
            return self._socket.getsockname()
        if info == "server_addr":
            return self._socket.getpeername()
        return self.is_stale() if info == "is_readable" else None


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.close()


def _dial(host: str, port: int, limits: Limits, trace: Trace | None) -> socket.socket:
    failure: OSError = OSError(f"the name {host!r} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        made = socket.socket(family, kind, protocol)
        try:
            if trace is not None:  # whoever wants to end a request can do so while it connects
                trace("connection.connect_tcp.started", {"socket": made})
            made.settimeout(limits.left(limits.connect))
            made.connect(address)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException as error:
            made.close()
            if not isinstance(error, OSError):
                raise
            failure = error
        else:
            return made
    raise failure


def _secured(plain: socket.socket, host: str, limits: Limits, trace: Trace | None) -> ssl.SSLSocket:
    made = plain
    try:
        context = _tls.context()  # takes its time when it is made
        plain.settimeout(limits.left(limits.connect))
        made = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        if trace is not None:  # the plain socket is an empty shell now
            trace("connection.start_tls.started", {"socket": made})
        made.do_handshake()
    except BaseException:
        made.close()
        raise
    return made
