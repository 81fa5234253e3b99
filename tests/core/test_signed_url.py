"""What stands in a signed URL: its end, and the name of its file."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from aikynetix import _models


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
    assert _models.expires_at(f"https://h/v?{query}") == end
    assert _models.expires_at("https://[h/v?Expires=1") is None


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process is fixed on Windows")
def test_the_end_is_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read alike in Tokyo and in London, and comes in UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        end = _models.expires_at("https://h/v?X-Goog-Date=20260101T000000&X-Goog-Expires=900")
        assert end == datetime(2026, 1, 1, 0, 15, tzinfo=UTC)
        assert end is not None
        assert end.tzname() == "UTC"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://h/b/v.mp4?x=1", "v.mp4"),
        ("https://h/b/a%20b.mp4", "a b.mp4"),
        ("https://h/b/%2e%2e%2fv.mp4", "_v.mp4"),
        ("https://h", "video.mp4"),
        ("https://h/b/v.mp4?response-content-disposition=attachment%3B%20filename%3Dx.mp4", "x.mp4"),
        ("https://h/b/v.mp4?Response-Content-Disposition=inline", "v.mp4"),
    ],
)
def test_the_name_of_what_a_url_points_to(url: str, name: str) -> None:
    """The disposition it asks for, else the last part of its path, else a name of ours."""
    assert _models.object_name(url) == name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="a b.mp4"', "a b.mp4"),
        ('attachment; filename="a\\"b.mp4"', "a_b.mp4"),
        ("attachment; FILENAME*=UTF-8''caf%C3%A9.mp4", "café.mp4"),
        ("attachment; filename*=iso-8859-1'en'a.mp4", "a.mp4"),
        ('attachment; filename="../../a.mp4"', "a.mp4"),
        ('attachment; filename="C:\\\\x\\\\a.mp4"', "a.mp4"),
        ('attachment; filename=""', None),
        ("", None),
    ],
)
def test_the_name_in_a_disposition(header: str, name: str | None) -> None:
    """RFC 6266: quoted, bare or extended; only the last part of a path."""
    assert _models.disposition_name(header) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a/b\\c:d", "a_b_c_d"),
        ("a<>b", "a_b"),
        ("..", ""),
        ("CON", "_CON"),
        ("con .txt", "_con .txt"),
        ("COM¹", "_COM¹"),
        ("a\u202eb\x85c", "a_b_c"),
        ("a" * 201, "a" * 200),
        ("a" * 300 + ".mp4", "a" * 196 + ".mp4"),
        ("a" * 300 + ".longlonge", "a" * 200),
        ("a" * 195 + " b.mp4", "a" * 195 + ".mp4"),
        ("\ud800", "_"),
        ("a" + "é" * 150, "a" + "é" * 99),
    ],
)
def test_a_safe_name_names_a_file_in_its_own_folder(text: str, name: str) -> None:
    """No separators, controls, device names, dots or spaces at its ends; at most 200 bytes with its extension kept."""
    assert _models.safe_name(text) == name
