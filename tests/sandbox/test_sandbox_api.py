"""The sandbox's API over TCP: documented outcomes, credentials, validation, state."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from aikynetix.sandbox import SESSIONS, Outcome, Sandbox, SandboxSession

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

PATH = "/session-management/sessions/{}/analyzed-video/"
URL = "analyzed_video_url"


def path_of(sandbox: Sandbox, name: str) -> str:
    return PATH.format(sandbox.sessions[name])


@pytest.mark.parametrize(
    ("name", "method", "status", "error"),
    [
        ("jump", "GET", 200, None),
        ("jump", "POST", 200, None),
        ("weightlifting", "GET", 200, None),
        ("weightlifting", "POST", 200, None),
        ("new", "GET", 404, "The analyzed video of this session does not exist."),
        ("new", "POST", 200, None),
        ("slow", "GET", 404, "The analyzed video of this session does not exist."),
        ("analyzed", "GET", 200, None),
        ("analyzed", "POST", 400, "Session already analyzed."),
        ("forbidden", "GET", 403, "The user does not have the right privileges or plan."),
        ("forbidden", "POST", 403, "The user does not have a valid plan."),
        ("unknown", "GET", 404, "The session data or resources could not be found."),
        ("unknown", "POST", 404, "Session data not found."),
        ("bad_request", "GET", 400, "Invalid parameters: missing or invalid admin UID."),
        ("bad_request", "POST", 400, "Invalid parameters: missing or invalid admin UID."),
        ("server_error", "GET", 500, "An unexpected error occurred on the server."),
        ("server_error", "POST", 500, "An unexpected error occurred on the server."),
    ],
)
def test_each_session_has_its_documented_outcome(
    sandbox: Sandbox, api: httpx.Client, name: str, method: str, status: int, error: str | None
) -> None:
    """Every built-in session answers its first request with the status and body that the table promises."""
    body = {"is_jump": True} if method == "POST" else None
    answer = api.request(method, path_of(sandbox, name), json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    if error is None:
        assert list(answer.json()) == [URL]
        assert answer.json()[URL].startswith(f"{sandbox.storage_url}/")
    else:
        assert answer.json() == {"error": error}


def test_an_id_outside_the_table_is_unknown(api: httpx.Client) -> None:
    """A session that nobody has heard of is 404 for both operations."""
    assert api.get(PATH.format("never-seen")).status_code == 404
    assert api.post(PATH.format("never-seen"), json={}).status_code == 404


@pytest.mark.parametrize("polls", [0, 1, 3])
def test_a_slow_session_is_ready_after_its_polls(http: httpx.Client, polls: int) -> None:
    """After the POST exactly ``polls`` GETs are 404, and the POST itself gives the URL only when there are none."""
    with Sandbox(polls=polls) as sandbox:
        url, key = sandbox.base_url + path_of(sandbox, "slow"), {"API-KEY": sandbox.api_key}
        assert (URL in http.post(url, json={}, headers=key).json()) is (polls == 0)
        assert [http.get(url, headers=key).status_code for _ in range(polls + 2)] == [404] * polls + [200, 200]


def test_polling_does_not_start_a_generation(sandbox: Sandbox, api: httpx.Client) -> None:
    """However often a session is looked at, it stays 404 until somebody sends the POST."""
    statuses = {api.get(path_of(sandbox, "new")).status_code for _ in range(5)}
    assert statuses == {404}


def test_generating_twice_is_refused(sandbox: Sandbox, api: httpx.Client) -> None:
    """A second POST is 400, with a wording that tells a running analysis from a finished one."""
    path = path_of(sandbox, "slow")
    assert api.post(path, json={}).json() == {}
    assert api.post(path, json={}).json() == {"error": "Session is being analyzed already."}
    assert [api.get(path).status_code for _ in range(3)] == [404, 404, 200]
    finished = api.post(path, json={})
    assert (finished.status_code, finished.json()) == (400, {"error": "Session already analyzed."})


def test_reset_forgets_generated_videos_and_requests(sandbox: Sandbox, api: httpx.Client) -> None:
    """After a reset a generated session is as new, and no request is remembered."""
    path = path_of(sandbox, "new")
    api.post(path, json={})
    assert api.get(path).status_code == 200
    sandbox.reset()
    assert sandbox.requests == ()
    assert api.get(path).status_code == 404


@pytest.mark.parametrize(
    "credential",
    [
        lambda box: {"API-KEY": box.api_key},
        lambda box: {"Authorization": f"API-KEY {box.api_key}"},
        lambda box: {"Authorization": f"Bearer {box.token}"},
        lambda box: {"Authorization": f"bearer {box.token}"},
        lambda box: {"API-KEY": box.api_key, "Authorization": f"Bearer {box.token}"},
    ],
    ids=["header", "authorization", "bearer", "lower-case scheme", "two that are right"],
)
def test_documented_credentials_are_accepted(
    http: httpx.Client, sandbox: Sandbox, credential: Callable[[Sandbox], dict[str, str]]
) -> None:
    """Each of the three documented forms opens both operations."""
    url = sandbox.base_url + path_of(sandbox, "jump")
    assert http.get(url, headers=credential(sandbox)).status_code == 200
    assert http.post(url, headers=credential(sandbox), json={}).status_code == 200


@pytest.mark.parametrize(
    "credential",
    [
        lambda _: {},
        lambda _: {"API-KEY": "wrong"},
        lambda _: {"API-KEY": ""},
        lambda box: {"API-KEY": box.token},
        lambda box: {"API-KEY": f"{box.api_key}x"},
        lambda box: {"Authorization": box.api_key},
        lambda box: {"Authorization": f"Bearer {box.api_key}"},
        lambda box: {"Authorization": f"API-KEY {box.token}"},
        lambda box: {"Authorization": f"Token {box.token}"},
        lambda box: {"Authorization": f"Bearer{box.token}"},
        lambda _: {"API-KEY": b"\xe9\xff"},
        lambda box: {"API-KEY": box.api_key, "Authorization": "Bearer wrong"},
        lambda box: {"API-KEY": "wrong", "Authorization": f"Bearer {box.token}"},
    ],
    ids=[
        "none",
        "wrong key",
        "empty key",
        "token as key",
        "longer key",
        "no scheme",
        "key as token",
        "token as key in authorization",
        "other scheme",
        "no space",
        "not ASCII",
        "wrong token beside the right key",
        "wrong key beside the right token",
    ],
)
def test_anything_else_is_unauthorized(
    http: httpx.Client, sandbox: Sandbox, credential: Callable[[Sandbox], dict[str, str | bytes]]
) -> None:
    """A missing or wrong credential is 401 with the documented body, whatever else the request holds."""
    given = credential(sandbox)
    encoded = [(name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in given.items()]
    for name in ("jump", "unknown", "bad_request"):
        answer = http.get(sandbox.base_url + path_of(sandbox, name), headers=encoded)
        assert (answer.status_code, answer.json()) == (401, {"error": "Token is missing or invalid."})
        assert answer.headers["www-authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(
    "query",
    ["is_jump=yes", "is_jump=1", "is_weight=True", "download=", "is_jump=true&is_jump=false", "download=null"],
)
def test_a_flag_that_is_no_boolean_is_a_bad_request(sandbox: Sandbox, api: httpx.Client, query: str) -> None:
    """Query flags are the two JSON words, once each; everything else is 400 and names the flag."""
    answer = api.get(f"{path_of(sandbox, 'jump')}?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json()["error"]


def test_flags_and_unknown_parameters_are_accepted(sandbox: Sandbox, api: httpx.Client) -> None:
    """Booleans in every combination are fine, and a parameter that the spec does not name is ignored."""
    query = {"is_jump": "true", "is_weight": "false", "download": "false", "colour": "blue"}
    assert api.get(path_of(sandbox, "jump"), params=query).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"null",
        b"[]",
        b'"text"',
        b"7",
        b'{"is_jump": "true"}',
        b'{"is_jump": 1}',
        b'{"is_weight": null}',
        b'{"is_jump": true',
        b'{"x": NaN}',
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"x": "' + b"a" * 70_000 + b'"}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_does_not_conform_is_a_bad_request(sandbox: Sandbox, api: httpx.Client, body: bytes) -> None:
    """A body that is not an object of booleans is 400 with the documented schema, and changes nothing."""
    path = path_of(sandbox, "new")
    answer = api.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert api.get(path).status_code == 404


def test_a_body_of_another_media_type_is_a_bad_request(sandbox: Sandbox, api: httpx.Client) -> None:
    """The operation takes JSON only; a form is 400."""
    assert api.post(path_of(sandbox, "jump"), data={"is_jump": "true"}).status_code == 400


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_undocumented_methods_are_not_allowed(sandbox: Sandbox, api: httpx.Client, method: str) -> None:
    """Methods that the vendor does not document are 405 and told the ones that are."""
    answer = api.request(method, path_of(sandbox, "jump"))
    assert answer.status_code == 405
    assert sorted(answer.headers["allow"].split(", ")) == ["GET", "POST"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/session-management/sessions/session-jump/analyzed-video",
        "/session-management/sessions//analyzed-video/",
        "/session-management/sessions/a/session-jump/analyzed-video/",
        "/session%2Dmanagement/sessions/session-jump/analyzed-video/",
    ],
)
def test_other_paths_are_not_found(api: httpx.Client, path: str) -> None:
    """A path that is not the documented one is 404 in JSON, never a redirect."""
    answer = api.get(path)
    assert (answer.status_code, answer.json()) == (404, {"error": "Not found."})


@pytest.mark.parametrize("session_id", ["a/b", "café 7", "100%", "x?y#z", "..%2f", "<script>"])
def test_any_id_can_be_a_session_when_it_is_encoded(http: httpx.Client, session_id: str) -> None:
    """An extra session is found by its percent-encoded id, and its video by the URL that it is given."""
    extra = SandboxSession(session_id, video=b"its own bytes")
    with Sandbox(extra_sessions=[extra]) as sandbox:
        assert sandbox.sessions[session_id] == session_id
        encoded = "".join(f"%{byte:02X}" for byte in session_id.encode())
        answer = http.get(sandbox.base_url + PATH.format(encoded), headers={"API-KEY": sandbox.api_key})
        assert answer.status_code == 200
        assert http.get(answer.json()[URL]).content == b"its own bytes"


def test_an_extra_session_replaces_a_built_in_one(http: httpx.Client) -> None:
    """The outcome of a built-in id can be changed, and its name still leads to it."""
    extra = SandboxSession(SESSIONS["jump"].id, Outcome.FORBIDDEN)
    with Sandbox(extra_sessions=[extra]) as sandbox:
        answer = http.get(sandbox.base_url + path_of(sandbox, "jump"), headers={"API-KEY": sandbox.api_key})
        assert answer.status_code == 403


def test_the_latency_is_waited_for_before_each_answer(http: httpx.Client) -> None:
    """With a latency set, no answer of the API comes sooner; the storage is not slowed."""
    with Sandbox(latency=0.2) as sandbox:
        start = time.monotonic()
        http.get(sandbox.base_url + path_of(sandbox, "jump"), headers={"API-KEY": sandbox.api_key})
        assert time.monotonic() - start >= 0.2


@pytest.mark.parametrize(
    "settings",
    [
        {"url_lifetime": 0},
        {"url_lifetime": 604_801},
        {"latency": -1.0},
        {"polls": -1},
        {"api_key": ""},
        {"token": ""},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_out_of_range_are_refused(settings: dict[str, int]) -> None:
    """A setting that makes no sense is a ValueError when the sandbox is made, naming the setting."""
    with pytest.raises(ValueError, match=next(iter(settings))):
        Sandbox(**settings)  # type: ignore[arg-type]  # wrong values are the point


def test_a_session_needs_an_id_and_a_sensible_number_of_polls() -> None:
    """An extra session that could never be asked for is refused when it is made."""
    with pytest.raises(ValueError, match="id"):
        SandboxSession("")
    with pytest.raises(ValueError, match="polls"):
        SandboxSession("x", polls=-1)
