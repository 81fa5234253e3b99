"""Downloads to a place behind an fsspec URL: collected and verified here, put there, no half file under the name."""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from aikynetix import DownloadError, DownloadInterruptedError, IntegrityError

from .calls import MIB, fetch, once
from .servers import Fault, Storage, serving, video

if TYPE_CHECKING:
    from pathlib import Path

fsspec: Any = pytest.importorskip("fsspec", reason="fsspec is not installed")
memory_system: Any = pytest.importorskip("fsspec.implementations.memory").MemoryFileSystem


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files are collected."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    return tmp_path / "temporary"


@pytest.fixture(params=["memory", "local"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a folder that is not there yet, in memory and on disk."""
    return f"memory://{uuid.uuid4().hex}" if request.param == "memory" else f"local://{tmp_path}/videos"


def listing(folder: str) -> dict[str, bytes]:
    """What is in the folder, by name."""
    fs, root = fsspec.core.url_to_fs(folder)
    return {path.rsplit("/", 1)[-1]: fs.cat_file(path) for path in fs.find(root)} if fs.exists(root) else {}


def test_a_video_is_put_there_and_verified(folder: str) -> None:
    """Over a connection that breaks as well; the result has the URL, and what stands there is not replaced."""
    body = video(2 * MIB)
    fault = once(Fault(cut_after=MIB))
    with serving(Storage(body, ("md5", "crc32c"), fault=fault)) as storage:
        result = fetch(storage, f"{folder}/a.mp4")
        assert [request.span for request in storage.requests] == [None, (MIB, 2 * MIB)]
        with pytest.raises(DownloadError, match="overwrite"):
            fetch(storage, f"{folder}/a.mp4")
    assert (result.size, result.verified, result.resumed_from) == (len(body), "crc32c+md5", 0)
    assert str(result.path).endswith("/a.mp4")
    assert fsspec.open(str(result.path)).open().read() == body
    assert listing(folder) == {"a.mp4": body}


def test_what_is_said_of_a_place_has_no_password(tmp_path: Path) -> None:
    """Nor has what is made of it for a place that has none of its own to show."""
    with serving(Storage(video(9_000))) as storage, pytest.raises(DownloadError) as caught:
        fetch(storage, "ftp://someone:topsecret@127.0.0.1:9/v.mp4")
    assert str(caught.value.path) == "ftp://127.0.0.1:9/v.mp4"
    assert "topsecret" not in f"{caught.value}{caught.value!r}"


@pytest.mark.parametrize("name", ["a[1].mp4", "st*r.mp4", "v?.mp4", "a[1]/v.mp4", "st*r/"])
def test_characters_of_patterns_are_names_like_others(name: str, folder: str) -> None:
    """Also where something stands there already that the name would match; and nothing else is left."""
    with serving(Storage(video(1000))) as storage:
        fetch(storage, f"{folder}/star.mp4")
        result = fetch(storage, f"{folder}/{name}")
        storage.fault = lambda request: Fault(headers={"x-goog-hash": "md5=AAAAAAAAAAAAAAAAAAAAAA=="})
        with pytest.raises(IntegrityError):
            fetch(storage, f"{folder}/{name}", overwrite=True)
    fs, path = fsspec.core.url_to_fs(str(result.path))
    assert fs.cat_file(path) == storage.body
    assert sorted(listing(folder)) == sorted(["star.mp4", path.rpartition("/")[2]])


def test_it_is_resumed_and_fetched_over_many_connections(folder: str, temporary: Path) -> None:
    """What is there when a download breaks is not fetched again, and nothing is left here in the end."""
    with serving(Storage(video(12 * MIB), rate=4 * MIB)) as storage:
        storage.fault = lambda request: Fault(cut_after=2 * MIB) if request.number == 0 else Fault(status=500)
        with pytest.raises(DownloadInterruptedError):
            fetch(storage, f"{folder}/a.mp4", max_retries=0)
        assert listing(folder) == {}
        storage.fault = lambda request: None
        result = fetch(storage, f"{folder}/a.mp4")
        assert len(storage.requests) > 4
    assert (result.resumed_from, result.sha256) == (2 * MIB, hashlib.sha256(storage.body).hexdigest())
    assert listing(folder) == {"a.mp4": storage.body}
    assert [path for path in temporary.rglob("*") if path.is_file()] == []


def test_what_stands_there_is_taken_if_wanted(folder: str) -> None:
    """exist_ok=True asks for nothing; whether it stands there is looked up, not taken from a listing of before."""
    fs, root = fsspec.core.url_to_fs(folder)
    fs.makedirs(root, exist_ok=True)
    fs.ls(root)
    with serving(Storage(video(1000))) as storage:
        fetch(storage, f"{folder}/a.mp4")
        storage.requests.clear()
        result = fetch(storage, f"{folder}/a.mp4", exist_ok=True)
        assert (result.size, result.verified, storage.requests) == (1000, "exists", [])
        fs.rm_file(f"{root}/a.mp4")
        assert fetch(storage, f"{folder}/a.mp4", exist_ok=True).verified == "md5"


class Shaky(memory_system):  # type: ignore[misc]  # fsspec has no types
    """A store that fails where it is told to."""

    protocol = "shaky"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    fails = ""

    def _fail(self, what: str) -> None:
        if Shaky.fails == what:
            raise ConnectionError("the store says: secret-of-the-store")

    def exists(self, path: str, **kwargs: Any) -> bool:
        self._fail("exists")
        return bool(super().exists(path, **kwargs))

    def info(self, path: str, **kwargs: Any) -> Any:
        found = super().info(path, **kwargs)
        if path.endswith(".part"):
            self._fail("info")
            return found | {"size": found["size"] - 1} if Shaky.fails == "size" else found
        return found

    def mv(self, path1: str, path2: str, **kwargs: Any) -> None:
        self._fail("mv")
        super().mv(path1, path2, **kwargs)


@pytest.mark.parametrize("step", ["exists", "info", "size", "mv"])
def test_a_store_that_fails_is_an_error_of_ours(step: str) -> None:
    """Whatever the store raises, at whichever step, comes out as a DownloadError, and no half file stays there."""
    fsspec.register_implementation("shaky", Shaky, clobber=True)
    Shaky.fails = step
    with serving(Storage(video(1000))) as storage:
        with pytest.raises(DownloadError) as caught:
            fetch(storage, "shaky://videos/a.mp4")
        Shaky.fails = ""
        assert type(caught.value) is DownloadError
        assert "secret" not in str(caught.value)
        assert [path for path in Shaky.store if "videos" in path] == []
        fetch(storage, "shaky://videos/a.mp4")
    Shaky.store.clear()
