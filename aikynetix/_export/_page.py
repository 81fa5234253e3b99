"""``index.html``: the videos of an export to look at, in one file that asks for nothing but the videos beside it.

Every value in it may come from a stranger (a session id, a server's message), so every value is escaped; should one
slip through, the page's own policy lets no script but its own run, and nothing be fetched from a network. What went
wrong is said in words for people who do not program.
"""

from __future__ import annotations

import re
from collections import Counter
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ._record import ExportRecord, ExportStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TEMPLATE = Path(__file__).with_name("gallery.html")

# The sections by what is in them, in the order of the page.
_TITLES = {
    ExportStatus.FAILED: "Failed",
    ExportStatus.NOT_READY: "Not ready",
    ExportStatus.DONE: "Videos",
    ExportStatus.ALREADY_THERE: "Videos",
}

# By the name of the error's class, which is what a manifest keeps.
_REASONS = {
    **dict.fromkeys(("InvalidArgumentError", "TypeError", "ValueError"), "This is not a session id."),
    **dict.fromkeys(
        ("APIStatusError", "BadRequestError", "ConflictError", "UnprocessableEntityError"),
        "The service refused the request.",
    ),
    "APIConnectionError": "The service could not be reached. Check the network, then run the export again.",
    "APIResponseValidationError": "The service sent a response that cannot be used. Run the export again later.",
    "APITimeoutError": "The service did not respond in time. Run the export again later.",
    "DownloadError": "The video could not be saved.",
    "DownloadInterruptedError": "The download broke off. Run the export again: it goes on where it was.",
    "IntegrityError": "The video arrived damaged and was not kept. Run the export again.",
    "InternalServerError": "The service has a fault at the moment. Run the export again later.",
    "NotFoundError": "There is no such session, or no video of it.",
    "PermissionDeniedError": "This key may not see the session.",
    "RateLimitError": "The service is busy. Run the export again later.",
    "SignedUrlExpiredError": "The link to the video was refused. Run the export again.",
    "VideoNotReadyError": "The video is still being made. Run the export again later.",
}
_FROM_SERVICE = frozenset(
    ("BadRequestError", "ConflictError", "NotFoundError", "PermissionDeniedError", "UnprocessableEntityError")
)
_OURS = frozenset(("DownloadError", "InvalidArgumentError", "TypeError", "ValueError"))
_CODE = re.compile(r"\w=|\w+Error\b|\w\(|[\[\]{}<>\\]|_\w+\.c\b")
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def page(records: Iterable[ExportRecord]) -> Iterator[str]:
    """Yield the page for ``records``, part by part.

    Args:
        records: The last record of each session, in the order of the list, with paths relative to the page. They are
            gone through once for the counts and once for each section, so that they need not be in memory.
    """
    counts = Counter(_TITLES[record.status] for record in records)
    anchors = {title: title.lower().replace(" ", "-") for title in _TITLES.values() if counts[title]}
    links = [f'<a href="#{anchor}"><b>{counts[title]:,}</b> {title.lower()}</a>' for title, anchor in anchors.items()]
    head, foot = TEMPLATE.read_text("utf-8").split("@SESSIONS@\n")
    yield head.replace("@COUNTS@", "\n".join(links))
    if not counts["Videos"]:
        yield "<p>There are no videos yet.</p>\n"
    for title, anchor in anchors.items():
        yield f'<section id="{anchor}">\n<h2>{title}</h2>\n<ul>\n'
        yield from (_item(record) for record in records if _TITLES[record.status] == title)
        yield "</ul>\n</section>\n"
    yield foot


def source(name: str) -> str:
    """Return a relative URL for the file ``name`` beside the page, whatever is in the name (RFC 3986, section 4.2)."""
    # The leading "./" keeps a colon in the name from making the part before it a scheme.
    return "./" + quote(name.encode("utf-8", "surrogateescape"), safe="/")


def reason(record: ExportRecord) -> str | None:
    """Return why there is no video: a sentence, and what the service or the file system said where that is readable.

    None where nothing went wrong.
    """
    if record.error is None:
        return None
    text = _REASONS.get(record.error, "Something unexpected happened. The manifest has the details.")
    message = (record.message or "").strip()
    if record.error not in _FROM_SERVICE | _OURS or not message or _CODE.search(message):
        return text
    said = "The service says" if record.error in _FROM_SERVICE else "Details"
    return f"{text} {said}: {visible(message.replace('session_id', 'session id'))}"


def visible(text: str) -> str:
    """Return ``text`` without what cannot be shown, or turns the direction of the text after it around."""
    return _INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _item(record: ExportRecord) -> str:
    title, moment = escape(visible(record.session_id)), record.finished_at
    time = f'<time datetime="{moment.isoformat(timespec="seconds")}">{moment:%Y-%m-%d %H:%M} UTC</time>'
    if not record.status.has_video:
        return f"<li><h3><bdi>{title}</bdi></h3><p>{escape(reason(record) or '')}</p><p>{time}</p></li>\n"
    file = escape(source(str(record.path)))
    return (  # without scripts the players are just there
        f'<li><div><noscript><video controls playsinline preload="none" src="{file}"></video></noscript></div>'
        f'<h3><a href="{file}"><bdi>{title}</bdi></a></h3><p>{(record.size or 0) / 1e6:,.1f} MB, {time}</p></li>\n'
    )
