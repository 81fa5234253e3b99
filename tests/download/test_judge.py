"""Whether an answer is what was asked for: pure, for any headers at all."""

from __future__ import annotations

import base64

import attrs
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aikynetix._download._answers import Asked, Offer, judge
from aikynetix._download._identity import Identity
from aikynetix._download._rules import Failure, Kind

SIZE = 1000
URL = "https://storage.example/bucket/v.mp4?X-Goog-Signature=topsecret"
PATH = "storage.example/bucket/v.mp4"
KNOWN = Identity(path=PATH, size=9, etag='"one"')
MD5S = [base64.b64encode(bytes([n]) * 16).decode() for n in (1, 2)]
CRCS = [base64.b64encode(bytes([n]) * 4).decode() for n in (1, 2)]
ETAGS = ('"one"', '"two"', 'W/"one"', "one")


def hex_of(value: str) -> str:
    return base64.b64decode(value).hex()


known_objects = st.builds(
    Identity,
    path=st.just(PATH) | st.just("storage.example/bucket/other.mp4"),
    size=st.just(SIZE),
    etag=st.none() | st.sampled_from(ETAGS),
    generation=st.none() | st.sampled_from(["1", "2"]),
    modified=st.none() | st.just("Mon, 02 Nov 2026 10:00:00 GMT"),
    md5=st.none() | st.sampled_from([hex_of(value) for value in MD5S]),
    crc32c=st.none() | st.sampled_from([hex_of(value) for value in CRCS]),
)
numbers = st.sampled_from([0, 1, 400, 499, 500, 501, 998, 999, 1000, 1001, 2000])
header_sets = st.fixed_dictionaries(
    {},
    optional={
        "Content-Range": st.builds("bytes {}-{}/{}".format, numbers, numbers, st.just("*") | numbers.map(str))
        | st.sampled_from(["bytes */1000", "bytes 500-999", "bytes=500-999/1000", "bytes 5 00-999/1000", ""]),
        "Content-Length": numbers.map(str) | st.sampled_from(["500, 500", "500, 501", "-1", "+500", "0500"]),
        "Transfer-Encoding": st.just("chunked"),
        "Content-Encoding": st.sampled_from(["", "identity", "gzip", "br"]),
        "Accept-Ranges": st.sampled_from(["bytes", "none"]),
        "ETag": st.sampled_from(ETAGS),
        "x-goog-generation": st.sampled_from(["1", "2", "x"]),
        "x-goog-stored-content-length": numbers.map(str),
        "x-goog-stored-content-encoding": st.sampled_from(["identity", "gzip"]),
        "x-goog-hash": st.sampled_from(
            [f"{kind}={value}" for kind, values in (("md5", MD5S), ("crc32c", CRCS)) for value in values]
        ),
        "Last-Modified": st.sampled_from(["Mon, 02 Nov 2026 10:00:00 GMT", "Mon, 02 Nov 2026 11:00:00 GMT"]),
        "Date": st.just("Tue, 03 Nov 2026 10:00:00 GMT"),
    },
)


@settings(max_examples=600, deadline=None)
@given(
    known=known_objects,
    start=st.sampled_from([0, 1, 500, 999]),
    stop=st.none() | st.sampled_from([501, 1000]),
    status=st.sampled_from([200, 206]),
    headers=header_sets,
)
def test_only_bytes_that_belong_there_are_taken(
    known: Identity, start: int, stop: int | None, status: int, headers: dict[str, str]
) -> None:
    """An answer to a range counts only as a part that begins where it was asked for and contradicts nothing known."""
    offer = judge(Asked(start=start, stop=stop, known=known), status, httpx.Headers(headers), URL)
    if isinstance(offer, Failure):
        assert offer.kind in (Kind.CHANGED, Kind.NO_RANGES, Kind.MALFORMED)
        assert "topsecret" not in offer.text
        return
    assert status == 206
    assert headers.get("Content-Encoding", "") in ("", "identity")
    told, size = headers["Content-Range"].removeprefix("bytes ").split("/")
    first, last = map(int, told.split("-"))
    assert (first, last + 1) == (start, offer.stop)
    assert size in ("*", str(SIZE))
    assert last < SIZE
    assert offer.identity.size == SIZE
    if "Transfer-Encoding" not in headers and headers.get("Content-Length", "").isdigit():
        assert int(headers["Content-Length"]) == last + 1 - first
    assert_same(known, headers)


