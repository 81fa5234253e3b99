"""Every misbehaviour of API or storage ends as documented, in time and without a secret, with nothing half-written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aikynetix import AikynetixError, DownloadError, DownloadInterruptedError
from tests.contract.callers import CLIENTS, KINDS, Replies, ask
from tests.secrets.hunt import KEY, SIGNATURE

from .api import CONNECTIONS, SCENARIOS
from .calls import assert_as_documented, outcome_of, scripts_of
from .scenario import FOUND_BODY, PATIENCE, Scenario, assert_presentable
from .server import FaultServer
from .storage import STORAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer(scripts_of((each.name, each) for each in (*SCENARIOS, *STORAGE))) as running:
        yield running


def cases() -> Iterator[Any]:
    """Both clients; where the event loop may make a difference also on trio. Who is slow is tested by itself."""
    for scenario in (*SCENARIOS, *STORAGE):
        for kind in KINDS if scenario in CONNECTIONS else CLIENTS:
            if not scenario.is_slow:
                yield pytest.param(kind, scenario, id=f"{scenario.name}-{kind}")


@pytest.mark.parametrize(("kind", "scenario"), list(cases()))
def test_a_fault_ends_as_documented(server: FaultServer, kind: str, scenario: Scenario, tmp_path: Path) -> None:
    """Within the time budget too; the second host hears of nobody, or of a download without the credential."""
    server.forget()
    to = tmp_path / "v.mp4"
    outcome, took = outcome_of(kind, scenario.name, scenario, to, base_url=server.url, timeout=PATIENCE)
    assert took < 1.1 * scenario.budget(PATIENCE)
    assert_as_documented(outcome, scenario, to)
    there = server.requests_at_other()
    assert scenario.is_storage or there == []
    assert all(not {"api-key", "authorization"} & dict(seen.headers).keys() for seen in there)


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (RuntimeError(f"no https://h/v.mp4?X-Goog-Signature={SIGNATURE}"), DownloadInterruptedError),
        (KeyError("x"), DownloadInterruptedError),
        (httpx.InvalidURL("x"), DownloadError),
    ],
    ids=["runtime", "key", "url"],
)
@pytest.mark.parametrize("kind", CLIENTS)
def test_whatever_a_transport_raises_a_download_ends_in_our_error(
    kind: str, raised: Exception, error: type[AikynetixError], tmp_path: Path
) -> None:
    """A transport of the caller's may raise anything, and quote the URL that it was asked for."""
    transport = Replies(httpx.Response(200, json=FOUND_BODY), raised)
    with pytest.raises(AikynetixError) as caught:
        ask(kind, "download", "s", tmp_path / "v.mp4", api_key=KEY, max_retries=0, transport=transport)
    assert type(caught.value) is error
    assert_presentable(caught.value)
    assert list(tmp_path.iterdir()) == []
