"""An export whose work is done by executors: other threads, other processes, a Dask cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import AikynetixError, AuthenticationError, ConfigurationError
from aikynetix._cli._app import run

from .servers import API_KEY, Service, manifest, statuses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def pool() -> Iterator[ProcessPoolExecutor]:
    """Two worker processes that share nothing with this one."""
    with ProcessPoolExecutor(2, mp_context=SPAWN) as executor:
        yield executor


def test_processes_do_the_work(service: Service, folder: Path, pool: ProcessPoolExecutor) -> None:
    """Two processes fetch what this one lists; records, manifest and page are as ever, and bad ids fail alone."""
    videos = service.videos()
    service.store(3_000)
    ids = [*(f"s{n}" for n in range(20)), "..", "s0"]
    records = list(videos.export(ids, folder, concurrency=6, executor=pool))
    second = statuses(videos.export(ids, folder, executor=pool))
    assert statuses(records) == {f"s{n}": "done" for n in range(20)} | {"..": "failed"}
    assert second == {f"s{n}": "already_there" for n in range(20)} | {"..": "failed"}
    assert len(service.seen.lookups) == 20
    assert service.seen.most_at_once <= 2
    assert len(service.live) <= 2 * 4  # each keeps one client
    assert len(manifest(folder)) == 22
    with pytest.raises(AuthenticationError):
        list(service.videos(api_key="wrong").export(["x", "y"], folder, executor=pool))
    pool.shutdown()
    with pytest.raises(AikynetixError, match="ask for fewer sessions at a time"):
        list(videos.export(["x", "y"], folder, executor=pool))


class Refusing(Executor):
    """Takes no work, and says a secret."""

    def submit(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError(f"no work of {API_KEY}")


def test_what_an_executor_says_is_shown_without_secrets(service: Service, folder: Path) -> None:
    """Its own text tells why no worker can be had, whatever stands in it."""
    with pytest.raises(AikynetixError, match=r"RuntimeError: no work of \*\*\*"):
        list(service.videos().export(["x"], folder, executor=Refusing()))


class Losing(Executor):
    """Loses the first two jobs of every session, or all, as a cluster does whose machines go away."""

    def __init__(self) -> None:
        self.met = Counter[str]()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        session_id = args[0]["session_id"]
        self.met[session_id] += 1
        if session_id != "lost" and self.met[session_id] > 2:
            threading.Thread(target=lambda: future.set_result(fn(*args, **kwargs))).start()
        elif session_id == "a":
            future.cancel()
            future.set_running_or_notify_cancel()
        else:
            future.set_exception(RuntimeError("KilledWorker"))
        return future


def test_lost_jobs_are_begun_again(service: Service, folder: Path) -> None:
    """Cancelled futures and killed workers are met with another try, as often as any passing failure."""
    videos = service.videos(max_retries=2)
    records = list(videos.export(["a", "b", "lost"], folder, executor=Losing()))
    assert statuses(records) == {"a": "done", "b": "done", "lost": "failed"}
    assert {record.attempts for record in records} == {3}
    assert sorted(service.seen.lookups) == list("ab")
    lost = next(record for record in records if record.session_id == "lost")
    assert lost.error == "DownloadInterruptedError"
    assert "lost 3 times" in str(lost.message)


def test_settings_that_cannot_travel_are_refused(service: Service, folder: Path) -> None:
    """A token that is a lambda cannot reach another process: the call says so, before anything happens."""
    with ThreadPoolExecutor(1) as executor:
        videos = service.videos(api_key=None, token=lambda: "secret-token")
        with pytest.raises(ConfigurationError, match="can be sent to other processes"):
            videos.export(list("ab"), folder, executor=executor)
    assert not folder.exists()
    with pytest.raises(TypeError, match=r"concurrent\.futures\.Executor"):
        service.videos().export(["a"], folder, executor="threads")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # bad on purpose


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster of two worker processes on this machine."""
    distributed: Any = pytest.importorskip("distributed", reason="Dask is not installed")
    pytest.importorskip("fsspec", reason="fsspec is not installed")
    directory = str(tmp_path_factory.mktemp("dask"))
    options = {"n_workers": 2, "threads_per_worker": 4, "processes": True, "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(**options, host="127.0.0.1", local_directory=directory) as local,
        distributed.Client(local, set_as_default=False) as client,
    ):
        client.wait_for_workers(2, timeout=30)
        yield client


def test_a_hundred_sessions_arrive_once_though_a_worker_of_a_cluster_is_killed(
    service: Service, tmp_path: Path, cluster: Any
) -> None:
    """Into an fsspec destination, with the manifest and the page: every session done, every video whole."""
    url = f"local://{tmp_path}/videos"
    ids = [f"s{n}" for n in range(100)]
    service.store(300_000)
    service.latency = 0.05
    pids = list(cluster.run(os.getpid).values())
    executor = cluster.get_executor()
    records = service.videos().export(iter(ids), url, concurrency=8, executor=executor)
    found = Counter[tuple[str, str]]()
    for record in records:
        found[record.session_id, record.status.value] += 1
        if found.total() == 20:
            os.kill(pids[0], signal.SIGKILL)
    second = service.videos().export(ids, url)
    assert Counter(record.status.value for record in second) == {"already_there": 100}
    assert API_KEY not in repr((cluster.get_scheduler_logs(), cluster.get_worker_logs()))
    assert found == Counter({(session_id, "done"): 1 for session_id in ids})
    folder = tmp_path / "videos"
    lines = manifest(folder)
    assert Counter(line["session_id"] for line in lines if line["status"] == "done") == Counter(ids)
    assert all((folder / line["path"]).read_bytes() == service.body for line in lines)


def test_the_command_works_on_a_cluster(
    service: Service, cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--dask` takes the scheduler's address; an address where none answers is said so."""
    (tmp_path / "list.txt").write_text("a\nb\nc\n")
    arguments = ["export", str(tmp_path / "list.txt"), "--to", str(tmp_path / "videos"), "--dask"]
    monkeypatch.setenv("AIKYNETIX_BASE_URL", service.base_url)
    monkeypatch.setenv("AIKYNETIX_API_KEY", API_KEY)
    assert run([*arguments, cluster.scheduler.address]) == 0
    assert "3 sessions: 3 done" in capsys.readouterr().err
    assert run([*arguments, "nonsense://x"]) == 2
    assert "no scheduler responds at nonsense://x" in capsys.readouterr().err
    assert len(list((tmp_path / "videos").glob("*.mp4"))) == 3
