"""Transports that are no network: httpx's mocks, and what raises things of its own."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import httpx
import pytest

from aikynetix import Aikynetix

from .calls import MIB, assert_right
from .servers import hash_header, video

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BODY = video(5 * MIB)
URL = "https://storage.googleapis.com/bucket/v.mp4?X-Goog-Signature=topsecret"


class Pieces(httpx.SyncByteStream):
    """A body in pieces."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._body), 100_000):
            yield self._body[start : start + 100_000]


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
