"""What the headers of a storage say about an object, and when two answers are about the same one."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from aikynetix._download import _identity
from aikynetix._download._identity import Identity

URL = "https://user:pw@h:444/b/v.mp4?X-Goog-Signature=00#f"
MD5 = "CY9rzUYh03PK3k6DJie09g=="
MD5_HEX = "098f6bcd4621d373cade4e832627b4f6"
DAY = "Thu, 01 Jan 2026 00:00:0{} GMT"


def headers(**fields: str) -> httpx.Headers:
    return httpx.Headers({name.replace("_", "-"): value for name, value in fields.items()})


def test_everything_that_a_storage_tells_is_read() -> None:
    """Host and path without user info, query and fragment; tag, generation, strong date and both checksums."""
    told = headers(
        etag=' "e-1" ',
        x_goog_generation=" 17 ",
        x_goog_hash=f"crc32c=AAECAw==,md5={MD5}",
        last_modified=DAY.format(1),
        date=DAY.format(2),
    )
    assert _identity.identity_of(URL, told, 9) == Identity(
        path="h:444/b/v.mp4",
        size=9,
        etag='"e-1"',
        generation="17",
        modified=DAY.format(1),
        md5=MD5_HEX,
        crc32c="00010203",
    )
    assert _identity.identity_of("https://h/v", headers(), None) == Identity(path="h/v")


@pytest.mark.parametrize("generation", ["", "0x1", "-1", "1 2", "1" * 20, "\u0661"])
def test_a_generation_is_a_number(generation: str) -> None:
    """At most 19 digits: Cloud Storage documentation, "Object versioning"."""
    told = httpx.Headers([(b"x-goog-generation", generation.encode())])
    assert _identity.identity_of("https://h/v", told, None).generation is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (f"md5={MD5}", (MD5_HEX, None)),
        (f" MD5={MD5} , CRC32C=AAECAw== ", (MD5_HEX, "00010203")),
        (f"sha1=AAAA,md5={MD5}", (MD5_HEX, None)),
        (f"crc32c=!,md5={MD5}", (MD5_HEX, None)),
        (f"crc32c=AA!ECAw==,md5={MD5}", (MD5_HEX, None)),
        ("md5=AAECAw==,crc32c=AAECAw==", (None, "00010203")),
        (f"crc32c={MD5}", (None, None)),
        ("md5", (None, None)),
        ("", (None, None)),
    ],
)
def test_checksums_have_their_length(value: str, found: tuple[str | None, str | None]) -> None:
    """Base64 of 16 and of 4 bytes, in any order; what is neither is passed over."""
    identity = _identity.identity_of("https://h/v", headers(x_goog_hash=value), None)
    assert (identity.md5, identity.crc32c) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('"a"', '"a"'),
        ('W/"a"', 'W/"a"'),
        (' "a"  ', '"a"'),
        ('""', None),
        ("abc", "abc"),
        ("", None),
        ('"' + "a" * 1_022 + '"', '"' + "a" * 1_022 + '"'),
        ('"' + "a" * 1_023 + '"', None),
        ('"a\tb"', None),
        ('"é"', None),
    ],
)
def test_an_entity_tag_is_kept_where_it_can_be_sent_back(value: str, found: str | None) -> None:
    """Printable ASCII of 3 to 1,024 characters, without the white space around it."""
    told = httpx.Headers([(b"etag", value.encode())])
    assert _identity.identity_of("https://h/v", told, None).etag == found


@pytest.mark.parametrize(
    ("modified", "date", "is_strong"),
    [
        (DAY.format(1), DAY.format(2), True),
        (DAY.format(1), DAY.format(9), True),
        (DAY.format(2), DAY.format(2), False),
        (DAY.format(3), DAY.format(2), False),
        (DAY.format(1), "", False),
        ("", DAY.format(2), False),
        ("never", DAY.format(2), False),
        (DAY.format(1), "Thu, 99 Jan 2026 00:00:00 GMT", False),
        (DAY.format(1), "Thu, 01 Jan 2026 00:00:02", False),
    ],
)
def test_a_date_proves_something_when_it_is_older_than_the_answer(modified: str, date: str, is_strong: bool) -> None:
    """RFC 9110, section 8.8.2.2: at least a second, by the server's own clock."""
    told = headers(last_modified=modified, date=date)
    assert _identity.identity_of("https://h/v", told, None).modified == (modified if is_strong else None)


