"""The page: every value is text, every source a file beside it, every reason plain; as text, and in a real browser."""

from __future__ import annotations

import re
import shutil
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import aikynetix
from aikynetix import Aikynetix, ExportRecord, ExportStatus
from aikynetix._export import _page
from aikynetix.sandbox import Sandbox, SandboxSession

from .test_folder import MOMENT, done

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NASTY = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
OURS = {"section", "h2", "ul", "li", "h3", "bdi", "time", "div", "a", "b", "noscript", "video"}
TAGS = OURS | set(re.findall(r"<(\w+)", _page.TEMPLATE.read_text("utf-8")))


class Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page_of(*records: ExportRecord) -> str:
    return "".join(_page.page(records))


def failure(session_id: str, **changes: Any) -> ExportRecord:
    fields: dict[str, Any] = {"status": ExportStatus.FAILED, "error": "NotFoundError", "message": "gone"}
    fields.update({"finished_at": MOMENT} | changes)
    return ExportRecord(session_id=session_id, **fields)


@given(st.text(max_size=60), st.text(max_size=60))
@example(NASTY, NASTY)
@example("</style>", "</title><!--")
@example("@COUNTS@", "@SESSIONS@\n")
@settings(max_examples=150, deadline=None)
def test_a_value_of_anything_stays_text(session_id: str, message: str) -> None:
    """No session id and no server's message becomes a tag, an attribute or an address."""
    reader = Reader(page_of(done(session_id), failure(session_id + "!", message=message)))
    assert {tag for tag, _ in reader.tags} <= TAGS
    videos = [a for tag, a in reader.tags if tag == "video"]
    assert videos == [{"controls": None, "playsinline": None, "preload": "none", "src": "./s.mp4"}]
    assert [a["href"] for tag, a in reader.tags if tag == "a"] == ["#failed", "#videos", "./s.mp4"]
    assert _page.visible(session_id + "!") in reader.text


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=60))
@example("a b?c#d%e&f\"g'h:i.mp4")
@example("javascript:alert(1)")
@example("..")
@settings(max_examples=150, deadline=None)
def test_a_source_is_the_file_beside_the_page(name: str) -> None:
    """Any file name makes a relative, percent-encoded URL that leads back to that name."""
    parts = urlsplit(urljoin("http://host/folder/index.html", _page.source(name)))
    assert (parts.netloc, parts.query, parts.fragment) == ("host", "", "")
    if name not in (".", ".."):
        assert unquote(parts.path) == f"/folder/{name}"


