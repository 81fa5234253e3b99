"""Every misbehaviour of a storage ends a download in the documented exception, and leaves nothing half-written."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import Aikynetix, AikynetixError, AsyncAikynetix, DownloadedVideo, ExportRecord

from .scenario import HEAD, KEY, SIGNATURE, TIMEOUT, Scenario, raw
from .server import FaultServer, Script
from .storage import STORAGE, VIDEO
from .test_faults import GRACE, assert_readable, assert_silent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST = 1 << 20


def _lookup(name: str) -> Script:
    url = f"{{other}}/sessions/{name}-video/v.mp4?X-Goog-Signature={SIGNATURE}"
    return raw(HEAD, b'\r\n{"analyzed_video_url": "%s"}' % url.encode())


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    scripts = {f"{scenario.name}-video": scenario.script for scenario in STORAGE}
    with FaultServer(scripts | {scenario.name: _lookup(scenario.name) for scenario in STORAGE}) as running:
        yield running


def fetch(kind: str, name: str, base_url: str, to: Path) -> DownloadedVideo:
    settings: dict[str, Any] = {"api_key": KEY, "base_url": base_url, "timeout": TIMEOUT, "max_retries": 0}
    if kind == "sync":
        with Aikynetix(**settings) as client:
            return client.analyzed_videos.download(name, to, max_bytes=_MOST)

    async def main() -> DownloadedVideo:
        async with AsyncAikynetix(**settings) as client:
            return await client.analyzed_videos.download(name, to, max_bytes=_MOST)

    return asyncio.run(main())


def outcome_of(kind: str, name: str, base_url: str, to: Path) -> DownloadedVideo | AikynetixError:
    try:
        return fetch(kind, name, base_url, to)
    except AikynetixError as error:
        return error


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("scenario", STORAGE, ids=lambda scenario: scenario.name)
def test_a_faulty_storage_ends_a_download_as_documented(
    server: FaultServer, scenario: Scenario, kind: str, tmp_path: Path
) -> None:
    """Exact class, in time, readable, without a secret; the final name stands only for the whole video."""
    server.forget()
    target = tmp_path / "v.mp4"
    began = time.monotonic()
    outcome = outcome_of(kind, scenario.name, server.url, target)
    assert time.monotonic() - began < 4 * TIMEOUT + GRACE
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


def test_one_bad_session_never_stops_an_export(server: FaultServer, tmp_path: Path) -> None:
    """All faults of the storage in one export: a record for each, done or failed with the same class, no secret."""
    server.forget()
    due = {scenario.name: scenario.error for scenario in STORAGE if scenario.name != "storage-endless"}
    settings: dict[str, Any] = {"api_key": KEY, "base_url": server.url, "timeout": TIMEOUT, "max_retries": 1}
    with Aikynetix(**settings) as client:
        records: list[ExportRecord] = list(client.analyzed_videos.export(due, tmp_path))
    assert {record.session_id for record in records} == set(due)
    for record in records:
        kind = due[record.session_id]
        assert (record.status == "done") is (kind is None), record
        assert record.error == (None if kind is None else kind.__name__), record.message
        assert SIGNATURE not in repr(record)
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or SIGNATURE.encode() not in path.read_bytes()
