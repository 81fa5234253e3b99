"""`ensure` for every kind of session: what it asks the API, in which order, and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import APIStatusError, NotFoundError, VideoNotReadyError

from .callers import CLIENTS, in_a_row, settings_of
from .table import FAILURES, METHODS

if TYPE_CHECKING:
    from aikynetix.sandbox import Sandbox

ASKED = {
    "jump": ["GET 200"],
    "weightlifting": ["GET 200"],
    "analyzed": ["GET 200"],
    "new": ["GET 404", "POST 200"],
    # The POST only starts the work (its answer has no URL), one GET comes too early, the next one is right.
    "slow": ["GET 404", "POST 200", "GET 404", "GET 200"],
    # What no waiting can change.
    "forbidden": ["GET 403"],
    "unknown": ["GET 404", "POST 404"],
    "bad_request": ["GET 400"],
    "server_error": ["GET 500"],
}


def conversation(sandbox: Sandbox) -> list[str]:
    return [f"{request.method} {request.status}" for request in sandbox.requests]


@pytest.mark.parametrize("session", ASKED)
@pytest.mark.parametrize("kind", CLIENTS)
def test_the_api_is_asked_no_more_than_it_takes(sandbox: Sandbox, kind: str, session: str) -> None:
    """Each time for the same analysis; the end is the URL, or the error of the answer that said so, without waiting."""
    session_id = sandbox.sessions[session]
    call: Any = lambda videos: videos.ensure(session_id, analysis="jump", wait=30)  # noqa: E731
    (ended,) = in_a_row(kind, settings_of(sandbox), call)
    asked = conversation(sandbox)
    assert asked == ASKED[session]
    assert ended.request_id == sandbox.requests[-1].request_id
    for request in sandbox.requests:
        flag = request.query if request.method == "GET" else request.body.replace(b" ", b"")
        assert flag in ("is_jump=true", b'{"is_jump":true}')
    if not isinstance(ended, APIStatusError):
        assert (ended.session_id, ended.url) == (session_id, sandbox.signed_url(session_id))
        return
    assert f"{ended.request_method} {ended.status_code}" == asked[-1]
    due = [row for row in FAILURES if row.session == session and f"{METHODS[row.operation]} {row.status}" == asked[-1]]
    assert [(row.error, row.message) for row in due] == [(type(ended), ended.message)]


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_video_that_takes_longer_than_the_wait_is_not_ready(sandbox: Sandbox, kind: str) -> None:
    """With no time to wait the work is started, and the error says that it may go on; a later call finds the video."""
    session_id = sandbox.sessions["slow"]
    late, missing, video = in_a_row(
        kind,
        settings_of(sandbox),
        lambda videos: videos.ensure(session_id, wait=0),
        lambda videos: videos.get(session_id),
        lambda videos: videos.ensure(session_id, wait=30),
    )
    assert (type(late), late.session_id) == (VideoNotReadyError, session_id)
    assert 0 <= late.waited < 30
    assert isinstance(missing, NotFoundError)
    assert video.url == sandbox.signed_url(session_id)
    assert conversation(sandbox) == ["GET 404", "POST 200", "GET 404", "GET 200"]
