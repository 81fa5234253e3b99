"""A folder behind an fsspec URL: a manifest without appending, and what crashes leave of it."""

from __future__ import annotations

import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import AikynetixError
from aikynetix._export import plan
from aikynetix._export._record import load

from .servers import Service, statuses

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

fsspec: Any = pytest.importorskip("fsspec", reason="fsspec is not installed")


@pytest.fixture(params=["memory", "local", "patterns", "folder"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder that is not there yet: in memory, on disk, of a name full of patterns, and one without fsspec."""
    if request.param == "folder":
        return str(tmp_path / "videos")
    if request.param == "patterns":
        return f"memory://{uuid.uuid4().hex}/vid[1]*?"
    # The download engine takes file:// for what it is, a path; local:// is the same place by way of fsspec.
    return f"local://{tmp_path}/videos" if request.param == "local" else f"{request.param}://{uuid.uuid4().hex}/videos"


def test_an_export_into_a_url_and_again(service: Service, url: str) -> None:
    """Videos, manifest and page go there; the second run finds them, but for one that is gone; a failure is ours."""
    videos = service.videos()
    service.store(5_000)
    first = list(videos.export(["a", "b", "..", "b"], url))
    assert statuses(first) == {"a": "done", "b": "done", "..": "failed"}
    path = next(str(record.path) for record in first if record.session_id == "b")
    fs, root = fsspec.core.url_to_fs(url)
    assert path.startswith(f"{url}/")
    assert fs.cat_file(fsspec.core.url_to_fs(path)[1]) == service.body
    fs.rm_file(fsspec.core.url_to_fs(path)[1])
    assert list(plan(["a", "b"], url)) == [("a", "already_there"), ("b", "fetch")]
    assert statuses(videos.export(["a", "b"], url)) == {"a": "already_there", "b": "done"}
    with pytest.raises(AikynetixError, match="/dev/null/videos"):
        list(videos.export(["a"], "local:///dev/null/videos"))
    lines = [load(line) for line in fs.cat_file(f"{root}/manifest.jsonl").splitlines()]
    assert sorted(line.session_id for line in lines if line) == ["..", "a", "b", "b"]
    assert fs.cat_file(f"{root}/index.html").count(b".mp4") >= 2
    assert len(fs.find(root)) == 4
    assert len([path for path in fs.find(root) if path.endswith(".mp4")]) == 2


def fetched(service: Service) -> list[str]:
    """Return the sessions whose videos were fetched since the last call."""
    found = sorted(request.target.split("/")[2] for request in service.requests if "/videos/" in request.target)
    service.requests.clear()
    return found


@pytest.mark.parametrize(
    ("harm", "replaced"),
    [
        (lambda _: [], ["a", "b"]),
        (lambda lines: lines[:1], ["b"]),
        (lambda lines: [lines[0], lines[1][:60] + b"\n"], ["b"]),
    ],
    ids=["no manifest", "no line", "a torn line"],
)
def test_a_file_of_the_name_that_no_line_tells_of_is_replaced(
    service: Service, url: str, harm: Callable[[list[bytes]], list[bytes]], replaced: list[str]
) -> None:
    """No export takes bytes for a video that nobody has verified, in a folder of this machine or elsewhere."""
    videos = service.videos()
    first = videos.export(["a", "b"], url, concurrency=1)
    path = str(next(first).path)
    fs, root = fsspec.core.url_to_fs(url)
    assert fs.cat_file(f"{root}/manifest.jsonl").count(b"\n") == 1  # in the store, too, before the export has ended
    path = str(next(first).path)
    first.close()
    fs.pipe_file(fsspec.core.url_to_fs(path)[1], b"garbage")
    lines = fs.cat_file(f"{root}/manifest.jsonl").splitlines(keepends=True)
    fs.pipe_file(f"{root}/manifest.jsonl", b"".join(harm(lines)))
    fetched(service)
    records = list(videos.export(["a", "b"], url))
    assert fetched(service) == replaced
    assert {record.sha256 for record in records} == {hashlib.sha256(service.body).hexdigest()}
    assert [fs.cat_file(fsspec.core.url_to_fs(str(record.path))[1]) for record in records] == [service.body] * 2
    assert statuses(videos.export(["a", "b"], url)) == dict.fromkeys("ab", "already_there")


@pytest.mark.parametrize("is_garbage", [False, True])
def test_two_exports_at_once_agree(service: Service, url: str, *, is_garbage: bool) -> None:
    """Neither fails, neither fetches what the other does, and the next one finds everything that they have noted."""
    videos, ids = service.videos(), [f"s{number}" for number in range(6)]
    if is_garbage:
        fs, root = fsspec.core.url_to_fs(url)
        for record in list(videos.export(ids, url)):
            fs.pipe_file(fsspec.core.url_to_fs(str(record.path))[1], b"garbage")
        fs.rm_file(f"{root}/manifest.jsonl")
    service.store(100_000, rate=80_000)  # so that both have begun before the first is done
    service.latency = 0.1
    fetched(service)
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda _: statuses(videos.export(ids, url)), range(2)))
    assert {status for run in runs for status in run.values()} <= {"done", "already_there"}
    assert len(fetched(service)) == 6 or (is_garbage and "://" in url)
    assert statuses(videos.export(ids, url)) == dict.fromkeys(ids, "already_there")
    assert fetched(service) == []
