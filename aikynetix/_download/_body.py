"""The bytes of a response, received right into a buffer of ours where that is safe, decoded if need be."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

import httpx

from .._reading import Decoder
from ._failures import Failure, Kind
from ._object import content_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POLL = 0.2
"""Seconds after which a read that brought nothing looks whether it is still wanted."""

# Below this many bytes it is worth more to keep the connection for another request, which needs the parser to see the
# end of the body.
_DIRECT_FROM = 1024 * 1024
_PATIENCE_FOR_FIRST_PIECE = 0.05


class Body:
    """The body of a response, to be read once.

    Its first piece goes through httpx, whose parser may hold bytes that came with the head; a long body that its length
    delimits then comes right from the socket, and its connection is never used again.
    """

    def __init__(self, response: httpx.Response, silence: float | None) -> None:
        self._response = response
        self._silence = silence  # seconds that may pass without a byte
        self.socket = _socket_of(response)  # None where it is not known, as in mocks
        self._rest = content_length(response.headers)
        # Whether anything but the end of the connection says where the body ends:
        self.is_framed = self._rest is not None or "transfer-encoding" in response.headers
        self._is_direct = self.socket is not None and (self._rest or 0) >= _DIRECT_FROM
        self._pending = memoryview(b"")
        self._has_begun = False
        self._chunks: Iterator[bytes]
        if response.is_stream_consumed:  # a mock that was made of its content, which httpx has decoded
            self._rest, self._chunks = len(response.content), iter([response.content])
        else:
            self._chunks = filter(None, response.iter_raw())

    def decode(self, encoding: str) -> None:
        """Have ``"gzip"`` or ``"deflate"`` undone; nothing is done for an empty encoding."""
        if encoding and not self._response.is_stream_consumed:
            self._chunks, self._rest, self._is_direct = _decoded(self._chunks, encoding), None, False

    def is_pollable(self) -> bool:
        """Return whether no read will block for longer than `POLL`, so that it may be done by a thread with duties."""
        if not self._is_direct or self.socket is None:
            return False
        # Whether the parser already holds a piece cannot be asked; that the socket has more says that reading is safe.
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            return bool(selector.select(_PATIENCE_FOR_FIRST_PIECE))

    def read_into(self, view: memoryview, check: Callable[[], object]) -> int:
        """Fill the beginning of ``view`` with what is there and return how many bytes; 0 only at the end.

        ``check`` is called while waiting. A `Failure` is raised where the connection broke, was silent for too long, or
        ended before the announced length.
        """
        if self._rest is not None:
            view = view[: self._rest]
        if not view:
            return 0
        direct = self._is_direct and self._has_begun and not self._pending
        count = self._receive(view, check) if direct else self._iterate(view)
        if self._rest is not None:
            self._rest -= count
            if count == 0:
                raise Failure(Kind.BROKEN, f"the storage hung up with {self._rest} bytes to come")
        return count

    def _iterate(self, view: memoryview) -> int:
        if not self._pending:
            try:
                self._pending = memoryview(next(self._chunks, b""))
            except (httpx.TimeoutException, TimeoutError) as error:
                raise Failure(Kind.STALLED, "nothing came from the storage for too long") from error
            except httpx.DecodingError as error:
                raise Failure(Kind.MALFORMED, "the video's encoding is broken, or ends too early") from error
            except Exception as error:  # a mock or a caller's transport raises what it likes
                raise _broken(error) from error
            self._has_begun = True
        count = min(len(view), len(self._pending))
        view[:count] = self._pending[:count]
        self._pending = self._pending[count:]
        return count

    def _receive(self, view: memoryview, check: Callable[[], object]) -> int:
        assert self.socket is not None
        end = None
        while True:
            try:
                if self.socket.gettimeout() != POLL:
                    self.socket.settimeout(POLL)
                return self.socket.recv_into(view)
            except TimeoutError as error:
                end = end or time.monotonic() - POLL + (self._silence or 0.0)
                if self._silence is not None and time.monotonic() >= end:
                    raise Failure(Kind.STALLED, "nothing came from the storage for too long") from error
            except (OSError, ValueError) as error:
                raise _broken(error) from error
            check()

    def close(self) -> None:
        """Give the connection back if the parser saw the end of the body, else end it."""
        with contextlib.suppress(Exception):  # closing raises what the transport likes, and decides nothing
            if self._rest == 0 and not self._is_direct:
                next(self._chunks, None)  # lets the parser see the end, which frees the connection for another use
            self._response.close()


def _decoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = Decoder(encoding)
    for chunk in chunks:
        yield from filter(None, decoder.feed(chunk))
    decoder.finish()


def _broken(error: Exception) -> Failure:
    return Failure(Kind.BROKEN, f"the storage broke the connection off ({type(error).__name__})")


def _socket_of(response: httpx.Response) -> socket.socket | None:
    """Return the socket from which the body can be read as it is, None where there is no such socket."""
    stream: Any = response.extensions.get("network_stream")
    if stream is None or response.http_version not in ("HTTP/1.1", "HTTP/1.0"):
        return None
    found, tls = stream.get_extra_info("socket"), stream.get_extra_info("ssl_object")
    if not isinstance(found, socket.socket):
        return None
    if isinstance(found, ssl.SSLSocket):
        # TLS inside of TLS, through a proxy: the socket decrypts the outer layer only.
        return found if tls is found or tls is getattr(found, "_sslobj", None) else None
    return found if tls is None else None
