"""What is checked before a file gets its name: size, checksums, ranges, and that it is a video at all."""

from __future__ import annotations

import gzip
import hashlib
import threading
import time
from typing import TYPE_CHECKING

import pytest

from aikynetix import DownloadError, DownloadInterruptedError, IntegrityError
from aikynetix._download import _digest
from aikynetix._download._identity import Identity

from .calls import MIB, assert_right, fetch
from .servers import Fault, Request, Storage, hash_header, serving, video

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("either_thread")

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
        (f"{MD5}, {CRC}", "crc32c+md5"),
        (f"{CRC}\r\nx-goog-hash: {MD5}", "crc32c+md5"),
        (f"{MD5}\r\nX-Goog-Hash: {CRC}", "crc32c+md5"),
        (f"sha9=AAAA,{MD5.upper()[:3]}{MD5[3:]}", "md5"),
        ("md5=short", "size"),
        ("nonsense", "size"),
        (None, "size"),
    ],
)
def test_checksums_that_match_are_told(value: str | None, verified: str, tmp_path: Path) -> None:
    """Each checksum that the storage announces is checked, in one header line or two, and the result says which."""
    fault = Fault(headers={"x-goog-hash": value})
    with serving(Storage(BODY, fault=lambda request: fault)) as storage:
        result = fetch(storage, tmp_path / "v.mp4")
    assert result.verified == verified
    assert_right(result, tmp_path / "v.mp4", BODY)


@pytest.mark.parametrize(
    "value",
    [
        BAD_MD5,
        BAD_CRC,
        f"{CRC},{BAD_MD5}",
        f"{BAD_CRC},{MD5}",
        f"{CRC}\r\nx-goog-hash: {BAD_MD5}",
        f"{MD5}\r\nx-goog-hash: {BAD_CRC}",
    ],
)
@pytest.mark.parametrize("size", [MIB, 9 * MIB], ids=["small", "hashed beside"])
def test_one_checksum_that_does_not_match_is_enough(value: str, size: int, tmp_path: Path) -> None:
    """If any announced checksum is another one, the file is refused and nothing of it stays."""
    fault = Fault(headers={"x-goog-hash": value})
    body = BODY if size == MIB else video(size)
    with (
        serving(Storage(body, fault=lambda request: fault)) as storage,
        pytest.raises(IntegrityError, match="checksum does not match"),
    ):
        fetch(storage, tmp_path / "v.mp4")
    assert list(tmp_path.iterdir()) == []


def test_bytes_that_change_on_the_way_are_noticed(tmp_path: Path) -> None:
    """One flipped bit in a file that came over many connections is found by its checksum."""
    body = bytearray(video(12 * MIB))
    announced = hash_header(bytes(body))
    body[7 * MIB] ^= 1
    fault = Fault(headers={"x-goog-hash": announced})
    with serving(Storage(bytes(body), rate=8 * MIB, fault=lambda request: fault)) as storage:
        with pytest.raises(IntegrityError, match="checksum"):
            fetch(storage, tmp_path / "v.mp4")
        assert len(storage.requests) > 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<!DOCTYPE html><html>sign in</html>" * 9, "HTML page"),
        (b"\xef\xbb\xbf \r\n<HTML><head>", "HTML page"),
        (b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", "XML document"),
        (b"<", "XML document"),
        (b"", "empty"),
        (b"GIF89a" + bytes(100), "mp4"),
        (b'{"error": "no video"}', "mp4"),
        (b"\0\0\0\4ftyp" + bytes(100), "mp4"),
        (b"\0\0\0\x18FTYP" + bytes(100), "mp4"),
        (b"\0\0\0\x18fty", "mp4"),
        (bytes(1000), "mp4"),
    ],
)
def test_what_is_no_video_is_refused(body: bytes, text: str, tmp_path: Path) -> None:
    """A page, a document, or anything that does not start as an mp4 does is an error with status 200 too."""
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


HALF = MIB // 2
RANGES: list[tuple[dict[str, str | None], str]] = [
    ({"Content-Range": None}, "without saying which"),
    ({"Content-Range": f"bytes {HALF}-{MIB - 1}"}, "without saying which"),
    ({"Content-Range": f"items {HALF}-{MIB - 1}/{MIB}"}, "without saying which"),
    ({"Content-Range": f"bytes {MIB - 1}-{HALF}/{MIB}"}, "without saying which"),
    ({"Content-Range": f"bytes {HALF}-{MIB}/{MIB}"}, "without saying which"),
    ({"Content-Range": f"bytes {HALF}-{MIB - 2}/{MIB}"}, "without saying which"),
    ({"Content-Range": f"bytes 0-{HALF - 1}/{MIB}"}, "bytes from 0 on"),
    ({"Content-Range": f"bytes {HALF + 1}-{MIB - 1}/{MIB}", "Content-Length": str(HALF - 1)}, f"bytes from {HALF + 1}"),
    ({"Content-Range": None, "Content-Type": "multipart/byteranges; boundary=x"}, "without saying which"),
    ({"Content-Encoding": "gzip"}, "without saying which"),
]


@pytest.mark.parametrize(("headers", "text"), RANGES, ids=str)
def test_a_part_that_is_not_the_one_asked_for_is_not_written(
    headers: dict[str, str | None], text: str, tmp_path: Path
) -> None:
    """A 206 whose Content-Range is missing, malformed or about other bytes is refused; the right answer is taken."""
    faults = {0: Fault(cut_after=HALF), 1: Fault(headers=headers, body=OTHER[:HALF])}
    with serving(Storage(BODY, (), fault=lambda request: faults.get(request.number))) as storage:
        assert_right(fetch(storage, tmp_path / "v.mp4"), tmp_path / "v.mp4", BODY)
        assert [request.span for request in storage.requests] == [None, (HALF, MIB), (HALF, MIB)]
        faults[1] = faults[2] = faults[3] = Fault(headers=headers, body=OTHER[:HALF])
        storage.requests.clear()
        with pytest.raises(DownloadInterruptedError, match=text):
            fetch(storage, tmp_path / "w.mp4", max_retries=2)


