"""`ensure` for every kind of session: what it asks the API, in which order, and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aikynetix import APIStatusError, NotFoundError, VideoNotReadyError

from .callers import settings_of
from .table import FAILURES, METHODS

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
REFUSED = {
    "forbidden": ["GET 403"],
    "unknown": ["GET 404", "POST 404"],
    "bad_request": ["GET 400"],
    "server_error": ["GET 500"],
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
        flag = request.query if request.method == "GET" else request.body.replace(b" ", b"")
        assert flag in ("is_jump=true", b'{"is_jump":true}')


@pytest.mark.parametrize("session", REFUSED)
def test_a_refused_session_is_its_error_at_once(
    sandbox: Sandbox, client: Caller, settings: Settings, session: str
) -> None:
    """What no waiting can change is raised without waiting, as the error of the answer that said so."""
    with pytest.raises(APIStatusError) as caught:
        client(settings, lambda made: made.analyzed_videos.ensure(sandbox.sessions[session], wait=30))
    error, asked = caught.value, conversation(sandbox)
    assert asked == REFUSED[session]
    assert f"{error.request_method} {error.status_code}" == asked[-1]
    (row,) = (
        row for row in FAILURES if row.session == session and f"{METHODS[row.operation]} {row.status}" == asked[-1]
    )
    assert (type(error), error.message) == (row.error, row.message)
    assert error.request_id == sandbox.requests[-1].request_id


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
