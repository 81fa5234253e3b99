"""The download engine against a storage host that misbehaves, over TCP."""

from __future__ import annotations

import gzip
import hashlib
import logging
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aikynetix import DownloadError, DownloadInterruptedError, IntegrityError, SignedUrlExpiredError
from aikynetix._download import Cancelled, Options, Source, download
from aikynetix._download import Storage as Pool
from aikynetix._models import AnalyzedVideo, DownloadedVideo

from .servers import Fault, Request, Storage, serving, video

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20
EXPIRED = b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>ExpiredToken</Code><Message>expired</Message></Error>"


def fetch(storage: Storage, to: Path | str, **options: Any) -> DownloadedVideo:
    calls = iter(range(1000))

    def resolve() -> AnalyzedVideo:
        return AnalyzedVideo("session", storage.url(f"X-Goog-Signature=topsecret{next(calls)}"))

    timeout = httpx.Timeout(options.pop("silence", 5.0))
    pool = Pool(timeout=timeout)
    try:
        return download(Source("session", resolve), to, pool, Options(timeout=timeout, **options))
    finally:
        pool.close()


def once(fault: Fault, number: int = 0) -> Any:
    return lambda request: fault if request.number == number else None


def assert_right(result: DownloadedVideo, path: Path, body: bytes) -> None:
    assert path.read_bytes() == body
    assert result.size == len(body)
    assert result.sha256 == hashlib.sha256(body).hexdigest()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(cut_after=1),
        Fault(cut_after=700_000),
        Fault(cut_after=700_000, reset=True),
        Fault(cut_after=0, reset=True),
        Fault(cut_after=700_000, stall=3),
        Fault(status=503, body=b"busy", headers={"Retry-After": "0"}),
        Fault(status=400, body=EXPIRED),
        Fault(status=403, body=b"<Error><Code>SignatureDoesNotMatch</Code></Error>"),
        Fault(raw=b""),
        Fault(raw=b"nonsense\r\n\r\n"),
        Fault(chunked=True),
        Fault(headers={"Content-Length": None}),
        Fault(headers={"Content-Length": "9999999"}),
        Fault(headers={"Accept-Ranges": None, "ETag": None}),
        Fault(headers={"Content-Disposition": 'attachment; filename="../../evil"'}),
        Fault(headers={"Content-Encoding": "gzip"}, body=gzip.compress(video(MIB))),
    ],
    ids=str,
)
def test_one_bad_answer_does_not_stop_a_download(fault: Fault, tmp_path: Path) -> None:
    """Whatever goes wrong with one answer, the file is right in the end and nothing else is left."""
    body = video(MIB)
    with serving(Storage(body, fault=once(fault))) as storage:
        result = fetch(storage, tmp_path / "v.mp4", silence=0.6)
    assert_right(result, tmp_path / "v.mp4", body)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(body=b""), IntegrityError),
        (Fault(body=b"<!DOCTYPE html><html>sign in</html>"), IntegrityError),
        (Fault(body=EXPIRED), IntegrityError),
        (Fault(body=b"no video at all, only text " * 99), IntegrityError),
        (Fault(headers={"x-goog-hash": "md5=AAAAAAAAAAAAAAAAAAAAAA=="}), IntegrityError),
        (Fault(status=400, body=EXPIRED), SignedUrlExpiredError),
        (Fault(status=403, body=b""), SignedUrlExpiredError),
        (Fault(status=404, body=b"<Error><Code>NoSuchKey</Code></Error>"), DownloadError),
        (Fault(status=416, body=b""), DownloadError),
        (Fault(status=302, body=b"", headers={"Location": "http://storage.example/x"}), DownloadError),
        (Fault(status=302, body=b"", headers={"Location": "/circle"}), DownloadError),
        (Fault(endless=True), DownloadError),
        (Fault(raw=b""), DownloadInterruptedError),
        (Fault(cut_after=0, reset=True), DownloadInterruptedError),
        (Fault(drip=0.05), DownloadInterruptedError),
        (Fault(headers={"Content-Encoding": "br"}), DownloadError),
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
    assert "topsecret" not in repr(caught.value) + str(caught.value) + repr(caught.value.__cause__)
    assert not (tmp_path / "v.mp4").exists()
    assert time.monotonic() - begun < 8


