"""A storage that answers wrongly, once or always, at any byte; and what is checked before a file gets its name."""

from __future__ import annotations

import gzip
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from aikynetix import Aikynetix, DownloadError, DownloadInterruptedError, IntegrityError

from .calls import EXPIRED, KEY, MIB, assert_right, fetch, interrupt, once
from .servers import Fault, Request, Storage, hash_header, serving, video

if TYPE_CHECKING:
    from pathlib import Path

BODY = video(MIB)
OTHER = video(MIB, seed=2)
HALF = MIB // 2
GZIP: dict[str, str | None] = {"Content-Encoding": "gzip"}
NO_HASH: dict[str, str | None] = {"x-goog-hash": None}
NAMELESS: dict[str, str | None] = {"ETag": None, "x-goog-generation": None, "Accept-Ranges": None}
# RFC 1952, section 2.2: members follow one another; the last has a single byte of the video.
MEMBERS = b"".join(gzip.compress(part, mtime=0) for part in (BODY[:400_000], BODY[400_000:-1], BODY[-1:]))
# What unpacks to a thousand times its size.
BOMB = gzip.compress(BODY[:32], mtime=0) + gzip.compress(bytes(16 * MIB), mtime=0) * 20


def deflated(wbits: int) -> bytes:
    made = zlib.compressobj(wbits=wbits)
    return made.compress(BODY) + made.flush()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=503, body=b"busy", headers={"Retry-After": "0"}),
        Fault(status=400, body=EXPIRED),
        Fault(status=403, body=b"<Error><Code>SignatureDoesNotMatch</Code></Error>"),
        Fault(raw=b"nonsense\r\n\r\n"),
        Fault(chunked=True, headers={**NAMELESS}),
        Fault(headers={"Content-Length": None}),
        Fault(headers={"Content-Length": None, **NO_HASH}),
        Fault(headers={"Content-Length": "9999999"}),
        Fault(headers={"Content-Length": "1048576, 1048576"}),
        Fault(headers={"Content-Length": "99", "x-goog-stored-content-length": "1048576"}),
        Fault(headers={**GZIP}, body=gzip.compress(BODY, mtime=0)),
        Fault(headers=GZIP | NO_HASH, body=MEMBERS),
        Fault(headers=GZIP | NO_HASH, body=MEMBERS, chunked=True),
        Fault(headers={**GZIP}, body=gzip.compress(BODY, mtime=0)[:-100]),
        Fault(headers={**GZIP}, body=gzip.compress(BODY, mtime=0)[:5000], cut_after=2500),
        Fault(headers={"Content-Encoding": "deflate"}, body=deflated(15)),
        Fault(headers={"Content-Encoding": "deflate"}, body=deflated(-15)),
        *(Fault(headers={"Content-Encoding": token}) for token in ("UTF-8", "aws-chunked", "binary", "none", "br")),
        Fault(headers={"Set-Cookie": "a=b", "Content-Type": "text/html"}),
        Fault(status=206, headers={"Content-Range": f"bytes 0-{MIB - 1}/{MIB}"}),
    ],
    ids=str,
)
def test_one_odd_response_does_not_stop_a_download(fault: Fault, tmp_path: Path) -> None:
    """Whatever is odd about one response, the file is right in the end and nothing else is left."""
    with serving(Storage(BODY, fault=once(fault))) as storage:
        fetch(storage, tmp_path / "v.mp4", silence=0.6)


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        (Fault(status=400, body=b"<Error><Code>InvalidArgument</Code></Error>"), DownloadError, "storage"),
        (Fault(status=416, body=b""), DownloadError, "storage"),
        (Fault(status=204, body=b""), DownloadError, "storage"),
        (Fault(status=206), DownloadInterruptedError, "storage"),
        (Fault(status=302, body=b""), DownloadError, "storage"),
        (Fault(status=302, body=b"", headers={"Location": "/again"}), DownloadError, "storage"),
        (Fault(drip=0.05), DownloadInterruptedError, "storage"),
        (Fault(status=503, body=bytes(999), drip=0.05), DownloadInterruptedError, "storage"),
        (Fault(headers={"Content-Encoding": "br", "x-goog-hash": None}, body=b"brotli" * 99), IntegrityError, None),
        (Fault(headers={**GZIP}), DownloadInterruptedError, "storage"),
        (Fault(headers={**GZIP}, body=BOMB), DownloadError, "storage"),
        (Fault(headers={"Content-Length": None, **NO_HASH}, cut_after=200_000), IntegrityError, None),
        (Fault(headers=NAMELESS | NO_HASH, cut_after=200_000), DownloadInterruptedError, "storage"),
        (Fault(ignore_range=True, cut_after=200_000), DownloadInterruptedError, "storage"),
    ],
    ids=str,
)
def test_a_storage_that_never_gives_the_video_is_an_error_of_ours(
    fault: Fault, kind: type[DownloadError], reason: str | None, tmp_path: Path
) -> None:
    """A lasting fault ends in the documented exception, soon, and with nothing under the final name."""
    begun = time.monotonic()
    with (
        serving(Storage(video(300_000), fault=lambda request: fault)) as storage,
        pytest.raises(DownloadError) as caught,
    ):
        fetch(
            storage, tmp_path / "v.mp4", silence=0.4, max_retries=1, max_bytes=None if fault.body is BOMB else 2 * MIB
        )
    assert (type(caught.value), caught.value.reason) == (kind, reason)
    assert (caught.value.session_id, caught.value.path) == ("session", tmp_path / "v.mp4")
    assert "topsecret" not in repr(caught.value) + str(caught.value) + repr(caught.value.__cause__)
    assert not (tmp_path / "v.mp4").exists()
    assert time.monotonic() - begun < 8
    assert len(storage.requests) <= (6 if "Location" in fault.headers else 4)


