"""The bytes of an answer, read straight from the socket where that is possible.

httpx hands out the connection of an answer as ``network_stream``. Once the headers are parsed, a body framed by its
length is nothing but bytes on that socket; received right into a buffer of ours they cost about half of the processor
time that the way through the parser does. Everything else (chunked framing, HTTP/2, other transports) is iterated over.
"""

from __future__ import annotations

import contextlib
import socket
import zlib
from typing import TYPE_CHECKING

import httpx

from ._identity import content_length
from ._rules import Failure, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ._storage import Lifeline

# Up to here the connection is worth more than the cycles: it can be used again if httpx reads the body itself.
_WORTH_KEEPING = 512 * 1024


class BrokenBody(Exception):
    """The body ended before its end; `failure` says how."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


class Body:
    """The body of a response, to be read once.

    Args:
        response: An answer whose body is unread.
        lifeline: Is told the socket.
        patience: Seconds of silence that are one too many; None for no limit.
        closed: Called once when the connection is given back.
    """

    def __init__(
        self, response: httpx.Response, lifeline: Lifeline, patience: float | None, closed: Callable[[], None]
    ) -> None:
        self.length = content_length(response.headers)
        self.framed = self.length is not None or "transfer-encoding" in response.headers
        self._response = response
        self._lifeline = lifeline
        self._patience = patience
        self._closed: Callable[[], None] | None = closed
        self._chunks: Iterator[bytes] = response.iter_raw()
        self._pending = memoryview(b"")
        self._rest = self.length
        self._decoder: zlib._Decompress | None = None
        self._socket: socket.socket | None = None
        stream = response.extensions.get("network_stream")
        if stream is not None:
            lifeline.hold(stream)
        self._may_take_over = self.length is not None and self.length > _WORTH_KEEPING

    def decode(self, encoding: str) -> bool:
        """Have the content encoding undone; return False for one that is not known."""
        if encoding not in ("gzip", "x-gzip", "deflate"):
            return False
        self._decoder = zlib.decompressobj(wbits=47)  # 32 + 15: zlib or gzip, told apart by the first bytes
        return True

    def read_into(self, view: memoryview) -> int:
        """Fill the beginning of ``view`` with what is there and return how many bytes; 0 only at the end.

        Raises:
            BrokenBody: The connection broke, was silent for too long, or ended before the announced length.
        """
        return self._read_raw(view) if self._decoder is None else self._read_decoded(self._decoder, view)

    def _read_decoded(self, decoder: zlib._Decompress, view: memoryview) -> int:
        raw = bytearray(64 * 1024)
        while view:
            source = decoder.unconsumed_tail
            if not source and not decoder.eof:
                source = bytes(memoryview(raw)[: self._read_raw(memoryview(raw))])
                if not source:
                    raise BrokenBody(Failure(kind=Kind.BROKEN, text="the compressed video ends too early"))
            if decoder.eof:
                return 0
            try:
                # Bounded: a few bytes may unpack to gigabytes.
                text = decoder.decompress(source, len(view))
            except zlib.error as error:
                raise BrokenBody(
                    Failure(kind=Kind.MALFORMED, text="the video's encoding is broken", cause=error)
                ) from None
            if text:
                view[: len(text)] = text
                return len(text)
        return 0

    def _read_raw(self, view: memoryview) -> int:
        if self._rest is not None:
            view = view[: self._rest]
        if not view:
            return 0
        count = self._copy(view) or (self._receive(view) if self._socket is not None else self._iterate(view))
        if self._rest is not None:
            self._rest -= count
            if count == 0:
                raise BrokenBody(Failure(kind=Kind.BROKEN, text=f"the storage hung up with {self._rest} bytes to come"))
        return count

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else end it."""
        with contextlib.suppress(httpx.HTTPError, OSError, RuntimeError):
            if self._rest == 0 and self._socket is None:
                next(self._chunks, None)  # lets the parser see the end, which frees the connection for another use
            self._response.close()
        closed, self._closed = self._closed, None
        if closed is not None:
            closed()

    def _copy(self, view: memoryview) -> int:
        count = min(len(view), len(self._pending))
        view[:count] = self._pending[:count]
        self._pending = self._pending[count:]
        return count

    def _iterate(self, view: memoryview) -> int:
        try:
            self._pending = memoryview(next(self._chunks, b""))
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise BrokenBody(_failure_of(error)) from None
        if self._may_take_over and len(self._pending) <= (self._rest or 0):
            # What the parser had buffered is out with the first chunk; from here on the socket is at the body's bytes.
            self._take_over()
        return self._copy(view)

    def _take_over(self) -> None:
        self._may_take_over = False
        stream = self._response.extensions.get("network_stream")
        get = getattr(stream, "get_extra_info", None)
        found = get("socket") if get is not None and self._speaks_http_1() else None
        if isinstance(found, socket.socket):
            found.settimeout(self._patience)
            self._socket = found

    def _speaks_http_1(self) -> bool:
        version = self._response.extensions.get("http_version")
        return isinstance(version, bytes) and version.startswith(b"HTTP/1")

    def _receive(self, view: memoryview) -> int:
        assert self._socket is not None
        try:
            return self._socket.recv_into(view)
        except OSError as error:
            raise BrokenBody(_failure_of(error)) from None


def _failure_of(error: Exception) -> Failure:
    if isinstance(error, (httpx.TimeoutException, TimeoutError)):
        return Failure(kind=Kind.STALLED, text="nothing came from the storage for too long", cause=error)
    return Failure(kind=Kind.BROKEN, text=f"the storage broke the connection off ({type(error).__name__})", cause=error)