def test_a_large_file_is_fetched_over_many_connections(tmp_path: Path) -> None:
    """Connections that are slow by themselves are multiplied, and every byte is fetched once."""
    body = video(16 * MIB)
    seen: list[tuple[int, int | None]] = []
    with serving(Storage(body, rate=8 * MIB)) as storage:
        result = fetch(storage, tmp_path / "v.mp4", progress=lambda done, size: seen.append((done, size)))
        assert storage.connections > 4
    assert_right(result, tmp_path / "v.mp4", body)
    assert seen[-1] == (len(body), len(body))
    assert result.elapsed < 1.5


def test_connections_caps_their_number(tmp_path: Path) -> None:
    """With connections=1 there is one request, however slow it is."""
    body = video(6 * MIB)
    with serving(Storage(body, rate=16 * MIB)) as storage:
        fetch(storage, tmp_path / "v.mp4", connections=1)
        assert storage.connections == 1


def test_a_server_that_refuses_more_connections_is_asked_for_no_more(tmp_path: Path) -> None:
    """429 to every further connection costs the speed-up, not the download."""
    body = video(8 * MIB)
    refusing = Fault(status=429, body=b"", headers={"Retry-After": "30"})
    busy: set[int] = set()

    def fault(request: Request) -> Fault | None:
        busy.add(request.number)
        return refusing if request.number and time.monotonic() - begun < 0.4 else None

    begun = time.monotonic()
    with serving(Storage(body, rate=16 * MIB, fault=fault)) as storage:
        result = fetch(storage, tmp_path / "v.mp4")
    assert_right(result, tmp_path / "v.mp4", body)
    assert len(busy) > 1


def test_a_later_call_resumes(tmp_path: Path) -> None:
    """What an interrupted call fetched is not fetched again, and the result says how much that was."""
    body = video(3 * MIB)
    cut = Fault(cut_after=2 * MIB)
    with serving(Storage(body, fault=lambda request: cut if request.number == 0 else Fault(status=500))) as storage:
        with pytest.raises(DownloadInterruptedError):
            fetch(storage, tmp_path / "v.mp4", max_retries=0)
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["v.mp4.part", "v.mp4.part.journal"]
        assert "topsecret" not in (tmp_path / "v.mp4.part.journal").read_text()
        storage.fault, storage.sent = lambda request: None, 0
        result = fetch(storage, tmp_path / "v.mp4")
        assert storage.sent == len(body) - result.resumed_from
    assert result.resumed_from > MIB
    assert_right(result, tmp_path / "v.mp4", body)


