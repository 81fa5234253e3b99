"""Every misbehaviour of a storage ends a download in the documented exception, and leaves nothing half-written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest

from aikynetix import AikynetixError, DownloadedVideo, DownloadError, DownloadInterruptedError
from tests.contract.callers import CLIENTS, ask
from tests.secrets.hunt import KEY, SIGNATURE, finds

from .scenario import PATIENCE, Scenario, assert_presentable
from .server import FaultServer
from .storage import STORAGE, VIDEO, lookup_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST = 1 << 20


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    scripts = {f"{scenario.name}-video": scenario.script for scenario in STORAGE}
    with FaultServer(scripts | {scenario.name: lookup_of(scenario.name) for scenario in STORAGE}) as running:
        yield running


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("scenario", [each for each in STORAGE if not each.is_slow], ids=lambda each: each.name)
def test_a_faulty_storage_ends_a_download_as_documented(
    server: FaultServer, scenario: Scenario, kind: str, tmp_path: Path
) -> None:
    """Exact class, in time, readable, without a secret; the final name stands only for the whole video."""
    server.forget()
    target, began = tmp_path / "v.mp4", time.monotonic()
    settings = {"api_key": KEY, "base_url": server.url, "timeout": PATIENCE, "max_retries": 0}
    outcome: object
    try:
        outcome = ask(kind, "download", scenario.name, target, options={"max_bytes": _MOST}, **settings)
    except AikynetixError as error:
        outcome = error
    assert time.monotonic() - began < 1.1 * PATIENCE
    assert all(not {"api-key", "authorization"} & dict(seen.headers).keys() for seen in server.requests_at_other())
    if scenario.error is None:
        assert isinstance(outcome, DownloadedVideo), outcome
        assert target.read_bytes() == VIDEO
        assert [path.name for path in tmp_path.iterdir()] == ["v.mp4"]
        return
    assert type(outcome) is scenario.error, outcome
    assert isinstance(outcome, AikynetixError)
    assert_presentable(outcome)
    assert not target.exists()
    assert all(finds(path.read_bytes().decode("latin-1")) == [] for path in tmp_path.iterdir())


@pytest.mark.parametrize("kind", CLIENTS)
def test_one_bad_session_never_stops_an_export(server: FaultServer, kind: str, tmp_path: Path) -> None:
    """All faults of the storage in one export: a record for each, done or failed with the same class, no secret."""
    server.forget()
    # These two are held by `max_bytes` alone, which an export has not.
    due = {each.name: each.error for each in STORAGE if each.name not in ("storage-endless", "storage-bomb")}
    # Tried again, because a server that hangs up without a word may take a kept connection of another session with it.
    settings = {"api_key": KEY, "base_url": server.url, "timeout": 1.5, "max_retries": 2}
    records = ask(kind, "export", list(due), tmp_path, **settings)
    assert {record.session_id for record in records} == set(due)
    for record in records:
        error = due[record.session_id]
        assert (record.status == "done") is (error is None), record
        assert record.error == (None if error is None else error.__name__), record.message
        assert (record.message or "done").isprintable()
        assert finds(repr(record)) == []
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or finds(path.read_bytes().decode("latin-1")) == []


class Faulty(httpx.HTTPTransport):
    """A transport of the caller's that reaches the API, but fails in its own way where the storage is asked."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if "/storage-whole-video/" in request.url.path:
            raise self._error
        return super().handle_request(request)


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (RuntimeError(f"no https://h/v.mp4?X-Goog-Signature={SIGNATURE}"), DownloadInterruptedError),
        (KeyError("x"), DownloadInterruptedError),
        (httpx.InvalidURL("x"), DownloadError),
    ],
    ids=["runtime", "key", "url"],
)
def test_whatever_a_transport_raises_a_download_ends_in_our_error(
    server: FaultServer, raised: Exception, error: type[AikynetixError], tmp_path: Path
) -> None:
    """A transport of the caller's may raise anything, and quote the URL that it was asked for."""
    settings = {"api_key": KEY, "base_url": server.url, "max_retries": 0, "transport": Faulty(raised)}
    with pytest.raises(AikynetixError) as caught:
        ask("sync", "download", "storage-whole", tmp_path / "v.mp4", **settings)
    assert type(caught.value) is error
    assert_presentable(caught.value)
    assert list(tmp_path.iterdir()) == []
