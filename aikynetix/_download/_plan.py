"""Which bytes of an object are there, which are on their way, and what to fetch next. Pure bookkeeping.

Spans are half-open intervals of byte offsets. Every byte belongs to exactly one of: a finished span, a claim (somebody
fetches it), or a gap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from collections.abc import Iterable

Span = tuple[int, int]


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
    for start, stop in merged(spans):
        if start >= size:
            break
        if position < start:
            result.append((position, start))
        position = max(position, stop)
    if position < size:
        result.append((position, size))
    return result


def total(spans: Iterable[Span]) -> int:
    """Return how many bytes the spans hold; they must not overlap."""
    return sum(stop - start for start, stop in spans)


@define(eq=False)
class Claim:
    """A span that one connection fetches, from ``start`` to ``stop``; everything before ``position`` has arrived.

    ``reach`` is where the answer that carries it ends: as long as that lies behind ``stop``, the claim can be extended
    without another request.
    """

    start: int
    position: int
    stop: int
    reach: int

    @property
    def rest(self) -> int:
        """Bytes still to come."""
        return self.stop - self.position


class Ledger:
    """The bytes of one object.

    Not thread-safe: whoever shares it holds a lock.

    Args:
        size: Bytes of the object.
        finished: What is there already; whatever lies outside of the object is ignored.
    """

    def __init__(self, size: int, finished: Iterable[Span] = ()) -> None:
        self.size = size
        self.finished = merged((max(0, start), min(stop, size)) for start, stop in finished)
        self.claims: list[Claim] = []

    @property
    def done(self) -> int:
        """Bytes that have arrived."""
        return total(self.finished) + sum(claim.position - claim.start for claim in self.claims)

    @property
    def complete(self) -> bool:
        """Whether every byte has arrived and no claim is left open."""
        return not self.claims and self.done == self.size

    @property
    def prefix(self) -> int:
        """How many bytes from the beginning have arrived without a gap."""
        arrived = [*self.finished, *((claim.start, claim.position) for claim in self.claims)]
        spans = merged(arrived)
        return spans[0][1] if spans and spans[0][0] == 0 else 0

    def claim(self, *, share: int) -> Claim | None:
        """Take a span to fetch: the first gap, else the second half of what the slowest claim has before it.

        Args:
            share: Least bytes worth a connection of their own. A claim is split only where both halves keep as many; it
                must not be less than what a connection may have received but not yet reported, so that a connection
                never passes the end it is given while it is being shortened.

        Returns:
            The claim, or None where there is nothing to take.
        """
        open_spans = gaps([*self.finished, *((claim.start, claim.stop) for claim in self.claims)], self.size)
        if open_spans:
            start, stop = open_spans[0]
        else:
            longest = max(self.claims, key=lambda claim: claim.rest, default=None)
            if longest is None or longest.rest < 2 * share:
                return None
            start, stop = longest.position + longest.rest // 2, longest.stop
            longest.stop = start
        claim = Claim(start, start, stop, stop)
        self.claims.append(claim)
        return claim

    def advance(self, claim: Claim, count: int) -> int:
        """Note that ``count`` more bytes of ``claim`` have arrived, and return its new position."""
        claim.position = min(claim.position + count, claim.stop)
        return claim.position

    def release(self, claim: Claim) -> None:
        """Give a claim up: what has arrived is finished, the rest is a gap or goes to a neighbour that can reach it."""
        self.claims.remove(claim)
        if claim.start < claim.position:
            self.finished = merged([*self.finished, (claim.start, claim.position)])
        taken = [*self.finished, *((each.start, each.stop) for each in self.claims)]
        for start, stop in gaps(taken, self.size):
            for each in self.claims:
                # One that has arrived at its end may have hung up already.
                if each.stop == start and each.reach > start and each.rest:
                    each.stop = min(each.reach, stop)
