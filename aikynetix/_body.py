"""Reading an answer's body without trusting its size: bounded after decompression, and bounded in time."""

from __future__ import annotations

import io
import zlib
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable

import httpx

ERROR_LIMIT = 64 * 1024
"""Bytes of an error's body that are read; the rest is left unread."""
JSON_LIMIT = 8 * 1024 * 1024
"""Bytes of a JSON answer that are read, after decompression; a larger one is refused."""
BINARY_LIMIT = 32 * 1024 * 1024
"""Bytes of any other answer that are read into memory; a larger one is to be streamed through ``client.raw``."""

ACCEPT_ENCODING = "gzip, deflate"

# zlib grows its output by doubling: asking for a little at a time keeps a bomb's peak near the limit.
_STEP = 256 * 1024
# Bytes that tell zlib's wrapper from bare deflate (RFC 1950, section 2.2).
_ZLIB_HEADER = 2
_GZIP = zlib.MAX_WBITS | 16
_GZIP_HEADER = b"\x1f\x8b"
# Each member costs time of its own, however little is in it.
_MOST_MEMBERS = 1024


class BodyTooLargeError(httpx.DecodingError):
    """A body is larger than its limit."""


class Collector:
    """Collects a body, decompressing as it comes, up to a limit.

    Args:
        encoding: The ``Content-Encoding`` header.
        limit: Most bytes to hold, after decompression.
        lenient: Take a body that does not decompress as one that ends there.
    """

    def __init__(self, encoding: str, limit: int, *, lenient: bool = False) -> None:
        # Not a list of chunks, which may be of one byte each; and its value, unlike a bytearray's, is no second copy.
        self._held = io.BytesIO()
        self._lenient = lenient
        self._room = limit
        self.overflowed = False
        self._inflater = _Inflater.of(encoding)

    def feed(self, data: bytes) -> bool:
        """Take in ``data`` as it came over the wire; return whether there is room for more.

        Raises:
            httpx.DecodingError: The data is not in the encoding that the answer claims.
        """
        if self._inflater is None:
            self._keep(data)
        else:
            while data and not self.overflowed:
                try:
                    chunk, data = self._inflater.step(data)
                except httpx.DecodingError:
                    if not self._lenient:
                        raise
                    self.overflowed = True
                    break
                self._keep(chunk)
        return not self.overflowed

    def finish(self) -> bytes:
        """Return the body; of a body that was too large, as much as the limit allows."""
        if self._inflater is not None and not self.overflowed:
            self._keep(self._inflater.flush())
        return self._held.getvalue()

    def _keep(self, data: bytes) -> None:
        if len(data) > self._room:
            data = data[: self._room]
            self.overflowed = True
        self._room -= len(data)
        self._held.write(data)


class _Inflater:
    """Bounded gzip and deflate (RFC 9110, section 8.4.1); what was not asked for is not understood."""

    def __init__(self, window: int) -> None:
        self._zlib = zlib.decompressobj(window)
        self._may_be_bare = window == zlib.MAX_WBITS
        self._held = b""
        self._may_go_on = window == _GZIP
        self._members = 1
        self._began = False

    @classmethod
    def of(cls, encoding: str) -> _Inflater | None:
        names = [name for name in encoding.lower().replace(" ", "").split(",") if name not in ("", "identity")]
        if not names:
            return None
        if names in (["gzip"], ["x-gzip"]):
            return cls(_GZIP)
        if names == ["deflate"]:
            return cls(zlib.MAX_WBITS)
        raise httpx.DecodingError(f"the answer is encoded as {encoding[:40]!r}, which was not asked for")

    def step(self, data: bytes) -> tuple[bytes, bytes]:
        """Return some output, and the input that is still to be worked on."""
        self._began = True
        if self._zlib.eof:
            return self._next_member(data)
        if self._may_be_bare:
            data = self._held + data
            if len(data) < _ZLIB_HEADER:
                self._held = data
                return b"", b""
        try:
            out = self._zlib.decompress(data, _STEP)
        except zlib.error as error:
            if not self._may_be_bare:
                raise httpx.DecodingError("the answer's body is not in the compression that it claims") from error
            # Some servers send deflate without the zlib wrapper; browsers accept it, so does this.
            self._may_be_bare, self._zlib = False, zlib.decompressobj(-zlib.MAX_WBITS)
            return self.step(data)
        self._may_be_bare = False
        return out, self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail

    def _next_member(self, data: bytes) -> tuple[bytes, bytes]:
        """Begin with the next member of gzip (RFC 1952, section 2.2); what else follows is not part of the body."""
        data, self._held = self._held + data, b""
        self._may_go_on = self._may_go_on and data.startswith(_GZIP_HEADER[: len(data)])
        if not self._may_go_on:
            return b"", b""
        if len(data) < len(_GZIP_HEADER):
            self._held = data
            return b"", b""
        self._members += 1
        if self._members > _MOST_MEMBERS:
            raise httpx.DecodingError(f"the answer's compressed body has more than {_MOST_MEMBERS} parts")
        self._zlib = zlib.decompressobj(_GZIP)
        return b"", data

    def flush(self) -> bytes:
        if self._began and not self._zlib.eof:  # of a body that never began, nothing is missing
            raise httpx.DecodingError("the answer's compressed body ends in the middle")
        return b""


