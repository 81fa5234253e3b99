"""A folder behind an fsspec URL: a manifest without appending, and what crashes leave of it."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from aikynetix import AikynetixError
from aikynetix._export import _manifest
from aikynetix._export._ledger import Ledger
from aikynetix._export._record import ExportStatus
from aikynetix._export._remote import RemoteFolder

from .servers import Service
from .test_export import statuses
from .test_manifest import done

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Connect

fsspec: Any = pytest.importorskip("fsspec", reason="fsspec is not installed")
MemoryFileSystem: Any = pytest.importorskip("fsspec.implementations.memory").MemoryFileSystem


class BufferedFile(fsspec.spec.AbstractBufferedFile):  # type: ignore[misc]  # fsspec ships no types
    """A file as those of S3, Cloud Storage and Azure are: read by ranges, with a ``readline`` that takes no bound."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        content: bytes = self.fs.cat_file(self.path, start, end)
        return content


class BufferedFileSystem(MemoryFileSystem):  # type: ignore[misc]  # as above
    """A store of such files."""

    protocol = "buffered"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        inside: str = super()._strip_protocol(path.replace("buffered://", "memory://"))
        return inside

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode == "rb":
            return BufferedFile(self, path, mode, size=self.info(path)["size"])
        return super()._open(path, mode, **options)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        content: bytes = super()._open(self._strip_protocol(path), "rb").getvalue()
        return content[start:end]


fsspec.register_implementation("buffered", BufferedFileSystem, clobber=True)


