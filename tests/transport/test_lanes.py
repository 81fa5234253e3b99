"""The accounts of a pool, without any connection."""

from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from aikynetix._transport._lanes import Lanes, Origin, Ticket

ORIGINS: list[Origin] = [("http", b"a", 80), ("http", b"b", 80)]

STEPS = st.lists(
    st.tuples(st.sampled_from(["take", "finish", "break", "leave", "wait"]), st.integers(0, 30), st.booleans()),
    max_size=120,
)


class _World:
    """Callers of a pool, and the connections that they would have open."""

    def __init__(self, size: int) -> None:
        self.size, self.lanes, self.now = size, Lanes[int](size, 10.0), 0.0
        self.running: list[tuple[Ticket[int], int]] = []
        self.waiting: deque[Ticket[int]] = deque()
        self.open: dict[int, Origin] = {}
        self.made = 0

    def take(self, origin: Origin) -> None:
        ticket = self.lanes.take(origin, self.now)
        if ticket.granted:
            self._run(ticket)
        else:
            assert len(self.open) == self.size
            self.waiting.append(ticket)

    def end(self, index: int, *, reusable: bool) -> None:
        ticket, lane = self.running.pop(index % len(self.running))
        self.lanes.give_back(ticket.origin, lane, reusable, self.now)
        self._settle()

    def leave(self, index: int) -> None:
        ticket = self.waiting[index % len(self.waiting)]
        self.waiting.remove(ticket)
        self.lanes.leave(ticket, self.now)
        self._settle()

    def _settle(self) -> None:
        for lane in self.lanes.dismiss():
            del self.open[lane]
        while self.waiting and self.waiting[0].granted:
            self._run(self.waiting.popleft())
        assert not any(ticket.granted for ticket in self.waiting), "someone was served out of turn"

    def _run(self, ticket: Ticket[int]) -> None:
        for doomed in self.lanes.dismiss():
            del self.open[doomed]
        lane = ticket.lane
        if lane is None:
            self.made += 1
            lane = self.made
            self.open[lane] = ticket.origin
            self.lanes.opened(lane, None)
        assert self.open[lane] == ticket.origin
        assert lane not in [each for _, each in self.running]
        self.running.append((ticket, lane))


@given(st.integers(1, 4), STEPS)
def test_the_accounts_always_add_up(size: int, steps: list[tuple[str, int, bool]]) -> None:
    """Whatever callers do, no more connections are open than allowed, none is used twice, none waits in vain."""
    world = _World(size)
    for step, number, first in steps:
        if step == "take":
            world.take(ORIGINS[first])
        elif step == "leave" and world.waiting:
            world.leave(number)
        elif step in ("finish", "break") and world.running:
            world.end(number, reusable=step == "finish")
        elif step == "wait":
            world.now += number
        assert len(world.open) <= size
        assert not world.waiting or len(world.running) == size
    while world.running:
        world.end(0, reusable=True)
    assert not world.waiting
    world.lanes.close()
    for lane in world.lanes.dismiss():
        del world.open[lane]
    assert not world.open