@pytest.mark.parametrize(
    ("fields", "validator", "provable"),
    [
        ({}, None, False),
        ({"etag": '"a"'}, '"a"', True),
        ({"etag": 'W/"a"'}, None, False),
        ({"etag": '"a'}, None, False),
        ({"etag": 'W/"a"', "modified": "d"}, "d", True),
        ({"etag": '"a"', "modified": "d"}, '"a"', True),
        ({"generation": "1"}, None, True),
        ({"md5": "00"}, None, True),
        ({"crc32c": "00"}, None, True),
    ],
)
def test_what_is_sent_as_if_range(fields: dict[str, Any], validator: str | None, provable: bool) -> None:
    """RFC 9110, section 13.1.5: a strong tag, else a strong date; checksums and generation prove without being sent."""
    identity = Identity(path="h/v", **fields)
    assert (identity.validator, identity.provable) == (validator, provable)


@pytest.mark.parametrize("asserted", [True, False])
@pytest.mark.parametrize(
    ("known", "seen", "same"),
    [
        ({}, {}, None),
        ({"size": 1}, {"size": 1}, None),
        ({"size": 1}, {"size": 2}, False),
        ({"size": 1}, {}, None),
        ({}, {"size": 1}, None),
        ({"size": 1, "md5": "a"}, {"size": 2, "md5": "a"}, False),
        ({"md5": "a"}, {"md5": "a", "path": "h/other"}, True),
        ({"md5": "a", "crc32c": "c"}, {"md5": "b", "crc32c": "c"}, False),
        ({"md5": "a", "crc32c": "c"}, {"md5": "a", "crc32c": "d"}, False),
        ({"crc32c": "a"}, {"crc32c": "a", "path": "h/other"}, True),
        ({"crc32c": "a"}, {"crc32c": "b"}, False),
        ({"md5": "a"}, {"crc32c": "a"}, None),
        ({"generation": "1"}, {"generation": "1", "path": "h/other"}, False),
        ({"generation": "1", "etag": '"a"'}, {"generation": "1", "etag": '"b"'}, True),
        ({"generation": "1", "etag": '"a"'}, {"generation": "2", "etag": '"a"'}, False),
        ({"etag": '"a"'}, {"etag": '"a"'}, True),
        ({"etag": '"a"', "modified": "d"}, {"etag": '"b"', "modified": "d"}, False),
        ({"etag": 'W/"a"'}, {"etag": 'W/"b"'}, False),
        ({"etag": 'W/"a"'}, {"etag": 'W/"a"'}, None),
        ({"etag": 'W/"a"', "modified": "d"}, {"etag": 'W/"a"', "modified": "d"}, True),
        ({"etag": 'W/"a"', "modified": "d"}, {"etag": 'W/"a"', "modified": "e"}, False),
        ({"etag": '"a"'}, {"modified": "d"}, None),
        ({"modified": "d"}, {}, None),
        ({"path": "h/other"}, {}, False),
    ],
)
def test_the_strongest_evidence_that_both_carry_decides(
    known: dict[str, Any], seen: dict[str, Any], same: bool | None, asserted: bool
) -> None:
    """Size, checksums, then for one path generation, tag and date; without evidence (None) the storage's own word."""
    place: dict[str, Any] = {"path": "h/v"}
    one, other = Identity(**(place | known)), Identity(**(place | seen))
    assert _identity.same_object(one, other, asserted=asserted) is (asserted if same is None else same)


