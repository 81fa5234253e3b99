"""The contract: every operation, every documented status, every form of a credential, both clients, over TCP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from aikynetix import AnalyzedVideo, APIStatusError, NotFoundError, VideoNotReadyError
from aikynetix.sandbox import Sandbox
from tests import first

from .callers import CLIENTS, FORMS, SENT, ask, in_a_row, settings_of
from .table import FAILURES, METHODS, SUCCESSES, Failure, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aikynetix.sandbox import RecordedRequest

each_client = pytest.mark.parametrize("kind", CLIENTS)
each_form = pytest.mark.parametrize("form", FORMS)
NOW = datetime(2126, 3, 4, 5, 6, 7, tzinfo=UTC)
"""Far enough in the future that no URL of the sandbox has expired by the clock of this machine."""


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(polls=1, url_lifetime=600, clock=lambda: NOW) as sandbox:
        yield sandbox


def only_request(sandbox: Sandbox, form: str) -> RecordedRequest:
    """The one request that the sandbox got; it carried a credential in this form and in no other."""
    (request,) = sandbox.requests
    credentials = {name: value for name, value in request.headers.items() if name in ("api-key", "authorization")}
    assert credentials == SENT[form]
    return request


def test_the_tables_have_every_documented_status() -> None:
    """Whatever the vendor's first document has a status for has a row, and no row is about anything else."""
    (operations,) = json.loads(first.DOCUMENT.read_text("utf-8"))["paths"].values()
    documented = {(method.upper(), status) for method, said in operations.items() for status in said["responses"]}
    rows = {(METHODS[row.operation], str(row.status)) for row in FAILURES}
    rows |= {(METHODS[operation], "200") for operation, _ in SUCCESSES}
    assert rows == documented


@pytest.mark.parametrize("row", FAILURES, ids=lambda row: f"{row.operation}-{row.status}-{row.session}")
@each_form
@each_client
def test_a_documented_failure_is_its_error(sandbox: Sandbox, kind: str, form: str, row: Failure) -> None:
    """The exact class, with everything that the answer and the request tell; one request, and no secret."""
    session_id = sandbox.sessions[row.session]
    settings = settings_of(sandbox, form, right=row.status != 401)
    with pytest.raises(APIStatusError) as caught:
        ask(kind, row.operation, session_id, **settings)
    error, request = caught.value, only_request(sandbox, form)
    assert type(error) is row.error
    assert (error.status_code, error.message, error.code) == (row.status, row.message, None)
    assert error.body == {"error": row.message}
    assert error.headers["content-type"] == "application/json"
    assert error.request_id == request.request_id != ""
    assert error.retry_after is None
    url = sandbox.base_url + path_of(session_id)
    assert (error.request_method, error.request_url) == (METHODS[row.operation], url)
    assert (request.method, request.path, request.status) == (METHODS[row.operation], path_of(session_id), row.status)
    told = f"{row.status}: {row.message} [{METHODS[row.operation]} {url}] (request id {request.request_id})"
    assert str(error).startswith(told)
    assert ("aikynetix doctor" in str(error)) is (row.status == 401)
    assert not any(secret in repr(vars(error)) for secret in (sandbox.api_key, sandbox.token, "another-"))


@pytest.mark.parametrize(("operation", "session"), SUCCESSES)
@each_form
@each_client
def test_a_documented_success_is_a_video(sandbox: Sandbox, kind: str, form: str, operation: str, session: str) -> None:
    """The result says where the video is and until when, and the generated model says the same."""
    session_id = sandbox.sessions[session]
    video = ask(kind, operation, session_id, **settings_of(sandbox, form))
    request = only_request(sandbox, form)
    assert (request.method, request.path, request.status) == (METHODS[operation], path_of(session_id), 200)
    assert type(video) is AnalyzedVideo
    assert video.session_id == session_id
    assert video.request_id == request.request_id != ""
    assert video.url == sandbox.signed_url(session_id)
    assert video.expires_at == NOW + timedelta(seconds=600)
    assert not video.is_expired(NOW + timedelta(seconds=599))
    assert video.is_expired(NOW + timedelta(seconds=600))
    assert video.filename == "analyzed_video.mp4"
    assert video.raw.analyzed_video_url == video.url
    assert video.url.rpartition("=")[2] not in repr(video)


@pytest.mark.parametrize(
    ("analysis", "query", "body"),
    [
        (None, "", b"{}"),
        ("jump", "is_jump=true", b'{"is_jump":true}'),
        ("weightlifting", "is_weight=true", b'{"is_weight":true}'),
    ],
    ids=["none", "jump", "weightlifting"],
)
@each_client
def test_an_analysis_is_its_own_flag_alone(
    sandbox: Sandbox, kind: str, analysis: str | None, query: str, body: bytes
) -> None:
    """GET has the flag in its query, POST in its JSON; the other flag is not sent at all."""
    settings = settings_of(sandbox)
    ask(kind, "get", sandbox.sessions["jump"], options={"analysis": analysis}, **settings)
    ask(kind, "generate", sandbox.sessions["jump"], options={"analysis": analysis}, **settings)
    get, post = sandbox.requests
    assert (get.query, get.body) == (query, b"")
    assert (post.query, post.body.replace(b" ", b"")) == ("", body)
    assert post.headers["content-type"] == "application/json"


@each_client
def test_an_attachment_is_asked_for_and_signed(sandbox: Sandbox, kind: str) -> None:
    """The vendor's ``download`` flag is sent, and the URL that comes is the one that makes a browser save the file."""
    session_id = sandbox.sessions["jump"]
    video = ask(kind, "get", session_id, options={"as_attachment": True}, **settings_of(sandbox))
    assert sandbox.requests[0].query == "download=true"
    assert video.url == sandbox.signed_url(session_id, as_attachment=True) != sandbox.signed_url(session_id)


@each_client
def test_a_video_that_takes_longer_than_the_wait_is_not_ready(sandbox: Sandbox, kind: str) -> None:
    """With no time to wait the work is started, and the error says that it may go on; a later call finds the video."""
    session_id = sandbox.sessions["slow"]
    late, missing, video = in_a_row(
        kind,
        settings_of(sandbox),
        lambda videos: videos.ensure(session_id, analysis="jump", wait=0),
        lambda videos: videos.get(session_id, analysis="jump"),
        lambda videos: videos.ensure(session_id, analysis="jump", wait=30),
    )
    assert (type(late), late.session_id) == (VideoNotReadyError, session_id)
    assert 0 <= late.waited < 30
    assert isinstance(missing, NotFoundError)
    assert video.url == sandbox.signed_url(session_id)
    asked = [f"{one.method} {one.status} {one.query}{one.body.decode().replace(' ', '')}" for one in sandbox.requests]
    get, post = "is_jump=true", '{"is_jump":true}'
    assert asked == [f"GET 404 {get}", f"POST 200 {post}", f"GET 404 {get}", f"GET 200 {get}"]
