"""Prism as a proxy between the clients and the sandbox: it holds every request and every answer against the spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aikynetix import APIStatusError
from tests import spec
from tests.contract.callers import CLIENTS, FORMS, ask, settings_of
from tests.contract.table import FAILURES

from .prism import prism

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aikynetix.sandbox import Sandbox

CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("get", "jump", {}),
    ("get", "jump", {"analysis": "jump"}),
    ("get", "weightlifting", {"analysis": "weightlifting"}),
    ("get", "analyzed", {"as_attachment": True}),
    ("generate", "jump", {}),
    ("generate", "jump", {"analysis": "jump"}),
    ("generate", "weightlifting", {"analysis": "weightlifting"}),
    ("ensure", "new", {"wait": 5}),
]


@pytest.fixture(scope="module")
def proxy(running: Sandbox) -> Iterator[str]:
    with prism(running.base_url.removesuffix(spec.base_path())) as url:
        yield url + spec.base_path()


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("form", FORMS)
def test_no_success_violates_the_spec(proxy: str, sandbox: Sandbox, kind: str, form: str) -> None:
    """Every way to ask for a video conforms, and so does every answer: what does not is an error of Prism's."""
    settings = settings_of(sandbox, form) | {"base_url": proxy}
    for operation, session, options in CALLS:
        video = ask(kind, operation, sandbox.sessions[session], options=options, **settings)
        assert video.request_id == sandbox.requests[-1].request_id
    # One request for each call, and a second one for `ensure`, whose GET was 404.
    assert len(sandbox.requests) == len(CALLS) + 1


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("form", FORMS)
def test_no_failure_violates_the_spec(proxy: str, sandbox: Sandbox, kind: str, form: str) -> None:
    """Every documented failure conforms, and is the same error as without the proxy, from the sandbox itself."""
    for row in FAILURES:
        settings = settings_of(sandbox, form, right=row.status != 401) | {"base_url": proxy}
        with pytest.raises(APIStatusError) as caught:
            ask(kind, row.operation, sandbox.sessions[row.session], **settings)
        assert type(caught.value) is row.error
        assert (caught.value.status_code, caught.value.message) == (row.status, row.message)
        assert caught.value.request_id == sandbox.requests[-1].request_id
        assert "sl-violations" not in caught.value.headers
    assert len(sandbox.requests) == len(FAILURES)


def test_a_request_that_violates_the_spec_is_stopped(proxy: str, sandbox: Sandbox) -> None:
    """The judge does look at requests: it answers these itself, and the sandbox never sees them."""
    session_id = sandbox.sessions["jump"]
    flagged = spec.request(session_id=session_id, said={"is_jump": True}, base_url=proxy)
    wrong = flagged.url.copy_with(query=flagged.url.query.replace(b"true", b"perhaps"))
    headers = spec.key_headers(sandbox.api_key)
    with httpx.Client(verify=False) as http:
        answers = [
            http.get(wrong, headers=headers),
            http.post(proxy + spec.path(session_id, spec.GENERATE), json=[], headers=headers),
            http.get(proxy + spec.path(session_id)),
            http.get(proxy + "/elsewhere/", headers=headers),
        ]
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}
    assert [answer.status_code for answer in answers] == [422, 422, 401, 404]
    assert sandbox.requests == ()