def test_a_part_shorter_than_asked_for_is_followed_by_the_rest(tmp_path: Path) -> None:
    """A server may answer a range with less of it (RFC 9110, section 15.3.7): the rest is asked for."""

    def fault(request: Request) -> Fault | None:
        if request.number == 0:
            return Fault(cut_after=HALF)
        if request.span is None or request.number > 4:
            return None
        first = request.span[0]
        headers: dict[str, str | None] = {"Content-Range": f"bytes {first}-{first + 99_999}/{MIB}"}
        return Fault(headers=headers | {"Content-Length": "100000"}, body=BODY[first : first + 100_000])

    with serving(Storage(BODY, fault=fault)) as storage:
        assert_right(fetch(storage, tmp_path / "v.mp4"), tmp_path / "v.mp4", BODY)
        assert [request.span for request in storage.requests][1:4] == [
            (HALF, MIB),
            (HALF + 100_000, MIB),
            (HALF + 200_000, MIB),
        ]


def test_a_part_longer_than_asked_for_is_taken_to_its_end(tmp_path: Path) -> None:
    """Bytes beyond the asked ones are those of the object and are not written past its end."""
    faults = {0: Fault(cut_after=HALF)}
    with serving(Storage(BODY, fault=lambda request: faults.get(request.number))) as storage:
        longer: dict[str, str | None] = {"Content-Range": f"bytes {HALF}-{MIB - 1}/*"}
        faults[1] = Fault(headers=longer)
        assert_right(fetch(storage, tmp_path / "v.mp4"), tmp_path / "v.mp4", BODY)


def test_a_whole_that_comes_as_a_part_is_taken(tmp_path: Path) -> None:
    """Status 206 to a request without Range is fine if it is all of the object."""
    whole = Fault(status=206, headers={"Content-Range": f"bytes 0-{MIB - 1}/{MIB}"})
    with serving(Storage(BODY, fault=lambda request: whole)) as storage:
        assert_right(fetch(storage, tmp_path / "v.mp4"), tmp_path / "v.mp4", BODY)


def test_an_object_that_the_storage_unpacked_is_taken_without_its_checksums(tmp_path: Path) -> None:
    """Size and checksums of an object that is kept compressed are those of the compressed bytes."""
    packed = gzip.compress(BODY)
    headers: dict[str, str | None] = {
        "x-goog-stored-content-encoding": "gzip",
        "x-goog-stored-content-length": str(len(packed)),
        "x-goog-hash": hash_header(packed),
        "Accept-Ranges": None,
    }
    for fault, verified in ((Fault(chunked=True, headers=headers), "container"), (Fault(headers=headers), "size")):
        with serving(Storage(BODY, fault=lambda request, fault=fault: fault)) as storage:  # type: ignore[misc]  # typed below
            result = fetch(storage, tmp_path / "v.mp4", overwrite=True)
        assert result.verified == verified
        assert_right(result, tmp_path / "v.mp4", BODY)


def test_an_object_that_comes_compressed_is_unpacked(tmp_path: Path) -> None:
    """Content-Encoding gzip is undone though nobody asked for it, and a bomb ends at max_bytes."""
    headers: dict[str, str | None] = {"Content-Encoding": "gzip"}
    packed = Fault(body=gzip.compress(BODY), headers=headers)
    with serving(Storage(BODY, (), fault=lambda request: packed)) as storage:
        assert_right(fetch(storage, tmp_path / "v.mp4", max_bytes=MIB), tmp_path / "v.mp4", BODY)
        with pytest.raises(DownloadError, match="more than"):
            fetch(storage, tmp_path / "w.mp4", max_bytes=MIB - 1)
    assert not (tmp_path / "w.mp4").exists()


def test_without_a_thread_to_spare_the_hash_is_right_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system gives no more threads, the connections do the hashing."""
    start, refused = threading.Thread.start, []

    def scarce(thread: threading.Thread) -> None:
        if "digest" in thread.name:
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    monkeypatch.setattr(_digest, "_processors", lambda: 2)
    with serving(Storage(video(12 * MIB), ("md5", "crc32c"))) as storage:
        result = fetch(storage, tmp_path / "v.mp4")
    assert refused
    assert_right(result, tmp_path / "v.mp4", storage.body)


def test_blocks_are_hashed_one_after_the_other() -> None:
    """A connection that brings the next block while another one is still at its own leaves it to be read later."""
    body = video(2 * MIB)
    size = len(body) // 2

    class File:
        def read_into(self, view: memoryview, offset: int) -> int:
            view[:] = body[offset : offset + len(view)]
            return len(view)

    digest, is_late = _digest.Digest(Identity(path="v.mp4", size=len(body)), File(), sha256=True), threading.Event()

    class Slow:
        def __init__(self) -> None:
            self.inner = hashlib.sha256()

        def update(self, data: bytes) -> None:
            if not is_late.is_set():
                is_late.set()
                time.sleep(0.2)
            self.inner.update(data)

        def hexdigest(self) -> str:
            return self.inner.hexdigest()

    digest._hashes["sha256"] = Slow()
    first = threading.Thread(target=digest.offer, args=(0, bytearray(body[:size]), size), kwargs={"alone": False})
    first.start()
    assert is_late.wait(5)
    digest.offer(size, bytearray(body[size:]), size, alone=False)
    first.join()
    assert digest.wait(len(body), 5)
    assert digest.result().sha256 == hashlib.sha256(body).hexdigest()
