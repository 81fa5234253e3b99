"""An export among enemies: a folder that somebody prepared, a server that says what it should not."""

from __future__ import annotations

import json
import os
from collections import Counter
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from aikynetix import DownloadError
from aikynetix._export import plan
from aikynetix._export._folder import LocalFolder

from .conftest import manifest
from .servers import API_KEY, Reply, Service
from .test_export import statuses

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Connect

SIGNATURE = "feedfacecafebeefdeadbeef0123456789abcdef"
QUERY = f"X-Goog-Credential=svc%40x.iam&X-Goog-Expires=60&X-Goog-SignedHeaders=host&X-Goog-Signature={SIGNATURE}"
SIGNED = f"https://storage.example/b/o.mp4?{QUERY}"


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_link(path: Path) -> None:
    (path.parent.parent / "precious").write_text("mine\n")
    path.symlink_to(path.parent.parent / "precious")


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to(path.parent.parent / "new")


@pytest.mark.parametrize("put", [a_pipe, a_folder, a_link, a_link_to_nothing])
def test_a_manifest_that_is_no_file_is_refused(
    connect: Connect, folder: Path, tmp_path: Path, put: Callable[[Path], None]
) -> None:
    """No pipe is waited for, no file elsewhere is read, written to or made; nothing is asked of the API."""
    folder.mkdir()
    put(folder / "manifest.jsonl")
    with Service() as service:
        with pytest.raises(DownloadError, match=r"regular file|symbolic link|directory"):
            list(connect(service).analyzed_videos.export(["a"], folder))
        with pytest.raises(DownloadError):
            list(plan(["a"], folder))
    assert service.seen.lookups == []
    assert not (tmp_path / "new").exists()
    if (tmp_path / "precious").exists():
        assert (tmp_path / "precious").read_text() == "mine\n"


