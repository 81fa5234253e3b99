"""One connection: it opens, validates the response, and writes what comes into the partial file. It decides nothing."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING

from ._body import Body
from ._failures import Failure, Kind, disk_failure
from ._object import RangeRequest, RangeResponse, validate_response
from ._requests import open_bytes
from ._verify import EDGE, why_no_video

if TYPE_CHECKING:
    from ._partial import PartialFile
    from ._segments import Segment, SegmentTable
    from ._types import OpenUrl, Options

# Most bytes that a killed process had received over one connection and not yet noted.
_BUFFER = 128 * 1024
# A slow connection's bytes go to the disk at least this often, so that a killed process loses little.
_FLUSH_EVERY = 0.1
# Below this many bytes per second a connection counts as standing still.
_SLOWEST = 1024


class Worker:
    """One connection: a request for a URL, to fetch a segment, which a first one gets afterwards."""

    def __init__(self, request: RangeRequest, url: str, segment: Segment | None) -> None:
        self.request, self.segment = request, segment
        self.is_streaming = False
        self.setup = 0.0  # seconds from asking to the response
        self.body: Body | None = None
        self._url = url
        self._aborted = Event()

    def open(self, open_url: OpenUrl, options: Options) -> RangeResponse:
        """Ask, and return what the response brings, or raise a `Failure`."""
        begun = time.monotonic()

        def cancelled() -> bool:
            return self._aborted.is_set() or options.cancelled()

        response, url = open_bytes(open_url, self._url, self.request.headers(), options.timeout, cancelled)
        try:
            found = validate_response(self.request, response.status_code, response.headers, url)
        except Failure:
            response.close()
            raise
        self.body = Body(response, options.timeout.read, found.encoding)
        self.setup = time.monotonic() - begun
        return found

    def deliver(self, table: SegmentTable, part: PartialFile, silence: float | None) -> None:
        """Fetch the segment, and what follows it as far as nobody else does; a broken connection is a `Failure`."""
        assert self.segment is not None
        buffer, looked_at, gained = memoryview(bytearray(_BUFFER)), time.monotonic(), 0
        try:
            while room := table.room(self.segment):
                count, failure = self._fill(buffer[:room])
                self._write(table, self.segment, part, buffer[:count])
                if failure is not None:
                    raise failure
                if not count:
                    return
                now, gained = time.monotonic(), gained + count
                if silence and now - looked_at >= silence:
                    if gained < _SLOWEST * (now - looked_at):
                        raise Failure(Kind.STALLED, "next to nothing came from the storage for too long")
                    looked_at, gained = now, 0
        finally:
            self.close()

    def _fill(self, view: memoryview) -> tuple[int, Failure | None]:
        """Fill ``view`` for as long as a flush may wait; return how many bytes came, and what ended it."""
        assert self.body is not None
        filled, until = 0, time.monotonic() + _FLUSH_EVERY
        try:
            while filled < len(view):
                if self._aborted.is_set():
                    raise Failure(Kind.BROKEN, "the connection is not wanted any more")
                count = self.body.read_into(view[filled:])
                filled += count
                self.is_streaming = True
                if count == 0 or time.monotonic() > until:
                    break
        except Failure as failure:
            return filled, failure
        return filled, None

    def _write(self, table: SegmentTable, segment: Segment, part: PartialFile, data: memoryview) -> None:
        if len(data) >= EDGE and not segment.position and (reason := why_no_video(bytes(data[:EDGE]))):
            raise Failure(Kind.CONTENT, reason)
        if data:
            try:
                part.write(segment.position, data)
            except OSError as error:
                raise disk_failure(error) from error
            table.advance(segment, len(data))

    def abort(self) -> None:
        """Have the connection end, from another thread, wherever it is."""
        self._aborted.set()
        if self.body is not None and self.body.socket is not None:
            with suppress(OSError):
                # The method of an SSL socket would drop its TLS state under the feet of the thread that reads.
                socket.socket.shutdown(self.body.socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """End the connection, or give it back where the body was read to its end."""
        if self.body is not None:
            self.body.close()
