"""The page: every value in it is text, every source is a file beside it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from hypothesis import example, given, settings
from hypothesis import strategies as st

from aikynetix import ExportRecord, ExportStatus
from aikynetix._export import _page

from .test_folder import MOMENT, done

NASTY = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
FRAME = {"html", "head", "meta", "title", "link", "style", "body", "header", "main", "footer", "video"}
TAGS = FRAME | {"h1", "h2", "h3", "ul", "li", "b", "div", "p", "time"}


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
@example("{policy}", "{0.__class__}")
@settings(max_examples=150, deadline=None)
def test_a_value_of_anything_stays_text(session_id: str, message: str) -> None:
    """No session id and no server's message becomes a tag, an attribute or an address."""
    reader = Reader(page_of(done(session_id), failure(session_id + "!", message=message)))
    assert {tag for tag, _ in reader.tags} <= TAGS
    videos = [attributes for tag, attributes in reader.tags if tag == "video"]
    assert [video["src"] for video in videos] == ["./s.mp4"]
    assert set(videos[0]) == {"controls", "playsinline", "preload", "src", "aria-label"}
    assert videos[0]["aria-label"] == _page.visible(session_id)
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


def test_the_page_asks_for_nothing_but_the_videos() -> None:
    """No script, no font, no style sheet and no image from anywhere, by what it holds and by its own policy."""
    reader = Reader(page_of(*(done(str(number), path=f"{number}.mp4") for number in range(20))))
    policy = next(a["content"] for _, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "script" not in policy
    for tag, attributes in reader.tags:
        if tag not in ("video", "link"):
            assert not {"src", "href"} & set(attributes)
    assert [a["href"] for tag, a in reader.tags if tag == "link"] == ["data:,"]
    preloads = [a["preload"] for tag, a in reader.tags if tag == "video"]
    assert preloads == ["metadata"] * 12 + ["none"] * 8


def test_the_page_says_size_and_date_and_what_failed() -> None:
    """A person sees how big and how old a video is, and why another one is missing."""
    late = failure("late", status=ExportStatus.NOT_READY, error="VideoNotReadyError", message="not yet")
    text = " ".join(Reader(page_of(done(size=2_345_678), failure("f"), late)).text)
    for said in ("2.3 MB", "2026-05-04 03:02 UTC", "1 video", "1 failed", "1 not ready", "NotFoundError: gone"):
        assert " ".join(said.split()) in " ".join(text.split())
    assert text.index("Failed") < text.index("Not ready yet")


def test_a_page_without_videos_says_so() -> None:
    """An export of nothing leaves a page that is whole."""
    page = page_of()
    assert "There are no videos yet." in page
    assert page.endswith("</html>\n")


def test_sizes_read_as_people_say_them() -> None:
    """Powers of 1,000, one decimal."""
    said = [_page.human_size(size) for size in (0, 999, 1_000, 58_562, 999_960, 2_097_152, 5 * 10**9, 3 * 10**15)]
    assert said == ["0 bytes", "999 bytes", "1.0 kB", "58.6 kB", "1.0 MB", "2.1 MB", "5.0 GB", "3000.0 TB"]


def test_a_text_cannot_turn_the_page_around() -> None:
    """Marks that change the direction of what follows are shown as what they are: nothing readable."""
    assert _page.visible("a\u202egp4.m\x1b[31m") == "a�gp4.m�[31m"
