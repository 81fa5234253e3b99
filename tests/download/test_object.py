"""What a response says about the object, and whether it brings what was asked for: pure, for any headers at all."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aikynetix._download._failures import Failure, Kind
from aikynetix._download._object import ObjectVersion, RangeRequest, RangeResponse, validate_response

SIZE = 1000
URL = "https://user:pw@storage.example:444/bucket/v.mp4?X-Goog-Signature=topsecret#f"
PATH = "storage.example:444/bucket/v.mp4"
KNOWN = ObjectVersion(path=PATH, size=9, etag='"one"')
MD5S = [base64.b64encode(bytes([n]) * 16).decode() for n in (1, 2)]
CRCS = [base64.b64encode(bytes([n]) * 4).decode() for n in (1, 2)]
ETAGS = ('"one"', '"two"', 'W/"one"', "one")


def hex_of(value: str) -> str:
    return base64.b64decode(value).hex()


def validated(request: RangeRequest, status: int, headers: Any) -> RangeResponse | Kind:
    """Return the response, or the kind of the failure."""
    try:
        return validate_response(request, status, httpx.Headers(headers), URL)
    except Failure as error:
        failure = error
    assert failure.text.startswith(("the storage ", "the video "))
    assert "topsecret" not in failure.text
    return failure.kind


def version(**headers: str) -> ObjectVersion:
    found = validated(
        RangeRequest(), 200, [(name.replace("_", "-"), value.encode()) for name, value in headers.items()]
    )
    assert isinstance(found, RangeResponse)
    return found.version


def test_everything_that_a_storage_tells_is_read() -> None:
    """Host and path without user info, query and fragment; size, tag, generation and both checksums."""
    told = {"etag": ' "e-1" ', "x_goog_generation": " 17 ", "x_goog_hash": f"crc32c=AAECAw==,md5={MD5S[0]}"}
    assert version(content_length="9", **told) == ObjectVersion(
        path=PATH, size=9, etag='"e-1"', generation="17", checksums={"crc32c": "00010203", "md5": hex_of(MD5S[0])}
    )
    assert version() == ObjectVersion(path=PATH)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (f"md5={MD5S[0]}", "md5"),
        (f" MD5={MD5S[0]} , CRC32C=AAECAw== ", "crc32c md5"),
        (f"sha1=AAAA,md5={MD5S[0]}", "md5"),
        (f"crc32c=!,md5={MD5S[0]}", "md5"),
        ("md5=AAECAw==,crc32c=AAECAw==", "crc32c"),
        (f"crc32c={MD5S[0]}", ""),
        ("md5", ""),
    ],
)
def test_checksums_have_their_length(value: str, names: str) -> None:
    """Base64 of 16 and of 4 bytes, in any order; what is neither is passed over."""
    assert sorted(version(x_goog_hash=value).checksums) == names.split()


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('"a"', '"a"'),
        (' W/"a" ', 'W/"a"'),
        ('""', None),
        ("abc", "abc"),
        ('"' + "a" * 1_022 + '"', '"' + "a" * 1_022 + '"'),
        ('"' + "a" * 1_023 + '"', None),
        ('"a\tb"', None),
        ('"é"', None),
    ],
)
def test_an_entity_tag_is_kept_where_it_can_be_sent_back(value: str, found: str | None) -> None:
    """Printable ASCII of 3 to 1,024 characters, without the white space around it."""
    assert version(etag=value).etag == found


@pytest.mark.parametrize(
    ("request_", "status", "headers", "expected"),
    [
        (RangeRequest(), 200, {"Content-Length": "9", "Accept-Ranges": "Bytes"}, (0, 9, 9, True, "")),
        (RangeRequest(), 200, {"Content-Length": "9", "Content-Encoding": "identity"}, (0, 9, 9, False, "")),
        (RangeRequest(), 200, {"Content-Length": "9", "Content-Encoding": "aws-chunked"}, (0, 9, 9, False, "")),
        (RangeRequest(), 200, {"x-goog-stored-content-length": "9"}, (0, 9, 9, False, "")),
        (RangeRequest(), 200, {"Content-Length": "9", "x-goog-stored-content-length": "9"}, (0, 9, 9, False, "")),
        (RangeRequest(), 200, {"Content-Length": "9", "Content-Encoding": "GZIP"}, (0, None, None, False, "gzip")),
        (RangeRequest(), 200, {"Content-Length": "9, 9"}, (0, 9, 9, False, "")),
        (RangeRequest(), 200, {"Content-Length": "9, 8"}, (0, None, None, False, "")),
        (RangeRequest(), 206, {"Content-Range": "bytes 0-8/9"}, (0, 9, 9, True, "")),
        (
            RangeRequest(start=3, known=KNOWN),
            206,
            {"ETag": '"one"', "Content-Range": "bytes 3-7/9"},
            (3, 8, 9, True, ""),
        ),
        (RangeRequest(start=3, known=KNOWN), 206, {"Content-Range": "bytes 3-8/*"}, (3, 9, 9, True, "")),
        (RangeRequest(start=3, known=KNOWN), 200, {"Content-Length": "9", "ETag": '"one"'}, (0, 9, 9, False, "")),
        (RangeRequest(), 200, {"Content-Length": "9", "x-goog-stored-content-length": "8"}, Kind.MALFORMED),
        (RangeRequest(), 206, {"Content-Range": "bytes 1-8/9"}, Kind.MALFORMED),
        (RangeRequest(start=3, known=KNOWN), 206, {"Content-Range": "bytes 3-8/10"}, Kind.CHANGED),
        (RangeRequest(start=3, known=KNOWN), 206, {"Content-Range": "bytes 3-9/*"}, Kind.CHANGED),
        (RangeRequest(start=3, known=KNOWN), 206, {"Content-Range": "bytes 3-8/*", "ETag": '"two"'}, Kind.CHANGED),
        (RangeRequest(start=3, known=KNOWN), 206, {"Content-Range": "bytes 2-8/9"}, Kind.MALFORMED),
        (RangeRequest(start=3, known=KNOWN), 206, {"Content-Range": "bytes 3-8"}, Kind.MALFORMED),
    ],
    ids=str,
)
def test_what_a_response_brings(request_: RangeRequest, status: int, headers: dict[str, str], expected: object) -> None:
    """First byte, byte behind the last, size, whether there are ranges, the encoding; or what is wrong with it."""
    found = validated(request_, status, headers)
    if isinstance(found, RangeResponse):
        assert (found.start, found.stop, found.version.size, found.ranges, found.encoding) == expected
    else:
        assert found is expected


@pytest.mark.parametrize(
    ("etag", "sent"), [('"one"', {"If-Range": '"one"'}), ('W/"one"', {}), (None, {})], ids=["strong", "weak", "none"]
)
def test_if_range_carries_a_strong_entity_tag_only(etag: str | None, sent: dict[str, str]) -> None:
    """RFC 9110, section 13.1.5; the whole is asked for without any condition."""
    known = ObjectVersion(path=PATH, size=SIZE, etag=etag)
    assert RangeRequest(start=5, stop=9, known=known).headers() == {"Range": "bytes=5-8", **sent}
    assert RangeRequest().headers() == {}


known_objects = st.builds(
    ObjectVersion,
    path=st.just(PATH) | st.just("storage.example/bucket/other.mp4"),
    size=st.just(SIZE),
    etag=st.none() | st.sampled_from(ETAGS),
    generation=st.none() | st.sampled_from(["1", "2"]),
    checksums=st.fixed_dictionaries(
        {},
        optional={
            "md5": st.sampled_from([hex_of(v) for v in MD5S]),
            "crc32c": st.sampled_from([hex_of(v) for v in CRCS]),
        },
    ),
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
    },
)


@settings(max_examples=600, deadline=None)
@given(known=known_objects, start=st.sampled_from([0, 1, 500, 999]), headers=header_sets)
def test_only_bytes_that_belong_there_are_taken(known: ObjectVersion, start: int, headers: dict[str, str]) -> None:
    """A 206 counts only as a part that begins where it was asked for and contradicts nothing known."""
    found = validated(RangeRequest(start=start, stop=SIZE, known=known), 206, headers)
    if isinstance(found, Kind):
        assert found in (Kind.CHANGED, Kind.MALFORMED)
        return
    assert found.is_known
    assert headers.get("Content-Encoding", "") != "gzip"
    told, size = headers["Content-Range"].removeprefix("bytes ").split("/")
    first, last = map(int, told.split("-"))
    assert (first, last + 1) == (start, found.stop)
    assert size in ("*", str(SIZE))
    assert last < SIZE == found.version.size
    if "Transfer-Encoding" not in headers and headers.get("Content-Length", "").isdigit():
        assert int(headers["Content-Length"]) == last + 1 - first
    assert_same(known, headers)


def assert_same(known: ObjectVersion, headers: dict[str, str]) -> None:
    """Something says that it is the same object, and nothing stronger says otherwise."""
    kind, _, value = headers.get("x-goog-hash", "").partition("=")
    is_transcoded = headers.get("x-goog-stored-content-encoding") == "gzip"
    if value and kind in known.checksums and not is_transcoded:
        assert known.checksums[kind] == hex_of(value)
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
    # Only the storage's own word is left: it has been asked with If-Range and sent a part.
    assert known.validator is not None


@settings(max_examples=200, deadline=None)
@given(status=st.sampled_from([200, 206]), headers=header_sets)
def test_a_whole_begins_at_the_first_byte_and_ends_where_it_says(status: int, headers: dict[str, str]) -> None:
    """Without anything known the response must be all of the object, of the size that it announces itself."""
    found = validated(RangeRequest(), status, headers)
    if isinstance(found, Kind):
        assert found is Kind.MALFORMED
        return
    assert (found.start, found.is_known) == (0, False)
    assert found.stop == found.version.size
    if status == 206:
        assert headers["Content-Range"] == f"bytes 0-{(found.stop or 0) - 1}/{found.stop}"
    if found.encoding:
        assert (found.version.size, found.ranges) == (None, False)
    is_plain = headers.get("Content-Encoding", "") in ("", "identity")
    if found.encoding or (is_plain and headers.get("x-goog-stored-content-encoding") == "gzip"):
        assert found.version.checksums == {}
