"""A folder behind an fsspec URL: a manifest without appending, and what crashes leave of it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import AikynetixError
from aikynetix._export import plan
from aikynetix._export._record import load

from .servers import Service, statuses

if TYPE_CHECKING:
    from pathlib import Path

fsspec: Any = pytest.importorskip("fsspec", reason="fsspec is not installed")


@pytest.fixture(params=["memory", "local", "patterns"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder that is not there yet: in memory, on disk, and of a name full of patterns."""
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
