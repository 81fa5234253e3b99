"""The bookkeeping of byte ranges and of the journal, for any sequence of what may happen."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from aikynetix._download._identity import Identity
from aikynetix._download._journal import decode, encode
from aikynetix._download._plan import Claim, Ledger, gaps, merged, total

STEPS = st.lists(
    st.tuples(st.sampled_from(["claim", "advance", "release", "restart"]), st.integers(0, 30), st.integers(1, 40)),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(size=st.integers(1, 300), steps=STEPS)
def test_every_byte_is_fetched_exactly_once(size: int, steps: list[tuple[str, int, int]]) -> None:
    """Whatever is claimed, fetched, given up or restarted, each byte arrives once and none is missing in the end."""
    ledger, fetched = Ledger(size), [0] * size

    def advance(claim: Claim, count: int) -> None:
        before = claim.position
        for offset in range(before, ledger.advance(claim, min(count, claim.rest))):
            fetched[offset] += 1

    for step, which, count in steps:
        if step == "claim":
            ledger.claim(share=4)
        elif step == "restart":
            arrived = [*ledger.finished, *((claim.start, claim.position) for claim in ledger.claims)]
            ledger = Ledger(size, arrived)
        elif ledger.claims:
            claim = ledger.claims[which % len(ledger.claims)]
            claim.reach = size if count % 2 else claim.reach
            advance(claim, count) if step == "advance" else ledger.release(claim)
        assert ledger.done == sum(fetched)
    while not ledger.complete:
        for claim in list(ledger.claims):
            advance(claim, claim.rest)
            ledger.release(claim)
        ledger.claim(share=4)
    assert fetched == [1] * size


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
    found = decode(text[: len(head) + cut] + "\n" + "".join(lines[:1]))
    assert found is not None
    noted = merged((start, start + count) for start, count in spans)
    assert merged([*found[2], *noted]) == noted