def test_an_encoded_body_of_a_mock_is_unpacked_once(tmp_path: Path) -> None:
    """A response that was made of its content has been decoded by httpx already."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "api.example":
            return httpx.Response(200, json={"analyzed_video_url": "https://storage.example/v.mp4"})
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=gzip.compress(BODY))

    with Aikynetix(api_key=KEY, base_url="https://api.example", transport=httpx.MockTransport(answer)) as client:
        assert_right(client.analyzed_videos.download("session", tmp_path / "v.mp4"), BODY)


def test_a_body_of_unknown_length_may_take_longer_than_its_head(tmp_path: Path) -> None:
    """The time limit of a response's head ends nothing but that."""
    with serving(Storage(BODY, rate=len(BODY) / 1.5, fault=lambda request: Fault(chunked=True))) as storage:
        fetch(storage, tmp_path / "v.mp4", silence=0.6, max_retries=0)


SIZE = 150_000
POSITIONS = (0, 1, 8, 16, 255, 4_096, 65_535, 65_536, 65_537, 131_072, SIZE - 17, SIZE - 1)
HEAD = b'HTTP/1.1 200 OK\r\nContent-Length: 150000\r\nETag: "one"\r\nAccept-Ranges: bytes\r\n\r\n'


def _disturbed(fault: Fault, folder: Path, size: int) -> None:
    folder.mkdir()
    with serving(Storage(video(size), fault=once(fault))) as storage:
        fetch(storage, folder / "v.mp4", silence=0.4, max_retries=1)
        assert storage.requests[0].span is None
        assert [request.headers.get("if-range") for request in storage.requests[1:]] in ([], ['"one"'], [None])