@pytest.mark.parametrize("etag", ['"two"', None])
def test_a_changed_object_is_fetched_anew(etag: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Bytes of two versions are never mixed: the download starts over, and says so."""
    cut = Fault(cut_after=2 * MIB)
    with serving(
        Storage(video(3 * MIB), fault=lambda request: cut if request.number == 0 else Fault(status=500))
    ) as storage:
        with pytest.raises(DownloadInterruptedError):
            fetch(storage, tmp_path / "v.mp4", max_retries=0)
        storage.body, storage.etag, storage.generation = video(3 * MIB, seed=2), etag, "2"
        storage.fault = lambda request: None
        with caplog.at_level(logging.WARNING, "aikynetix"):
            result = fetch(storage, tmp_path / "v.mp4")
    assert result.resumed_from == 0
    assert_right(result, tmp_path / "v.mp4", video(3 * MIB, seed=2))
    assert "starts over" in caplog.text


def test_ranges_that_are_ignored_lead_to_the_right_bytes(tmp_path: Path) -> None:
    """A server that answers 200 to a Range request is used over one connection."""
    body = video(2 * MIB)
    faults = {0: Fault(cut_after=MIB, reset=True)}
    with serving(Storage(body, fault=lambda r: faults.get(r.number, Fault(ignore_range=True)))) as storage:
        result = fetch(storage, tmp_path / "v.mp4")
    assert_right(result, tmp_path / "v.mp4", body)


def test_cancelling_is_prompt_and_resumable(tmp_path: Path) -> None:
    """A cancelled download ends within a second and the next call goes on from there."""
    body = video(8 * MIB)
    begun = time.monotonic()
    with serving(Storage(body, rate=4 * MIB)) as storage:
        with pytest.raises(Cancelled):
            fetch(storage, tmp_path / "v.mp4", connections=1, cancelled=lambda: time.monotonic() - begun > 0.6)
        assert time.monotonic() - begun < 1.6
        storage.rate = 0
        result = fetch(storage, tmp_path / "v.mp4")
    assert result.resumed_from > MIB
    assert_right(result, tmp_path / "v.mp4", body)


def test_two_downloads_to_one_file_do_not_mix(tmp_path: Path) -> None:
    """The second is told that another one is under way."""
    with serving(Storage(video(2 * MIB), rate=4 * MIB)) as storage:
        second: list[str] = []

        def meanwhile(done: int, size: int | None) -> None:
            if not second:
                with pytest.raises(DownloadError) as caught:
                    fetch(storage, tmp_path / "v.mp4")
                second.append(str(caught.value))

        fetch(storage, tmp_path / "v.mp4", progress=meanwhile)
    assert "under way" in second[0]


def test_a_file_in_the_way_stays(tmp_path: Path) -> None:
    """Without overwrite=True an existing file is an error and untouched; with it, it is replaced."""
    path = tmp_path / "v.mp4"
    path.write_bytes(b"mine")
    with serving(Storage(video(1000))) as storage:
        with pytest.raises(DownloadError, match="overwrite"):
            fetch(storage, path)
        assert path.read_bytes() == b"mine"
        assert_right(fetch(storage, path, overwrite=True), path, video(1000))


def test_a_missing_folder_is_named_and_a_folder_gets_a_safe_name(tmp_path: Path) -> None:
    """A file's folder must exist; a folder target is made, and the name in it comes from session and URL."""
    with serving(Storage(video(1000))) as storage:
        with pytest.raises(DownloadError, match="no folder"):
            fetch(storage, tmp_path / "none" / "v.mp4")
        result = fetch(storage, f"{tmp_path}/new/")
    assert result.path == tmp_path / "new" / "session-analyzed_video.mp4"


def test_an_fsspec_url_is_a_destination() -> None:
    """The video is streamed to another file system, over a broken connection as well, and verified."""
    fsspec = pytest.importorskip("fsspec")
    body = video(2 * MIB)
    with serving(Storage(body, fault=once(Fault(cut_after=MIB, reset=True)))) as storage:
        result = fetch(storage, "memory://engine/a.mp4")
        assert fsspec.filesystem("memory").cat("/engine/a.mp4") == body
        assert result.path == "memory:///engine/a.mp4" or str(result.path).endswith("engine/a.mp4")
        with pytest.raises(DownloadError, match="overwrite"):
            fetch(storage, "memory://engine/a.mp4")
    assert not fsspec.filesystem("memory").exists("/engine/a.mp4.part")


FULL = """
import resource, sys, httpx
from aikynetix import DownloadError
from aikynetix._download import Options, Source, Storage, download
from aikynetix._models import AnalyzedVideo
resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, resource.RLIM_INFINITY))
pool = Storage(timeout=httpx.Timeout(5))
try:
    download(Source("s", lambda: AnalyzedVideo("s", sys.argv[1])), sys.argv[2], pool, Options())
except DownloadError as error:
    print(type(error).__name__, error)
"""


def test_a_file_that_may_not_grow_is_gone_on_with_later(tmp_path: Path) -> None:
    """Running out of room in the middle is a DownloadError that says so; the next call resumes."""
    pytest.importorskip("resource")
    body = video(3 * MIB)
    with serving(Storage(body)) as storage:
        command = [sys.executable, "-c", FULL, storage.url(), str(tmp_path / "v.mp4")]
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
        result = fetch(storage, tmp_path / "v.mp4")
    assert told.startswith("DownloadError")
    assert "no space" in told
    assert result.resumed_from > MIB
    assert_right(result, tmp_path / "v.mp4", body)
