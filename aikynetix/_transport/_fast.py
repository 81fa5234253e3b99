"""HTTP/1.1 with the parser of Node.js: what `Http1` does with h11, at a quarter of its cost. Needs the extra ``fast``.

httptools wraps llhttp, in its strict mode. It reads answers only; requests are written here, with h11's checks.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

import httptools
import httpx

from ._http1 import BODILESS, HEAD_LIMIT, MOST_INTERIM, Head, target_of

if TYPE_CHECKING:
    from collections.abc import Iterable

# RFC 9110, sections 5.5, 5.6.2 and 7.1: what a header's name and value, a method and a target may consist of.
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
_TARGET = re.compile(rb"[\x21-\x7e]+")


class FastHttp1:
    """The protocol state of one connection; see `Http1`."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._reset(b"")

    def _reset(self, method: bytes) -> None:
        self._method = method
        self._headers: list[tuple[bytes, bytes]] = []
        self._reason = b""
        self._head: Head | None = None
        self._chunks: deque[bytes] = deque()
        self._unheard = self._interim = self._given = 0
        self._rest: int | None = None
        self._is_past = False
        self._is_complete = self._is_sent = self._has_stray = self._keeps = False
        self._is_bodiless = self._ends_with_connection = False
        self._to_send: int | None = 0

    def start(self, request: httpx.Request) -> bytes:
        """See `Http1.start`."""
        method, target, headers = request.method.encode("ascii", "replace"), target_of(request), request.headers.raw
        fits = _TOKEN.fullmatch(method) and _TARGET.fullmatch(target)
        if not fits or not all(_TOKEN.fullmatch(name) and _VALUE.fullmatch(value) for name, value in headers):
            raise httpx.LocalProtocolError(
                "a request or header cannot be sent: it has characters that HTTP/1.1 does not allow"
            )
        self._reset(method)
        self._to_send = _framing(headers)
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        return b"%b %b HTTP/1.1\r\n%b\r\n" % (method, target, lines)

    def data(self, chunk: bytes) -> bytes:
        """See `Http1.data`."""
        if not chunk:
            return b""
        if self._to_send is None:
            return b"%x\r\n%b\r\n" % (len(chunk), chunk)
        self._to_send -= len(chunk)
        if self._to_send < 0:
            raise httpx.LocalProtocolError("the request's body is longer than its Content-Length")
        return chunk

    def end(self) -> bytes:
        """See `Http1.end`."""
        if self._to_send:
            raise httpx.LocalProtocolError("the request's body is shorter than its Content-Length")
        self._is_sent = True
        return b"0\r\n\r\n" if self._to_send is None else b""

    def receive(self, data: bytes) -> None:
        """See `Http1.receive`."""
        if not data:
            self._receive_end()
            return
        self._unheard += len(data)
        broken = False
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            broken = True
        if self._is_complete:
            self._has_stray = self._has_stray or broken
        elif broken:
            raise httpx.RemoteProtocolError("the server does not speak HTTP/1.1 properly")
        elif self._unheard > HEAD_LIMIT:
            raise httpx.RemoteProtocolError("the server sends a head or trailers that are too long")
        elif self._interim > MOST_INTERIM:
            raise httpx.RemoteProtocolError("the server sends interim answers without end")

    def _receive_end(self) -> None:
        if self._head is None:
            raise httpx.RemoteProtocolError("the server closed the connection without a complete answer")
        if not self._ends_with_connection and not self._is_complete:
            raise httpx.RemoteProtocolError("the server closed the connection in the middle of the answer")
        self._is_complete, self._keeps = True, False

    def head(self) -> Head | None:
        """See `Http1.head`."""
        return self._head

    def chunk(self) -> bytes | None:
        """See `Http1.chunk`."""
        if self._chunks:
            self._given += len(self._chunks[0])
            return self._chunks.popleft()
        return b"" if self._is_complete or self._is_bodiless or (self._is_past and not self.rest()) else None

    def rest(self) -> int | None:
        """See `Http1.rest`."""
        if not self._is_past:
            length = None if self._head is None else self._head.body_length(self._method)
            self._rest = None if length is None else length - self._given
        return self._rest

    def skip(self, count: int) -> None:
        """See `Http1.skip`."""
        self._is_past = True
        self._rest = (self._rest or 0) - count

    def rewind(self) -> bool:
        """See `Http1.rewind`."""
        if self._is_past and self._head is not None:
            is_clean = self._is_sent and not self.rest() and self._head.keeps_open()
            self._parser = httptools.HttpResponseParser(self)
            return is_clean
        return self._is_complete and self._keeps and self._is_sent and not self._has_stray

    def on_message_begin(self) -> None:
        """Called by the parser."""
        if self._is_complete:
            self._has_stray = True

    def on_status(self, status: bytes) -> None:
        """Called by the parser."""
        if not self._is_complete:
            self._reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, for trailers as well, which nobody reads."""
        if self._head is None:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        if self._is_complete:
            return
        self._unheard = 0
        status = self._parser.get_status_code()
        if status < 200:
            return
        version = self._parser.get_http_version().encode()
        self._head = Head(status, self._reason, version, self._headers)
        framed = {name.lower(): value.lower() for name, value in self._headers}
        chunked = framed.get(b"transfer-encoding", b"").rpartition(b",")[2].strip() == b"chunked"
        self._ends_with_connection = not chunked and (b"content-length" not in framed or b"transfer-encoding" in framed)
        # The parser cannot be told that an answer to HEAD has no body; that connection is not used again.
        self._is_bodiless = self._method == b"HEAD" or status in BODILESS

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._unheard = 0
        if self._is_bodiless:
            self._has_stray = True
        elif not self._is_complete:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._head is None:
            self._interim += 1
            self._headers, self._reason = [], b""
        elif not self._is_complete:
            self._is_complete = True
            self._keeps = self._parser.should_keep_alive()


def _framing(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """Return how many bytes of body follow, None for chunks of any number.

    Raises:
        httpx.LocalProtocolError: The headers contradict each other, or there is no Host (RFC 9112, section 3.2).
    """
    known = (b"host", b"content-length", b"transfer-encoding")
    found = [(name.lower(), value) for name, value in headers if name.lower() in known]
    said = dict(found)
    length, coding = said.get(b"content-length"), said.get(b"transfer-encoding")
    fits = len(found) == len(said) and b"host" in said and (length is None or coding is None)
    if not fits or not (length or b"0").isdigit() or (coding or b"chunked").lower() != b"chunked":
        raise httpx.LocalProtocolError("the request's Host, Content-Length or Transfer-Encoding header is wrong")
    return None if coding is not None else int(length or b"0")
