"""The page of an export in a real browser."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import Aikynetix
from aikynetix.sandbox import Sandbox, SandboxSession

from .conftest import chromium
from .test_folder import MOMENT, done
from .test_page import failure, page_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
def open_page(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """A function that opens a folder's page in Chromium, as wide as asked for."""
    browser_path = chromium()
    if browser_path is None:
        pytest.skip("chromium is not installed")
    playwright: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path, args=FLAGS)

        def open_at(folder: Path, width: int = 390, height: int = 844) -> Any:
            page = browser.new_page(viewport={"width": width, "height": height}, timezone_id="Asia/Kolkata")
            page.asked = []
            page.on("request", lambda request: page.asked.append(request.url))
            page.goto((folder / "index.html").as_uri())
            return page

        yield open_at
        browser.close()


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A folder with two videos, one of a session whose id is markup, and two failed sessions."""
    with Sandbox(extra_sessions=[SandboxSession(MARKUP)]) as sandbox:
        ids = [sandbox.sessions["jump"], MARKUP, sandbox.sessions["forbidden"], "<i>gone</i>"]
        with Aikynetix(api_key=sandbox.api_key, base_url=sandbox.base_url) as client:
            found = [r.status.value for r in client.analyzed_videos.export(ids, tmp_path / "v", concurrency=1)]
    assert found == ["done", "done", "failed", "failed"]
    return tmp_path / "v"


def test_the_page_plays_shows_failures_and_keeps_markup_as_text(exported: Path, open_page: Callable[..., Any]) -> None:
    """A click on a video's name plays it to its end, failures say why, an id made of HTML stays text, all offline."""
    page = open_page(exported)
    page.click("#videos h3 a")
    at, duration, width = page.evaluate_handle("document.querySelector('video')").evaluate(PLAY)
    text = page.inner_text("body")
    assert at == pytest.approx(duration, abs=0.1)
    assert duration > 1
    assert width > 0
    assert page.title() == "Analyzed videos"
    assert page.evaluate("document.querySelectorAll('main :is(img, i, script)').length") == 0
    assert MARKUP in text
    assert "<i>gone</i>" in text
    assert "session-forbidden" in text
    assert "This key may not see the session." in text
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert all(url.startswith(("file:", "data:")) for url in page.asked)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A page of 5,000 sessions whose videos are missing: every hundredth failed."""
    records = [
        failure(f"session-{number}", finished_at=MOMENT + timedelta(minutes=number))
        if number % 100 == 99
        else done(f"session-{number}", path=f"{number}.mp4")
        for number in range(5_000)
    ]
    (tmp_path / "index.html").write_text(page_of(*records), "utf-8")
    return tmp_path


@pytest.mark.parametrize(("width", "players"), [(390, 12), (1280, 40)])
def test_a_page_of_thousands_stays_usable(many: Path, open_page: Callable[..., Any], width: int, players: int) -> None:
    """The first failure is on the first screen, players are few, and keys filter, come back and walk."""
    page = open_page(many, width)
    assert page.evaluate("document.querySelector('#failed li').getBoundingClientRect().top") < 300
    assert "10:11" in page.inner_text("#failed time")
    page.click("nav a[href='#videos']")
    page.wait_for_selector("video")
    assert 0 < page.evaluate("document.querySelectorAll('video').length") <= players
    page.keyboard.press("/")
    page.keyboard.type("SESSION-42")
    assert page.inner_text("#told") == "111 of 5000 sessions shown"
    assert page.evaluate("document.querySelectorAll('main li').length") == 111
    page.select_option("select", "failed")
    assert page.inner_text("#told") == "1 of 5000 sessions shown"
    page.keyboard.press("Escape")
    assert page.inner_text("#told") == ""
    for key in "jjk":
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.innerText").startswith("session-99\n")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
