"""Who stalls, drips or answers late: each call ends as documented, within its time budget and a tenth of it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio

from aikynetix import AikynetixError
from tests.contract.callers import KINDS
from tests.secrets.hunt import KEY

from .api import SCENARIOS
from .scenario import assert_presentable
from .server import FaultServer
from .storage import STORAGE, lookup_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from .scenario import Scenario

BUDGET = 3.0
"""Seconds that an attempt may take here: a tenth of it is more than a busy machine's noise."""
SLOW = [scenario for scenario in SCENARIOS if scenario.is_slow]
SLOW_STORAGE = [scenario for scenario in STORAGE if scenario.is_slow]
STEPS = 4
"""Parts of a download that may each take the timeout: lookup, connecting, the head, and silence in the body."""


@dataclass
class Ended:
    """How a call ended, and how many seconds it took."""

    outcome: object
    took: float


def timed(work: Callable[[], object]) -> Ended:
    began = time.monotonic()
    try:
        outcome = work()
    except AikynetixError as error:
        outcome = error
    return Ended(outcome, time.monotonic() - began)


async def atimed(work: Callable[[], Awaitable[object]]) -> Ended:
    began = time.monotonic()
    try:
        outcome = await work()
    except AikynetixError as error:
        outcome = error
    return Ended(outcome, time.monotonic() - began)


def all_at_once(kind: str, settings: dict[str, Any], works: dict[str, Callable[[Any], Any]]) -> dict[str, Ended]:
    """Do every work at once with one client of this kind: name of the work, and how it ended."""
    ended: dict[str, Ended] = {}

    def in_threads(client: Any) -> None:
        with ThreadPoolExecutor(len(works)) as pool:
            ended.update(zip(works, pool.map(lambda work: timed(lambda: work(client)), works.values()), strict=True))

    async def in_tasks(client: Any) -> None:
        async def run(name: str) -> None:
            ended[name] = await atimed(lambda: works[name](client))

        async with anyio.create_task_group() as group:
            for name in works:
                group.start_soon(run, name)

    KINDS[kind](settings, in_threads if kind == "sync" else in_tasks)
    return ended


def for_every_kind(work: Callable[[str], None]) -> None:
    """Do the work for every kind of client, each in a thread of its own."""
    threads = [threading.Thread(target=work, args=(kind,)) for kind in KINDS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def assert_as_documented(ended: dict[str, Ended], due: dict[str, tuple[type[BaseException] | None, float]]) -> None:
    assert set(ended) == set(due)
    assert {name: end.took for name, end in ended.items() if end.took > 1.1 * due[name][1]} == {}
    for name, end in ended.items():
        error = end.outcome if isinstance(end.outcome, AikynetixError) else None
        assert (None if error is None else type(error)) is due[name][0], (name, end.outcome)
        if error is not None:
            assert_presentable(error)


def test_a_slow_server_costs_no_lookup_more_than_its_budget() -> None:
    """Both clients on every loop, all slow servers at once: the error that is documented, or success where due."""
    ended: dict[str, Ended] = {}

    def look(scenario: Scenario, name: str) -> Callable[[Any], Any]:
        return lambda client: getattr(client.with_options(max_retries=scenario.retries).analyzed_videos, scenario.verb)(
            name
        )

    due = {f"{kind}.{each.name}": (each.error, each.budget(BUDGET)) for kind in KINDS for each in SLOW}
    scripts = {f"{kind}.{scenario.name}": scenario.script for kind in KINDS for scenario in SLOW}
    with FaultServer(scripts) as server:
        settings = {"api_key": KEY, "base_url": server.url, "timeout": BUDGET}

        def of(kind: str) -> None:
            works = {f"{kind}.{each.name}": look(each, f"{kind}.{each.name}") for each in SLOW}
            ended.update(all_at_once(kind, settings, works))

        for_every_kind(of)
    assert_as_documented(ended, due)
    assert max(end.took for end in ended.values()) > BUDGET - 0.5  # some did stall to the end, or nothing was measured


def test_a_slow_storage_costs_no_download_more_than_its_budget(tmp_path: Path) -> None:
    """The same for storages that stall or drip; an export of them all ends in time as well."""
    ended: dict[str, Ended] = {}

    def fetch(name: str) -> Callable[[Any], Any]:
        return lambda client: client.analyzed_videos.download(name, tmp_path / f"{name}.mp4")

    names = {f"{kind}.{scenario.name}": scenario for kind in KINDS for scenario in SLOW_STORAGE}
    scripts = {name: lookup_of(name) for name in names}
    scripts |= {f"{name}-video": scenario.script for name, scenario in names.items()}
    with FaultServer(scripts) as server:
        settings = {"api_key": KEY, "base_url": server.url, "timeout": BUDGET / STEPS, "max_retries": 0}

        def of(kind: str) -> None:
            works = {name: fetch(name) for name in names if name.startswith(f"{kind}.")}
            ended.update(all_at_once(kind, settings, works))
            whole = timed(lambda: KINDS[kind](settings, lambda client: export(client, list(works))))
            assert isinstance(whole.outcome, list)
            ended[f"{kind} export"] = Ended(None, whole.took)

        def export(client: Any, ids: list[str]) -> Any:
            return client.analyzed_videos.export(ids, tmp_path / ids[0], concurrency=len(ids))

        for_every_kind(of)
    assert {path.stem for path in tmp_path.glob("*.mp4")} == {
        name for name, each in names.items() if each.error is None
    }
    due = {name: (scenario.error, BUDGET) for name, scenario in names.items()}
    assert_as_documented(ended, due | {f"{kind} export": (None, BUDGET) for kind in KINDS})
