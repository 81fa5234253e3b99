"""A storage host that answers wrongly, once or always, at any byte."""

from __future__ import annotations

import gzip
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from aikynetix import DownloadedVideo, DownloadError, DownloadInterruptedError, IntegrityError, SignedUrlExpiredError
from aikynetix._download import Storage as Pool
from aikynetix._transport._fast import FastHttp1
from aikynetix._transport._http1 import Http1
from aikynetix._transport._sync import PooledTransport

from .calls import EXPIRED, MIB, assert_right, fetch, once
from .servers import Fault, Storage, serving, video

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aikynetix._transport._http1 import Protocol1

pytestmark = pytest.mark.usefixtures("either_thread")

# RFC 1952, section 2.2: members follow one another; the last has a single byte of the video.
MEMBERS = b"".join(
    gzip.compress(part, mtime=0) for part in (video(MIB)[:400_000], video(MIB)[400_000:-1], video(MIB)[-1:])
)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(cut_after=700_000),
        Fault(cut_after=700_000, reset=True),
        Fault(cut_after=700_000, stall=3),
        Fault(status=503, body=b"busy", headers={"Retry-After": "0"}),
        Fault(status=400, body=EXPIRED),
        Fault(status=403, body=b"<Error><Code>SignatureDoesNotMatch</Code></Error>"),
        Fault(raw=b""),
        Fault(raw=b"nonsense\r\n\r\n"),
        Fault(chunked=True),
        Fault(chunked=True, headers={"Accept-Ranges": None, "ETag": None, "x-goog-generation": None}),
        Fault(headers={"Content-Length": None}),
        Fault(headers={"Content-Length": "9999999"}),
        Fault(headers={"Content-Length": "1048576, 1048576"}),
        Fault(headers={"Content-Length": "99", "x-goog-stored-content-length": "1048576"}),
        Fault(headers={"Accept-Ranges": None, "ETag": None}),
        Fault(headers={"Content-Disposition": 'attachment; filename="../../evil"'}),
        Fault(headers={"Content-Encoding": "gzip"}, body=gzip.compress(video(MIB), mtime=0)),
        Fault(headers={"Content-Encoding": "gzip", "x-goog-hash": None}, body=MEMBERS),
        Fault(headers={"Content-Encoding": "gzip", "x-goog-hash": None}, body=MEMBERS, chunked=True),
        Fault(headers={"Content-Encoding": "gzip"}, body=gzip.compress(video(MIB), mtime=0)[:-100]),
        Fault(headers={"Content-Encoding": "gzip"}, body=gzip.compress(video(MIB), mtime=0)[:5000], cut_after=2500),
        Fault(headers={"Set-Cookie": "a=b", "Content-Type": "text/html"}),
    ],
    ids=str,
)
def test_one_bad_answer_does_not_stop_a_download(fault: Fault, tmp_path: Path) -> None:
    """Whatever goes wrong with one answer, the file is right in the end and nothing else is left."""
    body = video(MIB)
    with serving(Storage(body, fault=once(fault))) as storage:
        result = fetch(storage, tmp_path / "v.mp4", silence=0.6)
    assert_right(result, tmp_path / "v.mp4", body)


class Leaving(httpx.BaseTransport, httpx.SyncByteStream):
    """A transport that raises what is no ``Exception``, with the request or in the middle of the body."""

    def __init__(self, raised: BaseException, begins: bool, headers: dict[str, str]) -> None:
        self.raised, self.begins, self.headers = raised, begins, headers

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.begins:
            return httpx.Response(200, headers=self.headers, stream=self)
        raise self.raised

    def __iter__(self) -> Iterator[bytes]:
        yield video(MIB)[:400_000]
        raise self.raised


@pytest.mark.parametrize("raised", [SystemExit(3), pytest.fail.Exception("a mock says"), GeneratorExit()], ids=repr)
@pytest.mark.parametrize("begins", [False, True], ids=["request", "body"])
@pytest.mark.parametrize("headers", [{"Content-Length": str(MIB)}, {"Transfer-Encoding": "chunked"}], ids=str)
def test_whatever_a_transport_raises_ends_a_download(
    raised: BaseException, begins: bool, headers: dict[str, str], tmp_path: Path
) -> None:
    """Nobody waits for a connection whose thread is gone, and a body that broke off in such a way is not whole."""
    pool = Pool(timeout=httpx.Timeout(5), transport=Leaving(raised, begins, headers))
    with pytest.raises(DownloadInterruptedError, match=type(raised).__name__) as caught:
        fetch(Storage(b"", port=9), tmp_path / "v.mp4", pool=pool, max_retries=0)
    assert type(caught.value.__cause__) is type(raised)
    assert pool.room() == 64
    assert not (tmp_path / "v.mp4").exists()