@pytest.fixture(params=["memory", "local", "buffered", "patterns"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder that is not there yet: in memory, on disk, in a store read by ranges, and of a name full of patterns."""
    if request.param == "patterns":
        return f"memory://{uuid.uuid4().hex}/vid[1]*?"
    # The download engine takes file:// for what it is, a path; local:// is the same place by way of fsspec.
    return f"local://{tmp_path}/videos" if request.param == "local" else f"{request.param}://{uuid.uuid4().hex}/videos"


def opened(url: str) -> RemoteFolder:
    folder = RemoteFolder(url)
    folder.open()
    return folder


def line(session_id: str) -> bytes:
    return _manifest.dump(done(session_id), f"{session_id}.mp4")


def known(url: str) -> list[str]:
    ledger = Ledger()
    ledger.load(RemoteFolder(url).manifest())
    ids = [record.session_id for record in ledger.records(ExportStatus.DONE)]
    ledger.close()
    return ids


def test_lines_of_several_exports_end_in_one_manifest(url: str) -> None:
    """Each export adds to what is there, and leaves one file."""
    for session_id in "abc":
        folder = opened(url)
        folder.append(line(session_id))
        folder.close()
        folder.close()
    fs, root = fsspec.core.url_to_fs(url)
    lines = fs.cat_file(f"{root}/manifest.jsonl").splitlines()
    assert [json.loads(text)["session_id"] for text in lines] == list("abc")
    assert fs.find(f"{root}/manifest.jsonl.d") == []


def test_what_a_crash_left_is_read_and_merged(url: str) -> None:
    """Lines that were written down but never merged count, and the next export that ends well merges them."""
    first = opened(url)
    first.append(line("a"))
    first.close()
    crashed = opened(url)
    for number in range(1_000):  # beyond what is collected before it is written down
        crashed.append(line(f"s{number}"))
    found = known(url)
    assert found[0] == "a"
    assert 300 < len(found) < 1_001
    after = opened(url)
    after.append(line("z"))
    after.close()
    assert known(url) == [*found, "z"]
    fs, root = fsspec.core.url_to_fs(url)
    assert fs.find(f"{root}/manifest.jsonl.d") == []


def test_exports_beside_each_other_lose_no_line(url: str) -> None:
    """Two that share a folder merge each other's lines, in whatever order they end."""
    one, two = opened(url), opened(url)
    one.append(line("a"))
    two.append(line("b"))
    one.close()
    two.close()
    assert sorted(known(url)) == ["a", "b"]


def test_names_sizes_and_the_page(url: str) -> None:
    """A file is found by its name below the folder, with its size; what is not there, or is a folder, has none."""
    folder = opened(url)
    folder.write_page(["<p>", "ä", "</p>"])
    assert folder.size_of("index.html") == 9
    assert folder.size_of("nothing.mp4") is None
    assert folder.size_of("") is None
    assert folder.path_of("a b.mp4") == f"{url}/a b.mp4"
    assert folder.name_of(f"{url}/a b.mp4") == "a b.mp4"
    assert folder.name_of("memory://elsewhere/a.mp4") is None
    folder.close()


@pytest.mark.parametrize("url", ["memory://", "memory:///"])
def test_the_root_of_a_store_is_a_folder_of_it(url: str) -> None:
    """Its URL has nothing after the scheme, and the slashes are part of that."""
    folder = RemoteFolder(url)
    assert fsspec.core.url_to_fs(folder.target)[0] is fsspec.filesystem("memory")
    assert fsspec.core.url_to_fs(folder.path_of("a.mp4"))[1] == "/a.mp4"
    assert folder.name_of(folder.path_of("a.mp4")) == "a.mp4"


def test_a_store_that_fails_is_an_error_of_ours() -> None:
    """Whatever a file system raises comes out as one of our errors that names the folder."""
    folder = RemoteFolder("local:///dev/null/videos")
    with pytest.raises(AikynetixError, match="/dev/null/videos"):
        folder.open()


def test_a_store_that_does_not_answer_is_an_error_of_ours(connect: Connect) -> None:
    """What a file system raises when it is first looked at says which folder it is about."""
    pytest.importorskip("aiohttp", reason="fsspec reaches http by aiohttp")
    with Service() as service, pytest.raises(AikynetixError, match=r"http://127\.0\.0\.1:9/videos"):
        list(connect(service).analyzed_videos.export(["a"], "http://127.0.0.1:9/videos"))


def test_a_line_without_end_takes_no_memory(url: str) -> None:
    """What stands in a manifest is read in pieces, and lines of records around the junk are found."""
    folder = opened(url)
    fs, root = fsspec.core.url_to_fs(url)
    fs.pipe_file(f"{root}/manifest.jsonl", line("a") + b"x" * 3_000_000 + b"\n" + line("b") + line("c")[:-1])
    pieces = list(folder.manifest())
    assert max(map(len, pieces)) < 300_000
    assert known(url) == ["a", "b", "c"]


def test_a_file_url_is_a_folder_of_this_machine(connect: Connect, tmp_path: Path) -> None:
    """``file://`` needs no fsspec, and its records have paths."""
    with Service() as service:
        (record,) = connect(service).analyzed_videos.export(["a"], (tmp_path / "my videos").as_uri())
    assert record.path == next((tmp_path / "my videos").glob("*.mp4"))
    assert (tmp_path / "my videos" / "index.html").is_file()


def test_an_export_into_a_url_and_again(connect: Connect, url: str) -> None:
    """Videos, manifest and page go to the destination; the second run finds them there, but for one that is gone."""
    with Service(size=5_000) as service:
        videos = connect(service).analyzed_videos
        first = list(videos.export(["a", "b", "..", "b"], url))
        assert statuses(iter(first)) == {"a": "done", "b": "done", "..": "failed"}
        path = next(str(record.path) for record in first if record.session_id == "b")
        fs, root = fsspec.core.url_to_fs(url)
        assert path.startswith(f"{url}/")
        assert fs.cat_file(fsspec.core.url_to_fs(path)[1]) == service.video
        fs.rm_file(fsspec.core.url_to_fs(path)[1])
        assert statuses(videos.export(["a", "b"], url)) == {"a": "already_there", "b": "done"}
    assert fs.cat_file(f"{root}/index.html").count(b"<video") == 2
    assert len([path for path in fs.find(root) if path.endswith(".mp4")]) == 2
