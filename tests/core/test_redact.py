"""What is taken out of text, and what stays."""

from __future__ import annotations

import pickle
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from aikynetix import _redact
from aikynetix._models import disposition_name, object_name, safe_name
from aikynetix._redact import Secret, one_line, redact_url, scrub, scrub_json

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = Secret("canary-key/5f3a9c+1e7b&0d42")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/p?q=1#f", "https://h/p?..."),
        ("https://u:p@h:8443/p", "https://h:8443/p"),
        ("https://[::1]:80/", "https://[::1]:80/"),
        ("/p?q", "/p?..."),
        ("//h/p", "//h/p"),
        ("javascript:x", "javascript:x"),
        ("h/p:q", "h/p:q"),
        ("https://[h", "<unreadable URL>"),
        ("https://h:x/", "<unreadable URL>"),
        ("https://h/" + "p" * 3_000, "https://h/" + "p" * 2_037 + "…"),
        (f"https://h/{quote(KEY.reveal())}/p", "https://h/***/p"),
    ],
)
def test_a_redacted_url_grants_nothing(url: str, shown: str) -> None:
    """Scheme, host, port and path; at most 2,048 characters."""
    assert redact_url(url) == shown


def test_a_line_is_cut_after_its_limit() -> None:
    """Printable characters, runs of space as one; the text is cut before it is walked."""
    assert one_line("a\n b\x00c", limit=10) == "a b c"
    assert one_line("abcd", limit=4) == "abcd"
    assert one_line("abcde", limit=4) == "abc…"
    assert one_line(" " * 16 + "x", limit=4) == ""


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("X-Goog-Signature=ab&x=1", "X-Goog-Signature=***&x=1"),
        ("SIGNATURE%3Dab", "SIGNATURE%3D***"),
        ("Security-Token=ab", "Security-Token=***"),
        ("TOKEN=ab;x", "TOKEN=***;x"),
        ("broken=ab", "broken=ab"),
        ("see https://h/p?x=1 there", "see https://h/p?... there"),
        ("why?no", "why?no"),
        ("Session not found: see https://docs.example/help#errors, token expired; signature invalid",) * 2,
    ],
)
def test_signatures_are_masked_whosever_they_are(text: str, masked: str) -> None:
    """By the name of the parameter, and with the query of any URL; ordinary prose stays."""
    assert scrub(text) == masked


def test_a_secret_is_masked_for_as_long_as_it_lives() -> None:
    """As sent, percent-encoded with and without the slash, in any case; what is too short to tell from prose stays."""
    secret, short = Secret("k/e y&1"), Secret("abc")
    for form in ("k/e y&1", "k/e%20y%261", "k%2Fe%20y%261", "K%2fE%20Y%261"):
        assert scrub(f"a {form}.") == "a ***."
    assert scrub("abc") == short.reveal() == "abc"
    del secret
    assert scrub("a k/e y&1.") == "a k/e y&1."


def test_of_two_secrets_the_longer_leaves_no_tail() -> None:
    """One may be the beginning of the other."""
    secrets = [Secret("first-half"), Secret("first-half-and-second")]
    assert scrub("first-half-and-second first-half") == "*** ***"
    assert len({repr(secret) for secret in secrets} | {str(secret) for secret in secrets}) == 1


def test_a_secret_shows_itself_only_when_asked() -> None:
    """Not in its repr, str or format; a copy in another process is a secret too."""
    assert KEY.reveal() not in f"{KEY} {KEY!r} {[KEY]} {vars(_redact)}"
    assert pickle.loads(pickle.dumps(KEY)).reveal() == KEY.reveal()


def test_json_is_masked_in_every_part() -> None:
    """Strings, keys and lists; everything else stays what it is."""
    text = KEY.reveal()
    value = {f"k {text}": [text, 1234, 12.5, True, None, {"x": f"a{text}"}]}
    assert scrub_json(value) == {"k ***": ["***", 1234, 12.5, True, None, {"x": "a***"}]}


LENGTH = 32 * 1024
# What some pattern of the package begins to read, over and over, and what keeps it from coming to an end.
_REPEATED = (
    *("http://", "http://a#", "http://[", "https://a@", "?", "https://h/?"),
    *("token", "token ", "token: ", "token%3d", "token=", "signature=", "signature%3d", "security-token="),
    *("%25", "%", "25", "\\", "&", "0", " ", "\t", '"', "'", "=", ";", "."),
    *("filename=", 'filename="', "filename=\\", "filename*=utf-8'", "filename*=utf-8';", "con "),
    *(KEY.reveal()[:-1], KEY.reveal()[:5], "a\u0301\u0316"),
)
_READERS: dict[str, Callable[[str], object]] = {
    "scrub": scrub,
    "one_line": lambda text: one_line(text, limit=500),
    "redact_url": redact_url,
    "object_name": object_name,
    "disposition": disposition_name,
    "safe_name": safe_name,
}


def cost(read: Callable[[str], object], text: str) -> float:
    """Return the processor time in seconds of this thread, which other work on the machine does not add to."""
    began = time.thread_time()
    read(text)
    return time.thread_time() - began


@pytest.mark.parametrize("reader", _READERS)
def test_no_text_is_much_dearer_than_another_of_its_length(reader: str) -> None:
    """Of 32 KiB each; what reads some part of a text from each of its characters takes thousands of times as long."""
    read = _READERS[reader]
    read("warm")
    usual = max(cost(read, sample * (LENGTH // len(sample))) for sample in ("x", "a word? ", "https://h/p?q=1 "))
    dear = [
        opening + part
        for opening in ("", "token=", "http://", 'filename="')
        for part in _REPEATED
        if cost(read, (opening + part * (LENGTH // len(part)))[: LENGTH - 1] + "?") > 50 * usual + 0.05
    ]
    assert dear == []