def limit_for(response: httpx.Response, success_limit: int | None) -> int:
    """Return how many bytes of ``response`` to read.

    Args:
        response: The answer, its body unread.
        success_limit: The caller's own limit for a 2xx answer, or None for one by content type.
    """
    if not response.is_success:
        return ERROR_LIMIT
    if success_limit is not None:
        return success_limit
    return JSON_LIMIT if "json" in response.headers.get("content-type", "json") else BINARY_LIMIT


def collector_for(response: httpx.Response, limit: int) -> Collector:
    """Return a collector for the body of ``response``.

    Raises:
        BodyTooLargeError: A 2xx answer announces more than ``limit``.
        httpx.DecodingError: It is in an encoding that was not asked for.
    """
    announced = response.headers.get("content-length", "")
    if response.is_success and announced.isdecimal() and len(announced) < 20 and int(announced) > limit:
        raise too_large(limit)
    encoding = response.headers.get("content-encoding", "")
    try:
        return Collector(encoding, limit, lenient=not response.is_success)
    except httpx.DecodingError:
        if response.is_success:
            raise
        return Collector("", 0)  # an error stays the error it is, without its unreadable body


def too_large(limit: int) -> BodyTooLargeError:
    """Return the exception for a body over ``limit`` bytes."""
    return BodyTooLargeError(f"the answer's body is larger than {limit} bytes")


def fill(response: httpx.Response, collector: Collector, limit: int) -> None:
    """Make what was collected the body of ``response``, as if it had been read in full.

    Raises:
        BodyTooLargeError: The body of a 2xx answer was larger than ``limit``.
        httpx.DecodingError: The compressed body of a 2xx answer is cut off.
    """
    if collector.overflowed and response.is_success:
        raise too_large(limit)
    try:
        content = collector.finish()
    except httpx.DecodingError:
        if response.is_success:
            raise
        content = b""
    if "content-encoding" in response.headers:
        del response.headers["content-encoding"]
    response.stream = httpx.ByteStream(content)


def read(response: httpx.Response, limit: int, check: Callable[[], None]) -> None:
    """Read the body of ``response`` within ``limit`` bytes; close the connection on what is left of it.

    Args:
        response: The answer, its body unread.
        limit: Bytes, after decompression.
        check: Called for every chunk; raises when time is up.

    Raises:
        httpx.DecodingError: Too large, or not in the encoding that it claims.
    """
    stream = response.stream
    assert isinstance(stream, Iterable)
    try:
        collector = collector_for(response, limit)
        for chunk in stream:
            check()
            if not collector.feed(chunk):
                break
    finally:
        response.close()
    fill(response, collector, limit)
    response.is_closed = False
    response.read()


async def aread(response: httpx.Response, limit: int) -> None:
    """As `read`, from an asynchronous transport; the transport, or a scope around the call, bounds its time."""
    stream = response.stream
    assert isinstance(stream, AsyncIterable)
    chunks = aiter(stream)
    try:
        collector = collector_for(response, limit)
        async for chunk in chunks:
            if not collector.feed(chunk):
                break
    finally:
        if isinstance(chunks, AsyncGenerator):  # trio complains of one that is left to the garbage collector
            await chunks.aclose()
        await response.aclose()
    fill(response, collector, limit)
    response.is_closed = False
    response.read()  # what was collected is there: nothing is waited for
