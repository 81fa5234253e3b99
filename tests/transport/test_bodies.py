"""Bodies that go past the parser, right from the socket into a buffer of the caller's."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from aikynetix._transport._fast import FastHttp1
from aikynetix._transport._http1 import Http1
from aikynetix._transport._sync import PooledBody, PooledTransport

from .servers import Connection, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from aikynetix._transport._http1 import Protocol1

BODY = random.Random(7).randbytes(700_001)


@pytest.fixture(params=[Http1, FastHttp1])
def transport(request: pytest.FixtureRequest) -> Generator[PooledTransport]:
    """Give a transport of one connection, with either parser."""
    protocol: type[Protocol1] = request.param
    with PooledTransport(size=1, protocol=protocol) as made:
        yield made


def opened(transport: PooledTransport, url: str, method: str = "GET", *, silence: float = 5.0) -> PooledBody:
    """Send a request and return the body of its answer, unread."""
    extensions = {"timeout": {"connect": 5.0, "read": silence, "write": 5.0, "pool": 5.0}}
    stream = transport.handle_request(httpx.Request(method, url, extensions=extensions)).stream
    assert isinstance(stream, PooledBody)
    return stream


def received(transport: PooledTransport, url: str, size: int = 65_536, *, silence: float = 5.0) -> bytes:
    """Read an answer's body in pieces of ``size`` bytes at most."""
    body, buffer, data = opened(transport, url, silence=silence), memoryview(bytearray(size)), b""
    try:
        while count := body.read_into(buffer):
            data += buffer[:count]
    finally:
        body.close()
    return data


def answers(*, headers: bytes = b"", stray: bytes = b"") -> Callable[[Connection], None]:
    """Return a script that gives `BODY` to every request."""

    def script(connection: Connection) -> None:
        while connection.request():
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n" % (len(BODY), headers) + BODY + stray)

    return script


@pytest.mark.parametrize("size", [1 << 20, 65_536, 4_099])
def test_a_connection_serves_again_after_a_body_past_the_parser(transport: PooledTransport, size: int) -> None:
    """Whatever the size of the buffer, every byte comes in order, and three bodies take one connection."""
    with Server(answers()) as server:
        for _ in range(3):
            assert received(transport, server.url, size) == BODY
        assert server.connections == 1


@pytest.mark.parametrize("wish", [b"Connection: close\r\n", b"Connection: keep-alive, Close\r\n"])
def test_a_server_that_closes_is_not_asked_again(transport: PooledTransport, wish: bytes) -> None:
    """Where the server announced that it will close the connection, the next request opens another."""
    with Server(answers(headers=wish)) as server:
        for _ in range(2):
            assert received(transport, server.url) == BODY
        assert server.connections == 2


def test_a_connection_of_http_1_0_is_not_used_again(transport: PooledTransport) -> None:
    """HTTP/1.0 closes behind the body."""

    def script(connection: Connection) -> None:
        while connection.request():
            connection.send(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY))

    with Server(script) as server:
        for _ in range(2):
            assert received(transport, server.url) == BODY
        assert server.connections == 2


def test_bytes_behind_the_body_are_no_answer(transport: PooledTransport) -> None:
    """What a server sends unasked behind a body is not taken for the answer to the next request."""
    stray = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"
    with Server(answers(stray=stray)) as server:
        for _ in range(2):
            assert received(transport, server.url) == BODY
        assert server.connections == 2


def test_a_body_left_half_read_takes_its_connection_along(transport: PooledTransport) -> None:
    """A connection whose body was not read to its end is closed."""
    with Server(answers()) as server:
        body = opened(transport, server.url)
        assert body.read_into(memoryview(bytearray(100_000))) > 0
        body.close()
        assert received(transport, server.url) == BODY
        assert server.connections == 2


def test_a_body_cut_off_is_an_error(transport: PooledTransport) -> None:
    """The end of the connection before the end of the body is no end of the body."""

    def script(connection: Connection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY[:-1]))

    with Server(script) as server, pytest.raises(httpx.RemoteProtocolError):
        received(transport, server.url)


def test_silence_in_the_middle_of_a_body_is_a_timeout(transport: PooledTransport) -> None:
    """The limit for hearing nothing holds past the parser too."""

    def script(connection: Connection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY[:300_000]))
        connection.wait_for_close()

    with Server(script) as server, pytest.raises(httpx.ReadTimeout):
        received(transport, server.url, silence=0.2)


def test_what_comes_in_small_pieces_is_gathered(transport: PooledTransport) -> None:
    """One reading takes what comes within a moment, and no longer, so that a slow body is handed on as it comes."""
    go_on = threading.Event()

    def script(connection: Connection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n")
        go_on.wait(5)
        for _ in range(300):
            connection.send(bytes(100))
        go_on.clear()
        go_on.wait(5)
        connection.send(bytes(10_000))

    with Server(script) as server:
        body, buffer = opened(transport, server.url), memoryview(bytearray(65_536))
        go_on.set()
        counts = [body.read_into(buffer)]
        while sum(counts) < 30_000:
            counts.append(body.read_into(buffer))
        assert len(counts) < 100
        go_on.set()
        assert sum(counts) + body.read_into(buffer) == 40_000
        body.close()


@pytest.mark.parametrize(
    ("head", "sent", "expected"),
    [
        (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", b"hello world"),
        (b"Transfer-Encoding: chunked\r\nX: y", b"0\r\n\r\n", b""),
        (b"Content-Length: 0", b"", b""),
        (b"Content-Type: video/mp4", b"until the end", b"until the end"),
    ],
)
def test_other_framing_is_left_to_the_parser(
    transport: PooledTransport, head: bytes, sent: bytes, expected: bytes
) -> None:
    """Chunks, nothing, and whatever comes until the connection ends are read as they should be."""

    def script(connection: Connection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\n%s\r\n\r\n%s" % (head, sent))

    with Server(script) as server:
        assert received(transport, server.url, 4) == expected


@pytest.mark.parametrize(
    "framed",
    [
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: x\r\n\r\n",
        b"Content-Length: 11\r\n\r\nhello world",
    ],
    ids=["chunks", "trailer", "length"],
)
def test_the_end_is_told_as_often_as_it_is_asked_for(transport: PooledTransport, framed: bytes) -> None:
    """Where the server keeps the connection open, nothing is read from it beyond the end, and it serves again."""

    def script(connection: Connection) -> None:
        while connection.request():
            connection.send(b"HTTP/1.1 200 OK\r\n" + framed)

    with Server(script) as server:
        for _ in range(2):
            body, buffer, data = opened(transport, server.url, silence=1.0), memoryview(bytearray(4)), b""
            while count := body.read_into(buffer):
                data += buffer[:count]
            assert data == b"hello world"
            assert [body.read_into(buffer) for _ in range(3)] == [0, 0, 0]
            body.close()
        assert server.connections == 1


def test_an_answer_to_head_has_no_body(transport: PooledTransport) -> None:
    """The length that an answer to HEAD announces is not waited for."""

    def script(connection: Connection) -> None:
        while connection.request():
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")

    with Server(script) as server:
        body = opened(transport, server.url, "HEAD")
        assert body.read_into(memoryview(bytearray(10))) == 0
        body.close()