def assert_same(known: Identity, headers: dict[str, str]) -> None:
    """Something says that it is the same object, and nothing stronger says otherwise."""
    kind, _, value = headers.get("x-goog-hash", "").partition("=")
    if value and (ours := getattr(known, kind)):
        assert ours == hex_of(value)
        return
    assert known.path == PATH
    if known.generation and headers.get("x-goog-generation", "x") != "x":
        assert known.generation == headers["x-goog-generation"]
        return
    etag = headers.get("ETag")
    if known.etag and etag:
        assert known.etag == etag
        if not etag.startswith("W/"):
            return
    if known.modified and "Last-Modified" in headers and "Date" in headers:
        assert known.modified == headers["Last-Modified"]
        return
    # Only the storage's own word is left: it has been asked with If-Range and answered with a part.
    assert known.validator is not None


@settings(max_examples=200, deadline=None)
@given(status=st.sampled_from([200, 206]), headers=header_sets)
def test_a_whole_begins_at_the_first_byte_and_ends_where_it_says(status: int, headers: dict[str, str]) -> None:
    """Without anything known the answer must be all of the object, of the size that it announces itself."""
    offer = judge(Asked(), status, httpx.Headers(headers), URL)
    if isinstance(offer, Failure):
        assert offer.kind is Kind.MALFORMED
        return
    assert isinstance(offer, Offer)
    assert offer.start == 0
    assert offer.stop == offer.identity.size
    if status == 206:
        assert headers["Content-Range"] == f"bytes 0-{(offer.stop or 0) - 1}/{offer.stop}"
    if offer.encoding:
        assert (offer.identity.size, offer.ranges) == (None, False)
    if offer.encoding or (headers.get("x-goog-stored-content-encoding") == "gzip" and status == 200):
        assert offer.identity.md5 is offer.identity.crc32c is None


@pytest.mark.parametrize(
    ("asked", "status", "headers", "expected"),
    [
        (Asked(), 200, {"Content-Length": "9", "Accept-Ranges": "Bytes"}, (0, 9, 9, True, "")),
        (Asked(), 200, {"Content-Length": "9", "Content-Encoding": "identity"}, (0, 9, 9, False, "")),
        (Asked(), 200, {"x-goog-stored-content-length": "9"}, (0, 9, 9, False, "")),
        (Asked(), 200, {"Content-Length": "9", "x-goog-stored-content-length": "9"}, (0, 9, 9, False, "")),
        (Asked(), 200, {"Content-Length": "9", "Content-Encoding": "GZIP"}, (0, None, None, False, "gzip")),
        (Asked(), 206, {"Content-Range": "bytes 0-8/9"}, (0, 9, 9, True, "")),
        (Asked(start=3, known=KNOWN), 206, {"ETag": '"one"', "Content-Range": "bytes 3-7/9"}, (3, 8, 9, True, "")),
        (Asked(start=3, known=KNOWN), 206, {"ETag": '"one"', "Content-Range": "bytes 3-7/*"}, (3, 8, 9, True, "")),
        (Asked(start=3, known=KNOWN), 206, {"Content-Range": "bytes 3-8/*"}, (3, 9, 9, True, "")),
    ],
    ids=str,
)
def test_what_an_answer_offers(
    asked: Asked, status: int, headers: dict[str, str], expected: tuple[int, int | None, int | None, bool, str]
) -> None:
    """First byte, byte behind the last, size, whether there are ranges, and the encoding."""
    offer = judge(asked, status, httpx.Headers(headers), URL)
    assert isinstance(offer, Offer)
    assert (offer.start, offer.stop, offer.identity.size, offer.ranges, offer.encoding) == expected


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "9", "x-goog-stored-content-length": "8"},
        {"Content-Range": "bytes 1-8/9"},
    ],
)
def test_an_answer_that_is_no_whole_says_why(headers: dict[str, str]) -> None:
    """The text is what a person reads when the download is given up."""
    offer = judge(Asked(), 206 if "Content-Range" in headers else 200, httpx.Headers(headers), URL)
    assert isinstance(offer, Failure)
    assert offer.text.startswith("the storage ")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Range": "bytes 3-8/10"},
        {"Content-Range": "bytes 3-9/10"},
        {"Content-Range": "bytes 3-9/*"},
        {"Content-Range": "bytes 3-8/*", "ETag": '"two"'},
        {"Content-Range": "bytes 3-8/9", "x-goog-hash": f"md5={MD5S[1]}"},
        {"Content-Range": "bytes 3-8/9", "x-goog-hash": f"md5={MD5S[0]},crc32c={CRCS[1]}"},
        {"Content-Range": "bytes 3-8/9", "x-goog-hash": f"md5={MD5S[1]},crc32c={CRCS[0]}"},
    ],
    ids=str,
)
def test_a_part_that_contradicts_what_is_known_is_of_another_object(headers: dict[str, str]) -> None:
    """Another size, bytes beyond the known one, another tag, or any checksum that is not the known one."""
    known = attrs.evolve(KNOWN, md5=hex_of(MD5S[0]), crc32c=hex_of(CRCS[0]))
    changed = judge(Asked(start=3, known=known), 206, httpx.Headers(headers), URL)
    assert isinstance(changed, Failure)
    assert changed.kind is Kind.CHANGED