def test_the_page_lets_nothing_run_or_be_fetched_but_its_own() -> None:
    """Its policy allows its one script by hash, the videos beside it, and nothing from any address."""
    made = page_of(done("a"))
    reader, script = Reader(made), made.partition("<script>")[2].partition("</script>")[0]
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = next(a["content"] for _, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == (
        "default-src 'none'; media-src 'self' file:; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert [a.get("src") for tag, a in reader.tags if tag in ("script", "link")] == [None, None]


def test_what_needs_attention_comes_first_and_each_part_in_the_order_of_the_list() -> None:
    """Failures, then what is not ready, then the videos; the counts lead to each of them."""
    late = failure("late", status=ExportStatus.NOT_READY, error="VideoNotReadyError", message="not within wait=3")
    text = page_of(done("b", size=2_345_678), failure("z"), done("a"), late, failure("y"))
    places = [text.index(f"<bdi>{name}</bdi>") for name in ("z", "y", "late", "b", "a")]
    assert places == sorted(places)
    assert re.findall(r'href="#([\w-]+)"><b>(\d)', text) == [("failed", "2"), ("not-ready", "1"), ("videos", "2")]
    assert "2.3 MB, <time" in text
    assert "There are no videos yet." in page_of()
    assert "2026-05-04 03:02 UTC" in text


ENDING = ("AikynetixError", "APIError", "AuthenticationError", "ConfigurationError")  # never a session's
ERRORS = sorted(name for name in aikynetix.__all__ if name.endswith("Error") and name not in ENDING)
RAW = "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:992); raise wait= or see ConnectError"


@pytest.mark.parametrize("error", [*ERRORS, "ValueError", "TypeError"])
def test_a_reason_is_plain_language(error: str) -> None:
    """Every class of error has a sentence of its own, which names neither a class nor an argument nor OpenSSL."""
    said = _page.reason(failure("s", error=error, message=RAW)) or ""
    assert not re.search(r"\w+Error|\w=|SSL|unexpected", said)
    assert "unexpected" in (_page.reason(failure("s", error="KeyError")) or "")


@pytest.mark.parametrize(
    ("error", "message", "said"),
    [
        ("PermissionDeniedError", "No.", "This key may not see the session. The service says: No."),
        ("ValueError", "session_id is empty", "This is not a session id. Details: session id is empty"),
        ("APITimeoutError", "GET https://x", "The service did not respond in time. Run the export again later."),
    ],
)
def test_a_reason_keeps_what_the_service_said(error: str, message: str, said: str) -> None:
    """Words that a person can use stay; those about requests and code do not."""
    assert _page.reason(failure("s", error=error, message=message)) == said


def test_names_are_shown_as_they_are_written() -> None:
    """Marks that turn the text around are replaced, those that emoji consist of are not."""
    assert _page.visible("a\u202egp4.m\x1b[31m") == "a�gp4.m�[31m"
    whole = "👨‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️ می‌خواهم"
    assert _page.visible(whole) == whole


MARKUP = "<img src=x onerror=\"document.title='taken over'\"><b>bold</b>"
# Four times as fast as it was filmed, and without sound, which browsers want a click for.
PLAY = """video => new Promise((resolve, reject) => {
    video.muted = true; video.playbackRate = 4;
    video.onended = () => resolve([video.currentTime, video.duration, video.videoWidth]);
    video.onerror = () => reject(new Error(video.error.message));
    video.play().catch(reject);
})"""


@pytest.fixture
def open_page(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """A function that opens a folder's page in Chromium, on a screen as small as a telephone's."""
    names = ("chromium", "chromium-browser", "google-chrome")
    browser_path = next(filter(None, map(shutil.which, names)), None)
    if browser_path is None:
        pytest.skip("chromium is not installed")
    playwright: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path)

        def open_at(folder: Path) -> Any:
            page = browser.new_page(viewport={"width": 390, "height": 844}, timezone_id="Asia/Kolkata")
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
    """A page of 2,000 sessions whose videos are missing: every hundredth failed."""
    records = [
        failure(f"session-{number}", finished_at=MOMENT + timedelta(minutes=number))
        if number % 100 == 99
        else done(f"session-{number}", path=f"{number}.mp4")
        for number in range(2_000)
    ]
    (tmp_path / "index.html").write_text(page_of(*records), "utf-8")
    return tmp_path


def test_a_page_of_thousands_stays_usable(many: Path, open_page: Callable[..., Any]) -> None:
    """The first failure is on the first screen, players are few, and keys filter, come back and walk."""
    page = open_page(many)
    assert page.evaluate("document.querySelector('#failed li').getBoundingClientRect().top") < 300
    assert "10:11" in page.inner_text("#failed time")
    page.click("nav a[href='#videos']")
    page.wait_for_selector("video")
    assert 0 < page.evaluate("document.querySelectorAll('video').length") <= 12
    page.keyboard.press("/")
    page.keyboard.type("SESSION-19")
    assert page.inner_text("#told") == "111 of 2000 sessions shown"
    assert page.evaluate("document.querySelectorAll('main li').length") == 111
    page.select_option("select", "failed")
    assert page.inner_text("#told") == "2 of 2000 sessions shown"
    page.keyboard.press("Escape")
    assert page.inner_text("#told") == ""
    for key in "jjk":
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.innerText").startswith("session-99\n")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
