"""Reading a response's body without trusting its size: bounded after decompression, and bounded in time."""

from __future__ import annotations

import io
import time
import zlib
from typing import TYPE_CHECKING, cast

import httpx

from ._network import DEADLINE

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Iterator

LIMIT = "aikynetix.limit"
"""Request extension: most bytes of a 2xx body to accept, after decompression; None for a limit by content type."""
ERROR_LIMIT = 64 * 1024
"""Bytes of an error's body that are read; the rest is left unread."""
JSON_LIMIT = 8 * 1024 * 1024
"""Bytes of a JSON response that are read, after decompression; a larger one is refused."""
BINARY_LIMIT = 32 * 1024 * 1024
"""Bytes of any other response that are read into memory; a larger one is to be streamed through ``client.raw``."""
ACCEPT_ENCODING = "gzip, deflate"

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32  # told apart by their headers
_STEP = 256 * 1024  # bytes that are decompressed at a time, so that a bomb's peak stays near the limit


class Decoder:
    """Decompresses gzip and deflate (RFC 9110, section 8.4.1) a little at a time; anything else passes as it is."""

    def __init__(self, encoding: str) -> None:
        names = [name for name in encoding.lower().replace(" ", "").split(",") if name not in ("", "identity")]
        is_known = len(names) == 1 and names[0] in ("gzip", "x-gzip", "deflate")
        self._zlib = zlib.decompressobj(_GZIP_OR_ZLIB) if is_known else None
        self._has_begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what ``data`` decompresses to, at most 256 KiB at a time."""
        if self._zlib is None:
            yield data
            return
        is_full = False  # then more may wait inside, though no input is left
        while data or is_full:
            if self._zlib.eof:
                if not data.startswith(b"\x1f"):
                    return  # what follows is no further member (RFC 1952, section 2.2), and no part of the body
                self._zlib = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                piece = self._zlib.decompress(data, _STEP)
            except zlib.error as error:
                if self._has_begun:
                    raise httpx.DecodingError("the response's body is not in the compression that it claims") from error
                self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)  # deflate without its frame, as some servers send it
            else:
                yield piece
                data = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail
                is_full = len(piece) == _STEP
            self._has_begun = True

    def finish(self) -> None:
        """Check that nothing is missing."""
        if self._zlib is not None and self._has_begun and not self._zlib.eof:
            raise httpx.DecodingError("the response's compressed body ends in the middle")


class _BoundedBody:
    """The body of a response up to a limit: that of a 2xx must fit, that of an error is cut."""

    def __init__(self, response: httpx.Response) -> None:
        self._response, self._body, self._is_strict = response, io.BytesIO(), response.is_success
        headers, extensions = response.headers, response.request.extensions
        self._deadline = extensions.get(DEADLINE)
        by_type = JSON_LIMIT if "json" in headers.get("content-type", "json") else BINARY_LIMIT
        self._limit: int = (extensions.get(LIMIT) or by_type) if self._is_strict else ERROR_LIMIT
        encoding = headers.get("content-encoding")
        self._decoder = None if encoding is None else Decoder(encoding)
        announced = headers.get("content-length", "")
        has_length = response.request.method != "HEAD" and announced.isdecimal() and len(announced) < 20
        if self._is_strict and has_length and int(announced) > self._limit:
            raise self._too_large()

    def feed(self, chunk: bytes) -> bool:
        """Take in ``chunk``; return whether more is wanted."""
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise httpx.ReadTimeout("the response was not complete within the timeout", request=self._response.request)
        try:
            for piece in (chunk,) if self._decoder is None else self._decoder.feed(chunk):
                self._body.write(piece)
                if self._body.tell() > self._limit:
                    raise self._too_large()
        except httpx.DecodingError:
            if self._is_strict:
                raise
            return False
        return True

    def _too_large(self) -> httpx.DecodingError:
        return httpx.DecodingError(f"the response's body is larger than {self._limit} bytes")

    def finish(self) -> None:
        """Make what was taken in the body of the response, as if httpx had read it."""
        if self._is_strict and self._decoder is not None:
            self._decoder.finish()
        # What httpx's own read() sets; it has no bound.
        self._response._content = self._body.getvalue()[: self._limit]  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def read(response: httpx.Response) -> None:
    """Read the body of ``response``: at most 64 KiB of an error, 8 MiB of JSON, 32 MiB of anything else."""
    try:
        body = _BoundedBody(response)
        all(map(body.feed, cast("Iterable[bytes]", response.stream)))
    finally:
        response.close()
    body.finish()


async def aread(response: httpx.Response) -> None:
    """As `read`, from an asynchronous transport."""
    chunks = aiter(cast("AsyncIterable[bytes]", response.stream))
    try:
        body = _BoundedBody(response)
        async for chunk in chunks:
            if not body.feed(chunk):
                break
    finally:
        if (close := getattr(chunks, "aclose", None)) is not None:  # trio complains of one left to the collector
            await close()
        await response.aclose()
    body.finish()
