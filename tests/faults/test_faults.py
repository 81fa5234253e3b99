"""Every misbehaviour of an API server ends in the documented exception, or in success, in time and without a secret."""

from __future__ import annotations

import pickle
import time
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import httpx
import pytest

from aikynetix import Aikynetix, AikynetixError, AnalyzedVideo, APIStatusError, AsyncAikynetix
from aikynetix._redact import spellings
from aikynetix._transport._async import AsyncPooledTransport
from aikynetix._transport._http1 import Http1
from aikynetix._transport._sync import PooledTransport

from . import bodies, statuses, wires
from .scenario import KEY, SIGNATURE, URL, Scenario
from .server import FaultServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

T = TypeVar("T")

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
"""Seconds that a busy machine may add to a call whose budget is no more than that machine's noise."""
KINDS = ("sync", "sync-h11", "asyncio", "asyncio-h11", "trio")
"""Both clients on every loop, and with the parser that is there when the extra ``fast`` is not."""


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer({scenario.name: scenario.script for scenario in SCENARIOS}) as running:
        yield running


class BothWays(AsyncPooledTransport, httpx.BaseTransport):
    """For the asynchronous client: its lookups, and its downloads in their threads, by h11."""

    def __init__(self) -> None:
        super().__init__(protocol=Http1)
        self._threads = PooledTransport(protocol=Http1)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._threads.handle_request(request)

    def close(self) -> None:
        self._threads.close()

    async def aclose(self) -> None:
        self._threads.close()
        await super().aclose()


def settings_for(kind: str, base_url: str, timeout: float, retries: int) -> dict[str, Any]:
    """What a client of this kind is made with."""
    settings: dict[str, Any] = {"api_key": KEY, "base_url": base_url, "timeout": timeout, "max_retries": retries}
    if kind == "sync-h11":
        settings["transport"] = PooledTransport(protocol=Http1)
    elif kind == "asyncio-h11":
        settings["transport"] = BothWays()
    return settings


def run(kind: str, main: Callable[[], Awaitable[T]]) -> T:
    """Run a coroutine function on the loop of this kind."""
    return anyio.run(main, backend="trio" if kind == "trio" else "asyncio")


def call(kind: str, scenario: Scenario, base_url: str) -> AnalyzedVideo:
    settings = settings_for(kind, base_url, scenario.timeout, scenario.retries)
    if kind.startswith("sync"):
        with Aikynetix(**settings) as client:
            found: AnalyzedVideo = getattr(client.analyzed_videos, scenario.verb)(scenario.name)
            return found

    async def main() -> AnalyzedVideo:
        async with AsyncAikynetix(**settings) as client:
            answered: AnalyzedVideo = await getattr(client.analyzed_videos, scenario.verb)(scenario.name)
            return answered

    return run(kind, main)


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
    grace = GRACE if scenario.is_slow else 0.0
    assert time.monotonic() - began < 1.1 * scenario.budget(scenario.timeout) + grace
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
