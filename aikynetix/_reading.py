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

_STEP = 256 * 1024  # bytes that are decompressed at a time, so that a bomb's peak stays near the limit


class Decoder:
    """Decompresses gzip and deflate (RFC 9110, section 8.4.1) a little at a time; anything else passes as it is."""

    def __init__(self, encoding: str) -> None:
        names = [name for name in encoding.lower().replace(" ", "").split(",") if name not in ("", "identity")]
        self._is_deflate = names == ["deflate"]
        self._is_gzip = names in (["gzip"], ["x-gzip"])
        is_compressed = self._is_deflate or self._is_gzip
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | (16 if self._is_gzip else 0)) if is_compressed else None
        self._has_begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what ``data`` decompresses to, at most 256 KiB at a time."""
        if self._zlib is None:
            yield data
            return
        while data:
            if self._zlib.eof:
                if not (self._is_gzip and data.startswith(b"\x1f")):
                    return  # what follows is no further member (RFC 1952, section 2.2), and no part of the body
                self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 16)
            yield self._step(data)
            data = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail

    def _step(self, data: bytes) -> bytes:
        assert self._zlib is not None
        try:
            out = self._zlib.decompress(data, _STEP)
        except zlib.error as error:
            if not self._is_deflate or self._has_begun:
                raise httpx.DecodingError("the response's body is not in the compression that it claims") from error
            self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
            self._has_begun = True
            return self._step(data)
        self._has_begun = True
        return out

    def finish(self) -> None:
        """Check that nothing is missing."""
        if self._zlib is not None and self._has_begun and not self._zlib.eof:
            raise httpx.DecodingError("the response's compressed body ends in the middle")


class _BoundedReader:
    """Collects the body of a response up to a limit: that of a 2xx must fit, that of an error is cut."""

    def __init__(self, response: httpx.Response) -> None:
        self._response, self._body = response, io.BytesIO()
        limit = response.request.extensions.get(LIMIT)
        self._is_strict = response.is_success
        if not self._is_strict:
            limit = ERROR_LIMIT
        elif limit is None:
            limit = JSON_LIMIT if "json" in response.headers.get("content-type", "json") else BINARY_LIMIT
        self._limit, self._deadline = limit, response.request.extensions.get(DEADLINE)
        fields = {name.lower(): value for name, value in response.headers.raw}  # once, because httpx looks slowly
        encoding = fields.get(b"content-encoding")
        self._decoder = None if encoding is None else Decoder(encoding.decode("latin-1"))
        announced = fields.get(b"content-length", b"")
        has_body = response.request.method != "HEAD"
        if self._is_strict and has_body and announced.isdigit() and len(announced) < 20 and int(announced) > limit:
            raise self._too_large()

    def feed(self, chunk: bytes) -> bool:
        """Take in ``chunk``; return whether more is wanted."""
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise httpx.ReadTimeout("the response was not complete within the timeout", request=self._response.request)
        try:
            for piece in (chunk,) if self._decoder is None else self._decoder.feed(chunk):
                self._body.write(piece)
                if self._body.tell() > self._limit:
                    if self._is_strict:
                        raise self._too_large()
                    return False
        except httpx.DecodingError:
            if self._is_strict:
                raise
            return False
        return True

    def finish(self, is_whole: bool) -> None:
        """Make what was collected the body of the response, as if httpx had read it."""
        if is_whole and self._is_strict and self._decoder is not None:
            self._decoder.finish()
        # What httpx's own read() sets; it has no bound.
        self._response._content = self._body.getvalue()[: self._limit]  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    def _too_large(self) -> httpx.DecodingError:
        return httpx.DecodingError(f"the response's body is larger than {self._limit} bytes")


def read(response: httpx.Response) -> None:
    """Read the body of ``response``: at most 64 KiB of an error, and of a 2xx the request's `LIMIT`."""
    try:
        reader = _BoundedReader(response)
        is_whole = all(map(reader.feed, cast("Iterable[bytes]", response.stream)))
    finally:
        response.close()
    reader.finish(is_whole)


async def aread(response: httpx.Response) -> None:
    """As `read`, from an asynchronous transport."""
    chunks = aiter(cast("AsyncIterable[bytes]", response.stream))
    is_whole = True
    try:
        reader = _BoundedReader(response)
        async for chunk in chunks:
            if not reader.feed(chunk):
                is_whole = False
                break
    finally:
        if (close := getattr(chunks, "aclose", None)) is not None:  # trio complains of one left to the collector
            await close()
        await response.aclose()
    reader.finish(is_whole)