@pytest.mark.parametrize(
    ("size", "faults"),
    [
        (SIZE, [Fault(cut_after=n) for n in POSITIONS] + [Fault(cut_after=n, reset=True) for n in (*POSITIONS, SIZE)]),
        (SIZE, [Fault(cut_after=n, stall=5) for n in POSITIONS]),
        (SIZE, [Fault(raw=HEAD[:n]) for n in (*range(0, len(HEAD) - 1, 7), len(HEAD) - 1)]),
        (2 * MIB, [Fault(cut_after=n, reset=n % 2 > 0, stall=n % 3) for n in (MIB - 1, 3 * MIB // 2, 2 * MIB - 1)]),
    ],
    ids=["broken", "stalled", "head", "right from the socket"],
)
def test_a_connection_that_ends_or_is_silent_at_any_byte_is_followed_by_another(
    size: int, faults: list[Fault], tmp_path: Path
) -> None:
    """Wherever the first response ends, is reset or falls silent, the next goes on from there, to the right bytes."""
    with ThreadPoolExecutor(8) as pool:
        folders = [tmp_path / str(number) for number in range(len(faults))]
        for done in [
            pool.submit(_disturbed, fault, folder, size) for fault, folder in zip(faults, folders, strict=True)
        ]:
            done.result()


@pytest.mark.parametrize(
    "answer",
    [
        *(Fault(status=status, body=b"") for status in (400, 401, 403, 404, 405, 412, 416, 500, 501, 503)),
        Fault(raw=b""),
        Fault(cut_after=0, reset=True),
        Fault(status=206, headers={"Content-Range": None}),
        Fault(status=206, headers={"Content-Range": f"bytes 0-{3 * MIB - 1}/{3 * MIB}"}, ignore_range=True),
        Fault(status=206, headers={**GZIP}, body=gzip.compress(b"x", mtime=0)),
        Fault(ignore_range=True),
    ],
    ids=str,
)
def test_what_is_kept_gives_way_where_ranges_do_not_work(answer: Fault, tmp_path: Path) -> None:
    """However a server refuses ranges of an object: what is kept is dropped once, and a plain request brings it all."""
    answer.headers.setdefault("Retry-After", "0")
    with serving(Storage(video(3 * MIB))) as storage:
        interrupt(storage, tmp_path / "v.mp4")
        storage.fault = lambda request: answer if "range" in request.headers else None
        assert fetch(storage, tmp_path / "v.mp4", max_retries=1).resumed_from == 0
        assert sum("range" not in request.headers for request in storage.requests) <= 1


@pytest.mark.parametrize("answer", [Fault(status=500, body=b""), Fault(status=405, body=b""), Fault(raw=b"")], ids=str)
def test_what_is_kept_stays_where_nothing_works(answer: Fault, tmp_path: Path) -> None:
    """An outage costs no byte: only a whole that comes takes the place of what is kept."""
    answer.headers.setdefault("Retry-After", "0")
    with serving(Storage(video(3 * MIB))) as storage:
        interrupt(storage, tmp_path / "v.mp4")
        storage.fault = lambda request: answer
        with pytest.raises(DownloadError):
            fetch(storage, tmp_path / "v.mp4", max_retries=1)
        storage.fault = lambda request: None
        assert fetch(storage, tmp_path / "v.mp4").resumed_from == 2 * MIB


@pytest.mark.parametrize("length", [100_000, HALF])
def test_a_part_shorter_than_asked_for_is_followed_by_the_rest(length: int, tmp_path: Path) -> None:
    """A server may send less of a range than was asked for (RFC 9110, section 15.3.7), and leave the size open."""

    def fault(request: Request) -> Fault | None:
        if request.span is None:
            return Fault(cut_after=HALF)
        first = request.span[0]
        stop = min(first + length, MIB)
        headers: dict[str, str | None] = {"Content-Range": f"bytes {first}-{stop - 1}/*"}
        return Fault(headers=headers | {"Content-Length": str(stop - first)}, body=BODY[first:stop])

    with serving(Storage(BODY, fault=fault)) as storage:
        fetch(storage, tmp_path / "v.mp4")
        assert all(request.span == (HALF + n * length, MIB) for n, request in enumerate(storage.requests[1:]))


def test_a_body_without_an_end_is_bounded(tmp_path: Path) -> None:
    """More bytes than announced are not taken; where nothing is announced, max_bytes is the largest size taken."""
    body = video(300_000)
    longer = Fault(headers={"Content-Length": None, "x-goog-stored-content-length": "300000"}, body=body + b"more")
    with serving(Storage(body, fault=lambda request: longer)) as storage:
        fetch(storage, tmp_path / "v.mp4", max_bytes=1)
        storage.fault = lambda request: Fault(chunked=True)
        fetch(storage, tmp_path / "v.mp4", max_bytes=300_000, overwrite=True)
        with pytest.raises(DownloadError, match="more than 299999 bytes"):
            fetch(storage, tmp_path / "w.mp4", max_bytes=299_999)
        storage.fault = lambda request: Fault(body=BOMB, headers={**GZIP})
        with pytest.raises(DownloadError, match="more than 600000 bytes"):
            fetch(storage, tmp_path / "w.mp4", max_bytes=600_000)
    assert [entry.name for entry in tmp_path.iterdir()] == ["v.mp4"]


def test_an_object_that_the_storage_unpacked_is_taken_without_its_checksums(tmp_path: Path) -> None:
    """Size and checksums of an object that is kept compressed are those of the compressed bytes."""
    packed = gzip.compress(BODY, mtime=0)
    headers: dict[str, str | None] = {
        "x-goog-stored-content-encoding": "gzip",
        "x-goog-stored-content-length": str(len(packed)),
        "x-goog-hash": hash_header(packed),
        "Accept-Ranges": None,
    }
    for fault, verified in ((Fault(chunked=True, headers=headers), "container"), (Fault(headers=headers), "size")):
        with serving(Storage(BODY, fault=lambda request, fault=fault: fault)) as storage:  # type: ignore[misc]  # typed below
            assert fetch(storage, tmp_path / "v.mp4", overwrite=True).verified == verified


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
            assert fetch(storage, tmp_path / "v.mp4").verified == verified
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
        fetch(storage, tmp_path / "v.mp4")


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
            return
        with pytest.raises(IntegrityError, match="not whole"):
            fetch(storage, tmp_path / "v.mp4")
    assert list(tmp_path.iterdir()) == []
