"""The bytes of a response, received right into a buffer of ours where that is safe, decoded if need be."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING, Any

import httpx

from .._reading import Decoder
from ._failures import Failure, Kind
from ._object import content_length

if TYPE_CHECKING:
    from collections.abc import Iterator

# Below this many bytes it is worth more to keep the connection for another request, which needs the parser to see the
# end of the body.
_DIRECT_FROM = 1024 * 1024


class Body:
    """The body of a response, to be read once.

    Its first piece goes through httpx, whose parser may hold bytes that came with the head; a long body that its length
    delimits then comes right from the socket, and its connection is never used again.
    """

    def __init__(self, response: httpx.Response, silence: float | None, encoding: str) -> None:
        self._response = response
        self._silence = silence  # seconds that may pass without a byte
        self.socket = _socket_of(response)  # None where it is not known, as in mocks
        self._rest = content_length(response.headers)
        # Whether anything but the end of the connection says where the body ends:
        self.is_framed = self._rest is not None or "transfer-encoding" in response.headers
        self._pending = memoryview(b"")
        self._has_begun = False
        self._chunks: Iterator[bytes]
        if response.is_stream_consumed:  # a mock that was made of its content, which httpx has decoded
            self._rest, self._chunks = len(response.content), iter([response.content])
        elif encoding:
            self._rest, self._chunks = None, _decoded(response.iter_raw(), encoding)
        else:
            self._chunks = filter(None, response.iter_raw())
        self._is_direct = self.socket is not None and (self._rest or 0) >= _DIRECT_FROM

    def read_into(self, view: memoryview) -> int:
        """Fill the beginning of ``view`` with what is there and return how many bytes; 0 only at the end.

        A `Failure` is raised where the connection broke, was silent for too long, or ended before the announced length.
        """
        if self._rest is not None:
            view = view[: self._rest]
        if not view:
            return 0
        direct = self._is_direct and self._has_begun and not self._pending
        try:
            count = self._receive(view) if direct else self._iterate(view)
        except (httpx.TimeoutException, TimeoutError) as error:
            raise Failure(Kind.STALLED, "nothing came from the storage for too long") from error
        except httpx.DecodingError as error:
            raise Failure(Kind.MALFORMED, "the video's encoding is broken, or ends too early") from error
        except Exception as error:  # a mock or a caller's transport raises what it likes
            raise Failure(Kind.BROKEN, f"the storage broke the connection off ({type(error).__name__})") from error
        if self._rest is not None:
            self._rest -= count
            if count == 0:
                raise Failure(Kind.BROKEN, f"the storage hung up with {self._rest} bytes to come")
        return count

    def _iterate(self, view: memoryview) -> int:
        if not self._pending:
            self._pending = memoryview(next(self._chunks, b""))
            self._has_begun = True
        count = min(len(view), len(self._pending))
        view[:count] = self._pending[:count]
        self._pending = self._pending[count:]
        return count

    def _receive(self, view: memoryview) -> int:
        assert self.socket is not None
        self.socket.settimeout(self._silence)
        return self.socket.recv_into(view)

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
