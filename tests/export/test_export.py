"""An export in threads, against a service over TCP."""

from __future__ import annotations

import gc
import hashlib
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import DownloadError, ExportStatus

from .servers import Service, manifest, statuses, workers

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_every_session_has_a_record_a_file_and_a_line(service: Service, folder: Path) -> None:
    """The main job: what is yielded, what is on disk and what the manifest says are the same, each session once."""
    told: dict[str, tuple[int, int | None]] = {}

    def progress(session_id: str, done: int, total: int | None) -> None:
        told[session_id] = (done, total)

    ids = [f"s{n}" for n in range(30)]
    service.store(5_000)
    records = list(service.videos().export([*ids, "s0", ("s1", "jump")], folder, concurrency=4, progress=progress))
    assert sorted(record.session_id for record in records) == sorted(service.seen.lookups) == sorted(ids)
    for record in records:
        assert (record.status, record.attempts, record.error) == (ExportStatus.DONE, 1, None)
        data = Path(str(record.path)).read_bytes()
        assert data == service.body
        assert (record.size, record.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert Path(str(record.path)).parent == folder
    lines = manifest(folder)
    assert [line["session_id"] for line in lines] == [record.session_id for record in records]
    assert {folder / line["path"] for line in lines} == set(folder.glob("*.mp4"))
    assert all((folder / "index.html").read_text("utf-8").count(line["path"]) for line in lines)
    assert told == dict.fromkeys(ids, (5_000, 5_000))
    assert service.seen.most_at_once <= 4


def test_a_second_run_does_only_what_is_missing(service: Service, folder: Path) -> None:
    """What is there with its size is not asked for again, whatever its bytes; what is gone, cut or new is."""
    first = {record.session_id: Path(str(record.path)) for record in service.videos().export(list("abcde"), folder)}
    first["b"].unlink()
    first["c"].write_bytes(b"short")
    first["d"].write_bytes(bytes(1_001))
    first["e"].write_bytes(bytes(1_000))
    service.seen.lookups.clear()
    second = list(service.videos().export(list("abcdef"), folder))
    missing = list("bcdf")
    assert statuses(second) == {id_: "done" if id_ in missing else "already_there" for id_ in "abcdef"}
    assert sorted({*service.seen.lookups}) == missing
    again = next(record for record in second if record.session_id == "a")
    assert (again.path, again.size, again.attempts) == (first["a"], 1000, 0)
    assert all(path.read_bytes() == service.body for id_, path in first.items() if id_ in missing)
    assert Counter(line["session_id"] for line in manifest(folder)) == Counter("abcdebcdf")


@pytest.mark.parametrize("form", [list, dict])
def test_each_session_may_have_its_analysis(service: Service, folder: Path, form: type[Any]) -> None:
    """By pairs or by a mapping a list says which analysis to make; a wrong one fails that session alone."""
    items = form([("a", "jump"), ("b", None), ("c", "run")])
    records = list(service.videos().export(items, folder, analysis="weightlifting"))
    assert statuses(records) == {"a": "done", "b": "done", "c": "failed"}
    assert next(record.error for record in records if record.session_id == "c") == "ValueError"
    assert service.seen.queries == {"a": "is_jump=true", "b": "is_weight=true"}


def test_the_input_is_read_lazily(service: Service, folder: Path) -> None:
    """A slow, endless list is read only as far ahead as sessions are under way, and holds nothing back that is done."""
    noted: list[int] = []

    def endless() -> Iterator[str]:
        while True:
            time.sleep(0.05)
            noted.append(len(manifest(folder)))
            yield f"s{len(noted)}"

    records = service.videos().export(endless(), folder, concurrency=5)
    assert not noted
    for count, _ in enumerate(records, 1):
        assert len(noted) <= count + 5 + 3  # three whose videos arrive
        if count == 10:
            break
    del records
    assert noted[-1] >= 5


def test_leaving_early_stops_the_workers_and_keeps_what_is_done(service: Service, folder: Path) -> None:
    """A loop that breaks leaves no thread and no half file, and the next run goes on from there."""
    ids = [f"s{n}" for n in range(50)]
    service.store(400_000, rate=400_000)
    videos = service.videos()
    for record in videos.export(ids, folder, concurrency=8):
        assert record.status == "done"
        break
    gc.collect()
    began = time.monotonic()
    assert workers() == []
    assert time.monotonic() - began < 2
    service.rate = 0
    noted = {line["session_id"] for line in manifest(folder)}
    assert 1 <= len(noted) <= 16
    assert statuses(videos.export(ids, folder)) == {id_: "already_there" if id_ in noted else "done" for id_ in ids}
    assert Counter(path.suffix for path in folder.iterdir()) == {".mp4": 50, ".jsonl": 1, ".html": 1}


def test_an_export_that_nobody_iterates_is_warned_of(service: Service, folder: Path) -> None:
    """Dropped before its first step it has done nothing, and says so; a loop over an empty list is no mistake."""
    with pytest.warns(RuntimeWarning, match="dropped before it began"):
        service.videos().export(["a"], folder)
    with warnings.catch_warnings(record=True) as caught:
        assert list(service.videos().export([], folder)) == []
    assert not caught
    assert service.seen.lookups == []
    assert manifest(folder) == []
    assert "no videos yet" in (folder / "index.html").read_text("utf-8")


def test_a_folder_may_be_named_in_several_ways_or_is_said_not_to_work(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``~`` is the home folder, a ``file:`` URL a folder of this machine; a file or too long a name is an error."""
    videos = service.videos()
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "file").write_text("x")
    (record,) = videos.export(["a"], "~/my videos")
    uri = (tmp_path / "my videos").as_uri()
    again, short = (next(videos.export(["a"], to)) for to in (uri, uri.replace("file:///", "file:/")))
    for name, said in (("file", r"name a folder .*file"), ("x" * 300, "name too long")):
        with pytest.raises(DownloadError, match=said):
            list(videos.export(["a"], tmp_path / name))
    assert record.path == again.path == short.path == next((tmp_path / "my videos").glob("*.mp4"))
    assert again.status == "already_there"
    assert service.seen.lookups == ["a"]
