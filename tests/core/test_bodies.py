"""How a body is read: bounded, unpacked, checked for time, and closed whatever happens. No server, no clock."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import httpx
import pytest

from aikynetix import _body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

REQUEST = httpx.Request("GET", "https://api.example/s")
STEP = 256 * 1024


class Chunks(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that notes how far it was read, and whether it was closed."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.taken = 0
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self.taken += 1
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def answer(body: Chunks, status: int = 200, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named, stream=body, request=REQUEST)


def read(kind: str, response: httpx.Response, limit: int) -> bytes:
    if kind == "sync":
        _body.read(response, limit, lambda: None)
    else:
        asyncio.run(_body.aread(response, limit))
    return response.content


both = pytest.mark.parametrize("kind", ["sync", "async"])


@both
def test_a_body_is_read_once_and_stays(kind: str) -> None:
    """The chunks joined, exactly as many as the limit allows, the connection given back, nothing left to decode."""
    body = Chunks(b"abc", b"", b"def")
    response = answer(body)
    assert read(kind, response, 6) == b"abcdef"
    assert (body.taken, body.closed, response.is_closed, response.text) == (3, True, True, "abcdef")


@both
def test_a_success_that_is_too_large_is_refused_early(kind: str) -> None:
    """No chunk is taken after the one that does not fit, and the text names the limit."""
    body = Chunks(b"abc", b"def", b"ghi")
    with pytest.raises(_body.BodyTooLargeError, match=r"^the answer's body is larger than 5 bytes$"):
        read(kind, answer(body), 5)
    assert (body.taken, body.closed) == (2, True)


@both
def test_a_length_that_is_too_large_is_refused_unread(kind: str) -> None:
    """A success that announces more is not begun; an error is read as far as it may."""
    body = Chunks(b"abc")
    with pytest.raises(_body.BodyTooLargeError, match="larger than 5 bytes"):
        read(kind, answer(body, content_length="6"), 5)
    assert (body.taken, body.closed) == (0, True)
    assert read(kind, answer(Chunks(b"abc"), content_length="5"), 5) == b"abc"
    assert read(kind, answer(Chunks(b"abc", b"def"), 500, content_length="6"), 5) == b"abcde"


@both
def test_an_error_keeps_as_much_as_the_limit_allows(kind: str) -> None:
    """Cut to the byte, and the rest is left unread."""
    body = Chunks(b"abc", b"def", b"ghi")
    assert read(kind, answer(body, 503), 5) == b"abcde"
    assert body.taken == 2


@both
@pytest.mark.parametrize("status", [200, 500])
def test_a_compressed_body_is_unpacked_and_says_so_no_more(kind: str, status: int) -> None:
    """Content and headers agree: what was unpacked is not unpacked again."""
    packed = gzip.compress(b"abcdef", mtime=0)
    response = answer(Chunks(packed[:9], packed[9:]), status, content_encoding="gzip")
    assert read(kind, response, 100) == b"abcdef"
    assert "content-encoding" not in response.headers


@both
@pytest.mark.parametrize(
    ("encoding", "body", "why", "kept"),
    [
        ("br", b"abc", "the answer is encoded as 'br', which was not asked for", b""),
        ("b" * 60, b"abc", f"the answer is encoded as '{'b' * 40}', which was not asked for", b""),
        ("gzip", b"no gzip", "the answer's body is not in the compression that it claims", b""),
        ("gzip", gzip.compress(b"abcdef", mtime=0)[:-9], "the answer's compressed body ends in the middle", b""),
        ("deflate", b"\xff\xff\xff", "the answer's body is not in the compression that it claims", b""),
    ],
)
def test_a_body_that_cannot_be_unpacked(kind: str, encoding: str, body: bytes, why: str, kept: bytes) -> None:
    """A success is refused with the reason; an error stays the error that it is, without its body."""
    chunks = Chunks(body)
    with pytest.raises(httpx.DecodingError) as caught:
        read(kind, answer(chunks, content_encoding=encoding), 100)
    assert str(caught.value) == why
    assert chunks.closed
    response = answer(Chunks(body), 500, content_encoding=encoding)
    assert read(kind, response, 100) == kept
    assert "content-encoding" not in response.headers


@both
def test_an_error_whose_compression_breaks_keeps_what_came_before(kind: str) -> None:
    """Its message may stand in the first bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    head = packer.compress(b"the session is gone") + packer.flush(zlib.Z_SYNC_FLUSH)
    response = answer(Chunks(head, b"\xff" * 30), 500, content_encoding="gzip")
    assert read(kind, response, 100) == b"the session is gone"


