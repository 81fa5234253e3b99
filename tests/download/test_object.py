"""What a response says about the object, and whether it brings what was asked for: pure, for any headers at all."""

from __future__ import annotations

import base64
from typing import Any

import attrs
import httpx
import pytest

from aikynetix._download._failures import Failure, Kind
from aikynetix._download._object import ObjectVersion, RangeResponse, range_headers, same_object, validate_response

SIZE = 1000
URL = "https://user:pw@storage.example:444/bucket/v.mp4?X-Goog-Signature=topsecret#f"
PATH = "storage.example:444/bucket/v.mp4"
KNOWN = ObjectVersion(path=PATH, size=9, etag='"one"')
MD5S = [base64.b64encode(bytes([n]) * 16).decode() for n in (1, 2)]


def hex_of(value: str) -> str:
    return base64.b64decode(value).hex()


def validated(known: ObjectVersion | None, status: int, headers: Any) -> RangeResponse | Kind:
    """Return the response, or the kind of the failure."""
    try:
        return validate_response(known, 3 if known else 0, status, httpx.Headers(headers), URL)
    except Failure as error:
        failure = error
    assert failure.text.startswith(("the storage ", "the video "))
    assert "topsecret" not in failure.text
    return failure.kind


def version(**headers: str) -> ObjectVersion:
    found = validated(None, 200, [(name.replace("_", "-"), value.encode()) for name, value in headers.items()])
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
    ("value", "found"),
    [
        ('"a"', '"a"'),
        (' W/"a" ', 'W/"a"'),
        (" ", None),
        ("abc", "abc"),
        ('"a\tb"', None),
        ('"é"', None),
    ],
)
def test_an_entity_tag_is_kept_where_it_can_be_sent_back(value: str, found: str | None) -> None:
    """Printable ASCII, without the white space around it."""
    assert version(etag=value).etag == found


@pytest.mark.parametrize(
    ("known", "status", "headers", "expected"),
    [
        (None, 200, {"Content-Length": "9", "Accept-Ranges": "Bytes"}, (0, 9, 9, True, "")),
        (None, 200, {"Content-Length": "9", "Content-Encoding": "identity"}, (0, 9, 9, False, "")),
        (None, 200, {"Content-Length": "9", "Content-Encoding": "aws-chunked"}, (0, 9, 9, False, "")),
        (None, 200, {"x-goog-stored-content-length": "9"}, (0, 9, 9, False, "")),
        (None, 200, {"Content-Length": "9", "x-goog-stored-content-length": "9"}, (0, 9, 9, False, "")),
        (None, 200, {"Content-Length": "9", "Content-Encoding": "GZIP"}, (0, None, None, False, "gzip")),
        (None, 200, {"Content-Length": "9, 9"}, (0, 9, 9, False, "")),
        (None, 200, {"Content-Length": "9, 8"}, (0, None, None, False, "")),
        (None, 206, {"Content-Range": "bytes 0-8/9"}, (0, 9, 9, True, "")),
        (KNOWN, 206, {"ETag": '"one"', "Content-Range": "bytes 3-7/9"}, (3, 8, 9, True, "")),
        (KNOWN, 206, {"Content-Range": "bytes 3-8/*"}, (3, 9, 9, True, "")),
        (KNOWN, 200, {"Content-Length": "9", "ETag": '"one"'}, (0, 9, 9, False, "")),
        (None, 200, {"Content-Length": "9", "x-goog-stored-content-length": "8"}, Kind.BROKEN),
        (None, 206, {"Content-Range": "bytes 1-8/9"}, Kind.BROKEN),
        (KNOWN, 206, {"Content-Range": "bytes 3-8/10"}, Kind.CHANGED),
        (KNOWN, 206, {"Content-Range": "bytes 3-9/*"}, Kind.CHANGED),
        (KNOWN, 206, {"Content-Range": "bytes 3-8/*", "ETag": '"two"'}, Kind.CHANGED),
        (KNOWN, 206, {"Content-Range": "bytes 2-8/9"}, Kind.BROKEN),
        (KNOWN, 206, {"Content-Range": "bytes 3-8"}, Kind.BROKEN),
    ],
    ids=str,
)
def test_what_a_response_brings(
    known: ObjectVersion | None, status: int, headers: dict[str, str], expected: object
) -> None:
    """First byte, byte behind the last, size, whether there are ranges, the encoding; or what is wrong with it."""
    found = validated(known, status, headers)
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
    assert range_headers(5, 9, known) == {"Range": "bytes=5-8", **sent}
    assert range_headers(0, 0, None) == {}


FULL = ObjectVersion(path=PATH, size=9, etag='"one"', generation="1", checksums={"md5": "aa", "crc32c": "bb"})
BARE = ObjectVersion(path=PATH, etag='"one"', generation="1")


@pytest.mark.parametrize(
    ("seen", "asserted", "is_same"),
    [
        (ObjectVersion(path="other", etag='"two"', generation="2", checksums={"md5": "aa"}), False, True),
        (ObjectVersion(path=PATH, etag='"one"', generation="1", checksums={"md5": "aa", "crc32c": "xx"}), True, False),
        (ObjectVersion(path=PATH, size=8, checksums={"md5": "aa"}), True, False),
        (attrs.evolve(BARE, path="other"), True, False),
        (attrs.evolve(BARE, etag='"two"'), False, True),
        (attrs.evolve(BARE, generation="2"), True, False),
        (attrs.evolve(BARE, generation=None), False, True),
        (ObjectVersion(path=PATH, etag='"two"'), True, False),
        (ObjectVersion(path=PATH), True, True),
        (ObjectVersion(path=PATH), False, False),
    ],
)
def test_the_strongest_evidence_says_whether_it_is_the_same_object(
    seen: ObjectVersion, asserted: bool, is_same: bool
) -> None:
    """Checksums, then the generation, then the entity tag, both of one path only; else the storage's own word."""
    assert same_object(FULL, seen, asserted=asserted) is is_same
