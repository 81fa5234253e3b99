"""A disk that is full, a library that is missing, an error that nobody expected."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import ConfigurationError, DownloadError
from aikynetix._export import _manifest, _page
from aikynetix._export._backend import Threads
from aikynetix._export._folder import LocalFolder
from aikynetix._export._ledger import Ledger
from aikynetix._export._record import failed

from .conftest import manifest
from .servers import API_KEY, Service
from .test_manifest import done

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator
    from pathlib import Path

    from .conftest import Connect


@contextmanager
def files_up_to(size: int) -> Generator[None]:
    """Let no file grow beyond ``size`` bytes: what a full disk does, without one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_manifest_that_cannot_grow_is_said_so_and_heals(tmp_path: Path) -> None:
    """A line that did not fit is an error of ours; when there is room again, the next line stands by itself."""
    folder = LocalFolder(tmp_path)
    folder.open()
    line = _manifest.dump(done("a"), "a.mp4")
    folder.append(line)
    with files_up_to(len(line) + 20):
        with pytest.raises(DownloadError, match="no space"):
            folder.append(line)
        with pytest.raises(DownloadError, match="cannot be written"):
            folder.append(line)
    folder.append(_manifest.dump(done("b"), "b.mp4"))
    folder.close()
    records = [record for record in map(_manifest.load, folder.manifest()) if record is not None]
    assert [record.session_id for record in records] == ["a", "b"]


def test_ctrl_c_after_a_line_is_written_leaves_no_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a line is there whole, its end tells; what is appended next begins a line, and no other one."""
    folder, write = LocalFolder(tmp_path), os.write
    folder.open()

    def interrupted(fd: int, data: bytes) -> int:
        write(fd, data)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            folder.append(_manifest.dump(done("a"), "a.mp4"))
    folder.append(_manifest.dump(done("b"), "b.mp4"))
    folder.close()
    assert [line["session_id"] for line in manifest(tmp_path)] == ["a", "b"]


def test_temporary_files_without_room_are_said_so() -> None:
    """The ledger's own file may find no room; the error names the setting that moves it."""
    ledger = Ledger()
    lines = (_manifest.dump(done(f"s{number}", error="x" * 20_000), "s.mp4") for number in range(1_000))
    with files_up_to(4_096), pytest.raises(DownloadError, match="TMPDIR"):
        ledger.load(lines)
    ledger.close()


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    """The page is put in place whole or not at all, and no draft stays."""
    folder = LocalFolder(tmp_path)
    folder.open()
    folder.write_page(["old"])
    with files_up_to(1_000), pytest.raises(DownloadError, match=r"index\.html"):
        folder.write_page(["new" * 10_000])
    folder.close()
    assert (tmp_path / "index.html").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "manifest.jsonl"]


def test_a_full_disk_ends_the_export_with_an_error_of_ours(connect: Connect, folder: Path) -> None:
    """Where the manifest cannot be kept an export stops: going on would fetch everything again the next time."""
    with Service() as service, files_up_to(500), pytest.raises(DownloadError):
        list(connect(service).analyzed_videos.export([f"s{n}" for n in range(50)], folder))


def test_a_system_with_few_threads_is_no_reason_to_stop(folder: Path) -> None:
    """Where no more threads can be had, an export goes on with fewer, instead of ending or failing them all."""
    script = """
import resource, sys, threading
from pathlib import Path
from aikynetix import Aikynetix, _download, _export
threading.stack_size(16 * 1024**2)  # memory for about a dozen
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 300 * 1024**2,) * 2)
with Aikynetix(max_retries=1) as client:
    ids = (f"s{number}" for number in range(100))
    print(sum(record.status == "done" for record in client.analyzed_videos.export(ids, sys.argv[1], concurrency=100)))
"""
    with Service(latency=0.02) as service:
        environment = os.environ | {"AIKYNETIX_API_KEY": API_KEY, "AIKYNETIX_BASE_URL": service.base_url}
        command = [sys.executable, "-c", script, str(folder)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) >= 50
    assert len(list(folder.glob("*.mp4"))) == int(ended.stdout)


def test_a_url_without_fsspec_says_what_to_install(
    connect: Connect, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra is named before anything happens."""
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with Service() as service, pytest.raises(ConfigurationError, match=r"aikynetix\[fsspec\]"):
        connect(service).analyzed_videos.export(["a"], "memory://videos")


def test_an_error_nobody_expected_names_its_place_and_not_its_text() -> None:
    """A foreign exception's text may hold anything; where it happened is enough to report it."""
    bad: Any = None
    with pytest.raises(AttributeError) as caught:
        _page.source(bad)
    record = failed("s", caught.value)
    assert record.error == "AttributeError"
    assert record.message is not None
    assert record.message.startswith("unexpected AttributeError at _export/_page.py:")
    assert failed("s", KeyError("secret")).message == "unexpected KeyError at an unknown place; please report it"


def test_ctrl_c_while_a_thread_starts_leaves_none_behind(interrupted_starts: list[threading.Thread]) -> None:
    """The thread is there, though nobody was told that it had started."""
    threads = Threads(4, "aikynetix-test")
    with pytest.raises(KeyboardInterrupt):
        threads.submit(lambda: None)
    threads.close()
    interrupted_starts[0].join(5)
    assert not interrupted_starts[0].is_alive()
