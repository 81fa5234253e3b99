"""What the clients and the command hand on to the engine."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import Aikynetix, AsyncAikynetix, DownloadedVideo, DownloadError

from .calls import MIB, assert_right
from .servers import Fault, Storage, serving, video

if TYPE_CHECKING:
    from pathlib import Path

KEY = "key-of-the-tests"


def download(kind: str, storage: Storage, to: Path | str, **options: Any) -> DownloadedVideo:
    if kind == "sync":
        with Aikynetix(api_key=KEY, base_url=storage.base_url, max_retries=0) as client:
            return client.analyzed_videos.download("session", to, **options)

    async def main() -> DownloadedVideo:
        async with AsyncAikynetix(api_key=KEY, base_url=storage.base_url, max_retries=0) as client:
            return await client.analyzed_videos.download("session", to, **options)

    return asyncio.run(main())


both = pytest.mark.parametrize("kind", ["sync", "async"])


@both
def test_connections_can_be_capped(kind: str, tmp_path: Path) -> None:
    """``connections=1`` makes one request where the same download would take many."""
    with serving(Storage(video(6 * MIB), rate=8 * MIB)) as storage:
        download(kind, storage, tmp_path / "one.mp4", connections=1)
        assert len(storage.requests) == 1
        download(kind, storage, tmp_path / "many.mp4")
        assert len(storage.requests) > 2


@both
def test_a_body_without_a_size_can_be_bounded(kind: str, tmp_path: Path) -> None:
    """``max_bytes`` is the caller's to choose."""
    endless = Storage(video(3 * MIB), fault=lambda request: Fault(endless=True))
    with serving(endless) as storage, pytest.raises(DownloadError, match=f"more than {MIB} bytes"):
        download(kind, storage, tmp_path / "v.mp4", max_bytes=MIB)


@both
@pytest.mark.parametrize("bad", [{"connections": 0}, {"max_bytes": 0}], ids=str)
def test_senseless_bounds_are_refused_before_any_request(kind: str, bad: dict[str, int], tmp_path: Path) -> None:
    """They are the caller's mistake: a ValueError that names them, and nobody is asked anything."""
    (name,) = bad
    with serving(Storage(video(1000))) as storage:
        with pytest.raises(ValueError, match=name):
            download(kind, storage, tmp_path / "v.mp4", **bad)
        assert storage.lookups == storage.requests == []


@both
def test_a_download_that_was_interrupted_goes_on_in_the_other_client(kind: str, tmp_path: Path) -> None:
    """What one client left behind the other one takes up, byte for byte."""
    path = tmp_path / "v.mp4"
    faults = {0: Fault(cut_after=MIB)}
    lasting = Fault(status=500)
    with serving(Storage(video(2 * MIB), fault=lambda r: faults.get(r.number, lasting))) as storage:
        with pytest.raises(DownloadError):
            download("async" if kind == "sync" else "sync", storage, path, overwrite=True)
        storage.fault = lambda request: None
        result = download(kind, storage, path)
    assert result.resumed_from == MIB
    assert_right(result, path, storage.body)


def test_the_command_caps_and_reports(tmp_path: Path) -> None:
    """``aikynetix download --connections 1`` makes one request, and prints where the file is."""
    path = tmp_path / "v.mp4"
    with serving(Storage(video(5 * MIB), rate=16 * MIB)) as storage:
        environment = dict(os.environ) | {"AIKYNETIX_API_KEY": KEY, "AIKYNETIX_BASE_URL": storage.base_url}
        command = [sys.executable, "-m", "aikynetix", "download", "session", "-o", str(path), "--connections", "1"]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
        assert (ended.returncode, ended.stdout) == (0, f"{path}\n")
        assert len(storage.requests) == 1
    assert path.read_bytes() == storage.body