@pytest.mark.parametrize("protocol", [Http1, FastHttp1])
@pytest.mark.parametrize("encoded", [False, True], ids=["plain", "gzip"])
def test_a_body_in_chunks_ends_where_it_says(protocol: type[Protocol1], encoded: bool, tmp_path: Path) -> None:
    """The last chunk is the end, with either parser, though the server keeps the connection open and silent."""
    body = video(MIB - 1)  # what fills the last buffer only in part makes the end be asked for twice
    fault = Fault(chunked=True, stall=5)
    if encoded:
        fault.headers, fault.body = {"Content-Encoding": "gzip", "x-goog-hash": None}, gzip.compress(body, mtime=0)
    with (
        PooledTransport(protocol=protocol) as transport,
        serving(Storage(body, fault=lambda request: fault)) as storage,
    ):
        result = fetch(storage, tmp_path / "v.mp4", silence=1, max_retries=0, transport=transport)
        assert len(storage.requests) == 1
    assert_right(result, tmp_path / "v.mp4", body)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(body=b""), IntegrityError),
        (Fault(headers={"x-goog-hash": "md5=AAAAAAAAAAAAAAAAAAAAAA=="}), IntegrityError),
        (Fault(status=400, body=EXPIRED), SignedUrlExpiredError),
        (Fault(status=403, body=b""), SignedUrlExpiredError),
        (Fault(status=400, body=b"<Error><Code>InvalidArgument</Code></Error>"), DownloadError),
        (Fault(status=404, body=b"<Error><Code>NoSuchKey</Code></Error>"), DownloadError),
        (Fault(status=416, body=b""), DownloadError),
        (Fault(status=204, body=b""), DownloadError),
        (Fault(status=304, body=b""), DownloadError),
        (Fault(status=206), DownloadInterruptedError),
        (Fault(status=302, body=b"", headers={"Location": "http://storage.example/x"}), DownloadError),
        (Fault(status=302, body=b"", headers={"Location": "/circle"}), DownloadError),
        (Fault(status=302, body=b""), DownloadError),
        (Fault(endless=True), DownloadError),
        (Fault(raw=b""), DownloadInterruptedError),
        (Fault(cut_after=0, reset=True), DownloadInterruptedError),
        (Fault(drip=0.05), DownloadInterruptedError),
        (Fault(status=503, body=bytes(60_000), drip=0.1), DownloadInterruptedError),
        (Fault(headers={"Content-Encoding": "br"}), DownloadError),
        (Fault(headers={"Content-Encoding": "gzip"}), DownloadInterruptedError),
    ],
    ids=str,
)
def test_a_storage_that_never_gives_the_video_is_an_error_of_ours(
    fault: Fault, kind: type[DownloadError], tmp_path: Path
) -> None:
    """A lasting fault ends in the documented exception, soon, and with nothing under the final name."""
    begun = time.monotonic()
    with (
        serving(Storage(video(300_000), fault=lambda request: fault)) as storage,
        pytest.raises(DownloadError) as caught,
    ):
        fetch(storage, tmp_path / "v.mp4", silence=0.4, max_retries=1, max_bytes=2 * MIB)
    assert type(caught.value) is kind
    assert caught.value.session_id == "session"
    assert caught.value.path == tmp_path / "v.mp4"
    assert "topsecret" not in repr(caught.value) + str(caught.value) + repr(caught.value.__cause__)
    assert not (tmp_path / "v.mp4").exists()
    assert time.monotonic() - begun < 8


SIZE = 150_000
POSITIONS = (0, 1, 4, 7, 8, 15, 16, 17, 255, 4_096, 65_535, 65_536, 65_537, 131_072, SIZE - 17, SIZE - 1)
BREAKS = [Fault(cut_after=n) for n in POSITIONS] + [Fault(cut_after=n, reset=True) for n in (*POSITIONS, SIZE)]
STALLS = [Fault(cut_after=n, stall=5) for n in POSITIONS]


def _disturbed(fault: Fault, folder: Path) -> None:
    body = video(SIZE)
    folder.mkdir()
    with serving(Storage(body, fault=once(fault))) as storage:
        result = fetch(storage, folder / "v.mp4", silence=0.4)
        assert_right(result, folder / "v.mp4", body)
        assert storage.requests[0].span is None
        assert [request.headers.get("if-range") for request in storage.requests[1:]] in ([], ['"one"'], [None])


