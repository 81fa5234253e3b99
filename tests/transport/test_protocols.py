"""Both ways of speaking HTTP/1.1 do the same, byte for byte."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aikynetix._transport import describe
from aikynetix._transport._http1 import Head, Http1, Protocol1, best
from aikynetix._transport._sync import PooledTransport

fast = pytest.importorskip("aikynetix._transport._fast", reason="the extra `fast` is not installed")

STATUS = b"HTTP/1.1 200 OK\r\n"
ANSWERS = [
    STATUS + b"Content-Length: 5\r\n\r\nhello",
    STATUS + b"Content-Length: 5\r\nConnection: close\r\n\r\nhello",
    STATUS + b"Content-Length: 0\r\nX-Empty:\r\n\r\n",
    STATUS + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0a;ext=1\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
    STATUS + b"\r\nuntil the end",
    b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + STATUS + b"Content-Length: 2\r\nX-A: a\r\nX-A: b\r\n\r\nok",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 520 \r\nContent-Length: 3\r\n\r\nodd",
    STATUS + b"Content-Length: 5\r\n\r\nhel",
    STATUS + b"Transfer-Encoding: chunked\r\n\r\n3\r\nab",
    STATUS + b"Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray",
    STATUS + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok?",
    STATUS + b"Content-Length: two\r\n\r\nok",
    STATUS + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    STATUS + b"No colon here\r\n\r\n",
    STATUS + b"Bad\x01Name: x\r\n\r\n",
    b"<html>not HTTP</html>\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    b"",
]


def exchange(protocol: Protocol1, pieces: list[bytes], method: str = "GET") -> tuple[Head, bytes, bool] | None:
    """Return what ``protocol`` makes of an answer that comes in ``pieces``; None for an error."""
    protocol.start(httpx.Request(method, "http://localhost/"))
    protocol.end()
    waiting = iter([*pieces, b""])
    body = b""
    try:
        while (head := protocol.head()) is None:
            protocol.receive(next(waiting))
        while (chunk := protocol.chunk()) != b"":
            if chunk is None:
                protocol.receive(next(waiting))
            else:
                body += chunk
    except httpx.RemoteProtocolError:
        return None
    return head, body, protocol.rewind()


@pytest.mark.parametrize("protocol", [Http1, fast.FastHttp1])
@pytest.mark.parametrize("size", [0, 500])
def test_a_body_that_came_with_its_head_leaves_the_connection_usable(protocol: type[Protocol1], size: int) -> None:
    """Who reads so many bytes as were announced need not ask for the end."""
    http = protocol()
    http.start(httpx.Request("GET", "http://localhost/"))
    http.end()
    http.receive(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))
    assert http.head() is not None
    if size:
        assert http.chunk() == bytes(size)
    assert http.rewind()


@given(st.sampled_from(ANSWERS), st.lists(st.integers(0, 120), max_size=8))
def test_both_read_the_same_in_whatever_pieces_it_comes(answer: bytes, cuts: list[int]) -> None:
    """Head, body, and whether the connection can be used again do not depend on the parser or on the packets."""
    edges = sorted({0, *(cut for cut in cuts if cut < len(answer)), len(answer)})
    pieces = [answer[start:end] for start, end in pairwise(edges)]
    plain, quick = exchange(Http1(), pieces), exchange(fast.FastHttp1(), pieces)
    assert plain == quick


@given(st.sampled_from(ANSWERS), st.integers(0, 150), st.binary(min_size=1, max_size=3))
@example(ANSWERS[0], 33, b"\x00")
def test_damaged_answers_never_surprise(answer: bytes, place: int, damage: bytes) -> None:
    """Whatever is overwritten in an answer, there is a result or an error of httpx, never anything else."""
    damaged = answer[:place] + damage + answer[place + len(damage) :]
    for protocol in (Http1(), fast.FastHttp1()):
        exchange(protocol, [damaged])


def test_an_answer_to_head_has_no_body() -> None:
    """The Content-Length of an answer to HEAD announces nothing."""
    for protocol in (Http1(), fast.FastHttp1()):
        result = exchange(protocol, [STATUS + b"Content-Length: 5\r\n\r\n"], "HEAD")
        assert result is not None
        assert result[1] == b""


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({}, None),
        ({"API-KEY": "key", "X-Empty": ""}, None),
        ({}, b"twelve bytes"),
        ({}, iter([b"chunked"])),
    ],
)
def test_both_write_the_same(headers: dict[str, str], content: Any) -> None:
    """A request goes over the wire with the same framing and the same headers."""
    request = httpx.Request("POST" if content else "GET", "http://localhost/a?b=c", headers=headers, content=content)
    written = []
    for protocol in (Http1(), fast.FastHttp1()):
        body = content if isinstance(content, bytes) else b"chunked" if content else b""
        written.append(protocol.start(request) + protocol.data(body) + protocol.end())
    assert written[0].lower() == written[1].lower()


@pytest.mark.parametrize(
    "headers",
    [
        {"X": "a\r\nInjected: b"},
        {"X": "a\nb"},
        {"X": "a\0b"},
        {"X": " padded"},
        {"X Y": "z"},
        {"": "nameless"},
        {"Content-Length": "five"},
    ],
)
def test_both_refuse_what_cannot_be_sent(headers: dict[str, str]) -> None:
    """No header can smuggle in another one, or a framing that is not that of the body."""
    request = httpx.Request("GET", "http://localhost/", headers=headers)
    for protocol in (Http1(), fast.FastHttp1()):
        with pytest.raises(httpx.LocalProtocolError):
            protocol.start(request)


def test_the_faster_one_is_used_when_it_is_installed() -> None:
    """Nothing needs to be set: with httptools there the default pool uses it, and says so."""
    assert best() is fast.FastHttp1
    assert "httptools" in describe()
    assert "h11" in describe(PooledTransport(protocol=Http1))
    assert describe(httpx.MockTransport(lambda _: httpx.Response(200))) == "httpx.MockTransport"
