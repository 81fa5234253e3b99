"""What stands in a signed URL: its end, and the name of its file."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from aikynetix import AnalyzedVideo


def video(url: str) -> AnalyzedVideo:
    return AnalyzedVideo("s", url)


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
    made = video(f"https://h/v?{query}").expires_at
    assert made == end
    assert made is None or made.tzname() == "UTC"
    assert video("https://[h/v?Expires=1").expires_at is None


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
                ("filename*=iso-8859-1'en'a.mp4", "a.mp4"),
                ('filename="../../a.mp4"', "a.mp4"),
                ('filename="C:\\\\x\\\\a.mp4"', "a.mp4"),
                ('filename=""', "v.mp4"),
            )
        ),
    ],
)
def test_the_name_of_what_a_url_points_to(url: str, name: str) -> None:
    """The disposition it asks for (RFC 6266), else the last part of its path, else a name of ours."""
    assert video(url).filename == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
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
    ],
)
def test_a_file_s_name_names_a_file_in_its_own_folder(text: str, name: str) -> None:
    """No separators, controls, device names, dots or spaces at its ends; at most 200 bytes with its extension kept."""
    assert video(f"https://h/{quote(text, safe='')}").filename == name
