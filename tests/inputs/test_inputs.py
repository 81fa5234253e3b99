"""Foreign text of every kind ends in a correct value or in our own error: seeds, and what hypothesis makes of them."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aikynetix._redact import Secret, scrub
from scripts.fuzz.targets import SEEDS, TARGETS

_quick = settings(max_examples=60, derandomize=True, deadline=None, database=None)


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_has_seeds_and_keeps_its_promise_on_them(name: str) -> None:
    """The seeds, cut at every place and with every byte of the beginning turned."""
    for seed in SEEDS[name]:
        for cut in range(min(len(seed), 200) + 1):
            TARGETS[name](seed[:cut])
        for place in range(min(len(seed), 60)):
            TARGETS[name](seed[:place] + bytes([seed[place] ^ 0x80]) + seed[place + 1 :])


@pytest.mark.parametrize("name", TARGETS)
@_quick
@given(data=st.data())
def test_any_bytes_keep_the_promise(name: str, data: st.DataObject) -> None:
    """Seeds joined with anything."""
    text = st.text(max_size=20).map(lambda drawn: drawn.encode("utf-8", "replace"))
    pieces = st.one_of(st.sampled_from(SEEDS[name]), st.binary(max_size=40), text)
    TARGETS[name](b"".join(data.draw(st.lists(pieces, max_size=4))))


@_quick
@example("aaaa", "aaa")
@given(st.text(alphabet="ab%u0/", min_size=4, max_size=12), st.text(alphabet="ab%u0/ ", max_size=40))
def test_a_secret_never_survives_scrubbing(secret: str, around: str) -> None:
    """Whatever the secret is made of, and whatever stands around it."""
    kept = Secret(secret)
    assert secret not in scrub(around + kept.value + around) or secret in "***"