def test_lines_of_strangers_neither_stop_an_export_nor_spoil_the_page(connect: Connect, folder: Path) -> None:
    """Bad UTF-8, other encodings, later versions, impossible dates, names that no file can have: all passed over."""
    line: dict[str, Any] = {"session_id": "x", "status": "done", "path": "x.mp4", "size": 3, "sha256": "00"}
    foreign = [
        line | {"path": "\ud800.mp4"},
        line | {"session_id": "\ud800", "sha256": "\udfff"},
        line | {"session_id": "y", "status": "failed", "error": "\ud800", "message": "</li><script>\u202e"},
        line | {"session_id": "a", "status": "archived", "version": 9, "more": {"deep": [1]}},
        line | {"session_id": "b", "path": "../outside.mp4"},
        *(line | {"finished_at": moment} for moment in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", 5)),
        line | {"session_id": "z", "path": "z.mp4", "finished_at": "2026-05-04T05:02:01+02:00"},
    ]
    folder.mkdir()
    blob = b"\xff\xfe\x00\n" + json.dumps(line).encode("utf-16") + b"\n" + b"[" * 1_000_000 + b"\n\x00\n"
    blob += b"".join(json.dumps(value).encode() + b"\n" for value in foreign)
    (folder / "manifest.jsonl").write_bytes(blob)
    with Service() as service:
        assert statuses(connect(service).analyzed_videos.export(list("ab"), folder)) == dict.fromkeys("ab", "done")
    page = (folder / "index.html").read_text("utf-8")
    assert "outside" not in page
    assert page.count("<script") == 1
    assert "2026-05-04 03:02 UTC" in page


def test_nothing_that_grants_access_is_written_down(connect: Connect, folder: Path) -> None:
    """However the API spells a signed URL or the key in its answers, neither is in manifest or page."""
    texts = [
        SIGNED,
        SIGNED.replace("/", "\\/"),
        SIGNED.replace("&", "&amp;"),
        quote(SIGNED, safe=""),
        quote(quote(SIGNED, safe=""), safe=""),
        f"Signature={SIGNATURE}",
        f"X-Goog-Signature: {SIGNATURE}",
        json.dumps({"X-Goog-Signature": SIGNATURE}),
        json.dumps(json.dumps({"X-Amz-Security-Token": SIGNATURE})),
        f"key {API_KEY} {quote(API_KEY)} {API_KEY.upper()}",
    ]
    replies = {f"text{number}": Reply(400 + number % 2 * 100, {"error": text}) for number, text in enumerate(texts)}
    addresses = {
        "plain": f"http://storage.example/o.mp4?{QUERY}",
        "user": f"https://u:{SIGNATURE}@127.0.0.1:1/o.mp4?{QUERY}",
        "nobody": f"https://127.0.0.1:1/o.mp4?{QUERY}",
        "port": f"https://host:99999/o.mp4?{QUERY}",
        "scheme": f"ftp://{SIGNATURE}/?{QUERY}",
        "break": f"https://host/o.mp4\n?{QUERY}",
    }
    replies |= {name: Reply(200, {"analyzed_video_url": address}) for name, address in addresses.items()}
    refusals = {
        "refused": Reply(403, {"x": f"<Code>SignatureDoesNotMatch</Code><StringToSign>{QUERY}</StringToSign>"}),
        "moved": Reply(302, {}, {"Location": f"http://127.0.0.1:1/?{QUERY}"}),
    }
    with Service(behave=lambda id_, _: replies.get(id_), store=lambda id_, _: refusals.get(id_)) as service:
        records = list(connect(service).analyzed_videos.export([*replies, *refusals, "ok"], folder))
    assert Counter(record.status.value for record in records) == {"failed": len(replies) + len(refusals), "done": 1}
    for name in ("manifest.jsonl", "index.html"):
        text = (folder / name).read_text("utf-8").lower()
        assert SIGNATURE not in text
        assert API_KEY not in text


def test_two_exports_of_one_list_at_the_same_time_are_safe(connect: Connect, folder: Path) -> None:
    """Each video is there, whole and once; every line is whole; who comes second to a file is told so."""
    ids = [f"s{number}" for number in range(30)]
    found = Counter[tuple[str, str | None]]()

    def work(service: Service) -> None:
        for record in connect(service).analyzed_videos.export(ids, folder, concurrency=4):
            found[record.status.value, record.error] += 1
            assert record.error is None or "another download to the same file" in str(record.message)

    with Service(size=20_000, rate=400_000) as service:
        threads = [Thread(target=work, args=(service,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found.total() == len(manifest(folder)) == 60
        assert set(found) <= {("done", None), ("failed", "DownloadError")}
        assert {line["session_id"] for line in manifest(folder) if line["status"] == "done"} == set(ids)
        assert all(path.read_bytes() == service.video for path in folder.glob("*.mp4"))
        assert set(statuses(connect(service).analyzed_videos.export(ids, folder)).values()) <= {"done", "already_there"}
    assert sorted(path.suffix for path in folder.iterdir()) == [".html", ".jsonl", *[".mp4"] * 30]


def test_who_writes_the_page_last_has_seen_every_line(tmp_path: Path) -> None:
    """Of two exports that end together one writes its page after the other, and then knows what both have done."""
    ours, theirs = LocalFolder(tmp_path), LocalFolder(tmp_path)
    ours.open()
    theirs.open()
    ours.append(b"1\n")
    seen: list[bytes] = []

    def write() -> None:
        with ours.page_turn():
            seen.extend(ours.news())

    writing = Thread(target=write)
    with theirs.page_turn():
        writing.start()
        writing.join(0.2)
        assert writing.is_alive()
        theirs.append(b"2\n")
    writing.join(5)
    assert seen == [b"1\n", b"2\n"]
    ours.close()
    theirs.close()


def test_an_export_that_hangs_does_not_hold_up_the_page_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while the page is written all the same."""
    monkeypatch.setattr("aikynetix._export._folder._LONGEST_TURN", 0.1)
    ours, theirs = LocalFolder(tmp_path), LocalFolder(tmp_path)
    ours.open()
    theirs.open()
    with theirs.page_turn(), ours.page_turn():
        ours.write_page(["<!doctype html>"])
    assert (tmp_path / "index.html").exists()
    ours.close()
    theirs.close()
