"""Looking for secrets in a text costs about the same whatever a server wrote into it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from aikynetix._download import _rules
from aikynetix._redact import one_line, redact_url, scrub, without_cut_secret
from aikynetix._signed_url import disposition_name, object_name, safe_name

from .hunt import KEY, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH = 32 * 1024
SLASHES = "\\" * 30 + "x"

# What some pattern of the package begins to read, over and over, and what keeps it from coming to an end.
_REPEATED = (
    *("http://", "https:\\/\\/", "http://a#", "http://[", "https://a@"),
    *("token", "token ", "token: ", "token%25", "token:\\", 'signature"', "signature&quot;", "security-token:"),
    *("%25", "%", "25", "\\", "\\u", "\\u00", "&#", "&#0", "&#x0", "&", "0", " ", "\t", '"', "'", "=", ";", "."),
    *("filename=", 'filename="', "filename=\\", "filename*=utf-8'", "filename*=utf-8';", "con ", "<Code>", "<Code> "),
    *(KEY[:-1], KEY[:5], TOKEN[:-1], SLASHES[:-1], "a\u0301\u0316"),
)
_OPENED = ("token", "token:", "signature%", "%", "&#", "&#x", 'filename="', "filename*=utf-8'", "<Code>", "http://")
_TEXTS = (
    *(("", part) for part in _REPEATED),
    *((opening, part) for opening in _OPENED for part in ("25", "0", " ", "\\", "a")),
)
_READERS: dict[str, Callable[[str], object]] = {
    "scrub": lambda text: scrub(text, [KEY, TOKEN, SLASHES]),
    "cut": lambda text: without_cut_secret(text, [KEY, TOKEN, SLASHES]),
    "one_line": lambda text: one_line(text, limit=500),
    "redact_url": redact_url,
    "object_name": object_name,
    "disposition": disposition_name,
    "safe_name": safe_name,
    "storage": _rules.xml_code,
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
        for opening, part in _TEXTS
        if cost(read, (opening + part * (LENGTH // len(part)))[: LENGTH - 1] + "?") > 50 * usual + 0.05
    ]
    assert dear == []
