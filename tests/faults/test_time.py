"""Who stalls, drips or answers late: each call ends as documented, within its time budget and the noise of the run."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aikynetix import Aikynetix, APITimeoutError
from tests.contract.callers import KINDS, ask
from tests.secrets.hunt import KEY

from .api import SCENARIOS
from .calls import assert_as_documented, outcome_of, scripts_of
from .scenario import HEAD, raw
from .server import Drip, FaultServer
from .storage import STORAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .scenario import Scenario

BUDGET = 3.0
"""Seconds that an attempt may take here."""
_NOISE = 6.0  # seconds that a machine with other work may be late by; whoever is slow is so for ever
STEPS = 3
"""Parts of a download that may each take the timeout: lookup, connecting with the head, and silence in the body."""


def all_at_once(calls: Sequence[Callable[[], Any]]) -> tuple[list[Any], float]:
    """Make the calls in a thread each: what came of them, and how late a plain sleep beside them woke up."""

    def sleep() -> float:
        began = time.monotonic()
        time.sleep(BUDGET)
        return time.monotonic() - began - BUDGET

    with ThreadPoolExecutor(len(calls) + 1) as pool:
        *ended, late = pool.map(lambda call: call(), [*calls, sleep])
    return ended, late


@pytest.mark.parametrize(("scenarios", "timeout"), [(SCENARIOS, BUDGET), (STORAGE, BUDGET / STEPS)])
def test_who_is_slow_costs_no_call_more_than_its_budget(
    scenarios: tuple[Scenario, ...], timeout: float, tmp_path: Path
) -> None:
    """Both clients on every loop, all slow servers at once: the documented error, or success where due."""
    slow = [(kind, f"{kind}.{each.name}", each) for kind in KINDS for each in scenarios if each.is_slow]
    with FaultServer(scripts_of((name, each) for _, name, each in slow)) as server:
        call = partial(outcome_of, base_url=server.url, timeout=timeout)
        ended, late = all_at_once([partial(call, kind, name, each, tmp_path / name / "v") for kind, name, each in slow])
    for (_, name, scenario), (outcome, took) in zip(slow, ended, strict=True):
        assert_as_documented(outcome, scenario, tmp_path / name / "v")
        assert took < scenario.budget(BUDGET) + late + _NOISE, name
    assert max(took for _, took in ended) > 0.8 * timeout  # some did stall to the end


@pytest.mark.parametrize("kind", KINDS)
def test_an_attempt_may_take_as_long_as_its_longest_phase(kind: str) -> None:
    """Of connecting, reading and writing, where they have limits of their own: dripping does not stretch it."""
    each_phase = httpx.Timeout(0.2, connect=0.6)
    with FaultServer({"s": raw(HEAD, Drip(b"X-Slow: x\r\n", 0.05, endless=True))}) as server:
        began = time.monotonic()
        with pytest.raises(APITimeoutError):
            ask(kind, "get", "s", api_key=KEY, base_url=server.url, timeout=each_phase, max_retries=0)
        assert 0.5 < time.monotonic() - began < 1.5


def test_a_body_that_is_streamed_may_take_longer_than_an_attempt() -> None:
    """How long reading it takes is the caller's affair, as with httpx: no single read may last the timeout."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"
    with FaultServer({"s": raw(head, Drip(b"a whole body", 0.1))}) as server:
        client: Any = Aikynetix(KEY, base_url=server.url, timeout=0.5, max_retries=0)
        with client, client.raw.get_httpx_client().stream("GET", "/session-management/sessions/s/") as response:
            assert response.read() == b"a whole body"
