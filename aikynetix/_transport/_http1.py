"""One connection's HTTP/1.1 without the connection: bytes in, bytes out.

h11, which httpcore also is built on, knows the protocol. Calling it directly costs a third less than through httpcore,
whose DEBUG log also shows answers' headers, such as a ``Location`` with a signature in it.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple, Protocol

import h11
import httpx

from ._faults import protocol_fault

HEAD_LIMIT = 64 * 1024
"""Bytes that the head of an answer, a chunk's head or the trailers may have at most."""
READ_SIZE = 64 * 1024
"""Bytes to ask a socket for at a time."""
WRITE_SIZE = 64 * 1024
"""Bytes of a request to collect before they are sent."""
BODILESS = frozenset({204, 304})
"""Statuses without a body, whatever the headers say (RFC 9110, sections 15.3.5 and 15.4.5)."""
MOST_INTERIM = 32
"""Answers of status 1xx that may come before the answer itself (RFC 9110, section 15.2)."""


class Head(NamedTuple):
    """The head of an answer."""

    status: int
    reason: bytes
    version: bytes
    headers: list[tuple[bytes, bytes]]

    def body_length(self, method: bytes) -> int | None:
        """Return the bytes of the body where nothing but their number says where it ends, else None.

        Args:
            method: Of the request, because an answer to HEAD announces a body that does not come.
        """
        framing = [value for name, value in self.headers if name.lower() in (b"content-length", b"transfer-encoding")]
        if len(framing) != 1 or not framing[0].isdigit() or method == b"HEAD" or self.status in BODILESS:
            return None
        return int(framing[0])

    def keeps_open(self) -> bool:
        """Return whether the server leaves the connection open behind the body (RFC 9112, section 9.3)."""
        wishes = b",".join(value for name, value in self.headers if name.lower() == b"connection")
        return self.version == b"1.1" and b"close" not in [wish.strip() for wish in wishes.lower().split(b",")]


def target_of(request: httpx.Request) -> bytes:
    """Return the request target: of the URL, or what httpx's ``target`` extension gives in its place."""
    target: bytes | None = request.extensions.get("target")
    return request.url.raw_path if target is None else target


class Http1:
    """The protocol state of one connection."""

    __slots__ = ("_given", "_h11", "_head", "_interim", "_is_over", "_is_past", "_method", "_rest")

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
        self._begin(b"")

    def _begin(self, method: bytes) -> None:
        self._method = method
        self._head: Head | None = None
        self._interim = self._given = 0
        self._rest: int | None = None
        self._is_over = self._is_past = False

    def start(self, request: httpx.Request) -> bytes:
        """Return the head of ``request`` as it goes over the wire.

        Raises:
            httpx.LocalProtocolError: HTTP/1.1 cannot carry it.
        """
        failure = None
        self._begin(request.method.encode("ascii", "replace"))
        try:
            event = h11.Request(method=request.method, target=target_of(request), headers=request.headers.raw)
            return self._h11.send(event) or b""
        except h11.ProtocolError as error:
            failure = protocol_fault(error)
        raise failure

    def data(self, chunk: bytes) -> bytes:
        """Return a part of the request's body as it goes over the wire."""
        return self._sent(h11.Data(data=chunk)) if chunk else b""

    def end(self) -> bytes:
        """Return what goes over the wire after the request's body."""
        return self._sent(h11.EndOfMessage())

    def receive(self, data: bytes) -> None:
        """Take in what came over the wire; nothing at all is its end."""
        if not data and self._h11.their_state is h11.SEND_RESPONSE:
            raise httpx.RemoteProtocolError("the server closed the connection without a complete answer")
        self._h11.receive_data(data)

    def head(self) -> Head | None:
        """Return the head of the answer, or None until there is more to `receive`.

        Raises:
            httpx.RemoteProtocolError: It is no HTTP/1.1, too long, or preceded by too many interim answers.
        """
        while True:
            event = self._next()
            if event is h11.NEED_DATA:
                return None
            if isinstance(event, h11.Response):
                self._head = Head(event.status_code, event.reason, event.http_version, event.headers.raw_items())
                return self._head
            self._interim += 1
            if self._interim > MOST_INTERIM:
                raise httpx.RemoteProtocolError("the server sends interim answers without end")

    def chunk(self) -> bytes | None:
        """Return the next part of the body, nothing at its end, or None until there is more to `receive`.

        Raises:
            httpx.RemoteProtocolError: The body is cut off, or its framing is broken.
        """
        if self._is_over:  # h11 tells of the end once and then asks for the next answer, which never comes
            return b""
        while not self._is_past:
            event = self._next()
            if event is h11.NEED_DATA:
                return None
            if not isinstance(event, h11.Data):
                self._is_over = True
                return b""
            if event.data:
                self._given += len(event.data)
                return bytes(event.data)
        return None if self.rest() else b""

    def rest(self) -> int | None:
        """Return how many bytes of the body are still to come, where nothing but their number says where it ends.

        They need no parser: once `chunk` has returned None they may be taken from the connection as they are, and be
        told to `skip`.
        """
        if not self._is_past:
            length = None if self._head is None else self._head.body_length(self._method)
            self._rest = None if length is None else length - self._given
        return self._rest

    def skip(self, count: int) -> None:
        """Take note that ``count`` bytes of the body were received past the parser."""
        self._is_past = True
        self._rest = (self._rest or 0) - count

    def rewind(self) -> bool:
        """Make ready for another request; return whether that can be.

        It cannot when either message was left unfinished, when one side wants the connection closed or has closed it,
        or when there are bytes behind the answer: they would be taken for the answer to the next request.
        """
        core = self._h11
        if self._is_past and self._head is not None:
            is_clean = core.our_state is h11.DONE and not self.rest() and self._head.keeps_open()
            self._reset()
            return is_clean
        if core.their_state is h11.SEND_BODY and self.rest() == 0:
            self._next()  # the end of the message, which h11 tells only if it is asked
        if core.our_state is not h11.DONE or core.their_state is not h11.DONE or core.trailing_data != (b"", False):
            return False
        core.start_next_cycle()
        return True

    def _sent(self, event: h11.Event) -> bytes:
        failure = None
        try:
            return self._h11.send(event) or b""
        except h11.ProtocolError as error:
            failure = protocol_fault(error)
        raise failure

    def _next(self) -> Any:
        failure = None
        try:
            return self._h11.next_event()
        except h11.ProtocolError as error:
            failure = protocol_fault(error)
        raise failure


class Protocol1(Protocol):
    """What the transports need of a connection's protocol; see `Http1` for each method."""

    def start(self, request: httpx.Request) -> bytes: ...
    def data(self, chunk: bytes) -> bytes: ...
    def end(self) -> bytes: ...
    def receive(self, data: bytes) -> None: ...
    def head(self) -> Head | None: ...
    def chunk(self) -> bytes | None: ...
    def rest(self) -> int | None: ...
    def skip(self, count: int) -> None: ...
    def rewind(self) -> bool: ...


@cache
def best() -> type[Protocol1]:
    """Return the fastest protocol that is installed."""
    try:
        from ._fast import FastHttp1
    except ImportError:
        return Http1
    return FastHttp1
