"""Transports that are no network: httpx's mocks, and what raises things of its own."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import httpx
import pytest

from aikynetix import Aikynetix, DownloadError, DownloadInterruptedError

from .calls import MIB, assert_right
from .servers import hash_header, video

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BODY = video(5 * MIB)
URL = "https://storage.googleapis.com/bucket/v.mp4?X-Goog-Signature=topsecret"


class Pieces(httpx.SyncByteStream):
    """A body in pieces, after which it raises."""

    def __init__(self, body: bytes, raised: BaseException | None = None) -> None:
        self._body, self._raised = body, raised

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._body), 100_000):
            yield self._body[start : start + 100_000]
        if self._raised is not None:
            raise self._raised


def download(answer: Callable[[httpx.Request], httpx.Response], to: Path) -> tuple[object, list[httpx.Request]]:
    """Download by a mock that answers for API and storage."""
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host != "storage.googleapis.com":
            return httpx.Response(200, json={"analyzed_video_url": URL})
        asked.append(request)
        return answer(request)

    transport = httpx.MockTransport(handle)
    with Aikynetix(api_key="k" * 20, base_url="https://api.example", transport=transport, max_retries=1) as client:
        return client.analyzed_videos.download("session", to), asked


@pytest.mark.parametrize(
    "response",
    [
        lambda: httpx.Response(200, content=BODY),
        lambda: httpx.Response(200, content=BODY, headers={"x-goog-hash": hash_header(BODY)}),
        lambda: httpx.Response(200, stream=Pieces(BODY)),
        lambda: httpx.Response(200, stream=Pieces(BODY), headers={"Content-Length": str(len(BODY)), "ETag": '"a"'}),
        lambda: httpx.Response(200, content=gzip.compress(BODY), headers={"Content-Encoding": "gzip"}),
        lambda: httpx.Response(200, stream=Pieces(gzip.compress(BODY)), headers={"Content-Encoding": "gzip"}),
    ],
    ids=["content", "checksums", "stream", "length", "encoded content", "encoded stream"],
)
def test_a_mocked_video_is_downloaded(response: Callable[[], httpx.Response], tmp_path: Path) -> None:
    """Without any network beneath it, made of its content or of a stream; and nothing is asked for twice."""
    result, asked = download(lambda request: response(), tmp_path / "v.mp4")
    assert_right(result, tmp_path / "v.mp4", BODY)  # type: ignore[arg-type]  # it is a DownloadedVideo
    assert len(asked) == 1
    assert "api-key" not in asked[0].headers


@pytest.mark.parametrize("raised", [LookupError("topsecret"), RuntimeError("topsecret"), httpx.ReadError("topsecret")])
@pytest.mark.parametrize("begins", [False, True], ids=["request", "body"])
def test_whatever_a_transport_raises_is_an_error_of_ours(raised: Exception, begins: bool, tmp_path: Path) -> None:
    """With the request or in the middle of the body: it ends the download, in time, and what it says is kept out."""

    def answer(request: httpx.Request) -> httpx.Response:
        if begins:
            return httpx.Response(200, stream=Pieces(BODY[:MIB], raised), headers={"Content-Length": str(len(BODY))})
        raise raised

    with pytest.raises(DownloadInterruptedError, match=type(raised).__name__) as caught:
        download(answer, tmp_path / "v.mp4")
    assert "topsecret" not in str(caught.value)
    assert caught.value.__cause__ is raised
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_a_mock_is_told_like_any_other(tmp_path: Path) -> None:
    """Status and code of an error made of its content."""
    text = "<Error><Code>NoSuchKey</Code></Error>"
    with pytest.raises(DownloadError, match=r"404 \(NoSuchKey\)"):
        download(lambda request: httpx.Response(404, text=text), tmp_path / "v.mp4")