@pytest.mark.parametrize(
    ("told", "extra", "expected"),
    [
        ("", {}, (0, None)),
        (f"md5={MD5S[0]}", {}, (0, None)),
        (f"crc32c={CRCS[1]}", {}, (0, 1)),
        (f"crc32c={CRCS[1]}", {"x-goog-stored-content-encoding": "gzip"}, (0, None)),
    ],
)
def test_a_part_keeps_the_known_checksums_and_adds_its_own(
    told: str, extra: dict[str, str], expected: tuple[int, int | None]
) -> None:
    """What the bytes will be checked by is all that any answer announced, unless it is of bytes that are not kept."""
    known = attrs.evolve(KNOWN, md5=hex_of(MD5S[0]))
    headers = {"Content-Range": "bytes 3-8/*", "x-goog-hash": told} | extra
    offer = judge(Asked(start=3, known=known), 206, httpx.Headers(headers), URL)
    assert isinstance(offer, Offer)
    md5, crc32c = expected
    wanted = hex_of(MD5S[md5]), None if crc32c is None else hex_of(CRCS[crc32c])
    assert (offer.identity.md5, offer.identity.crc32c) == wanted


@pytest.mark.parametrize("status", [200, 206])
def test_the_whole_in_place_of_a_part_is_told_from_a_changed_object(status: int) -> None:
    """200 to a range: a server that has no ranges if it is the same object, another version if it is not."""
    known = Identity(path=PATH, size=SIZE, etag='"one"')
    asked = Asked(start=500, known=known)
    headers = {"ETag": '"one"', "Content-Length": "1000"}
    same = judge(asked, 200, httpx.Headers(headers), URL)
    assert isinstance(same, Failure)
    assert same.kind is Kind.NO_RANGES
    other = {"ETag": '"two"', "Content-Length": "500", "Content-Range": "bytes 500-999/1000"}
    changed = judge(asked, status, httpx.Headers(other), URL)
    assert isinstance(changed, Failure)
    assert changed.kind is Kind.CHANGED


def test_if_range_carries_strong_validators_only() -> None:
    """RFC 9110, section 13.1.5: never a weak entity tag; the date only where it is strong."""

    def sent(**fields: str) -> dict[str, str]:
        return Asked(start=5, stop=9, known=Identity(path=PATH, size=SIZE, **fields)).headers()

    assert sent(etag='"one"') == {"Range": "bytes=5-8", "If-Range": '"one"'}
    assert sent(etag='W/"one"') == {"Range": "bytes=5-8"}
    assert sent(modified="Mon") == {"Range": "bytes=5-8", "If-Range": "Mon"}
    assert sent(etag='W/"one"', modified="Mon") == {"Range": "bytes=5-8", "If-Range": "Mon"}
    assert Asked().headers() == {}


@pytest.mark.parametrize(("stop", "asked_for"), [(None, "bytes=5-"), (9, "bytes=5-8")])
def test_what_is_asked_for(stop: int | None, asked_for: str) -> None:
    """RFC 9110, section 14.1.2: first and last byte, the last one left out for the rest."""
    asked = Asked(start=5, stop=stop, known=Identity(path="h/v", size=20, etag='"one"'))
    assert asked.headers() == {"Range": asked_for, "If-Range": '"one"'}
    assert Asked(start=5, stop=stop).headers() == {}
