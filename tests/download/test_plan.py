"""The bookkeeping of byte ranges and of the journal, for any sequence of what may happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aikynetix._download._identity import Identity
from aikynetix._download._journal import Journal, decode, encode
from aikynetix._download._plan import Ledger, gaps, merged, total

if TYPE_CHECKING:
    from pathlib import Path

    from aikynetix._download._plan import Span

IDENTITY = Identity(path="storage/x", size=300, etag='"e"')
SHARE = 4


class Downloads(RuleBasedStateMachine):
    """Connections that fetch, break, answer with more or less than asked for; processes that are killed and go on."""

    @initialize(size=st.integers(1, 300))
    def begin(self, size: int) -> None:
        self.size = size
        self.ledger = Ledger(size)
        self.notes = encode(IDENTITY, "boot")
        self.written = [0] * size
        self.lost: list[Span] = []

    @rule()
    def connect(self) -> None:
        """Take a span, as a new connection does."""
        claim = self.ledger.claim(share=SHARE)
        assert claim is not None or all(each.rest < 2 * SHARE for each in self.ledger.claims)
        assert claim is None or claim.rest > 0

    @rule(more=st.integers(0, 300), which=st.integers(0, 9))
    @precondition(lambda self: self.ledger.claims)
    def answer_with_more(self, more: int, which: int) -> None:
        """Learn that an answer goes on behind what was asked for."""
        claim = self.ledger.claims[which % len(self.ledger.claims)]
        claim.reach = max(claim.reach, min(claim.stop + more, self.size))

    @rule(count=st.integers(1, 60), which=st.integers(0, 9))
    @precondition(lambda self: self.ledger.claims)
    def receive(self, count: int, which: int) -> None:
        """Write what has arrived, note it, and move on."""
        claim = self.ledger.claims[which % len(self.ledger.claims)]
        before = claim.position
        after = min(before + count, claim.stop)
        if before < after:
            self._write(before, after)
            self.notes += f"+{before}-{after};\n"
        assert self.ledger.advance(claim, count) == after

    @rule(which=st.integers(0, 9))
    @precondition(lambda self: self.ledger.claims)
    def disconnect(self, which: int) -> None:
        """End a connection, done or not."""
        self.ledger.release(self.ledger.claims[which % len(self.ledger.claims)])

    @rule(cut=st.integers(0, 12))
    def be_killed(self, cut: int) -> None:
        """Die with the last line half written, and go on from what the journal holds."""
        lines = self.notes.count("\n")
        if lines > 1:
            last = len(self.notes) - self.notes.rstrip("\n").rfind("\n") - 1
            self.notes = self.notes[: len(self.notes) - min(cut, last)]
        found = decode(self.notes)
        assert found is not None
        held = found[2]
        self.lost = [span for start, stop in gaps(held, self.size) for span in [(start, stop)]]
        for start, stop in self.lost:
            self.written[start:stop] = [0] * (stop - start)
        self.ledger = Ledger(self.size, held)
        if not self.notes.endswith("\n"):
            self.notes += "\n"

    def _write(self, start: int, stop: int) -> None:
        for offset in range(start, stop):
            self.written[offset] += 1

    @invariant()
    def every_byte_is_written_once_at_most(self) -> None:
        assert max(self.written) <= 1
        assert self.ledger.done == sum(self.written)

    @invariant()
    def every_byte_has_one_place(self) -> None:
        taken = [*self.ledger.finished, *((claim.start, claim.stop) for claim in self.ledger.claims)]
        assert total(taken) == total(merged(taken))
        assert all(0 <= start < stop <= self.size for start, stop in taken)

    @invariant()
    def the_beginning_is_known(self) -> None:
        missing = self.written.index(0) if 0 in self.written else self.size
        assert self.ledger.prefix == missing

    def teardown(self) -> None:
        """From wherever things stand, fetching what is offered ends with all bytes, each written once."""
        if not hasattr(self, "ledger"):
            return
        rounds = 0
        while not self.ledger.complete:
            rounds += 1
            assert rounds <= 2 * self.size + 2
            for claim in list(self.ledger.claims):
                self._write(claim.position, claim.stop)
                self.ledger.advance(claim, claim.rest)
                self.ledger.release(claim)
            self.ledger.claim(share=SHARE)
        assert self.written == [1] * self.size


TestDownloads = Downloads.TestCase
TestDownloads.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(spans=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99))), size=st.integers(0, 99))
def test_spans_and_gaps_divide_the_object(spans: list[tuple[int, int]], size: int) -> None:
    """What is there and what is missing together are the whole object, without overlap."""
    inside = [(start, min(stop, size)) for start, stop in merged(spans) if start < size]
    assert total(inside) + total(gaps(spans, size)) == size


@given(cut=st.integers(0, 400), spans=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**6)), max_size=9))
def test_a_journal_cut_off_anywhere_claims_nothing_that_is_not_there(cut: int, spans: list[tuple[int, int]]) -> None:
    """A journal that ends in the middle of a line, and then goes on, never names a byte that was not noted."""
    lines = [f"+{start}-{start + count};\n" for start, count in spans]
    head = encode(Identity(path="storage/x", size=2 * 10**6, etag='"e"'), "boot")
    text = head + "".join(lines)
    for goes_on in ("\n", ""):  # a short write is followed by a line break; a killed process by whoever comes next
        found = decode(text[: len(head) + cut] + goes_on + "".join(lines[:1]))
        assert found is not None
        noted = merged((start, start + count) for start, count in spans)
        assert merged([*found[2], *noted]) == noted


@given(shares=st.lists(st.integers(1, 50), min_size=1, max_size=8), size=st.integers(1, 2000))
def test_a_split_leaves_each_half_its_share(shares: list[int], size: int) -> None:
    """A claim is divided only where both halves are worth a connection, and the slowest one is divided first."""
    ledger = Ledger(size)
    ledger.claim(share=1)
    for share in shares:
        longest = max(claim.rest for claim in ledger.claims)
        made = ledger.claim(share=share)
        assert (made is None) == (longest < 2 * share)
        if made is not None:
            assert share <= made.rest <= (longest + 1) // 2


def test_a_neighbour_takes_over_what_its_answer_covers() -> None:
    """When a connection ends, the one before it goes on without another request as far as its answer reaches."""
    ledger = Ledger(100)
    first = ledger.claim(share=10)
    assert first is not None
    first.reach = 90
    second = ledger.claim(share=10)
    assert second is not None
    assert (first.stop, second.start, second.stop) == (50, 50, 100)
    ledger.release(second)
    assert first.stop == 90
    third = ledger.claim(share=10)
    assert third is not None
    assert (third.start, third.stop) == (90, 100)


@pytest.mark.parametrize("why", ["something is there", "it has ended"])
def test_a_neighbour_takes_over_nothing_else(why: str) -> None:
    """Not where bytes are there between them, and not if it has arrived at its end and may have hung up."""
    ledger = Ledger(100)
    first, second = ledger.claim(share=10), None
    assert first is not None
    first.reach = 100
    second = ledger.claim(share=10)
    assert second is not None
    if why == "it has ended":
        ledger.advance(first, 50)
    else:
        ledger.advance(second, 5)
    ledger.release(second)
    assert first.stop == 50


@pytest.mark.parametrize("tail", ["", "+60", "+60-7", "+60-70", "+60-70;"])
def test_a_line_that_was_cut_off_does_not_spoil_the_next(tail: str, tmp_path: Path) -> None:
    """Whoever goes on with a journal begins a line of its own."""
    path = tmp_path / "journal"
    path.write_text(encode(IDENTITY, None) + "+0-50;\n" + tail)
    journal = Journal(path)
    found = journal.read()
    journal.add(100, 120)
    journal.close()
    assert found is not None
    assert found[2] == [(0, 50), *([(60, 70)] if tail.endswith(";") else [])]
    again = decode(path.read_text())
    assert again is not None
    assert again[2] == [*found[2], (100, 120)]
