"""Calls against a server that misbehaves: what it serves, how a call ended, and whether it ended as it must."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from aikynetix import AikynetixError
from tests.contract.callers import ask
from tests.secrets.hunt import KEY, SIGNATURE, finds

from .scenario import URL, Scenario, assert_presentable
from .storage import VIDEO, lookup_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .server import Script


def scripts_of(scenarios: Iterable[tuple[str, Scenario]]) -> dict[str, Script]:
    """What a server does for these sessions: the misbehaviour, or a lookup and the misbehaviour of the storage."""
    scripts: dict[str, Script] = {}
    for name, scenario in scenarios:
        if scenario.is_storage:
            scripts |= {name: lookup_of(name), f"{name}-video": scenario.script}
        else:
            scripts[name] = scenario.script
    return scripts


def outcome_of(kind: str, name: str, scenario: Scenario, to: Path, **settings: Any) -> tuple[Any, float]:
    """Make the scenario's call for a session: what it returned, or the error of ours; and how many seconds it took."""
    arguments, options = ([to], {"max_bytes": 1 << 20}) if scenario.is_storage else ([], {})
    settings = {"api_key": KEY, "max_retries": scenario.retries} | settings
    to.parent.mkdir(exist_ok=True)
    began = time.monotonic()
    outcome: Any
    try:
        outcome = ask(kind, scenario.verb, name, *arguments, options=options, **settings)
    except AikynetixError as error:
        outcome = error
    return outcome, time.monotonic() - began


def assert_as_documented(outcome: Any, scenario: Scenario, to: Path) -> None:
    """Exact class, status and words; readable, picklable, without a secret; what is written is the whole video."""
    if isinstance(outcome, AikynetixError):
        assert type(outcome) is scenario.error, outcome
        assert scenario.says in str(outcome)
        assert scenario.status in (None, getattr(outcome, "status_code", None))
        assert_presentable(outcome)
        assert not to.exists()
        assert all(finds(path.read_bytes().decode("latin-1")) == [] for path in to.parent.iterdir())
        return
    assert scenario.error is None, outcome
    assert SIGNATURE not in repr(outcome)
    if scenario.is_storage:
        assert to.read_bytes() == VIDEO
        assert list(to.parent.iterdir()) == [to]
    else:
        assert outcome.url == URL
