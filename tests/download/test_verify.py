"""What is checked before a file gets its name: size, checksums, and that it is a whole video."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aikynetix import IntegrityError

from .calls import MIB, assert_right, fetch
from .servers import Fault, Storage, hash_header, serving, video

if TYPE_CHECKING:
    from pathlib import Path

BODY = video(MIB)
OTHER = video(MIB, seed=2)
MD5, CRC = hash_header(BODY, ["md5"]), hash_header(BODY, ["crc32c"])
BAD_MD5, BAD_CRC = hash_header(OTHER, ["md5"]), hash_header(OTHER, ["crc32c"])


@pytest.mark.parametrize(
    ("value", "verified"),
    [
        (MD5, "md5"),
        (CRC, "crc32c"),
        (f"{CRC},{MD5}", "crc32c+md5"),
        (f"{CRC}\r\nx-goog-hash: {MD5}", "crc32c+md5"),
        (f"sha9=AAAA,{MD5.upper()[:3]}{MD5[3:]}", "md5"),
        ("md5=short", "size"),
        (None, "size"),
        (BAD_MD5, None),
        (BAD_CRC, None),
        (f"{CRC},{BAD_MD5}", None),
        (f"{MD5}\r\nx-goog-hash: {BAD_CRC}", None),
    ],
)
def test_every_announced_checksum_must_match(value: str | None, verified: str | None, tmp_path: Path) -> None:
    """In one header line or two; the result says which were checked, and one that does not match is enough."""
    fault = Fault(headers={"x-goog-hash": value})
    with serving(Storage(BODY, fault=lambda request: fault)) as storage:
        if verified is not None:
            result = fetch(storage, tmp_path / "v.mp4")
            assert result.verified == verified
            assert_right(result, tmp_path / "v.mp4", BODY)
            return
        with pytest.raises(IntegrityError, match="checksum does not match"):
            fetch(storage, tmp_path / "v.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<!DOCTYPE html><html>sign in</html>" * 9, "HTML page or an XML document"),
        (b"\xef\xbb\xbf \r\n<HTML><head>", "HTML page or an XML document"),
        (b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", "HTML page or an XML document"),
        (b"<", "HTML page or an XML document"),
        (b"", "empty"),
        (b"GIF89a" + bytes(100), "mp4"),
        (b'{"error": "no video"}', "mp4"),
        (b"\0\0\0\4ftyp" + bytes(100), "mp4"),
        (b"\0\0\0\x18FTYP" + bytes(100), "mp4"),
        (b"\0\0\0\x18fty", "mp4"),
        (bytes(1000), "mp4"),
        (video(1000) + b"<html><body>504</body></html>\r\n", "breaks off in an error page"),
        (video(1000) + b"<Error><Code>InternalError</Code></Error>", "breaks off in an error page"),
    ],
)
def test_what_is_no_video_is_refused(body: bytes, text: str, tmp_path: Path) -> None:
    """A page, a document, what does not start as an mp4 does, what ends in an error page: with status 200 too."""
    with serving(Storage(body)) as storage, pytest.raises(IntegrityError, match=text):
        fetch(storage, tmp_path / "v.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "head", [b"\0\0\0\x18ftypisom", b"\0\0\0\x08wide\0\0\0\0mdat", b"\0\0\0\0mdat", b"\0\0\0\1mdat" + bytes(8)]
)
def test_every_beginning_of_an_mp4_is_taken(head: bytes, tmp_path: Path) -> None:
    """The first box may be another than ftyp, as in QuickTime's files, and its length may be 0 or 1."""
    with serving(Storage(head + bytes(1000))) as storage:
        assert_right(fetch(storage, tmp_path / "v.mp4"), tmp_path / "v.mp4", storage.body)


FTYP = BODY[:24]


@pytest.mark.parametrize(
    ("body", "hashes", "verified"),
    [
        (BODY, (), "container"),
        (FTYP + b"\0\0\0\1mdat" + (1016).to_bytes(8, "big") + bytes(1000), (), "container"),
        (BODY[:-1], (), None),
        (BODY[: MIB // 2], (), None),
        (BODY + b"more", (), None),
        (FTYP + b"\0\0\0\0mdat" + bytes(1000), (), None),
        (FTYP + b"\0\0\0\2mdat" + bytes(1000), (), None),
        (FTYP + b"\0\0\0\0mdat" + bytes(1000), ("md5",), "md5"),
    ],
    ids=["whole", "64 bits", "a byte less", "half", "more", "open end", "no box", "checksum"],
)
def test_a_body_that_only_hanging_up_ends_must_be_whole_by_its_container(
    body: bytes, hashes: tuple[str, ...], verified: str | None, tmp_path: Path
) -> None:
    """Where nothing but the end of the connection ends a body, the boxes must add up, or a checksum match."""
    with serving(Storage(body, hashes, fault=lambda request: Fault(headers={"Content-Length": None}))) as storage:
        if verified is not None:
            assert fetch(storage, tmp_path / "v.mp4").verified == verified
            assert (tmp_path / "v.mp4").read_bytes() == body
            return
        with pytest.raises(IntegrityError, match="not whole"):
            fetch(storage, tmp_path / "v.mp4")
    assert list(tmp_path.iterdir()) == []
