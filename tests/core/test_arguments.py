"""Arguments of the wrong type or value."""

from __future__ import annotations

import os
from datetime import date
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aikynetix import AnalyzedVideo, ConfigurationError
from tests.contract.callers import CLIENTS, Replies, ask

if TYPE_CHECKING:
    import pathlib


async def coroutine(done: int, total: int | None) -> None:
    """No progress function."""


class BytesPath(os.PathLike[bytes]):
    """A path that is not text."""

    def __fspath__(self) -> bytes:
        return b"x.mp4"


WRONG: list[tuple[str, tuple[Any, ...], dict[str, Any], type[Exception], str]] = [
    ("get", (7,), {}, TypeError, "^session_id must be a str, not int$"),
    ("get", ("s",), {"as_attachment": "false"}, TypeError, "as_attachment must be True or False"),
    ("get", ("s",), {"as_attachment": 0}, TypeError, "as_attachment must be True or False"),
    ("get", ("s",), {"as_attachment": None}, TypeError, "as_attachment must be True or False"),
    *(
        ("get", ("s",), {"analysis": bad}, ValueError, "analysis must be one of 'jump', 'weightlifting'")
        for bad in ("run", "", "JUMP ", 1, "x" * 5_000)
    ),
    *(("ensure", ("s",), {"wait": bad}, ValueError, "wait must be") for bad in (10**400, 10**5000, float("inf"))),
    ("download", ("s", b"x.mp4"), {}, TypeError, "to must be a str or a path"),
    ("download", ("s", BytesPath()), {}, TypeError, "to must be a str or a path"),
    ("download", ("s", None), {}, TypeError, "not NoneType"),
    ("download", ("s", ""), {}, ValueError, "is empty"),
    ("download", ("s", "a\0b"), {}, ValueError, "no file's name"),
    ("download", ("s", "\ud800.mp4"), {}, ValueError, "no file's name"),
    ("download", ("s", "x"), {"progress": 5}, TypeError, "progress must be"),
    ("download", ("s", "x"), {"cancel": 5}, TypeError, "cancel must be a threading.Event"),
    ("download", ("s", "x"), {"progress": coroutine}, TypeError, "progress must be a plain function"),
    ("download", ("s", "x"), {"connections": 0}, ValueError, "connections must be a whole number"),
    ("download", ("s", "x"), {"connections": "2"}, ValueError, "connections must be"),
    ("download", ("s", "x"), {"connections": True}, ValueError, "connections must be"),
    ("download", ("s", "x"), {"max_bytes": 1.5}, ValueError, "max_bytes must be"),
    ("download", ("s", "x"), {"max_bytes": 0}, ValueError, "max_bytes must be"),
    ("download", ("s", "x"), {"overwrite": "n"}, TypeError, "overwrite must be True or False"),
    ("download", ("s", "x"), {"overwrite": 1}, TypeError, "overwrite must be True or False"),
    ("download", ("s", "x"), {"overwrite": True, "exist_ok": True}, ValueError, "pass one of the two"),
    ("export", (["s"], "to"), {"retry_failed": "no"}, TypeError, "retry_failed must be True or False"),
    ("export", (["s"], "to"), {"progress": 3}, TypeError, "progress must be a plain function"),
    *(("export", (["s"], "to"), {"concurrency": bad}, ValueError, "concurrency") for bad in (0, 1.5, True, "4")),
    ("export", ("session", "to"), {}, TypeError, "put it in a list"),
    ("export", (None, "to"), {}, TypeError, "session_ids must be an iterable"),
    ("export", (["s"], ""), {}, ValueError, "folder"),
    ("export", (["s"], b"videos"), {}, TypeError, "to must be a str or a path"),
    ("export", (["s"], "file://host/videos"), {}, ValueError, "file:"),
    ("export", (["s"], "file:///videos?x#y"), {}, ValueError, "file:"),
    ("export", (["s"], "~nobody-is-called-so/videos"), {}, ValueError, "nobody's home folder"),
    ("export", (["s"], "nosuch://bucket/x"), {}, ConfigurationError, "nosuch"),
    *(
        (verb, (bad,), {}, ValueError, "session_id")
        for verb in ("get", "generate", "ensure")
        for bad in ("", " ", "\u2003", ".", "..", "a\nb", "a\x00b", "x" * 1_025, "\ud800", "\x7f")
    ),
]


@pytest.mark.parametrize(("verb", "arguments", "options", "error", "words"), WRONG)
@pytest.mark.parametrize("kind", CLIENTS)
def test_a_wrong_argument_is_refused_before_any_request(
    kind: str,
    verb: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    error: type[Exception],
    words: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error names the argument, says what it has to be, and is short; nothing is written."""
    monkeypatch.chdir(tmp_path)
    replies = Replies(httpx.Response(200))
    with pytest.raises(error, match=words) as caught:
        ask(kind, verb, *arguments, options=options, api_key="key", transport=replies)
    assert len(str(caught.value)) < 300
    assert replies.requests == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", [("s", None), ("s", b"https://h/v.mp4?X-Goog-Signature=5"), (5, "https://h/v.mp4")])
def test_a_video_made_by_hand_is_made_of_text(given: tuple[Any, Any]) -> None:
    """What is not text is refused at once, and not shown: it may be a signed URL."""
    with pytest.raises(TypeError, match="must be a str") as caught:
        AnalyzedVideo(*given)
    assert "Signature" not in str(caught.value)


@pytest.mark.parametrize("now", [date(2026, 1, 1), 5, "now"])
def test_expiry_is_judged_by_a_datetime(now: Any) -> None:
    """A date has no time of day, and a number no unit."""
    with pytest.raises(TypeError, match="now must be a datetime"):
        AnalyzedVideo("s", "https://h/v.mp4?Expires=100").is_expired(now)
