"""Arguments of the wrong type or value, and the types that tools read from what comes back."""

from __future__ import annotations

import os
import typing
from datetime import date
from typing import TYPE_CHECKING, Any

import attrs
import httpx
import pytest

from aikynetix import Aikynetix, AnalyzedVideo, AsyncAikynetix, DownloadedVideo, ExportRecord

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator


@pytest.fixture
def client() -> Iterator[Aikynetix]:
    """A client whose server must not be asked."""

    def unasked(request: httpx.Request) -> httpx.Response:
        pytest.fail(f"a request was sent: {request.url}")

    with Aikynetix(api_key="key", transport=httpx.MockTransport(unasked)) as made:
        yield made


async def coroutine(done: int, total: int | None) -> None:
    """No progress function."""


class BytesPath(os.PathLike[bytes]):
    """A path that is not text."""

    def __fspath__(self) -> bytes:
        return b"x.mp4"


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"to": b"x.mp4"}, TypeError, "to must be a str or a path"),
        ({"to": BytesPath()}, TypeError, "to must be a str or a path"),
        ({"to": None}, TypeError, "not NoneType"),
        ({"to": ""}, ValueError, "to is empty"),
        ({"to": "a\0b"}, ValueError, "no file's name"),
        ({"to": "\ud800.mp4"}, ValueError, "no file's name"),
        ({"progress": 5}, TypeError, "progress must be"),
        ({"progress": coroutine}, TypeError, "progress must be a plain function"),
        ({"connections": 0}, ValueError, "connections must be a whole number"),
        ({"connections": "2"}, ValueError, "connections must be"),
        ({"connections": True}, ValueError, "connections must be"),
        ({"max_bytes": 1.5}, ValueError, "max_bytes must be"),
        ({"max_bytes": 0}, ValueError, "max_bytes must be"),
        ({"overwrite": "n"}, TypeError, "overwrite must be True or False"),
        ({"overwrite": 1}, TypeError, "overwrite must be True or False"),
        ({"overwrite": True, "exist_ok": True}, ValueError, "pass one of the two"),
        ({"wait": 10**400}, ValueError, "wait must be"),
        ({"wait": 10**5000}, ValueError, "wait must be"),
        ({"wait": float("inf")}, ValueError, "wait must be"),
        ({"analysis": "x" * 5_000}, ValueError, "analysis must be one of"),
    ],
)
def test_an_argument_of_a_download_is_refused_before_any_request(
    client: Aikynetix, tmp_path: pathlib.Path, given: dict[str, Any], kind: type[Exception], words: str
) -> None:
    """The error names the argument, says what it has to be, and is short."""
    arguments: dict[str, Any] = {"to": tmp_path / "x.mp4"}
    with pytest.raises(kind, match=words) as caught:
        client.analyzed_videos.download("s", **arguments | given)
    assert len(str(caught.value)) < 300


def test_a_session_id_of_another_type_is_told_its_type(client: Aikynetix) -> None:
    """What it is instead is what helps."""
    with pytest.raises(TypeError, match=r"^session_id must be a str, not int$"):
        client.analyzed_videos.get(7)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["false", 0, None])
def test_as_attachment_is_a_bool(client: Aikynetix, value: object) -> None:
    """Text would go over the wire as it is, and "false" would be true to Python."""
    with pytest.raises(TypeError, match="as_attachment must be True or False"):
        client.analyzed_videos.get("s", as_attachment=value)  # type: ignore[arg-type]  # bad on purpose


@pytest.mark.parametrize("kind", [Aikynetix, AsyncAikynetix])
def test_retry_failed_is_a_bool(kind: type[Aikynetix | AsyncAikynetix], tmp_path: pathlib.Path) -> None:
    """The text "no" would have meant yes; nothing is written."""
    with pytest.raises(TypeError, match="retry_failed must be True or False"):
        kind("key").analyzed_videos.export(["s"], tmp_path / "to", retry_failed="no")  # type: ignore[arg-type]  # bad on purpose
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", [("s", None), ("s", b"https://h/v.mp4?X-Goog-Signature=5"), (5, "https://h/v.mp4")])
def test_a_video_made_by_hand_is_made_of_text(given: tuple[Any, Any]) -> None:
    """What is not text is refused at once, and not shown: it may be a signed URL."""
    with pytest.raises(TypeError, match="must be a str") as caught:
        AnalyzedVideo(*given)
    assert "Signature" not in str(caught.value)


def test_expiry_is_judged_by_a_datetime() -> None:
    """A date has no time of day, and a number no unit."""
    video = AnalyzedVideo("s", "https://h/v.mp4?Expires=100")
    for now in (date(2026, 1, 1), 5, "now"):
        with pytest.raises(TypeError, match="now must be a datetime"):
            video.is_expired(now)  # type: ignore[arg-type]  # bad on purpose


@pytest.mark.parametrize("kind", [AnalyzedVideo, DownloadedVideo, ExportRecord])
def test_tools_can_read_the_types_of_what_comes_back(kind: type[Any]) -> None:
    """Serializers resolve the annotations at run time."""
    assert {field.name for field in attrs.fields(kind)} <= set(typing.get_type_hints(kind))
    attrs.resolve_types(kind)
