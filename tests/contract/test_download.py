"""`download` against the sandbox's storage: from a session's id to a verified file, or to nothing at all."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from aikynetix import (
    APIStatusError,
    DownloadedVideo,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    SignedUrlExpiredError,
)
from aikynetix.sandbox import Sandbox

from .callers import settings_of
from .conftest import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .callers import Caller

REFUSED = {"forbidden": PermissionDeniedError, "unknown": NotFoundError, "server_error": InternalServerError}


def conversation(sandbox: Sandbox) -> list[str]:
    return [f"{request.service} {request.method} {request.status}" for request in sandbox.requests]


def assert_whole(video: DownloadedVideo, sandbox: Sandbox, path: Path) -> None:
    assert type(video) is DownloadedVideo
    assert (video.path, video.size, video.resumed_from) == (path, len(sandbox.video), 0)
    assert path.read_bytes() == sandbox.video
    assert video.sha256 == hashlib.sha256(sandbox.video).hexdigest()
    assert video.verified == "crc32c+md5"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("session", ["jump", "weightlifting", "analyzed"])
def test_a_ready_video_is_on_disk(sandbox: Sandbox, client: Caller, form: str, tmp_path: Path, session: str) -> None:
    """One lookup, one transfer; what is on disk is what the storage has; the storage saw no credential."""
    session_id, path = sandbox.sessions[session], tmp_path / "video.mp4"
    video = client(settings_of(sandbox, form), lambda made: made.analyzed_videos.download(session_id, path))
    assert video.session_id == session_id
    assert_whole(video, sandbox, path)
    assert conversation(sandbox) == ["api GET 200", "storage GET 200"]
    assert not {"api-key", "authorization", "cookie"} & set(sandbox.requests[1].headers)


def test_a_video_that_is_not_there_yet_is_waited_for(sandbox: Sandbox, client: Caller, tmp_path: Path) -> None:
    """With ``wait`` the video is made first, as by ensure, and named after its session in a folder."""
    session_id = sandbox.sessions["new"]
    video = client(settings_of(sandbox), lambda made: made.analyzed_videos.download(session_id, tmp_path, wait=30))
    assert_whole(video, sandbox, tmp_path / f"{session_id}-analyzed_video.mp4")
    assert conversation(sandbox) == ["api GET 404", "api POST 200", "storage GET 200"]


@pytest.mark.parametrize("session", REFUSED)
def test_what_the_api_refuses_leaves_nothing(sandbox: Sandbox, client: Caller, tmp_path: Path, session: str) -> None:
    """The API's own error is raised; the storage is not asked and the folder stays empty."""
    path = tmp_path / "video.mp4"
    with pytest.raises(APIStatusError) as caught:
        client(settings_of(sandbox), lambda made: made.analyzed_videos.download(sandbox.sessions[session], path))
    assert type(caught.value) is REFUSED[session]
    assert [request.service for request in sandbox.requests] == ["api"]
    assert list(tmp_path.iterdir()) == []


class LateClock:
    """Two hours pass after each lookup, up to ``times`` of them: so long that the URL it gave has run out."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.sandbox: Sandbox | None = None

    def __call__(self) -> datetime:
        requests = () if self.sandbox is None else self.sandbox.requests
        return NOW + timedelta(hours=2 * min(self.times, sum(request.service == "api" for request in requests)))


@pytest.fixture
def clock() -> LateClock:
    return LateClock(times=1)


@pytest.fixture
def late(clock: LateClock) -> Iterator[Sandbox]:
    """A sandbox whose URLs have run out when they are first used."""
    with Sandbox(url_lifetime=600, clock=clock) as sandbox:
        clock.sandbox = sandbox
        yield sandbox


def test_an_expired_link_is_signed_again(late: Sandbox, client: Caller, tmp_path: Path) -> None:
    """The storage refuses the first URL; a second lookup gives one that it accepts, and the caller sees the file."""
    session_id, path = late.sessions["jump"], tmp_path / "video.mp4"
    video = client(settings_of(late), lambda made: made.analyzed_videos.download(session_id, path))
    assert_whole(video, late, path)
    assert conversation(late) == ["api GET 200", "storage GET 400", "api GET 200", "storage GET 200"]


def test_a_link_that_is_always_expired_is_given_up(
    late: Sandbox, clock: LateClock, client: Caller, tmp_path: Path
) -> None:
    """Where no fresh URL helps, the error says that it is the signature, and shows none; nothing is left on disk."""
    clock.times = 1000
    session_id, path = late.sessions["jump"], tmp_path / "video.mp4"
    with pytest.raises(SignedUrlExpiredError) as caught:
        client(settings_of(late), lambda made: made.analyzed_videos.download(session_id, path))
    assert (caught.value.session_id, caught.value.path) == (session_id, path)
    assert "X-Goog" not in str(caught.value)
    assert {request.status for request in late.requests if request.service == "storage"} == {400}
    assert 2 <= len(late.requests) < 20
    assert not path.exists()
