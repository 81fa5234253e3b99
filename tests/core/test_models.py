"""What a lookup returns: what it tells beside its fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import httpx
import pytest
from aikynetix_api.api.analyzed_videos import get_analyzed_video

from aikynetix import Aikynetix, AnalyzedVideo, APIResponseValidationError
from tests.contract.callers import Replies
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


@pytest.mark.parametrize("status", [200, 206])
@pytest.mark.parametrize("type_", [b"application/json", b"text/plain; charset=\xff", b"caf\xe9", b""])
def test_the_whole_answer_is_there_as_the_generated_model(status: int, type_: bytes) -> None:
    """With fields that the facade never looks at, whatever type it says it is; a video made by hand has none."""
    reply = httpx.Response(status, json={"analyzed_video_url": URL, "fps": 120})
    reply.headers = httpx.Headers([(b"Content-Type", type_)])
    with Aikynetix("k" * 20, transport=Replies(reply)) as client:
        raw = client.analyzed_videos.get("s").raw
    assert (raw.analyzed_video_url, raw.additional_properties) == (URL, {"fps": 120})
    assert AnalyzedVideo("s", URL).raw is None


@pytest.mark.parametrize("body", [b'{"x": "?X-Goog-Signature=S1", ', b'"?X-Goog-Signature=S1"'])
def test_what_a_generated_parser_cannot_read_is_an_error_without_the_body(body: bytes) -> None:
    """Its exception is the cause; what could not be parsed may be a signed URL."""
    with (
        Aikynetix("k" * 20, transport=Replies(httpx.Response(200, content=body))) as client,
        pytest.raises(APIResponseValidationError, match=r"does not fit the vendored spec|not JSON") as caught,
    ):
        client.call(get_analyzed_video, "s")
    assert "S1" not in "".join(texts_of(caught.value))


def test_a_notebook_shows_a_player_and_nothing_that_the_server_wrote() -> None:
    """One video element, whatever stands in URL and session id."""
    video = AnalyzedVideo('"><script>alert(1)</script>', URL + '"onerror="alert(1)')
    ((tag, attributes),) = Player(getattr(video, "_repr_html_")()).seen  # noqa: B009 -- IPython's protocol
    assert (tag, attributes["src"], attributes["title"]) == ("video", video.url, video.session_id)
    assert "onerror" not in attributes
