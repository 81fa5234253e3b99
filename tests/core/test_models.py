"""What a lookup returns: what its URL tells, the rest of the answer, and a player."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import quote

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
    ("query", "end"),
    [
        ("X-Goog-Date=20260101T000000Z&X-Goog-Expires=60", datetime(2026, 1, 1, 0, 1, tzinfo=UTC)),
        ("X-Amz-Date=20260101T000000Z&X-Amz-Expires=60", datetime(2026, 1, 1, 0, 1, tzinfo=UTC)),
        ("X-Goog-Date=20260101T010000%2B0100&X-Goog-Expires=0", datetime(2026, 1, 1, tzinfo=UTC)),
        ("Expires=1767225600", datetime(2026, 1, 1, tzinfo=UTC)),
        ("X-Goog-Date=20260101T000000Z", None),
        ("X-Goog-Date=20260101T000000Z&X-Goog-Expires=x", None),
        ("X-Goog-Date=99990101T000000Z&X-Goog-Expires=99999999999", None),
        ("Expires=99999999999999999999", None),
        ("", None),
    ],
)
def test_the_end_of_a_signed_url(query: str, end: datetime | None) -> None:
    """Cloud Storage documentation, "Signed URLs" (V4) and "V2 signing process"; what does not say has none."""
    made = AnalyzedVideo("s", f"https://h/v?{query}").expires_at
    assert made == end
    assert made is None or made.tzname() == "UTC"
    assert AnalyzedVideo("s", "https://[h/v?Expires=1").expires_at is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://h/b/v.mp4?x=1", "v.mp4"),
        ("https://h/b/a%20b.mp4", "a b.mp4"),
        ("https://h/b/%2e%2e%2fv.mp4", "_v.mp4"),
        ("https://h", "video.mp4"),
        ("https://h/b/v.mp4?Response-Content-Disposition=inline", "v.mp4"),
        *(
            (f"https://h/b/v.mp4?response-content-disposition={quote(f'attachment; {asked}')}", name)
            for asked, name in (
                ("filename=x.mp4", "x.mp4"),
                ('filename="a b.mp4"', "a b.mp4"),
                ('filename="a\\"b.mp4"', "a_b.mp4"),
                ("FILENAME*=UTF-8''caf%C3%A9.mp4", "café.mp4"),
                ("filename * = KOI8-R''%C1.mp4", "\u0430.mp4"),
                ("filename*=iso-8859-1'en'a.mp4", "a.mp4"),
                ('filename="../../a.mp4"', "a.mp4"),
                ('filename="C:\\\\x\\\\a.mp4"', "a.mp4"),
                ('filename=""', "v.mp4"),
            )
        ),
        # No separators, controls, device names, dots or spaces at the ends; at most 200 bytes, the extension kept.
        *(
            (f"https://h/{quote(text, safe='')}", name)
            for text, name in (
                ("a/b\\c:d", "a_b_c_d"),
                ("a<>b", "a_b"),
                ("..", "video.mp4"),
                ("CON", "_CON"),
                ("con .txt", "_con .txt"),
                ("COM¹", "_COM¹"),
                ("a\u202eb\x85c", "a_b_c"),
                ("a" * 201, "a" * 200),
                ("a" * 300 + ".mp4", "a" * 196 + ".mp4"),
                ("a" * 300 + ".longlonge", "a" * 200),
                ("a" * 195 + " b.mp4", "a" * 195 + ".mp4"),
                ("a" + "é" * 150, "a" + "é" * 99),
            )
        ),
    ],
)
def test_the_name_of_what_a_url_points_to(url: str, name: str) -> None:
    """The disposition it asks for (RFC 6266), else the last part of its path, else ours; a file in its own folder."""
    assert AnalyzedVideo("s", url).filename == name


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
