"""Every misbehaviour of a storage ends a download in the documented exception, and leaves nothing half-written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aikynetix import (
    Aikynetix,
    AikynetixError,
    AsyncAikynetix,
    DownloadedVideo,
    DownloadError,
    DownloadInterruptedError,
    ExportRecord,
)
from aikynetix._transport._sync import PooledTransport
from tests.secrets.hunt import finds

from .scenario import PATIENCE, SIGNATURE, TIMEOUT, Scenario
from .server import FaultServer
from .storage import STORAGE, VIDEO, lookup_of
from .test_faults import GRACE, KINDS, assert_readable, assert_silent, run, settings_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_MOST = 1 << 20


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    scripts = {f"{scenario.name}-video": scenario.script for scenario in STORAGE}
    with FaultServer(scripts | {scenario.name: lookup_of(scenario.name) for scenario in STORAGE}) as running:
        yield running


def fetch(kind: str, scenario: Scenario, base_url: str, to: Path) -> DownloadedVideo:
    settings = settings_for(kind, base_url, scenario.timeout, 0)
    if kind.startswith("sync"):
        with Aikynetix(**settings) as client:
            return client.analyzed_videos.download(scenario.name, to, max_bytes=_MOST)

    async def main() -> DownloadedVideo:
        async with AsyncAikynetix(**settings) as client:
            return await client.analyzed_videos.download(scenario.name, to, max_bytes=_MOST)

    return run(kind, main)


def outcome_of(kind: str, scenario: Scenario, base_url: str, to: Path) -> DownloadedVideo | AikynetixError:
    try:
        return fetch(kind, scenario, base_url, to)
    except AikynetixError as error:
        return error


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scenario", STORAGE, ids=lambda scenario: scenario.name)
def test_a_faulty_storage_ends_a_download_as_documented(
    server: FaultServer, scenario: Scenario, kind: str, tmp_path: Path
) -> None:
    """Exact class, in time, readable, without a secret; the final name stands only for the whole video."""
    server.forget()
    target = tmp_path / "v.mp4"
    began = time.monotonic()
    outcome = outcome_of(kind, scenario, server.url, target)
    assert time.monotonic() - began < (4 * TIMEOUT + GRACE if scenario.is_slow else 1.1 * PATIENCE)
    assert all(not {"api-key", "authorization"} & dict(seen.headers).keys() for seen in server.requests_at_other())
    if scenario.error is None:
        assert isinstance(outcome, DownloadedVideo), outcome
        assert target.read_bytes() == VIDEO
        assert [path.name for path in tmp_path.iterdir()] == ["v.mp4"]
        return
    assert isinstance(outcome, AikynetixError)
    assert type(outcome) is scenario.error, outcome
    assert_readable(outcome)
    assert_silent(outcome)
    assert not target.exists()
    for path in tmp_path.iterdir():
        assert SIGNATURE.encode() not in path.read_bytes()


async def export(kind: str, base_url: str, names: Iterable[str], to: Path) -> list[ExportRecord]:
    settings = settings_for(kind, base_url, TIMEOUT, 1)
    if kind.startswith("sync"):
        with Aikynetix(**settings) as client:
            return list(client.analyzed_videos.export(names, to))
    async with AsyncAikynetix(**settings) as client:
        return [record async for record in client.analyzed_videos.export(names, to)]


@pytest.mark.parametrize("kind", KINDS)
def test_one_bad_session_never_stops_an_export(server: FaultServer, kind: str, tmp_path: Path) -> None:
    """All faults of the storage in one export: a record for each, done or failed with the same class, no secret."""
    server.forget()
    due = {scenario.name: scenario.error for scenario in STORAGE if scenario.name != "storage-endless"}
    records = run(kind, lambda: export(kind, server.url, due, tmp_path))
    assert {record.session_id for record in records} == set(due)
    for record in records:
        error = due[record.session_id]
        assert (record.status == "done") is (error is None), record
        assert record.error == (None if error is None else error.__name__), record.message
        assert_readable(ValueError(record.message or "done"))
        assert finds(repr(record)) == []
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or finds(path.read_bytes().decode("latin-1")) == []


class Faulty(PooledTransport):
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
    settings: dict[str, Any] = settings_for("sync", server.url, PATIENCE, 0) | {"transport": Faulty(raised)}
    with Aikynetix(**settings) as client, pytest.raises(AikynetixError) as caught:
        client.analyzed_videos.download("storage-whole", tmp_path / "v.mp4")
    assert type(caught.value) is error
    assert_silent(caught.value)
    assert list(tmp_path.iterdir()) == []
