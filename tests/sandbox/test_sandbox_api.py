"""The sandbox's API over TCP: documented outcomes, credentials, validation, state."""

from __future__ import annotations

import time
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix.sandbox import SESSIONS, Outcome, Sandbox, SandboxSession
from aikynetix.sandbox._spec import Operation, operations
from tests import spec

from .conftest import error_of, video_url, with_key

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from .conftest import Ask


def test_polling_starts_nothing_generating_twice_is_refused_and_a_reset_forgets(sandbox: Sandbox, ask: Ask) -> None:
    """A second POST is 400, with a wording that tells a running analysis from a finished one."""
    slow = sandbox.sessions["slow"]
    assert {ask(sandbox, "GET", slow).status_code for _ in range(5)} == {404}
    assert ask(sandbox, "POST", slow).is_success
    assert error_of(ask(sandbox, "POST", slow)) == "Session is being analyzed already."
    assert [ask(sandbox, "GET", slow).is_success for _ in range(3)] == [False, False, True]
    assert error_of(ask(sandbox, "POST", slow)) == "Session already analyzed."
    sandbox.reset()
    assert sandbox.requests == ()
    assert ask(sandbox, "GET", slow).status_code == 404


BEARER = f"{spec.TOKEN_PREFIX}{{box.token}}"


@pytest.mark.parametrize(
    ("headers", "key", "is_accepted"),
    [
        ({}, "{box.api_key}", True),
        ({"Authorization": "API-KEY {box.api_key}"}, None, True),
        ({spec.TOKEN_HEADER: BEARER}, None, True),
        ({spec.TOKEN_HEADER: BEARER.replace("Bearer", "bearer")}, None, True),
        ({spec.TOKEN_HEADER: BEARER}, "{box.api_key}", True),
        ({}, None, False),
        ({}, "wrong", False),
        ({}, "{box.token}", False),
        ({"Authorization": "{box.api_key}"}, None, False),
        ({"Authorization": "API-KEY {box.token}"}, None, False),
        ({spec.TOKEN_HEADER: f"{spec.TOKEN_PREFIX}{{box.api_key}}"}, None, False),
        ({spec.TOKEN_HEADER: f"{spec.TOKEN_PREFIX}wrong"}, "{box.api_key}", False),
        ({spec.TOKEN_HEADER: BEARER}, "wrong", False),
    ],
)
def test_one_right_credential_is_enough_and_none_may_be_wrong(
    http: httpx.Client, sandbox: Sandbox, headers: dict[str, str], key: str | None, is_accepted: bool
) -> None:
    """The documented forms open the API; anything else is 401, whatever the session."""
    for session_id in (sandbox.sessions["jump"], "nobody"):
        request = spec.request(session_id=session_id, base_url=sandbox.base_url)
        request.headers.update({name: value.format(box=sandbox) for name, value in headers.items()})
        answer = http.send(request if key is None else with_key(request, key.format(box=sandbox)))
        assert (answer.status_code != 401) is is_accepted
        if not is_accepted:
            assert error_of(answer) == "Token is missing or invalid."
            assert answer.headers["www-authenticate"].startswith("Bearer ")


def operation(name: str, **documented: object) -> Operation:
    """An operation of the regenerated package with what a document might say of it."""
    (found,) = (one for one in operations() if one.name == name)
    return Operation(name, found.method, found.path, documented)


QUERY = [
    {"name": "flag", "in": "query", "schema": {"type": "boolean"}},
    {"name": "size", "in": "query", "required": True, "schema": {"type": "integer", "maximum": 9}},
    {"name": "tags", "in": "query", "schema": {"type": "array", "items": {"enum": ["a", "b"]}}},
]
FIELD = {"flag": {"type": "boolean"}, "id": {"readOnly": True}}
FIELDS = {"type": "object", "properties": FIELD, "required": ["flag", "id"], "oneOf": [{}, {}]}
KINDS = ("application/json; charset=utf-8", "Application/X-WWW-Form-Urlencoded", "application/a+json")
BODY = {"content": {kind: {"schema": FIELDS} for kind in KINDS}}
JSON = "application/json"


@pytest.mark.parametrize(
    ("query", "media_type", "body", "complaint"),
    [
        ("size=1", JSON, b'{"flag": true}', None),
        ("size=1&flag=false&tags=a&tags=b&other=x", JSON, b'{"flag": true, "more": 1}', None),
        ("size=1", "application/x-www-form-urlencoded", b"flag=true", None),
        ("size=1", "", b"", None),
        ("", JSON, b'{"flag": true}', "'size' is a required property"),
        ("size=10", JSON, b'{"flag": true}', "size does not conform"),
        ("size=1&flag=yes", JSON, b'{"flag": true}', "flag does not conform"),
        ("size=1&flag=true&flag=true", JSON, b'{"flag": true}', "flag does not conform"),
        ("size=1&tags=c", JSON, b'{"flag": true}', "tags.0 does not conform"),
        ("size=1", JSON, b'{"flag": 1}', "flag does not conform"),
        ("size=1", JSON, b"[" * 60_000, "not JSON"),
        ("size=1", "Application/JSON;charset=utf-8", b'{"flag": 1}', "flag does not conform"),
        ("size=1", "application/a+json", b'{"flag": 1}', "flag does not conform"),
        ("size=1", "application/b+json", b'{"flag": true}', "the body must be application/json or"),
        ("size=1", "text/plain", b"flag", "the body must be application/json or"),
        ("size=1", "application/x-www-form-urlencoded", b"flag=maybe", "flag does not conform"),
    ],
)
def test_requests_are_held_against_the_document(
    query: str, media_type: str, body: bytes, complaint: str | None
) -> None:
    """Whatever the document says of parameters and bodies decides what is a bad request."""
    expected = nullcontext() if complaint is None else pytest.raises(ValueError, match=complaint)
    with expected:
        operation(spec.GET, parameters=QUERY, requestBody=BODY).check(query, media_type, body)