@pytest.mark.parametrize(
    ("known", "seen", "both"),
    [
        ({}, {}, {}),
        ({"size": 5, "md5": "a", "crc32c": "c"}, {}, {"size": 5, "md5": "a", "crc32c": "c"}),
        ({}, {"size": 5, "md5": "a", "crc32c": "c"}, {"size": 5, "md5": "a", "crc32c": "c"}),
        ({"size": 5, "md5": "a"}, {"size": 5, "crc32c": "c"}, {"size": 5, "md5": "a", "crc32c": "c"}),
        ({"etag": '"a"'}, {"etag": '"b"', "path": "h/other", "generation": "2"}, {"etag": '"a"'}),
    ],
)
def test_what_one_answer_leaves_out_another_tells(
    known: dict[str, Any], seen: dict[str, Any], both: dict[str, Any]
) -> None:
    """Size and checksums are gathered; path and validators stay those that the bytes at hand came with."""
    place: dict[str, Any] = {"path": "h/v"}
    joined = _identity.joined(Identity(**(place | known)), Identity(**(place | seen)))
    assert joined == Identity(**(place | both))


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        ({"content_length": "10"}, 10),
        ({"content_length": " 10 "}, 10),
        ({"content_length": "10, 10"}, 10),
        ({"content_length": "10, 11"}, None),
        ({"content_length": "0"}, 0),
        ({"content_length": "-1"}, None),
        ({"content_length": "+1"}, None),
        ({"content_length": "1e3"}, None),
        ({"content_length": "1" * 20}, None),
        ({"content_length": "10", "transfer_encoding": "chunked"}, None),
        ({}, None),
    ],
)
def test_a_length_is_one_number(fields: dict[str, str], length: int | None) -> None:
    """RFC 9110, section 8.6; beside a transfer coding it means nothing (RFC 9112, section 6.3)."""
    assert _identity.content_length(headers(**fields)) == length


@pytest.mark.parametrize(
    ("value", "length", "found"),
    [
        ("bytes 0-9/10", "", (0, 10, 10)),
        (" BYTES  3-3/10 ", "1", (3, 4, 10)),
        ("bytes 0-9/*", "10", (0, 10, None)),
        ("bytes 0-9/10", "9", None),
        ("bytes 0-9/10", "10", (0, 10, 10)),
        ("bytes 0-10/10", "", None),
        ("bytes 5-4/10", "", None),
        ("bytes 5-5/10", "", (5, 6, 10)),
        ("bytes */10", "", None),
        ("bytes 0-9", "", None),
        ("items 0-9/10", "", None),
        ("bytes 0-9/10/10", "", None),
        ("", "", None),
    ],
)
def test_a_range_holds_together_or_is_none(value: str, length: str, found: tuple[int, int, int | None] | None) -> None:
    """RFC 9110, section 14.4: inside the size, and as long as the body."""
    assert _identity.content_range(headers(content_range=value, content_length=length)) == found


@pytest.mark.parametrize(("value", "size"), [("10", 10), (" 10 ", 10), ("", None), ("-1", None), ("9" * 20, None)])
def test_the_stored_size_is_a_number(value: str, size: int | None) -> None:
    """Cloud Storage tells it beside the length, also where the length is missing."""
    assert _identity.stored_size(headers(x_goog_stored_content_length=value)) == size
    assert _identity.stored_size(headers()) is None


@pytest.mark.parametrize(
    ("fields", "unpacked"),
    [
        ({}, False),
        ({"x_goog_stored_content_encoding": "identity"}, False),
        ({"x_goog_stored_content_encoding": " Identity "}, False),
        ({"x_goog_stored_content_encoding": "gzip"}, True),
        ({"x_goog_stored_content_encoding": "gzip", "content_encoding": " "}, True),
        ({"x_goog_stored_content_encoding": "gzip", "content_encoding": "gzip"}, False),
    ],
)
def test_an_object_that_the_storage_unpacked_is_known(fields: dict[str, str], unpacked: bool) -> None:
    """Stored compressed and sent plain: its size and checksums are those of other bytes."""
    assert _identity.is_transcoded(headers(**fields)) is unpacked
