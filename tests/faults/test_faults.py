"""Every misbehaviour of an API server ends in the documented exception, or in success, in time and without a secret."""

from __future__ import annotations

import asyncio
import pickle
import time
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import Aikynetix, AikynetixError, AnalyzedVideo, APIStatusError, AsyncAikynetix
from aikynetix._redact import spellings
from aikynetix._transport._async import AsyncPooledTransport
from aikynetix._transport._http1 import Http1
from aikynetix._transport._sync import PooledTransport

from . import bodies, statuses, wires
from .scenario import KEY, SIGNATURE, TIMEOUT, URL, Scenario
from .server import FaultServer

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENARIOS = (
    *statuses.STATUSES,
    *statuses.ERRORS,
    *statuses.RETRIES,
    *bodies.BODIES,
    *bodies.URLS,
    *wires.HEADERS,
    *wires.TIMING,
    *wires.CONNECTIONS,
    *wires.REDIRECTS,
)
GRACE = 1.5
"""Seconds that a busy machine may add to what a call takes."""


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer({scenario.name: scenario.script for scenario in SCENARIOS}) as running:
        yield running


def call(kind: str, scenario: Scenario, base_url: str) -> AnalyzedVideo:
    settings: dict[str, Any] = {
        "api_key": KEY,
        "base_url": base_url,
        "timeout": TIMEOUT,
        "max_retries": scenario.retries,
    }
    kind, _, h11 = kind.partition("-")
    if h11:
        settings["transport"] = (PooledTransport if kind == "sync" else AsyncPooledTransport)(protocol=Http1)
    if kind == "sync":
        with Aikynetix(**settings) as client:
            found: AnalyzedVideo = getattr(client.analyzed_videos, scenario.verb)(scenario.name)
            return found

    async def main() -> AnalyzedVideo:
        async with AsyncAikynetix(**settings) as client:
            answered: AnalyzedVideo = await getattr(client.analyzed_videos, scenario.verb)(scenario.name)
            return answered

    if kind == "trio":
        import trio

        return trio.run(main)
    return asyncio.run(main())


def outcome_of(kind: str, scenario: Scenario, base_url: str) -> AnalyzedVideo | AikynetixError:
    try:
        return call(kind, scenario, base_url)
    except AikynetixError as error:
        return error


def texts_of(error: BaseException | None) -> Iterator[str]:
    """Everything that a log, a traceback or a pickle of ``error`` would show."""
    while error is not None:
        yield from (str(error), repr(error), repr(vars(error)), repr(error.args))
        if isinstance(error, APIStatusError):
            yield from (repr(error.body), repr(list(error.headers.items())))
        if isinstance(error, AikynetixError):
            yield pickle.dumps(error).decode("latin-1")
        error = error.__cause__ or error.__context__


def assert_silent(error: BaseException) -> None:
    told = "\n".join(texts_of(error)).lower()
    for form in (*spellings([KEY]), SIGNATURE):
        assert form.lower() not in told


def assert_readable(error: BaseException) -> None:
    text = str(error)
    assert text
    assert text.isprintable()
    assert len(text) < 3_000


def cases() -> Iterator[Any]:
    """Both clients; where it may make a difference also trio, and h11 beside what the extra ``fast`` brings."""
    for scenario in SCENARIOS:
        kinds = ["sync", "asyncio"]
        if scenario in (*wires.TIMING, *wires.CONNECTIONS):
            kinds.append("trio")
        if scenario in (*wires.HEADERS, *wires.CONNECTIONS, *bodies.BODIES, *statuses.STATUSES):
            kinds += ["sync-h11", "asyncio-h11"]
        for kind in kinds:
            yield pytest.param(kind, scenario, id=f"{scenario.name}-{kind}")


@pytest.mark.parametrize(("kind", "scenario"), list(cases()))
def test_a_fault_ends_as_documented(server: FaultServer, kind: str, scenario: Scenario) -> None:
    """Exact class, status and words; within the time budget; readable, picklable, without a secret; no other host."""
    server.forget()
    began = time.monotonic()
    outcome = outcome_of(kind, scenario, server.url)
    attempts = 1 + scenario.retries
    assert time.monotonic() - began < 1.1 * attempts * TIMEOUT + scenario.retries + GRACE
    assert server.requests_at_other() == []
    if isinstance(outcome, AnalyzedVideo):
        assert scenario.error is None or scenario.lenient
        assert outcome.url == URL
        assert SIGNATURE not in repr(outcome)
        return
    assert type(outcome) is scenario.error, outcome
    assert scenario.says in str(outcome)
    assert scenario.status in (None, getattr(outcome, "status_code", None))
    assert_readable(outcome)
    assert_silent(outcome)
    assert str(pickle.loads(pickle.dumps(outcome))) == str(outcome)