@pytest.mark.parametrize("faults", [BREAKS, STALLS], ids=["broken", "stalled"])
def test_a_connection_that_ends_or_is_silent_at_any_byte_is_gone_on_with(faults: list[Fault], tmp_path: Path) -> None:
    """Wherever the first answer ends, is reset or falls silent, the next goes on from there, to the right bytes."""
    with ThreadPoolExecutor(8) as pool:
        folders = [tmp_path / str(number) for number in range(len(faults))]
        for done in [pool.submit(_disturbed, fault, folder) for fault, folder in zip(faults, folders, strict=True)]:
            done.result()


def test_a_head_cut_off_anywhere_is_asked_for_again(tmp_path: Path) -> None:
    """A connection that ends in the middle of the answer's head costs one more request, never a wrong file."""
    head = b'HTTP/1.1 200 OK\r\nContent-Length: 150000\r\nETag: "one"\r\nAccept-Ranges: bytes\r\n\r\n'
    with ThreadPoolExecutor(8) as pool:
        cuts = [*range(0, len(head) - 1, 7), len(head) - 1]
        for done in [pool.submit(_disturbed, Fault(raw=head[:n]), tmp_path / str(n)) for n in cuts]:
            done.result()


def test_a_server_that_always_breaks_off_at_the_same_place_is_given_up(tmp_path: Path) -> None:
    """An object that cannot be gone on with is fetched anew, as often as retries allow and no more."""
    hidden: dict[str, str | None] = {"Accept-Ranges": None}
    fault = Fault(cut_after=MIB, headers=hidden)
    with serving(Storage(video(3 * MIB), (), etag=None, generation=None, fault=lambda request: fault)) as storage:
        with pytest.raises(DownloadInterruptedError):
            fetch(storage, tmp_path / "v.mp4", max_retries=2)
        assert len(storage.requests) == 3


def test_a_server_without_ranges_that_always_breaks_off_is_given_up(tmp_path: Path) -> None:
    """Answering 200 to every Range and never getting to the end is an interrupted download, not a changed object."""
    fault = Fault(cut_after=MIB, ignore_range=True)
    with serving(Storage(video(3 * MIB), fault=lambda request: fault)) as storage:
        with pytest.raises(DownloadInterruptedError):
            fetch(storage, tmp_path / "v.mp4")
        assert len(storage.requests) <= 8


def test_ranges_that_are_ignored_lead_to_the_right_bytes(tmp_path: Path) -> None:
    """A server that answers 200 to a Range request is asked for everything once more, and that is enough."""
    body = video(2 * MIB)
    faults = {0: Fault(cut_after=MIB, reset=True)}
    with serving(Storage(body, fault=lambda r: faults.get(r.number, Fault(ignore_range=True)))) as storage:
        result = fetch(storage, tmp_path / "v.mp4")
        assert len(storage.requests) == 3
    assert_right(result, tmp_path / "v.mp4", body)


def test_a_body_without_an_end_is_bounded_by_what_was_announced(tmp_path: Path) -> None:
    """More bytes than announced are not taken; where nothing is announced, max_bytes is the bound."""
    body = video(300_000)
    longer = Fault(headers={"Content-Length": None, "x-goog-stored-content-length": "300000"}, body=body + b"more")
    with serving(Storage(body, fault=lambda request: longer)) as storage:
        assert_right(fetch(storage, tmp_path / "v.mp4", max_bytes=1), tmp_path / "v.mp4", body)
    with serving(Storage(body, fault=lambda request: Fault(endless=True))) as storage:
        with pytest.raises(DownloadError, match="more than 600000 bytes"):
            fetch(storage, tmp_path / "w.mp4", max_bytes=600_000)
        assert storage.sent < 8 * MIB
    assert not (tmp_path / "w.mp4").exists()


def test_a_body_of_exactly_the_bound_is_taken(tmp_path: Path) -> None:
    """max_bytes is the largest size that is accepted, not the smallest that is refused."""
    body = video(300_000)
    with serving(Storage(body, fault=lambda request: Fault(chunked=True))) as storage:
        result: DownloadedVideo = fetch(storage, tmp_path / "v.mp4", max_bytes=len(body))
        assert_right(result, tmp_path / "v.mp4", body)
        with pytest.raises(DownloadError, match="more than"):
            fetch(storage, tmp_path / "w.mp4", max_bytes=len(body) - 1)
