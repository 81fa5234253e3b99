"""How many connections a download uses, against servers that are slow, full, or do not want them."""

from __future__ import annotations

import mmap
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import pytest

from aikynetix import DownloadInterruptedError
from aikynetix._download import _transfer

from .calls import EXPIRED, MIB, client_of, fetch
from .servers import Fault, Storage, serving, video


def test_a_large_file_is_fetched_over_many_connections(tmp_path: Path) -> None:
    """Connections that are slow by themselves are multiplied, with no setting given."""
    body = video(16 * MIB)
    with serving(Storage(body, rate=4 * MIB)) as storage:
        result = fetch(storage, tmp_path / "v.mp4")
        assert storage.most_streaming > 4
        assert all(request.headers["if-range"] == '"one"' for request in storage.requests[1:])
    assert result.elapsed < len(body) / (4 * MIB) / 1.5


@pytest.mark.parametrize(
    ("size", "options", "most"),
    [(4 * MIB - 1, {}, 1), (8 * MIB, {"connections": 1}, 1), (12 * MIB, {"connections": 3}, 3)],
    ids=["small", "one", "three"],
)
def test_connections_are_bounded(size: int, options: dict[str, int], most: int, tmp_path: Path) -> None:
    """Below 4 MiB there is one, however slow it is; `connections=` is never exceeded, though more would be faster."""
    with serving(Storage(video(size), rate=12 * MIB)) as storage:
        fetch(storage, tmp_path / "v.mp4", **options)
        # A connection that was closed may stream on for a moment, as far as the server knows.
        assert storage.most_streaming <= (most if most == 1 else 2 * most)
        assert len(storage.requests) >= most


@pytest.mark.parametrize(
    "refusal",
    [
        Fault(status=429, body=b"", headers={"Retry-After": "30"}),
        Fault(status=503, body=b"", headers={"Retry-After": "30"}),
        Fault(raw=b""),
        Fault(cut_after=0, reset=True),
        Fault(ignore_range=True),
        *(Fault(status=status, body=b"") for status in (302, 403, 404, 405)),
        Fault(status=204, body=b"", headers={"Content-Length": None}),
        Fault(status=400, body=EXPIRED),
    ],
    ids=str,
)
def test_a_server_that_takes_one_connection_only_is_asked_for_no_more(refusal: Fault, tmp_path: Path) -> None:
    """Refusing every further connection costs the speed-up, not the download, and no time is waited."""
    storage = Storage(video(4 * MIB), rate=12 * MIB, fault=lambda _: refusal if storage.streaming else None)
    with serving(storage):
        assert fetch(storage, tmp_path / "v.mp4").elapsed < 5
    assert 2 <= len(storage.requests) <= 40


def test_what_the_system_gives_no_threads_for_is_fetched_by_those_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the first connection is needed; the others are tried for again, and cost no slot of the process."""
    started: list[str] = []

    def start(thread: Thread) -> None:
        if thread.name == "aikynetix-download":
            started.append(thread.name)
            if len(started) > 1:
                raise RuntimeError("can't start new thread")
        Thread.start(thread)

    monkeypatch.setattr(_transfer, "Thread", type("Few", (Thread,), {"start": start}))
    with serving(Storage(video(6 * MIB), rate=2 * MIB)) as storage:
        fetch(storage, tmp_path / "v.mp4")
    assert len(storage.requests) == 1
    assert len(started) > 70, "each of the 64 slots would be gone by now"


def test_an_interrupt_between_two_steps_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may strike when a connection has just told that it has ended: nobody tells so once more."""

    class Interrupted(SimpleQueue[object]):
        def get(self, block: bool = True, timeout: float | None = None) -> object:
            super().get(block, timeout)
            raise KeyboardInterrupt

    monkeypatch.setattr(_transfer, "SimpleQueue", Interrupted)
    with serving(Storage(video(1000))) as storage, pytest.raises(KeyboardInterrupt):
        fetch(storage, tmp_path / "v.mp4")


def test_connections_that_all_drip_are_given_up(tmp_path: Path) -> None:
    """Each is replaced when nothing to speak of comes over it, beside others that are no better; that has an end."""
    storage = Storage(video(6 * MIB), fault=lambda _: Fault(drip=0.1))
    with serving(storage), pytest.raises(DownloadInterruptedError, match="next to nothing came"):
        fetch(storage, tmp_path / "v.mp4", silence=0.5, max_retries=2)
    assert 3 < len(storage.requests) < 20


def test_a_server_that_restarts_is_one_failure(tmp_path: Path) -> None:
    """All connections break at once, again and again: as long as bytes come in between, the download goes on."""
    severed = [0]

    def restart(done: int, size: int | None) -> None:
        if done > severed[-1] + 2 * MIB:
            severed.append(done)
            storage.sever()

    with serving(Storage(video(12 * MIB), rate=2 * MIB)) as storage:
        fetch(storage, tmp_path / "v.mp4", max_retries=1, progress=restart)
        assert storage.severed > 5
    assert len(severed) > 3


def test_an_object_that_changes_half_way_is_never_mixed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """When ranges begin to come from another version, everything is fetched anew, and the log says so."""
    old, new = video(8 * MIB), video(8 * MIB, seed=2)

    def change(done: int, size: int | None) -> None:
        if done > 2 * MIB and storage.body is old:
            storage.body, storage.etag, storage.generation = new, '"two"', "2"
            storage.sever()

    with serving(Storage(old, (), rate=8 * MIB)) as storage:
        fetch(storage, tmp_path / "v.mp4", progress=change)
        assert storage.body is new
    assert "starts over" in caplog.text


def test_downloads_at_a_time_share_a_bounded_number_of_connections(tmp_path: Path) -> None:
    """Several large downloads do not multiply to more connections than one process allows itself."""
    body = video(8 * MIB)
    with serving(Storage(body, rate=2 * MIB)) as storage, client_of(storage) as client:
        with ThreadPoolExecutor(4) as threads:
            get = client.analyzed_videos.download
            calls = [threads.submit(get, "session", tmp_path / f"{n}.mp4") for n in range(4)]
            assert {call.result(20).size for call in calls} == {len(body)}
        assert 8 < storage.most_streaming <= 64 + 4
    assert all((tmp_path / f"{number}.mp4").read_bytes() == body for number in range(4))


PEAK = """
import re, sys
from pathlib import Path
from aikynetix import Aikynetix
client = Aikynetix(api_key="key-of-the-tests", base_url=sys.argv[1], timeout=20)
found = client.analyzed_videos.download("session", sys.argv[2])
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1], found.size)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel's peak figure is Linux's own")
def test_a_large_file_takes_less_than_60_mib(tmp_path: Path) -> None:
    """256 MiB from a fast server over as many connections as it likes, all in all and not above anything."""
    body = mmap.mmap(-1, 256 * MIB)  # takes no memory to speak of: all of it but the beginning is one page of zeros
    body[:1000] = video(1000)
    with serving(Storage(body, ())) as storage:  # type: ignore[arg-type]  # all that matters is that it can be sliced
        command = [sys.executable, "-c", PEAK, storage.base_url, str(tmp_path / "v.mp4")]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
    highest, size = map(int, told.stdout.split())
    (tmp_path / "v.mp4").unlink()
    assert size == 256 * MIB
    assert highest < 60 * 1024
