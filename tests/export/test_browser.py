"""The page of an export in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import Aikynetix
from aikynetix.sandbox import Sandbox, SandboxSession

from .conftest import chromium

if TYPE_CHECKING:
    from pathlib import Path

MARKUP = "<img src=x onerror=\"document.title='taken over'\"><b>bold</b>"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Four times as fast as it was filmed, and without sound, which browsers want a click for.
PLAY = """video => new Promise((resolve, reject) => {
    video.muted = true; video.playbackRate = 4;
    video.onended = () => resolve([video.currentTime, video.duration, video.videoWidth]);
    video.onerror = () => reject(new Error(video.error.message));
    video.play().catch(reject);
})"""


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A folder with two videos, one of a session whose id is markup, and two failed sessions."""
    with Sandbox(extra_sessions=[SandboxSession(MARKUP)]) as sandbox:
        ids = [sandbox.sessions["jump"], MARKUP, sandbox.sessions["forbidden"], "<i>gone</i>"]
        with Aikynetix(api_key=sandbox.api_key, base_url=sandbox.base_url) as client:
            found = [r.status.value for r in client.analyzed_videos.export(ids, tmp_path / "v", concurrency=1)]
    assert found == ["done", "done", "failed", "failed"]
    return tmp_path / "v"


def test_the_page_plays_shows_failures_and_keeps_markup_as_text(exported: Path, tmp_path: Path) -> None:
    """In Chromium the first video plays to its end, a failed session is listed, and an id made of HTML stays text."""
    browser_path = chromium()
    if browser_path is None:
        pytest.skip("chromium is not installed")
    playwright: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    asked: list[str] = []
    with playwright.sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=browser_path,
            args=FLAGS,
            headless=True,
            viewport={"width": 390, "height": 844},
        )
        page = context.pages[0]
        page.on("request", lambda request: asked.append(request.url))
        page.goto((exported / "index.html").as_uri())
        at, duration, width = page.evaluate_handle("document.querySelector('video')").evaluate(PLAY)
        title, text = page.title(), page.inner_text("body")
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        tags = page.evaluate("[...document.querySelectorAll('img, i, script')].length")
        context.close()
    assert at == pytest.approx(duration, abs=0.1)
    assert duration > 1
    assert width > 0
    assert title == "Analyzed videos"
    assert tags == 0
    assert MARKUP in text
    assert "<i>gone</i>" in text
    assert re.search(r"session-forbidden\s+PermissionDeniedError", text)
    assert overflow <= 0
    assert all(url.startswith(("file:", "data:")) for url in asked)
