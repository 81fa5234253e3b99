"""Who stalls, drips or answers late: each call ends as documented, within its time budget and a tenth of it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from aikynetix import AikynetixError
from tests.contract.callers import KINDS, ask
from tests.secrets.hunt import KEY

from .api import SCENARIOS
from .scenario import assert_presentable
from .server import FaultServer
from .storage import STORAGE, lookup_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

BUDGET = 3.0
"""Seconds that an attempt may take here: a tenth of it is more than a busy machine's noise."""
SLOW = {(kind, each.name): each for kind in KINDS for each in SCENARIOS if each.is_slow}
SLOW_STORAGE = {(kind, each.name): each for kind in KINDS for each in STORAGE if each.is_slow}
STEPS = 4
"""Parts of a download that may each take the timeout: lookup, connecting, the head, and silence in the body."""


def timed(call: Callable[[], object]) -> tuple[object, float]:
    began = time.monotonic()
    try:
        outcome = call()
    except AikynetixError as error:
        assert_presentable(error)
        outcome = error
    return outcome, time.monotonic() - began


def all_at_once(calls: Sequence[Callable[[], object]]) -> list[tuple[object, float]]:
    """Make the calls in a thread each: how each ended, and after how many seconds."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(timed, calls))


def test_a_slow_server_costs_no_lookup_more_than_its_budget() -> None:
    """Both clients on every loop, all slow servers at once: the error that is documented, or success where due."""
    with FaultServer({f"{kind}.{name}": each.script for (kind, name), each in SLOW.items()}) as server:
        settings = {"api_key": KEY, "base_url": server.url, "timeout": BUDGET}
        calls = [
            partial(ask, kind, each.verb, f"{kind}.{name}", max_retries=each.retries, **settings)
            for (kind, name), each in SLOW.items()
        ]
        ended = dict(zip(SLOW, all_at_once(calls), strict=True))
    for at, scenario in SLOW.items():
        outcome, took = ended[at]
        assert type(outcome) is (scenario.error or type(outcome)), (at, outcome)
        assert isinstance(outcome, AikynetixError) is (scenario.error is not None), (at, outcome)
        assert took < 1.1 * scenario.budget(BUDGET), at
    assert max(took for _, took in ended.values()) > BUDGET - 0.5  # some did stall to the end


def test_a_slow_storage_costs_no_download_more_than_its_budget(tmp_path: Path) -> None:
    """The same for storages that stall or drip; an export of them all ends in time as well."""
    names = [f"{kind}.{name}" for kind, name in SLOW_STORAGE]
    scripts = {name: lookup_of(name) for name in names}
    scripts |= {f"{kind}.{name}-video": each.script for (kind, name), each in SLOW_STORAGE.items()}
    with FaultServer(scripts) as server:
        settings = {"api_key": KEY, "base_url": server.url, "timeout": BUDGET / STEPS, "max_retries": 0}
        calls = [
            partial(ask, kind, "download", f"{kind}.{name}", tmp_path / f"{kind}.{name}.mp4", **settings)
            for kind, name in SLOW_STORAGE
        ]
        ended = dict(zip(SLOW_STORAGE, all_at_once(calls), strict=True))
        whole = {"options": {"concurrency": len(names)}, **settings}
        exports = all_at_once([partial(ask, kind, "export", names, tmp_path / kind, **whole) for kind in KINDS])
    for at, scenario in SLOW_STORAGE.items():
        outcome, took = ended[at]
        assert type(outcome) is (scenario.error or type(outcome)), (at, outcome)
        assert (tmp_path / f"{at[0]}.{at[1]}.mp4").exists() is (scenario.error is None)
        assert took < 1.1 * BUDGET, at
    for records, took in exports:
        assert isinstance(records, list)
        assert took < 1.1 * BUDGET