def test_answers_have_what_the_document_requires_of_them() -> None:
    """Required fields are filled in, errors stand where the document has them, and a 201 is a 201."""
    inner: dict[str, Any] = {"oneOf": [{"enum": ["end"]}]}
    inner["oneOf"].insert(0, inner)  # it holds itself, and has an end all the same
    doubled: dict[str, Any] = {}
    for _ in range(40):
        doubled = {"allOf": [doubled, doubled]}
    fields = {"id": {"type": "string"}, "inner": inner}
    success = {"allOf": [doubled, {"properties": fields, "required": ["id", "inner"]}, {"required": ["n"]}]}
    detail = {"type": "object", "properties": {"message": {"type": "string"}}}
    failure = {"properties": {"detail": detail, "code": {"enum": ["E1"]}}, "required": ["code"]}
    within: dict[str, Any] = {"properties": {"title": {}}}
    within["properties"]["detail"] = within
    schemas = {"201": success, "404": {}, "4XX": failure, "503": within, "default": {"properties": {"title": {}}}}
    kind = "application/vnd.api+json; charset=utf-8"
    responses = {status: {"content": {kind: {"schema": schema}}} for status, schema in schemas.items()}
    made = operation(spec.GET, responses=responses)
    assert made.success("https://v") == (201, {"id": "x", "inner": "end", "n": {}} | spec.success("https://v"))
    assert made.failure(403, "gone") == {"code": "E1", "detail": {"message": "gone"}}
    assert made.failure(503, "later") == {"detail": "later"}
    assert [made.failure(status, "broken") for status in (404, 500)] == [{"error": "broken"}, {"title": "broken"}]


def test_what_is_not_documented_is_not_there(http: httpx.Client, sandbox: Sandbox) -> None:
    """Other methods are 405 and told the right ones; other paths are 404 in JSON, never a redirect."""
    path = spec.path("ID")
    refused = http.delete(sandbox.base_url + path)
    assert refused.status_code == 405
    assert spec.method() in refused.headers["allow"].split(", ")
    for other in ("/", f"{path}x", f"/a{path}"):
        absent = http.get(sandbox.base_url + other)
        assert (absent.status_code, absent.json()) == (404, {"error": "Not found."})


@pytest.mark.parametrize("session_id", ["a/b", "café 7", "100%", "x?y#z", "..%2f", "<script>"])
def test_any_id_can_be_a_session_when_it_is_encoded(http: httpx.Client, ask: Ask, session_id: str) -> None:
    """An extra session is found by its encoded id, and its video by the URL that it gets; it may replace another."""
    forbidden = SandboxSession(SESSIONS["jump"].id, Outcome.FORBIDDEN)
    with Sandbox(extra_sessions=[SandboxSession(session_id, video=b"its own bytes"), forbidden]) as sandbox:
        assert sandbox.sessions[session_id] == session_id
        answer = ask(sandbox, "GET", session_id)
        assert answer.is_success
        assert http.get(video_url(answer)).content == b"its own bytes"
        assert ask(sandbox, "GET", sandbox.sessions["jump"]).status_code == 403


def test_the_latency_is_waited_for_before_each_answer(ask: Ask) -> None:
    """With a latency set, no answer of the API comes sooner."""
    with Sandbox(latency=0.2) as sandbox:
        start = time.monotonic()
        ask(sandbox, "GET", sandbox.sessions["jump"])
        assert time.monotonic() - start >= 0.2


@pytest.mark.parametrize(
    ("kind", "setting", "value"),
    [
        *((Sandbox, "url_lifetime", seconds) for seconds in (0, 604_801)),
        *((Sandbox, setting, value) for setting, value in (("latency", -1.0), ("polls", -1))),
        *((Sandbox, credential, "") for credential in ("api_key", "token")),
        *((partial(SandboxSession, "x"), "polls", -1), (SandboxSession, "id", "")),
    ],
)
def test_settings_that_make_no_sense_are_refused(kind: Callable[..., object], setting: str, value: object) -> None:
    """A ValueError that names the setting, when the sandbox, or a session of one's own, is made."""
    with pytest.raises(ValueError, match=setting):
        kind(**{setting: value})
