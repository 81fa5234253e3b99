"""Every misbehaviour of an API server ends in the documented exception, or in success, in time and without a secret."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import AikynetixError, AnalyzedVideo
from tests.contract.callers import KINDS, ask
from tests.secrets.hunt import KEY, SIGNATURE

from .api import CONNECTIONS, SCENARIOS
from .scenario import PATIENCE, URL, Scenario, assert_presentable
from .server import FaultServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer({scenario.name: scenario.script for scenario in SCENARIOS}) as running:
        yield running


def cases() -> Iterator[Any]:
    """Both clients; where the event loop may make a difference also on trio. Who is slow is tested by itself."""
    for scenario in SCENARIOS:
        for kind in KINDS if scenario in CONNECTIONS else ("sync", "async"):
            if not scenario.is_slow:
                yield pytest.param(kind, scenario, id=f"{scenario.name}-{kind}")


def outcome_of(kind: str, scenario: Scenario, base_url: str) -> AnalyzedVideo | AikynetixError:
    settings = {"api_key": KEY, "base_url": base_url, "timeout": PATIENCE, "max_retries": scenario.retries}
    try:
        video: AnalyzedVideo = ask(kind, scenario.verb, scenario.name, **settings)
    except AikynetixError as error:
        return error
    return video


@pytest.mark.parametrize(("kind", "scenario"), list(cases()))
def test_a_fault_ends_as_documented(server: FaultServer, kind: str, scenario: Scenario) -> None:
    """Exact class, status and words; within the time budget; readable, picklable, without a secret; no other host."""
    server.forget()
    began = time.monotonic()
    outcome = outcome_of(kind, scenario, server.url)
    assert time.monotonic() - began < 1.1 * scenario.budget(PATIENCE)
    assert server.requests_at_other() == []
    if isinstance(outcome, AnalyzedVideo):
        assert scenario.error is None or scenario.lenient
        assert outcome.url == URL
        assert SIGNATURE not in repr(outcome)
        return
    assert type(outcome) is scenario.error, outcome
    assert scenario.says in str(outcome)
    assert scenario.status in (None, getattr(outcome, "status_code", None))
    assert_presentable(outcome)
