"""One connection: it asks for bytes, validates the response, and writes what comes into the partial file.

It decides nothing but which URLs may be asked: https, and http on this machine, which no redirect leads to from https.
"""

from __future__ import annotations

import math
import re
import socket
import time
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING

import httpx

from .._config import is_loopback
from .._reading import Decoder, read
from .._redact import one_line, scrub
from .._responses import connection_error, retry_after
from ._failures import Failure, Kind
from ._object import EDGE, ObjectVersion, RangeResponse, content_length, range_headers, validate_response, why_no_video

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from . import OpenUrl, Options
    from ._partial import PartialFile, Segment, SegmentTable

_MAX_REDIRECTS = 5
_XML_CODE = re.compile(rb"<Code>\s*([A-Za-z]{1,64})\s*</Code>")  # of Cloud Storage's error documents
# What is encoded cannot be resumed, and its length says nothing about the file's.
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity"}
# Most bytes that a killed process had received over one connection and not yet noted.
_BUFFER = 256 * 1024
# A slow connection's bytes go to the disk at least this often, so that a killed process loses little.
_FLUSH_EVERY = 0.1
# Below this many bytes per second a connection counts as standing still.
_SLOWEST = 1024
# Below this many bytes it is worth more to keep the connection for another request, which needs the parser to see the
# end of the body.
_DIRECT_FROM = 1024 * 1024
# A video hardly gets smaller when it is compressed; what grows beyond so many times and bytes is made to fill disks.
_MAX_GROWTH, _GROWN = 100, 256 * 1024 * 1024


class Connection:
    """A request for a URL, for bytes of a known object or for the whole, to fetch a segment of it.

    The first piece of a body goes through httpx, whose parser may hold bytes that came with the head; a long body that
    its length delimits then comes right from the socket, and its connection is never used again.
    """

    def __init__(self, url: str, known: ObjectVersion | None = None, start: int = 0, stop: int = 0) -> None:
        self.known, self.start, self.stop, self._url = known, start, stop, url
        self.segment: Segment  # set by whoever makes it
        self.received = 0  # bytes
        self.is_framed = True  # whether anything but the end of the connection says where the body ends
        self._aborted = Event()
        self._response: httpx.Response | None = None
        self._socket: socket.socket | None = None  # None where it is not known, as in mocks
        self._is_direct = False
        self._silence: float | None = None  # seconds for which nothing, or next to nothing, may come
        self._rest: int | None = None  # bytes of the body that are to come; None where that is not known
        self._chunks: Iterator[bytes] = iter(())
        self._pending: memoryview | None = None  # None before the first piece

    def open(self, open_url: OpenUrl, options: Options) -> RangeResponse:
        """Ask, and return what the response brings, or raise a `Failure`."""

        def cancelled() -> bool:
            return self._aborted.is_set() or options.cancelled()

        headers = range_headers(self.start, self.stop, self.known)
        response, url = _open_bytes(open_url, self._url, headers, options.timeout, cancelled)
        try:
            found = validate_response(self.known, self.start, response.status_code, response.headers, url)
        except Failure:
            response.close()
            raise
        self._response, self._socket, self._silence = response, _socket_of(response), options.timeout.read
        length = content_length(response.headers)
        self.is_framed = length is not None or "transfer-encoding" in response.headers
        if response.is_stream_consumed:  # a mock that was made of its content, which httpx has decoded
            self._rest, self._chunks = len(response.content), iter([response.content])
        elif found.encoding:
            self._chunks = _decoded(response.iter_raw(), found.encoding)
        else:
            self._rest, self._chunks = length, filter(None, response.iter_raw())
        self._is_direct = self._socket is not None and (self._rest or 0) >= _DIRECT_FROM
        return found

    def deliver(self, table: SegmentTable, part: PartialFile) -> None:
        """Fetch the segment, and what follows it as far as nobody else does; a broken connection is a `Failure`."""
        buffer, looked_at, before = memoryview(bytearray(_BUFFER)), time.monotonic(), 0
        try:
            while room := table.room(self.segment):
                count, failure = self._fill(buffer[:room])
                if not self.segment.position and count >= EDGE and (why := why_no_video(bytes(buffer[:EDGE]))):
                    raise Failure(Kind.CONTENT, why)
                if count:
                    part.write(self.segment.position, buffer[:count])
                    table.advance(self.segment, count)
                if failure is not None:
                    raise failure
                if not count:
                    return
                now = time.monotonic()
                if self._silence and now - looked_at >= self._silence:
                    if self.received - before < _SLOWEST * (now - looked_at):
                        raise Failure(Kind.BROKEN, "next to nothing came from the storage for too long")
                    looked_at, before = now, self.received
        finally:
            self.close()

    def _fill(self, view: memoryview) -> tuple[int, Failure | None]:
        """Fill ``view`` for as long as a flush may wait; return how many bytes came, and what ended it."""
        filled, until = 0, time.monotonic() + _FLUSH_EVERY
        try:
            while filled < len(view) and self._rest != 0 and time.monotonic() < until:
                if self._aborted.is_set():
                    raise Failure(Kind.BROKEN, "the connection is not wanted any more")
                count = self._read_into(view[filled:][: self._rest])
                filled += count
                self.received += count
                if self._rest is not None:
                    self._rest -= count
                if not count and self._rest:
                    raise Failure(Kind.BROKEN, f"the storage hung up with {self._rest} bytes to come")
                if not count:
                    break
        except Failure as failure:
            return filled, failure
        except Exception as error:  # a mock or a caller's transport raises what it likes
            why = one_line(scrub(str(error)), limit=200) or type(error).__name__
            broken = Failure(Kind.BROKEN, f"the storage broke the video off ({why})")
            broken.__cause__ = error
            return filled, broken
        return filled, None

    def _read_into(self, view: memoryview) -> int:
        """Fill the beginning of ``view`` with what is there and return how many bytes; 0 only at the end."""
        if self._is_direct and self._socket is not None and self._pending is not None and not self._pending:
            return self._socket.recv_into(view)
        whole = self._pending or memoryview(next(self._chunks, b""))
        if self._is_direct and self._socket is not None:
            self._socket.settimeout(self._silence)  # for what comes right from the socket after this
        count = min(len(view), len(whole))
        view[:count], self._pending = whole[:count], whole[count:]
        return count

    def abort(self) -> None:
        """Have the connection end, from another thread, wherever it is."""
        self._aborted.set()
        if self._socket is not None:
            with suppress(OSError):
                # The method of an SSL socket would drop its TLS state under the feet of the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the connection back if the parser saw the end of the body, else end it."""
        with suppress(Exception):  # closing raises what the transport likes, and decides nothing
            if self._rest == 0 and not self._is_direct:
                next(self._chunks, None)  # lets the parser see the end, which frees the connection for another use
            if self._response is not None:
                self._response.close()


