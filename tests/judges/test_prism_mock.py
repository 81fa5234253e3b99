"""Prism as a mock of ``openapi.json``: a server made of the spec alone, by nobody here, and both clients with it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from aikynetix_api.api.analyzed_videos import generate_analyzed_video, get_analyzed_video
from aikynetix_api.models import GenerateAnalyzedVideoBody

from aikynetix import APIStatusError, AuthenticationError
from tests.contract.callers import CLIENTS, FORMS, Caller, Settings
from tests.contract.table import FAILURES, Failure

from .prism import Prism
from .wiretap import Heard, Wiretap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What Prism makes of `type: string, format: uri` and of `type: string`.
URL, TEXT = "http://example.com", "string"


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prism]:
    with Prism(tmp_path_factory.mktemp("prism")) as prism:
        yield prism


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Caller:
    return CLIENTS[request.param]


@pytest.fixture(params=FORMS)
def credential(request: pytest.FixtureRequest) -> Settings:
    return FORMS[request.param]("a-key", "a-token")


def test_both_operations_give_the_video(mock: Prism, client: Caller, credential: Settings) -> None:
    """Whatever the client sends conforms to the spec, in each form of the credential, and the answer is understood."""
    tap = Wiretap()
    settings = {**credential, "base_url": mock.url, "max_retries": 0, "transport": tap}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("get", {}),
        ("get", {"analysis": "jump"}),
        ("get", {"analysis": "weightlifting", "as_attachment": True}),
        ("generate", {}),
        ("generate", {"analysis": "jump"}),
        ("generate", {"analysis": "weightlifting"}),
    ]
    for operation, options in calls:
        video = client(settings, _asking(operation, **options))
        assert (video.session_id, video.url, video.expires_at) == ("säsión/1", URL, None)
        assert video.raw.analyzed_video_url == URL
    assert tap.heard == [Heard(200)] * len(calls)


def test_any_operation_gives_its_model(mock: Prism, client: Caller, credential: Settings) -> None:
    """`call` on the generated operations gives the generated models."""
    tap = Wiretap()
    settings = {**credential, "base_url": mock.url, "max_retries": 0, "transport": tap}
    got = client(settings, lambda made: made.call(get_analyzed_video, "1", is_jump=False, download=True))
    body = GenerateAnalyzedVideoBody(is_jump=True, is_weight=False)
    generated = client(settings, lambda made: made.call(generate_analyzed_video, "1", body=body))
    assert got.analyzed_video_url == generated.analyzed_video_url == URL
    assert tap.heard == [Heard(200)] * 2


@pytest.mark.parametrize(
    "row",
    {(row.operation, row.status): row for row in FAILURES}.values(),
    ids=lambda row: f"{row.operation}-{row.status}",
)
def test_a_documented_failure_is_its_error(mock: Prism, client: Caller, row: Failure) -> None:
    """Prism is told which documented status to answer with; the error is what it is against any other server."""
    tap = Wiretap({"prefer": f"code={row.status}"})
    settings: Settings = {"api_key": "a-key", "base_url": mock.url, "max_retries": 0, "transport": tap}
    with pytest.raises(APIStatusError) as caught:
        client(settings, _asking(row.operation))
    assert type(caught.value) is row.error
    assert (caught.value.status_code, caught.value.message, caught.value.body) == (row.status, TEXT, {"error": TEXT})
    assert tap.heard == [Heard(row.status)]


def test_a_request_without_a_credential_is_refused(mock: Prism, client: Caller) -> None:
    """The judge does look: an authentication that adds nothing is a violation of the spec's security."""
    tap = Wiretap()
    settings: Settings = {"auth": httpx.Auth(), "base_url": mock.url, "transport": tap}
    with pytest.raises(AuthenticationError) as caught:
        client(settings, _asking("get"))
    assert caught.value.status_code == HTTPStatus.UNAUTHORIZED
    assert "Invalid security scheme used" in tap.heard[0].violations


def _asking(operation: str, **options: Any) -> Callable[[Any], Any]:
    return lambda client: getattr(client.analyzed_videos, operation)("säsión/1", **options)
