"""An export in threads, against a service over TCP."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import statistics
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import (
    ConfigurationError,
    DownloadError,
    ExportRecord,
    ExportStatus,
)

from .conftest import Connect, manifest
from .servers import Reply, Service

if TYPE_CHECKING:
    from collections.abc import Iterator

GONE = Reply(404, {"error": "Session data not found."})


def statuses(records: Iterator[ExportRecord]) -> dict[str, str]:
    return {record.session_id: record.status.value for record in records}


def workers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("aikynetix-export")]


def settle() -> None:
    """Give threads that were told to end the time to do so."""
    end = time.monotonic() + 5
    while workers() and time.monotonic() < end:
        time.sleep(0.02)


def test_every_session_has_a_record_a_file_and_a_line(connect: Connect, folder: Path) -> None:
    """The main job: what is yielded, what is on disk and what the manifest says are the same."""
    with Service(size=5_000) as service:
        records = list(connect(service).analyzed_videos.export([f"s{n}" for n in range(30)], folder, concurrency=4))
    assert {record.session_id for record in records} == {f"s{n}" for n in range(30)}
    for record in records:
        assert (record.status, record.attempts, record.error) == (ExportStatus.DONE, 1, None)
        data = Path(str(record.path)).read_bytes()
        assert data == service.video
        assert (record.size, record.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert Path(str(record.path)).parent == folder
    lines = manifest(folder)
    assert [line["session_id"] for line in lines] == [record.session_id for record in records]
    assert all((folder / line["path"]).is_file() for line in lines)
    assert len({line["path"] for line in lines}) == 30
    assert (folder / "index.html").read_text("utf-8").count("<video") == 30
    assert service.seen.most_at_once <= 4
    assert service.seen.leaked == 0


def test_a_second_run_does_only_what_is_missing(connect: Connect, folder: Path) -> None:
    """What is there with its size is not asked for again, whatever its bytes; what is gone, cut, longer or new is."""
    with Service() as service:
        videos = connect(service).analyzed_videos
        first = {record.session_id: Path(str(record.path)) for record in videos.export(list("abcde"), folder)}
        first["b"].unlink()
        first["c"].write_bytes(b"short")
        first["d"].write_bytes(bytes(1_001))
        first["e"].write_bytes(bytes(1_000))
        service.seen.lookups.clear()
        second = list(videos.export(list("abcdef"), folder))
    missing = list("bcdf")
    assert statuses(iter(second)) == {id_: "done" if id_ in missing else "already_there" for id_ in "abcdef"}
    assert sorted(service.seen.lookups) == missing
    again = next(record for record in second if record.session_id == "a")
    assert (again.path, again.size, again.attempts) == (first["a"], 1000, 0)
    assert all(path.read_bytes() == service.video for id_, path in first.items() if id_ in missing)


def test_what_is_there_already_gets_no_second_line(connect: Connect, folder: Path) -> None:
    """However often an export is run, the manifest tells how each video came there, and does not grow."""
    with Service() as service:
        videos = connect(service).analyzed_videos
        first = list(videos.export(list("abc"), folder))
        assert statuses(videos.export(list("abc"), folder)) == dict.fromkeys("abc", "already_there")
    assert [(line["session_id"], line["status"], line["attempts"]) for line in manifest(folder)] == [
        (record.session_id, "done", 1) for record in first
    ]


def test_duplicates_are_done_once(connect: Connect, folder: Path) -> None:
    """However often an id is in the list, it has one lookup, one file and one record."""
    with Service() as service:
        records = list(connect(service).analyzed_videos.export(["a", "b", "a", ("a", "jump"), "b"], folder))
    assert sorted(record.session_id for record in records) == ["a", "b"]
    assert sorted(service.seen.lookups) == ["a", "b"]


def test_a_pair_carries_the_analysis_of_its_session(connect: Connect, folder: Path) -> None:
    """A list may say for each session which analysis to make; a wrong one fails that session alone."""
    with Service() as service:
        items = [("a", "jump"), ("b", None), ("c", "run")]
        records = list(connect(service).analyzed_videos.export(items, folder))
    assert statuses(iter(records)) == {"a": "done", "b": "done", "c": "failed"}
    assert next(record.error for record in records if record.session_id == "c") == "ValueError"


def test_the_input_is_read_lazily(connect: Connect, folder: Path) -> None:
    """An endless list is read only as far ahead of the records as sessions are under way."""
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield f"s{taken}"

    with Service() as service:
        records = connect(service).analyzed_videos.export(endless(), folder, concurrency=5)
        assert taken == 0
        for count, _ in enumerate(records, 1):
            assert taken <= count + 7
            if count == 40:
                break
        del records


def test_a_slow_list_holds_nothing_back_that_is_done(connect: Connect, folder: Path) -> None:
    """Records are given out and noted while the list is still being written, and not when the workers are all busy."""
    noted: list[int] = []

    def slow() -> Iterator[str]:
        for number in range(6):
            time.sleep(0.1)
            noted.append(len(manifest(folder)))
            yield f"s{number}"

    with Service() as service:
        assert len(list(connect(service).analyzed_videos.export(slow(), folder))) == 6
    assert noted[-1] >= 2


def test_leaving_early_stops_the_workers_and_keeps_what_is_done(connect: Connect, folder: Path) -> None:
    """A loop that breaks leaves no thread and no half file, and the next run goes on from there."""
    ids = [f"s{n}" for n in range(50)]
    with Service(size=400_000, rate=400_000) as service:
        client = connect(service)
        for record in client.analyzed_videos.export(ids, folder, concurrency=8):
            assert record.status == "done"
            break
        gc.collect()
        began = time.monotonic()
        settle()
        assert workers() == []
        assert time.monotonic() - began < 2
        service.rate = None
        noted = {line["session_id"] for line in manifest(folder)}
        assert 1 <= len(noted) <= 16
        assert statuses(client.analyzed_videos.export(ids, folder)) == {
            id_: "already_there" if id_ in noted else "done" for id_ in ids
        }
    assert Counter(path.suffix for path in folder.iterdir()) == {".mp4": 50, ".jsonl": 1, ".html": 1}


def test_an_interrupt_leaves_a_state_to_go_on_from(connect: Connect, folder: Path) -> None:
    """Ctrl-C while records are awaited ends the export within seconds and leaves the page and the manifest whole."""
    with Service(latency=0.01, behave=lambda id_, _: Reply(delay=30.0) if id_ == "slow" else None) as service:
        client = connect(service, timeout=30.0)
        records = client.analyzed_videos.export(["a", "b", "slow"], folder, concurrency=3)
        assert {next(records).session_id, next(records).session_id} == {"a", "b"}
        main = threading.main_thread().ident
        assert main is not None
        alarm = threading.Timer(0.2, lambda: os.kill(os.getpid(), 2))
        alarm.start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            next(records)
        assert time.monotonic() - began < 5
    assert [line["session_id"] for line in manifest(folder)] == ["a", "b"] or len(manifest(folder)) == 2
    assert (folder / "index.html").read_text("utf-8").count("<video") == 2


def test_a_torn_line_does_not_spoil_the_next_one(connect: Connect, folder: Path) -> None:
    """A crash in the middle of a line, and lines of strangers, cost nothing but themselves."""
    with Service() as service:
        videos = connect(service).analyzed_videos
        list(videos.export(list("ab"), folder))
        path = folder / "manifest.jsonl"
        path.write_bytes(path.read_bytes() + b'\x00\xff not json\n[1]\n{"session_id": "c", "status": "do')
        assert statuses(videos.export(list("abc"), folder)) == {"a": "already_there", "b": "already_there", "c": "done"}
        assert statuses(videos.export(list("abc"), folder)) == dict.fromkeys("abc", "already_there")


def test_a_manifest_cannot_point_out_of_the_folder(connect: Connect, folder: Path, tmp_path: Path) -> None:
    """A line that names a file elsewhere is not taken for a video that is there."""
    (tmp_path / "outside.mp4").write_bytes(b"123")
    folder.mkdir()
    line = {"session_id": "a", "status": "done", "path": "../outside.mp4", "size": 3, "sha256": "00"}
    (folder / "manifest.jsonl").write_text(json.dumps(line) + "\n")
    with Service() as service:
        assert statuses(connect(service).analyzed_videos.export(list("a"), folder)) == {"a": "done"}
    assert "outside" not in (folder / "index.html").read_text("utf-8")


def test_two_exports_may_share_a_folder(connect: Connect, folder: Path) -> None:
    """Two lists at the same time: every line of the manifest is whole, and all videos are there."""
    with Service(latency=0.001) as service:
        videos = connect(service).analyzed_videos
        found: list[str] = []

        def work(prefix: str) -> None:
            found.extend(statuses(videos.export([f"{prefix}{n}" for n in range(40)], folder, concurrency=4)).values())

        threads = [threading.Thread(target=work, args=(prefix,)) for prefix in "xy"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == ["done"] * 80
    assert len({line["session_id"] for line in manifest(folder)}) == 80
    assert (folder / "index.html").read_text("utf-8").count("<video") == 80


@pytest.mark.parametrize("concurrency", [0, -1, 1.5, True, None, "4"])
def test_a_wrong_concurrency_is_refused_before_anything_happens(
    connect: Connect, folder: Path, concurrency: object
) -> None:
    """The error comes from the call itself and not from the first step of the loop."""
    with Service() as service, pytest.raises(ValueError, match="concurrency"):
        connect(service).analyzed_videos.export(["a"], folder, concurrency=concurrency)  # type: ignore[arg-type]  # bad on purpose
    assert not folder.exists()


def test_a_single_string_is_no_list(connect: Connect, folder: Path) -> None:
    """The letters of one id are not taken for ids, and what is no list at all is named."""
    with Service() as service:
        with pytest.raises(TypeError, match="put it in a list"):
            connect(service).analyzed_videos.export("session", folder)
        with pytest.raises(TypeError, match="session_ids must be an iterable"):
            connect(service).analyzed_videos.export(None, folder)  # type: ignore[arg-type]  # bad on purpose
    assert not folder.exists()


def test_a_folder_that_cannot_be_used_is_said_so(connect: Connect, tmp_path: Path) -> None:
    """A file where the folder should be, an empty name, an unknown kind of URL: errors of ours that name the place."""
    (tmp_path / "file").write_text("x")
    with Service() as service:
        videos = connect(service).analyzed_videos
        with pytest.raises(DownloadError, match=r"name a folder .*file"):
            list(videos.export(["a"], tmp_path / "file"))
        with pytest.raises(ValueError, match="folder"):
            videos.export(["a"], "")
        with pytest.raises(DownloadError, match="name too long"):
            videos.export(["a"], tmp_path / ("x" * 300))
        with pytest.raises(TypeError, match="to must be a str or a path"):
            videos.export(["a"], b"videos")  # type: ignore[arg-type]  # bad on purpose
        with pytest.raises(ConfigurationError, match="nosuch"):
            videos.export(["a"], "nosuch://bucket/x")
    assert service.seen.lookups == []


def test_an_export_of_nothing_is_done(connect: Connect, folder: Path) -> None:
    """An empty list leaves an empty manifest and a page that says so."""
    with Service() as service:
        assert list(connect(service).analyzed_videos.export([], folder)) == []
    assert manifest(folder) == []
    assert "no videos yet" in (folder / "index.html").read_text("utf-8")


def test_what_is_no_text_is_a_failure_of_its_own(connect: Connect, folder: Path) -> None:
    """However it looks, and even where it cannot be shown: the sessions around it are done."""
    ids: list[Any] = ["a", 10**5000, 123, "123", object, None]
    with Service() as service:
        records = list(connect(service).analyzed_videos.export(ids, folder))
    assert sorted(record.session_id for record in records if record.status == "done") == ["123", "a"]
    assert len(records) == len(ids)
    assert {record.error for record in records if record.status == "failed"} == {"TypeError"}


def test_memory_does_not_grow_with_the_number_of_sessions(connect: Connect, folder: Path) -> None:
    """What is known of the sessions is on disk: the last of ten thousand take no more memory than the first ones."""
    taken, blocks = 0, list[int]()

    def ids() -> Iterator[str]:
        nonlocal taken
        for taken in range(1, 10_001):
            yield f"{taken}\n"  # refused without a request, so that this takes seconds and not minutes

    with Service() as service:
        for count, _ in enumerate(connect(service).analyzed_videos.export(ids(), folder), 1):
            assert taken <= count + 28
            if count % 2_000 == 0:
                gc.collect()
                blocks.append(sys.getallocatedblocks())
    assert len(blocks) == 5
    # A look may fall on a moment in which threads are at work; one block kept of each session would be 5,000 here.
    assert statistics.median(blocks[1:]) < blocks[0] + 3_000