def test_a_body_takes_its_own_size_in_memory_however_small_its_chunks() -> None:
    """A megabyte in chunks of two bytes costs less than two and a half, the reading included."""

    class Crumbs(Chunks):
        def __iter__(self) -> Iterator[bytes]:
            for number in range(1 << 19):
                yield number.to_bytes(4, "big")[2:]

    response = answer(Crumbs())
    tracemalloc.start()
    try:
        assert len(read("sync", response, 1 << 20)) == 1 << 20
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 << 19


def test_time_is_looked_at_before_each_chunk() -> None:
    """When it is up, the reading ends there and the connection is closed."""
    body, left = Chunks(b"a", b"b", b"c"), iter([None, httpx.ReadTimeout("up")])

    def check() -> None:
        end = next(left)
        if end is not None:
            raise end

    with pytest.raises(httpx.ReadTimeout):
        _body.read(answer(body), 100, check)
    assert (body.taken, body.closed) == (2, True)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_much_that_comes_at_once_is_unpacked_in_steps(encoding: str) -> None:
    """A chunk that unpacks to far more than a step is unpacked whole, but never more than a step at a time."""
    content = bytes(3 * STEP + 1)
    packed = gzip.compress(content) if encoding == "gzip" else zlib.compress(content)
    assert read("sync", answer(Chunks(packed), content_encoding=encoding), len(content)) == content
    inflater = _body._Inflater.of(encoding)
    assert inflater is not None
    out, rest = inflater.step(packed)
    assert len(out) == STEP
    assert rest


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_what_follows_the_compressed_data_is_no_part_of_it(encoding: str) -> None:
    """As every reader of gzip in HTTP has it."""
    packed = gzip.compress(b"abc") if encoding == "gzip" else zlib.compress(b"abc")
    assert read("sync", answer(Chunks(packed + b"junk", b"more"), content_encoding=encoding), 100) == b"abc"


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_gzip_may_come_in_several_members(size: int) -> None:
    """RFC 1952, section 2.2: they follow each other, and their contents too; empty ones count up to a limit."""
    member, end = gzip.compress(b"abc", mtime=0), gzip.compress(b"", mtime=0)
    for packed, whole in ((member * 3, b"abc" * 3), (member + end + member + b"\x1fjunk", b"abcabc")):
        chunks = Chunks(*(packed[start : start + size] for start in range(0, len(packed), size)))
        assert read("sync", answer(chunks, content_encoding="gzip"), 100) == whole
    for count, is_refused in ((1023, False), (1024, True)):
        response = answer(Chunks(*[end] * count, member), content_encoding="gzip")
        if is_refused:
            with pytest.raises(httpx.DecodingError, match="more than 1024 parts"):
                read("sync", response, 100)
        else:
            assert read("sync", response, 100) == b"abc"


def test_what_follows_the_compressed_data_is_not_kept() -> None:
    """However much it is."""
    response = answer(Chunks(gzip.compress(b"abc"), *[bytes(1 << 16)] * 64), content_encoding="gzip")
    tracemalloc.start()
    try:
        assert read("sync", response, 100) == b"abc"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


@both
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("status", [200, 202, 204, 500])
def test_of_a_body_that_never_began_nothing_is_missing(kind: str, encoding: str, status: int) -> None:
    """Servers that compress name the encoding also where there is nothing to compress."""
    assert read(kind, answer(Chunks(), status, content_encoding=encoding), 100) == b""


@pytest.mark.parametrize("size", [1, 2, 3])
def test_deflate_is_told_from_bare_deflate_by_its_first_two_bytes(size: int) -> None:
    """However they are cut: RFC 1950, section 2.2."""
    wrapped = zlib.compress(b"abcdef")
    for packed in (wrapped, wrapped[2:-4]):
        chunks = Chunks(*(packed[start : start + size] for start in range(0, len(packed), size)))
        assert read("sync", answer(chunks, content_encoding="deflate"), 100) == b"abcdef"
