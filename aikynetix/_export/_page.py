"""``index.html``: the videos of an export to look at, in one file that asks for nothing but the videos beside it.

Every value in it may come from a stranger (a session id, a server's message), so every value is escaped; should one
slip through, the page's own policy lets no script run and nothing be fetched from a network.
"""

from __future__ import annotations

import html
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote

from ._record import ExportRecord, ExportStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A browser asks for the beginning of these at once, so that the first pictures are there; the others wait for a click.
_PRELOADED = 12

_POLICY = (
    "default-src 'none'; media-src 'self' file:; img-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)

# Players cost a browser much; "content-visibility" renders those in view alone, so that thousands open in seconds.
_STYLE = """
:root { color-scheme: light dark; --back: #f4f5f7; --card: #fff; --text: #15181d; --soft: #5b6472; --line: #dfe3e8;
  --bad: #b3261e; --wait: #8a5a00; --good: #1a7f46; }
@media (prefers-color-scheme: dark) { :root { --back: #111418; --card: #1b2026; --text: #eceff3; --soft: #9aa5b3;
  --line: #2c333c; --bad: #ff8a80; --wait: #ffca66; --good: #6fd69b; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 1.25rem clamp(.75rem, 3vw, 2.5rem) 3rem; background: var(--back); color: var(--text);
  font: 1rem/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
header, main, footer { max-width: 78rem; margin: 0 auto; }
h1 { margin: .25rem 0 .5rem; font-size: 1.5rem; }
h2 { margin: 2rem 0 .75rem; font-size: 1.15rem; }
.counts { display: flex; flex-wrap: wrap; gap: .5rem; margin: 0; padding: 0; list-style: none; }
.counts li { padding: .2rem .7rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--card);
  font-size: .9rem; }
.counts b { font-variant-numeric: tabular-nums; }
.good b { color: var(--good); } .wait b { color: var(--wait); } .bad b { color: var(--bad); }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 1rem;
  margin: 1.25rem 0 0; padding: 0; list-style: none; }
.card { overflow: hidden; border: 1px solid var(--line); border-radius: .75rem; background: var(--card);
  content-visibility: auto; contain-intrinsic-size: auto 16rem; }
video { display: block; width: 100%; aspect-ratio: 16 / 9; background: #000; }
.card div { padding: .6rem .8rem .75rem; }
h3 { margin: 0; font-size: 1rem; overflow-wrap: anywhere; }
p { margin: .15rem 0 0; color: var(--soft); font-size: .88rem; overflow-wrap: anywhere; }
.list { margin: 0; padding: 0; list-style: none; }
.list li { margin-bottom: .5rem; padding: .6rem .8rem; border: 1px solid var(--line);
  border-left: .3rem solid var(--bad); border-radius: .5rem; background: var(--card); }
.list .wait { border-left-color: var(--wait); }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .85rem; }
"""

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Analyzed videos</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<header>
<h1>Analyzed videos</h1>
<ul class="counts">
<li class="good"><b>{present}</b> {videos}</li>
{others}</ul>
</header>
<main>
"""

_VIDEO = """<li class="card">
<video controls playsinline preload="{preload}" src="{source}" aria-label="{title}"></video>
<div><h3>{title}</h3><p>{size}, {moment}</p></div>
</li>
"""

_MISSING = """<li class="{kind}"><h3>{title}</h3><p>{what}{message}</p><p>{moment}</p></li>
"""

_FOOT = """</main>
<footer>Made by aikynetix. The videos are the files beside this page; nothing here is fetched from a network.</footer>
</body>
</html>
"""


def page(records: Iterable[ExportRecord]) -> Iterator[str]:
    """Yield the page for ``records``, which are gone through several times, part by part."""
    counts = Counter(record.status for record in records)
    present = counts[ExportStatus.DONE] + counts[ExportStatus.ALREADY_THERE]
    yield _head(present, counts[ExportStatus.NOT_READY], counts[ExportStatus.FAILED])
    yield '<ul class="grid">\n' if present else "<p>There are no videos yet.</p>\n"
    for number, record in enumerate(record for record in records if record.status.has_video):
        yield video(record, preload=number < _PRELOADED)
    yield "</ul>\n" if present else ""
    for title, kind, status in (
        ("Failed", "bad", ExportStatus.FAILED),
        ("Not ready yet", "wait", ExportStatus.NOT_READY),
    ):
        if counts[status]:
            yield f'<h2>{title}</h2>\n<ul class="list">\n'
            yield from (missing(record, kind) for record in records if record.status is status)
            yield "</ul>\n"
    yield _FOOT


def video(record: ExportRecord, *, preload: bool) -> str:
    """Return the card of one video, whose path is relative to the page."""
    return _VIDEO.format(
        preload="metadata" if preload else "none",
        source=html.escape(source(str(record.path))),
        title=html.escape(visible(record.session_id)),
        size=human_size(record.size or 0),
        moment=_moment(record),
    )


def missing(record: ExportRecord, kind: str) -> str:
    """Return the entry of a session without a video."""
    return _MISSING.format(
        kind=kind,
        title=html.escape(visible(record.session_id)),
        what=html.escape(visible(record.error or "")),
        message=html.escape(visible(f": {record.message}" if record.message else "")),
        moment=_moment(record),
    )


def source(name: str) -> str:
    """Return a relative URL for the file ``name`` beside the page, whatever is in the name (RFC 3986, section 4.2)."""
    # The leading "./" keeps a colon in the name from making the part before it a scheme.
    return "./" + quote(name.encode("utf-8", "surrogateescape"), safe="/")


def visible(text: str) -> str:
    """Return ``text`` without what cannot be shown, or turns the direction of the text after it around."""
    return "".join(char if char.isprintable() or char == " " else "\N{REPLACEMENT CHARACTER}" for char in text)


def human_size(size: int) -> str:
    """Return a size in bytes as people read it, in powers of 1,000."""
    amount, unit = float(size), "bytes"
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if amount < 999.5 or unit == "TB":
            break
        amount /= 1000
    return f"{size} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"


def _head(present: int, waiting: int, failed: int) -> str:
    others = ""
    if failed:
        others += f'<li class="bad"><b>{failed}</b> failed</li>\n'
    if waiting:
        others += f'<li class="wait"><b>{waiting}</b> not ready</li>\n'
    videos = "video" if present == 1 else "videos"
    return _HEAD.format(policy=_POLICY, style=_STYLE, present=present, videos=videos, others=others)


def _moment(record: ExportRecord) -> str:
    moment = record.finished_at
    return f'<time datetime="{moment.isoformat(timespec="seconds")}">{moment:%Y-%m-%d %H:%M} UTC</time>'
