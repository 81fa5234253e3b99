"""An export over a Dask cluster: two worker processes, one of them killed on the way."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix._cli._app import run

from .servers import API_KEY, Service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Connect

pytest.importorskip("distributed", reason="Dask is not installed")
pytest.importorskip("fsspec", reason="fsspec is not installed")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster of two worker processes on this machine."""
    directory = str(tmp_path_factory.mktemp("dask"))
    distributed: Any = import_module("distributed")  # Dask ships no types
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=4,
            processes=True,
            dashboard_address=None,
            host="127.0.0.1",
            local_directory=directory,
        ) as local,
        distributed.Client(local, set_as_default=False) as client,
    ):
        client.wait_for_workers(2, timeout=30)
        yield client


def test_a_hundred_sessions_arrive_once_though_a_worker_is_killed(
    connect: Connect, tmp_path: Path, cluster: Any
) -> None:
    """Into an fsspec destination, with the manifest and the page: every session done, every video whole."""
    url = f"local://{tmp_path}/videos"
    ids = [f"s{n}" for n in range(100)]
    with Service(size=300_000, latency=0.05) as service:
        pids = list(cluster.run(os.getpid).values())
        executor = cluster.get_executor()
        records = connect(service).analyzed_videos.export(iter(ids), url, concurrency=8, executor=executor)
        found = Counter[tuple[str, str]]()
        for record in records:
            found[record.session_id, record.status.value] += 1
            if found.total() == 20:
                os.kill(pids[0], signal.SIGKILL)
        # Once for the storage too, but for what the killed worker had begun.
        assert len(service.seen.downloads) <= 100 + 8
        assert max(Counter(service.seen.downloads).values()) <= 2
        second = connect(service).analyzed_videos.export(ids, url)
        assert Counter(record.status.value for record in second) == {"already_there": 100}
        assert API_KEY not in repr((cluster.get_scheduler_logs(), cluster.get_worker_logs()))
    assert found == Counter({(session_id, "done"): 1 for session_id in ids})
    folder = tmp_path / "videos"
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    assert Counter(line["session_id"] for line in lines if line["status"] == "done") == Counter(ids)
    assert len({line["path"] for line in lines}) == 100
    assert all((folder / line["path"]).read_bytes() == service.video for line in lines)
    assert sorted(path.name for path in folder.glob("*.mp4")) == sorted({line["path"] for line in lines})
    assert list((folder / "manifest.jsonl.d").iterdir()) == []
    assert (folder / "index.html").read_text("utf-8").count("<video") == 100


def test_the_command_works_on_a_cluster(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--dask` takes the scheduler's address; an address where none answers is said so."""
    (tmp_path / "list.txt").write_text("a\nb\nc\n")
    arguments = ["export", str(tmp_path / "list.txt"), "--to", str(tmp_path / "videos"), "--dask"]
    with Service() as service:
        monkeypatch.setenv("AIKYNETIX_BASE_URL", service.base_url)
        monkeypatch.setenv("AIKYNETIX_API_KEY", API_KEY)
        assert run([*arguments, cluster.scheduler.address]) == 0
        assert "3 sessions: 3 done" in capsys.readouterr().err
        assert run([*arguments, "nonsense://x"]) == 2
        assert "no scheduler answers at nonsense://x" in capsys.readouterr().err
    assert len(list((tmp_path / "videos").glob("*.mp4"))) == 3
