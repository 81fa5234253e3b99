"""Which bytes of an object are there, which are being fetched, and what to fetch next.

Spans are half-open intervals of byte offsets. Every byte is in exactly one of: a finished span, a segment that a
connection fetches, or a gap. A connection takes what follows from a gap in steps of `STEP` bytes, so that nobody ever
has to be stopped before the end that it was given.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from collections.abc import Iterable

Span = tuple[int, int]

STEP = 512 * 1024
"""Bytes that a connection takes from a gap at a time."""


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the same bytes as sorted spans that neither overlap nor touch."""
    result: list[Span] = []
    for start, stop in sorted(span for span in spans if span[0] < span[1]):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(stop, result[-1][1]))
        else:
            result.append((start, stop))
    return result


def gaps(spans: Iterable[Span], size: int) -> list[Span]:
    """Return what the spans leave open of an object of ``size`` bytes, in order."""
    result: list[Span] = []
    position = 0
    for start, stop in [*merged(spans), (size, size)]:
        if position < min(start, size):
            result.append((position, min(start, size)))
        position = max(position, stop)
    return result


def total(spans: Iterable[Span]) -> int:
    """Return how many bytes the spans hold; they must not overlap."""
    return sum(stop - start for start, stop in spans)


@define(eq=False)
class Segment:
    """What one connection fetches, from ``start`` to ``stop``; everything before ``position`` has arrived.

    ``reach`` is where its response ends: up to there it can be extended without another request.
    """

    start: int
    position: int
    stop: int
    reach: int

    @property
    def rest(self) -> int:
        """Bytes still to come."""
        return self.stop - self.position

    def limit(self, reach: int | None) -> None:
        """Take in where the response really ends; None for "somewhere"."""
        if reach is not None:
            self.stop, self.reach = min(self.stop, reach), min(max(self.reach, self.stop), reach)


class SegmentTable:
    """The bytes of one object of which some are there already; thread-safe."""

    def __init__(self, size: int, finished: Iterable[Span] = ()) -> None:
        self.size = size
        self._lock = Lock()
        self._finished = merged(finished)
        self._segments: list[Segment] = []

    @property
    def arrived(self) -> list[Span]:
        """What has arrived, in order."""
        with self._lock:
            return merged([*self._finished, *((each.start, each.position) for each in self._segments)])

    @property
    def done(self) -> int:
        """Bytes that have arrived."""
        return total(self.arrived)

    def begin(self, wanted: int = 1) -> Segment | None:
        """Return a segment for one more of ``wanted`` connections, None where there is nothing worth one.

        The first gap that no connection is about to run into; else the end of the largest gap: a fair share of
        everything, half of the gap at most, a step at least.
        """
        with self._lock:
            open_spans = self._gaps()
            busy = {each.stop for each in self._segments if each.reach > each.stop}
            start, stop = next((span for span in open_spans if span[0] not in busy), (0, 0))
            if start == stop:
                start, stop = max(open_spans, key=lambda span: span[1] - span[0], default=(0, 0))
                if stop - start < 2 * STEP:
                    return None
                start = max((start + stop) // 2, stop - max(STEP, total(open_spans) // wanted))
            segment = Segment(start, start, min(start + STEP, stop), stop)
            self._segments.append(segment)
            return segment

    def room(self, segment: Segment) -> int:
        """Return how many bytes ``segment`` has before it, extended by a step if it was at its end; 0 to end it."""
        with self._lock:
            if not segment.rest:
                stop = next((stop for start, stop in self._gaps() if start == segment.stop), segment.stop)
                segment.stop = min(stop, segment.reach, segment.stop + STEP)
            return segment.rest

    def advance(self, segment: Segment, count: int) -> None:
        """Note that ``count`` more bytes of ``segment`` have arrived."""
        with self._lock:
            segment.position += count

    def release(self, segment: Segment) -> None:
        """Give a segment up: what has arrived of it is finished, the rest is a gap again."""
        with self._lock:
            self._segments.remove(segment)
            self._finished = merged([*self._finished, (segment.start, segment.position)])

    def _gaps(self) -> list[Span]:
        return gaps([*self._finished, *((each.start, each.stop) for each in self._segments)], self.size)
