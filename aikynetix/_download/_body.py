"""The bytes of an answer, received right into a buffer of ours where the transport can do so, decoded if need be."""

from __future__ import annotations

import contextlib
import zlib
from typing import TYPE_CHECKING

import httpx

from .._transport._sync import PooledBody
from ._identity import content_length
from ._rules import Failure, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_GZIP = b"\x1f\x8b"  # RFC 1952, section 2.3.1: what a member begins with


class BrokenBody(Exception):
    """The body ended before its end; `failure` says how."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


class Body:
    """The body of a response, to be read once.

    Args:
        response: An answer whose body is unread.
        closed: Called once when the connection is given back.
    """

    def __init__(self, response: httpx.Response, closed: Callable[[], None]) -> None:
        self.length = content_length(response.headers)
        self.framed = self.length is not None or "transfer-encoding" in response.headers
        self._response = response
        self._closed: Callable[[], None] | None = closed
        self._pooled = response.stream if isinstance(response.stream, PooledBody) else None
        self._chunks: Iterator[bytes] | None = None
        self._pending = memoryview(b"")
        self._rest = self.length
        self._decoder: zlib._Decompress | None = None

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
        while view:
            if decoder.eof:
                source = self._next_member(decoder.unused_data)
                if not source:
                    return 0
                self._decoder = decoder = zlib.decompressobj(wbits=31)  # 16 + 15: gzip
            else:
                source = decoder.unconsumed_tail or self._some_raw()
            if not source:
                raise BrokenBody(Failure(kind=Kind.BROKEN, text="the compressed video ends too early"))
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

    def _next_member(self, rest: bytes) -> bytes:
        """Return the beginning of the gzip member that follows another (RFC 1952, section 2.2); empty if none does."""
        while len(rest) < len(_GZIP) and (more := self._some_raw()):
            rest += more
        return rest if rest.startswith(_GZIP) else b""

    def _some_raw(self) -> bytes:
        raw = bytearray(64 * 1024)
        return bytes(memoryview(raw)[: self._read_raw(memoryview(raw))])

    def _read_raw(self, view: memoryview) -> int:
        if self._rest is not None:
            view = view[: self._rest]
        if not view:
            return 0
        try:
            count = self._iterate(view) if self._pooled is None else self._pooled.read_into(view)
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise BrokenBody(_failure_of(error)) from None
        if self._rest is not None:
            self._rest -= count
            if count == 0:
                raise BrokenBody(Failure(kind=Kind.BROKEN, text=f"the storage hung up with {self._rest} bytes to come"))
        return count

    def _iterate(self, view: memoryview) -> int:
        if self._chunks is None:
            self._chunks = self._response.iter_raw()
        if not self._pending:
            self._pending = memoryview(next(self._chunks, b""))
        count = min(len(view), len(self._pending))
        view[:count] = self._pending[:count]
        self._pending = self._pending[count:]
        return count

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else end it."""
        closed, self._closed = self._closed, None
        if closed is not None:
            closed()
        with contextlib.suppress(httpx.HTTPError, OSError, RuntimeError):
            if self._rest == 0 and self._chunks is not None:
                next(self._chunks, None)  # lets the parser see the end, which frees the connection for another use
            self._response.close()


def _failure_of(error: Exception) -> Failure:
    if isinstance(error, (httpx.TimeoutException, TimeoutError)):
        return Failure(kind=Kind.STALLED, text="nothing came from the storage for too long", cause=error)
    return Failure(kind=Kind.BROKEN, text=f"the storage broke the connection off ({type(error).__name__})", cause=error)
