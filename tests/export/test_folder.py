"""The manifest and the page in their folder: what is written is read back, nothing else is believed or replaced."""

from __future__ import annotations

import json
import resource
import tracemalloc
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import DownloadError, ExportRecord, ExportStatus
from aikynetix._export import plan
from aikynetix._export._folder import Folder
from aikynetix._export._record import dump, load

from .servers import Service, statuses

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

MOMENT = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def done(session_id: str = "s", **changes: Any) -> ExportRecord:
    fields: dict[str, Any] = {"status": ExportStatus.DONE, "path": "s.mp4", "size": 3, "sha256": "ab"}
    fields.update({"finished_at": MOMENT} | changes)
    return ExportRecord(session_id=session_id, **fields)


@contextmanager
def files_up_to(size: int) -> Generator[None]:
    """Let no file grow beyond ``size`` bytes: what a full disk does, without one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 60_000,
        b'{"session_id": "s", "status": "done", "path": "s.mp4", "size": ' + b"9" * 5_000 + b"}",
        *(dump(done(size=size), "s.mp4") for size in (None, -1, 10**400)),
        dump(done(), "s.mp4").replace(b'"done"', b'"gone"'),
        *(dump(done(), "s.mp4").replace(b'"done"', other) for other in (b"null", b"[1]", b"7")),
        *(dump(done(), "s.mp4").replace(b'"ab"', other) for other in (b"{}", b"7", b"false")),
        b" " * 70_000 + dump(done(), "s.mp4"),
        *(dump(done(), name) for name in ("", "/etc/passwd", "../x", "a/x", ".", "..", "C:\\x", "a\x00b", "\ud800")),
    ],
)
def test_a_hostile_line_is_no_record(line: bytes) -> None:
    """Deep nesting, huge numbers, endless lines and names outside of the folder cost little and mean nothing."""
    assert load(line) is None


def test_the_last_line_of_each_session_counts_in_the_order_of_the_list(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A session that failed first and was done later is done; what only earlier exports knew comes last."""
    failure = ExportRecord(session_id="b", status=ExportStatus.FAILED, error="E", message="m")
    lines = [dump(failure, None), b"torn{\n", dump(done("a"), "s.mp4"), dump(done("b"), "s.mp4")]
    (tmp_path / "manifest.jsonl").write_bytes(b"".join(lines))
    folder = Folder(tmp_path)
    folder.open()
    assert [folder.add_seen(id_) for id_ in ("c", "b", "\ud800", "b", "\ud800")] == [True, True, True, False, False]
    assert not caplog.messages
    assert not folder.add_seen("c", "jump")
    assert caplog.messages == ["'c' is listed for several analyses: the first counts"]
    assert folder.note(done("c")) == done("c", path=tmp_path / "s.mp4")
    folder.read()
    assert folder.last("b") == done("b")
    assert folder.last("other") is None
    assert [record.session_id for record in folder] == ["c", "b", "a"]
    folder.close()


def test_memory_holds_ids_alone(tmp_path: Path) -> None:
    """5,000 sessions with long messages take less than 300 bytes each: for 100,000 there is room in 100 MiB."""
    folder = Folder(tmp_path)
    folder.open()
    tracemalloc.start()
    for number in range(5_000):
        folder.add_seen(f"{number:036}")
        folder.note(done(f"{number:036}", message="x" * 500))
    assert tracemalloc.get_traced_memory()[0] < 5_000 * 300
    tracemalloc.stop()
    folder.close()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("index.html", "<!doctype html>\n<title>Our clinic</title>"),
        ("manifest.jsonl", '{"name": "my-app"}\n'),
        ("manifest.jsonl", "not JSON\nat all"),
        ("manifest.jsonl", '{"no": "line end"}'),
    ],
)
def test_a_foreign_file_is_not_replaced(service: Service, folder: Path, name: str, content: str) -> None:
    """A page or a manifest that no export made stops an export, a dry run too, before anything is asked for."""
    folder.mkdir()
    (folder / name).write_text(content)
    for begun in (service.videos().export, plan):
        with pytest.raises(DownloadError, match=rf"{name} there .* name another folder"):
            list(begun(["a"], folder))
    assert service.seen.lookups == []
    assert [path.read_text() for path in folder.iterdir()] == [content]


def test_torn_and_foreign_lines_cost_nothing_but_themselves(service: Service, folder: Path) -> None:
    """After a crash in the middle of a line, and lines of strangers, the next line stands by itself."""
    videos = service.videos()
    foreign: list[dict[str, Any]] = [
        done("a").to_dict() | {"status": "archived", "more": [1]},
        done("c").to_dict() | {"path": "../outside.mp4"},
        done("x").to_dict() | {"message": "</li><script>\u202e", "finished_at": "9999-12-31T23:59:59-23:59"},
    ]
    list(videos.export(list("ab"), folder))
    path = folder / "manifest.jsonl"
    lines = b"\x00\xff not json\n[1]\n" + b"".join(json.dumps(line).encode() + b"\n" for line in foreign)
    path.write_bytes(path.read_bytes() + lines + b"[" * 200_000 + b'\n{"session_id": "c", "status": "do')
    assert statuses(videos.export(list("abc"), folder)) == {"a": "already_there", "b": "already_there", "c": "done"}
    assert statuses(videos.export(list("abc"), folder)) == dict.fromkeys("abc", "already_there")
    page = (folder / "index.html").read_text("utf-8")
    assert "outside" not in page
    assert "</li><script" not in page


def test_what_does_not_fit_on_the_disk_is_said_so_and_heals(service: Service, tmp_path: Path) -> None:
    """A line and a page that did not fit are errors of ours; the old page stays, and the next line stands by itself."""
    folder, line = Folder(tmp_path), dump(done("a"), "a.mp4")
    folder.open()
    folder.note(done("a", path="a.mp4"))
    folder.write_page()
    before = (tmp_path / "index.html").read_text()
    with files_up_to(len(line) + 20):
        for said in ("no space", "cannot be written"):
            with pytest.raises(DownloadError, match=said):
                folder.note(done("lost"))
        with pytest.raises(DownloadError, match=r"index\.html"):
            folder.write_page()
    assert (tmp_path / "index.html").read_text() == before
    folder.note(done("b"))
    folder.close()
    lines = (tmp_path / "manifest.jsonl").read_bytes().splitlines()
    assert [record.session_id for record in map(load, lines) if record is not None] == ["a", "b"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "manifest.jsonl"]
    with files_up_to(500), pytest.raises(DownloadError):
        list(service.videos().export([f"s{n}" for n in range(50)], tmp_path / "videos"))
