"""`ensure` for every kind of session that has a video in the end: what it asks the API, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aikynetix import NotFoundError, VideoNotReadyError

from .callers import settings_of

if TYPE_CHECKING:
    from aikynetix.sandbox import Sandbox

    from .callers import Caller, Settings

READY = {
    "jump": ["GET 200"],
    "weightlifting": ["GET 200"],
    "analyzed": ["GET 200"],
    "new": ["GET 404", "POST 200"],
    # The POST only starts the work (its answer has no URL), one GET comes too early, the next one is right.
    "slow": ["GET 404", "POST 200", "GET 404", "GET 200"],
}


@pytest.fixture
def settings(sandbox: Sandbox) -> Settings:
    return settings_of(sandbox)


def conversation(sandbox: Sandbox) -> list[str]:
    return [f"{request.method} {request.status}" for request in sandbox.requests]


@pytest.mark.parametrize("session", READY)
def test_a_session_becomes_a_video(sandbox: Sandbox, client: Caller, settings: Settings, session: str) -> None:
    """The URL is there at the end, the API was asked no more than it takes, and each time for the same analysis."""
    session_id = sandbox.sessions[session]
    video = client(settings, lambda made: made.analyzed_videos.ensure(session_id, analysis="jump", wait=30))
    assert (video.session_id, video.url) == (session_id, sandbox.signed_url(session_id))
    assert video.request_id == sandbox.requests[-1].request_id
    assert conversation(sandbox) == READY[session]
    for request in sandbox.requests:
        assert (request.query if request.method == "GET" else request.body.replace(b" ", b"")) in (
            "is_jump=true",
            b'{"is_jump":true}',
        )


def test_a_video_that_takes_longer_than_the_wait_is_not_ready(
    sandbox: Sandbox, client: Caller, settings: Settings
) -> None:
    """With no time to wait the work is started, and the error says that it may go on; a later call finds the video."""
    session_id = sandbox.sessions["slow"]
    with pytest.raises(VideoNotReadyError) as caught:
        client(settings, lambda made: made.analyzed_videos.ensure(session_id, wait=0))
    assert caught.value.session_id == session_id
    assert 0 <= caught.value.waited < 30
    assert conversation(sandbox) == ["GET 404", "POST 200"]
    with pytest.raises(NotFoundError):
        client(settings, lambda made: made.analyzed_videos.get(session_id))
    video = client(settings, lambda made: made.analyzed_videos.ensure(session_id, wait=30))
    assert video.url == sandbox.signed_url(session_id)
    assert conversation(sandbox)[2:] == ["GET 404", "GET 200"]
