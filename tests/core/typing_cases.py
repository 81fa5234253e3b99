"""What type checkers see of the public API. Nothing here runs: mypy and pyright, both strict, are the judges."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, closing
from datetime import datetime
from pathlib import Path
from typing import assert_type

import httpx
from aikynetix_api.api.analyzed_videos import get_analyzed_video
from aikynetix_api.models import AnalyzedVideoResponse, ErrorResponse

from aikynetix import (
    Aikynetix,
    Analysis,
    AnalyzedVideo,
    ApiKey,
    APIStatusError,
    AsyncAikynetix,
    AsyncToken,
    BearerToken,
    DownloadedVideo,
    DownloadError,
    ExportItem,
    ExportRecord,
    Progress,
    StrPath,
    Token,
    VideoNotReadyError,
)


def settings() -> None:
    """Every way of giving a credential is typed."""
    Aikynetix()
    Aikynetix(api_key="key", timeout=3, max_retries=0, base_url=httpx.URL("https://api.example.com"))
    Aikynetix(token=lambda: "token", timeout=httpx.Timeout(3), transport=httpx.HTTPTransport())
    Aikynetix(auth=ApiKey("key", header="Authorization"))
    Aikynetix(proxy="http://proxy:3128", verify=Path("ca.pem"))
    AsyncAikynetix(proxy=httpx.Proxy("http://proxy:3128"), verify=ssl.create_default_context())
    AsyncAikynetix(auth=BearerToken(coroutine), transport=httpx.AsyncHTTPTransport())
    AsyncAikynetix(token=coroutine)
    Aikynetix(token=coroutine)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # nothing awaits it


def named(to: StrPath, item: ExportItem, progress: Progress, token: Token, later: AsyncToken) -> None:
    """What a function of one's own passes on has a name."""
    with Aikynetix(token=token) as client:
        client.analyzed_videos.download("id", to, progress=progress)
        assert_type(next(client.analyzed_videos.export([item], to)), ExportRecord)
    AsyncAikynetix(token=token)
    AsyncAikynetix(token=later)


async def coroutine() -> str:
    """A token from a coroutine function."""
    return "token"


def misspelt() -> None:
    """A name that does not exist is an error, though the package loads its names when they are used."""
    from aikynetix import Aikynetics  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]

    Aikynetics()


def verbs(client: Aikynetix) -> None:
    """The synchronous verbs."""
    video = client.analyzed_videos.get("id", analysis="jump", as_attachment=True)
    assert_type(video, AnalyzedVideo)
    assert_type(video.url, str)
    assert_type(video.expires_at, datetime | None)
    assert_type(client.analyzed_videos.generate("id", analysis=Analysis.JUMP), AnalyzedVideo)
    assert_type(client.analyzed_videos.ensure("id", wait=3), AnalyzedVideo)
    assert_type(client.analyzed_videos.download("id", Path("x.mp4"), progress=print), DownloadedVideo)
    with closing(client.analyzed_videos.export(["id"], "folder")) as records:
        assert_type(records, Generator[ExportRecord])
    assert_type(client.with_options(timeout=1), Aikynetix)


async def async_verbs(client: AsyncAikynetix) -> None:
    """The same, awaited."""
    assert_type(await client.analyzed_videos.get("id"), AnalyzedVideo)
    assert_type(await client.analyzed_videos.download("id", "x.mp4"), DownloadedVideo)
    async with aclosing(client.analyzed_videos.export(["id"], "folder")) as records:
        assert_type(records, AsyncGenerator[ExportRecord])
    assert_type(client.with_options(max_retries=1), AsyncAikynetix)


def doors(client: Aikynetix) -> None:
    """The raw client is what every generated function takes."""
    assert_type(get_analyzed_video.sync("id", client=client.raw), AnalyzedVideoResponse | ErrorResponse | None)
    assert_type(client.call(get_analyzed_video, "id"), AnalyzedVideoResponse)


def errors(status: APIStatusError, late: VideoNotReadyError, broken: DownloadError) -> None:
    """Attributes of errors."""
    assert_type(status.status_code, int)
    assert_type(status.retry_after, float | None)
    assert_type(late.waited, float)
    assert_type(broken.path, Path | str | None)