def _socket_of(response: httpx.Response) -> socket.socket | None:
    """Return the socket from which the body can be read as it is; there is none in mocks, and for TLS inside of TLS."""
    stream = response.extensions.get("network_stream")
    if stream is None or response.http_version != "HTTP/1.1":
        return None
    found, tls = stream.get_extra_info("socket"), stream.get_extra_info("ssl_object")
    return found if isinstance(found, socket.socket) and tls in (found, getattr(found, "_sslobj", None)) else None


def _decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder, came, made = Decoder(encoding), 0, 0
    for chunk in chunks:
        came += len(chunk)
        for piece in filter(None, decoder.feed(chunk)):
            made += len(piece)
            if made > max(_MAX_GROWTH * came, _GROWN):
                raise Failure(Kind.FINAL, f"the video unpacks to more than {_MAX_GROWTH} times what was sent")
            yield piece
    decoder.finish()


def _open_bytes(
    open_url: OpenUrl, url: str, headers: Mapping[str, str], timeout: httpx.Timeout, cancelled: Callable[[], bool]
) -> tuple[httpx.Response, str]:
    """Ask for ``url`` and return a response with bytes (200 or 206), and the URL that it came from after redirects."""
    # Parsing looks at each of the hundreds of characters of a signature, which say nothing here.
    parsed, may_be_plain, deadline = _parsed(url.partition("?")[0]), True, math.inf

    def is_over() -> bool:
        return cancelled() or time.monotonic() >= deadline

    for _ in range(_MAX_REDIRECTS + 1):
        is_local = parsed is not None and parsed.scheme == "http" and is_loopback(parsed.host)
        if parsed is None or not (parsed.scheme == "https" or (may_be_plain and is_local)):
            raise Failure(Kind.FINAL, "the video's URL is neither https nor on this machine")
        if timeout.read is not None:
            # A head of which each byte comes in time may still take for ever, so it has a limit as a whole.
            deadline = time.monotonic() + max(timeout.connect or 0.0, timeout.read)
        try:
            response = open_url(url, {**_HEADERS, **headers}, cancelled=is_over)
        except Exception as error:  # a caller's transport raises what it likes
            if time.monotonic() >= deadline:
                raise Failure(Kind.BROKEN, f"{parsed.host}: no complete response within the timeout") from error
            raise _connection_failure(error, parsed) from error
        if response.status_code in (200, 206):
            deadline = math.inf  # the video may take as long as it takes
            return response, url
        if not response.has_redirect_location:
            raise _refusal(response)
        response.close()
        may_be_plain, parsed = is_local, _parsed(response.headers["location"], parsed)
        url = str(parsed)
    raise Failure(Kind.FINAL, "the storage redirects in a circle")


def _parsed(url: str, base: httpx.URL | None = None) -> httpx.URL | None:
    try:
        parsed = httpx.URL(url) if base is None else base.join(url)
        has_host = bool(parsed.host)  # is decoded only when it is looked at
    except (httpx.InvalidURL, UnicodeError):
        return None
    return parsed if has_host else None


def _refusal(response: httpx.Response) -> Failure:
    """Return what an error response says, after a bounded part of its body."""
    code = ""
    with suppress(Exception):  # a body that breaks says no less than none
        read(response)
        code = b"".join(_XML_CODE.findall(response.content)[:1]).decode()
    advice = "; `generate` makes the video anew" if response.status_code in (404, 410) else ""
    return Failure(
        Kind.STATUS,
        f"the storage responded with {response.status_code}{f' ({code})' if code else ''}{advice}",
        status=response.status_code,
        code=code,
        retry_after=retry_after(response.headers, time.time()),
    )


def _connection_failure(error: Exception, url: httpx.URL) -> Failure:
    mapped = connection_error(error, "GET", str(url), "the URL of the video")
    is_final = mapped.is_permanent or isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | UnicodeError)
    host, kind = url.netloc.decode("ascii", "replace"), Kind.FINAL if is_final else Kind.BROKEN
    return Failure(kind, f"{host}: {mapped.message}")
