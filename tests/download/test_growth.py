"""The number of connections, against lines of every kind: pure, with made-up measurements."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from aikynetix._download._growth import MOST_CONNECTIONS, SMALL, Growth, Sample

MIB = 1 << 20
TICK = 0.01


class Line:
    """A line with a limit for each connection and one for all, and what a download over it measures.

    A connection asked for begins to deliver after ``setup`` seconds; where ``taken`` connections are the most, further
    ones are refused.
    """

    def __init__(self, *, each: float, whole: float, setup: float, taken: int, limit: int) -> None:
        self.each, self.whole, self.setup, self.taken = each, whole, setup, taken
        self.growth = Growth(limit=limit)
        self.now = self.done = 0.0
        self.begun: list[float] = [0.0]
        self.history: list[tuple[float, int]] = []

    def run(self, seconds: float, size: float, busy: float = 0.0) -> list[int]:
        """Download, and return the numbers of connections that were wanted."""
        until = self.now + seconds
        while self.now < until and self.done < size:
            self._staff()
            streaming = sum(self.now - begun >= self.setup for begun in self.begun)
            self.done += min(streaming * self.each, self.whole) * TICK
            self.now += TICK
            sample = Sample(
                now=self.now,
                done=int(self.done),
                rest=int(max(0, size - self.done)),
                streaming=streaming,
                opening=len(self.begun) - streaming,
                setup=self.setup,
                busy=busy,
            )
            self.history.append((self.now, self.growth.observe(sample)))
        return [wanted for _, wanted in self.history]

    def _staff(self) -> None:
        while len(self.begun) < self.growth.wanted:
            if len(self.begun) >= self.taken:
                self.growth.push_back(len(self.begun))
                return
            self.begun.append(self.now)
        del self.begun[self.growth.wanted :]


lines = st.fixed_dictionaries(
    {
        "each": st.floats(1e4, 1e9),
        "whole": st.floats(1e4, 1e9),
        "setup": st.floats(0.0, 1.0),
        "taken": st.integers(1, 40),
        "limit": st.integers(1, MOST_CONNECTIONS),
    }
)


@settings(max_examples=100, deadline=None)
@given(given_line=lines)
def test_growth_stays_in_its_limit_and_comes_to_rest(given_line: dict[str, float]) -> None:
    """On any steady line there are at most as many connections as allowed and taken, and few changes."""
    line = Line(**given_line)  # type: ignore[arg-type]  # the integers among the values are integers
    wanted = line.run(12.0, size=1e12)
    assert min(wanted) >= 1
    assert max(wanted[1:]) <= given_line["limit"]
    assert len(line.begun) <= given_line["taken"]
    changes = [now for (_, one), (now, other) in pairwise(line.history) if one != other]
    assert len(changes) <= 8
    # Every five seconds it looks whether more would help meanwhile; in between it is at rest.
    assert max(after - before for before, after in pairwise([0.0, *changes, 12.0])) > 4.0


@settings(max_examples=200, deadline=None)
@given(
    limit=st.integers(1, 40),
    steps=st.lists(
        st.tuples(
            st.floats(0, 1),
            st.integers(0, 10**9),
            st.integers(0, 10**10),
            st.integers(0, 50),
            st.integers(0, 50),
            st.floats(0, 2),
            st.floats(0, 1),
            st.booleans(),
        ),
        max_size=40,
    ),
)
def test_no_measurement_makes_it_leave_its_limit(
    limit: int, steps: list[tuple[float, int, int, int, int, float, float, bool]]
) -> None:
    """Whatever is measured, even nonsense, the number stays between one and the limit, and the limit never rises."""
    growth, now, done = Growth(limit=limit), 0.0, 0
    for elapsed, more, rest, streaming, opening, setup, busy, refused in steps:
        now, done, before = now + elapsed, done + more, growth.limit
        if refused:
            growth.push_back(streaming)
        sample = Sample(now=now, done=done, rest=rest, streaming=streaming, opening=opening, setup=setup, busy=busy)
        assert 1 <= growth.observe(sample) <= max(1, growth.limit)
        assert growth.limit <= before
        assert growth.share(setup) >= SMALL // 8


def test_connections_that_are_slow_by_themselves_are_multiplied_to_the_limit() -> None:
    """8 MiB/s for each and a line that takes them all: as many as there may be, within a second."""
    line = Line(each=8 * MIB, whole=1e12, setup=0.001, taken=99, limit=32)
    assert line.run(1.0, size=1024 * MIB)[-1] == 32


def test_a_full_line_is_not_divided() -> None:
    """Where one connection fills the line the trial is taken back."""
    line = Line(each=1e12, whole=50 * MIB, setup=0.001, taken=99, limit=32)
    wanted = line.run(3.0, size=1024 * MIB)
    assert wanted[-1] == 1
    assert max(wanted) <= 16


def test_a_busy_client_opens_no_more() -> None:
    """Where this process itself is the limit, further connections would only cost."""
    line = Line(each=100 * MIB, whole=1e12, setup=0.001, taken=99, limit=32)
    assert set(line.run(1.0, size=4096 * MIB, busy=0.9)) == {1}


def test_the_end_of_a_file_is_not_worth_a_connection() -> None:
    """Below a few round trips there is nothing to win."""
    line = Line(each=8 * MIB, whole=1e12, setup=0.2, taken=99, limit=32)
    assert set(line.run(1.0, size=4 * MIB)) == {1}


def test_a_line_that_becomes_slow_is_tried_again() -> None:
    """Half of what it was, and more connections may help again, at once and not after five seconds."""
    line = Line(each=1e12, whole=64 * MIB, setup=0.001, taken=99, limit=32)
    assert line.run(1.0, size=1e12)[-1] == 1
    line.each, line.whole = 4 * MIB, 1e12
    assert line.run(1.0, size=1e12)[-1] > 1


def test_a_refusal_is_remembered() -> None:
    """A server that takes four connections is not asked for a fifth again."""
    line = Line(each=8 * MIB, whole=1e12, setup=0.001, taken=4, limit=32)
    line.run(10.0, size=1e12)
    assert line.growth.limit == 4
    assert len(line.begun) == 4
