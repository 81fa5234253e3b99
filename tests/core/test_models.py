"""What the facade returns and hands out: what it tells beside its fields, and what it refuses to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import httpx
import pytest
from aikynetix_api.api.analyzed_videos import get_analyzed_video

from aikynetix import (
    Aikynetix,
    AnalyzedVideo,
    APIResponseValidationError,
)
from tests.faults.scenario import texts_of

END = datetime(2026, 1, 1, 0, 15, tzinfo=UTC)
URL = "https://h/b/v.mp4?X-Goog-Date=20260101T000000Z&X-Goog-Expires=900&X-Goog-Signature=00"


class Player(HTMLParser):
    """Every element and attribute that a browser sees."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def looked_up(answer: httpx.Response) -> AnalyzedVideo:
    with Aikynetix("k" * 20, transport=httpx.MockTransport(lambda _: answer)) as client:
        return client.analyzed_videos.get("s")


@pytest.mark.parametrize(
    ("now", "expired"),
    [
        (END - timedelta(seconds=1), False),
        (END, True),
        (END.replace(tzinfo=None) - timedelta(seconds=1), False),
        (END.replace(tzinfo=None), True),
        (END.astimezone() - timedelta(seconds=1), False),
    ],
)
def test_a_url_is_expired_from_its_end_on(now: datetime, expired: bool) -> None:
    """A naive moment counts as UTC; a URL that names no end never expires; the present is past this one's."""
    assert AnalyzedVideo("s", URL).is_expired(now) is expired
    assert not AnalyzedVideo("s", "https://h/v.mp4").is_expired(now)
    assert AnalyzedVideo("s", URL).is_expired()


def test_the_whole_answer_is_there_as_the_generated_model() -> None:
    """With fields that the facade never looks at; a video made by hand has none."""
    video = looked_up(httpx.Response(200, json={"analyzed_video_url": URL, "fps": 120}))
    assert (video.raw.analyzed_video_url, video.raw.additional_properties) == (URL, {"fps": 120})
    assert AnalyzedVideo("s", URL).raw is None


def test_another_success_is_read_as_the_only_documented_one() -> None:
    """A 206 where the spec has 200 alone is of the same model."""
    assert looked_up(httpx.Response(206, json={"analyzed_video_url": URL})).raw.analyzed_video_url == URL


@pytest.mark.parametrize("kind", ["text/plain; charset=\xff", "caf\u00e9", ""])
def test_the_whole_answer_is_there_whatever_type_it_says_it_is(kind: str) -> None:
    """A content type may have bytes in it that are not ASCII."""
    answer = httpx.Response(200, content=b'{"analyzed_video_url": "%s"}' % URL.encode())
    answer.headers = httpx.Headers([(b"Content-Type", kind.encode("latin-1"))])
    assert looked_up(answer).raw.analyzed_video_url == URL


@pytest.mark.parametrize("body", [b'{"x": "?X-Goog-Signature=S1", ', b'"?X-Goog-Signature=S1"'])
def test_what_a_generated_parser_cannot_read_is_an_error_without_the_body(body: bytes) -> None:
    """Its exception is the cause; what could not be parsed may be a signed URL."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    with (
        Aikynetix("k" * 20, transport=transport) as client,
        pytest.raises(APIResponseValidationError, match=r"does not fit the vendored spec|not JSON") as caught,
    ):
        client.call(get_analyzed_video, "s")
    assert "S1" not in "".join(texts_of(caught.value))


def test_a_notebook_shows_a_player_and_nothing_that_the_server_wrote() -> None:
    """One video element, whatever stands in URL and session id."""
    video = AnalyzedVideo('"><script>alert(1)</script>', URL + '"onerror="alert(1)')
    page = Player(getattr(video, "_repr_html_")())  # noqa: B009 -- IPython's protocol, and no other's to call
    assert [tag for tag, _ in page.seen] == ["video"]
    assert page.seen[0][1]["src"] == video.url
    assert page.seen[0][1]["title"] == video.session_id
    assert "onerror" not in page.seen[0][1]
