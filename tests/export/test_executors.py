"""An export whose work is done by executors: other threads, other processes."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import threading
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aikynetix import AikynetixError, ApiKey, AuthenticationError, BearerToken, ConfigurationError
from aikynetix._export import _worker
from aikynetix._export._job import Errand, Job

from .conftest import Connect, manifest
from .servers import API_KEY, Reply, Service
from .test_export import statuses

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def pool() -> Iterator[ProcessPoolExecutor]:
    """Two worker processes that share nothing with this one."""
    with ProcessPoolExecutor(2, mp_context=SPAWN) as executor:
        yield executor


def test_processes_do_the_work(connect: Connect, folder: Path, pool: ProcessPoolExecutor) -> None:
    """Two processes fetch what this one lists; records, manifest and page are as ever, and bad ids fail alone."""
    with Service(size=3_000) as service:
        ids = [*(f"s{n}" for n in range(20)), "..", "s0"]
        records = list(connect(service).analyzed_videos.export(ids, folder, concurrency=6, executor=pool))
        second = statuses(connect(service).analyzed_videos.export(ids, folder, executor=pool))
    assert statuses(iter(records)) == {f"s{n}": "done" for n in range(20)} | {"..": "failed"}
    assert second == {f"s{n}": "already_there" for n in range(20)} | {"..": "failed"}
    assert len(service.seen.lookups) == 20
    assert service.seen.most_at_once <= 2
    assert len(manifest(folder)) == 22


def test_a_killed_process_costs_no_session(connect: Connect, folder: Path, pool: ProcessPoolExecutor) -> None:
    """A pool whose worker is killed breaks down for good; the export goes on, and every session is done once."""
    with Service(size=50_000, latency=0.02) as service:
        ids = [f"s{n}" for n in range(40)]
        found: dict[str, str] = {}
        for record in connect(service).analyzed_videos.export(ids, folder, concurrency=4, executor=pool):
            found[record.session_id] = record.status.value
            if len(found) == 10:
                os.kill(next(iter(pool._processes)), signal.SIGKILL)
    assert found == dict.fromkeys(ids, "done")
    assert sorted(line["session_id"] for line in manifest(folder)) == sorted(ids)
    assert all(path.read_bytes() == service.video for path in folder.glob("*.mp4"))


def test_processes_stop_when_the_loop_is_left(connect: Connect, folder: Path, pool: ProcessPoolExecutor) -> None:
    """Workers of this machine hear that the export has ended, and leave nothing of their own in the folder."""
    with Service(size=400_000, rate=40_000, behave=lambda id_, _: Reply(404) if id_ == "gone" else None) as service:
        records = connect(service).analyzed_videos.export(["slow", "gone"], folder, concurrency=2, executor=pool)
        assert next(records).session_id == "gone"
        while not service.seen.downloads:
            time.sleep(0.01)
        began = time.monotonic()
        del records
        pool.submit(int).result()
        assert time.monotonic() - began < 4
    assert list(folder.glob(".stop*")) == []


def test_processes_that_are_slow_to_stop_begin_nothing_more(
    connect: Connect, folder: Path, pool: ProcessPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sign to stop stays until the last of them has seen it, however soon the export has gone."""
    monkeypatch.setattr("aikynetix._export._run._GRACE", 0.05)
    with Service(latency=1.5) as service:
        records = connect(service).analyzed_videos.export(
            [f"s{n}" for n in range(12)], folder, concurrency=8, executor=pool
        )
        next(records)
        time.sleep(0.4)  # both are in the middle of their next lookup
        del records
        begun = len(service.seen.lookups)
        assert list(folder.glob(".stop*"))
        pool.submit(int).result()
        pool.submit(int).result()
        assert len(service.seen.lookups) <= begun + 2  # those that were on their way
        assert len(list(folder.glob("*.mp4"))) <= 3
    end = time.monotonic() + 5
    while list(folder.glob(".stop*")) and time.monotonic() < end:
        time.sleep(0.02)
    assert list(folder.glob(".stop*")) == []


def test_a_refused_credential_comes_back_from_another_process(
    connect: Connect, folder: Path, pool: ProcessPoolExecutor
) -> None:
    """401 in a worker stops the export here."""
    with Service() as service, pytest.raises(AuthenticationError):
        list(
            connect(service, api_key="wrong").analyzed_videos.export(
                [f"s{n}" for n in range(50)], folder, executor=pool
            )
        )
    assert len(service.seen.lookups) <= 20


def test_threads_of_an_executor_stop_when_the_loop_is_left(connect: Connect, folder: Path) -> None:
    """Workers in this process hear that the export has ended, whoever's threads they run in."""
    with Service(size=400_000, rate=400_000) as service, ThreadPoolExecutor(4) as executor:
        records = connect(service).analyzed_videos.export([f"s{n}" for n in range(20)], folder, executor=executor)
        next(records)
        began = time.monotonic()
        del records
        executor.submit(int).result()
        assert time.monotonic() - began < 3
    _worker.close_clients()


def test_the_lookups_of_an_executor_share_a_rate_limit(connect: Connect, folder: Path) -> None:
    """A refusal that a worker meets holds back what this process hands out."""

    def limited(session_id: str, asked: int) -> Reply | None:
        return Reply(429, {"error": "slow down"}, {"Retry-After": "0.5"}) if (session_id, asked) == ("s3", 1) else None

    with Service(behave=limited) as service, ThreadPoolExecutor(2) as executor:
        ids = [f"s{n}" for n in range(12)]
        records = list(connect(service).analyzed_videos.export(ids, folder, concurrency=1, executor=executor))
    assert {record.session_id: record.attempts for record in records if record.attempts > 1} == {"s3": 2}
    times = service.seen.lookup_times
    assert times[4] - times[3] >= 0.49
    _worker.close_clients()


class Losing(Executor):
    """Loses the first jobs of every session, as a cluster does whose machines go away."""

    def __init__(self, losses: int, lose: Callable[[Future[Any]], object]) -> None:
        self.losses, self.lose = losses, lose
        self.met: dict[str, int] = {}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        session_id = next(arg.session_id for arg in args if isinstance(arg, Job))
        self.met[session_id] = self.met.get(session_id, 0) + 1
        if self.met[session_id] <= self.losses:
            self.lose(future)
        else:
            threading.Thread(target=lambda: future.set_result(fn(*args, **kwargs))).start()
        return future


def cancel(future: Future[Any]) -> None:
    future.cancel()
    future.set_running_or_notify_cancel()


def kill(future: Future[Any]) -> None:
    future.set_exception(RuntimeError("KilledWorker"))


@pytest.mark.parametrize("lose", [cancel, kill])
def test_lost_jobs_are_begun_again(connect: Connect, folder: Path, lose: Callable[[Future[Any]], object]) -> None:
    """Cancelled futures and killed workers are met with another try, and each session is done once."""
    with Service() as service:
        executor = Losing(2, lose)
        records = list(connect(service).analyzed_videos.export(list("abcd"), folder, executor=executor))
    assert statuses(iter(records)) == dict.fromkeys("abcd", "done")
    assert {record.attempts for record in records} == {3}
    assert sorted(service.seen.lookups) == list("abcd")
    _worker.close_clients()


@pytest.mark.parametrize("lose", [cancel, kill])
def test_a_job_that_is_always_lost_fails_in_the_end(
    connect: Connect, folder: Path, lose: Callable[[Future[Any]], object]
) -> None:
    """The tries are bounded, and the record says what happened."""
    with Service() as service:
        executor = Losing(99, lose)
        (record,) = connect(service).analyzed_videos.export(list("a"), folder, executor=executor)
    assert (record.status.value, record.error, executor.met) == ("failed", "DownloadInterruptedError", {"a": 3})
    assert record.message is not None
    assert "lost 3 times" in record.message


def test_a_broken_executor_is_replaced_by_threads(connect: Connect, folder: Path) -> None:
    """An executor that takes no work because it broke down does not end the export."""

    class Broken(Executor):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            raise BrokenExecutor

    with Service() as service:
        records = connect(service).analyzed_videos.export(list("abc"), folder, executor=Broken())
        assert statuses(records) == dict.fromkeys("abc", "done")


def test_an_executor_that_was_shut_down_is_a_mistake(connect: Connect, folder: Path) -> None:
    """The error says what to look at, instead of failing every session."""
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with Service() as service, pytest.raises(AikynetixError, match="shut down"):
        list(connect(service).analyzed_videos.export(list("abc"), folder, executor=executor))
    assert manifest(folder) == []


def test_a_token_that_cannot_travel_comes_from_the_workers_environment(
    connect: Connect, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A callable token stays here; without a credential of its own a worker says which variable to set."""
    with Service() as service, ThreadPoolExecutor(1) as executor:
        client = connect(service, api_key=None, token=lambda: "secret-token")
        with pytest.raises(ConfigurationError, match=r"cannot be sent to workers.*AIKYNETIX_API_KEY"):
            list(client.analyzed_videos.export(list("ab"), folder, executor=executor))
        monkeypatch.setenv("AIKYNETIX_API_KEY", API_KEY)
        assert statuses(client.analyzed_videos.export(list("ab"), folder, executor=executor)) == dict.fromkeys(
            "ab", "done"
        )
    _worker.close_clients()


class Homesick(httpx.Auth):
    """A credential that no other machine can make again."""

    def __reduce__(self) -> tuple[Any, ...]:
        return import_module, ("no_such_module_on_this_machine",)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        yield request


def test_a_credential_whose_class_a_worker_lacks_comes_from_its_environment(
    connect: Connect, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pickles here and not there is one clear error about settings, and no session fails for it."""
    with Service() as service, ThreadPoolExecutor(1) as executor:
        client = connect(service, api_key=None, auth=Homesick())
        with pytest.raises(ConfigurationError, match="cannot be sent to workers"):
            list(client.analyzed_videos.export(list("ab"), folder, executor=executor))
        assert manifest(folder) == []
        monkeypatch.setenv("AIKYNETIX_API_KEY", API_KEY)
        assert set(statuses(client.analyzed_videos.export(list("ab"), folder, executor=executor)).values()) == {"done"}
    _worker.close_clients()


@pytest.mark.parametrize(
    "options",
    [
        {"max_retries": 7, "timeout": httpx.Timeout(3.0, connect=1.5)},
        {"api_key": None, "auth": ApiKey("key-1", header="Authorization"), "timeout": httpx.Timeout(None, read=9.0)},
        {"api_key": None, "token": "token-1"},
    ],
)
def test_the_settings_travel(connect: Connect, options: dict[str, Any]) -> None:
    """A worker's client is the caller's: base URL, limits, retries, the credential and the header that it goes into."""
    with Service() as service:
        ours = connect(service, **options)._settings
        sent = pickle.loads(pickle.dumps(_worker.settings_for_workers(ours, "run", None)))
        with _worker._client_for(sent) as client:
            theirs = client._settings
    _worker.close_clients()
    assert (theirs.base_url, theirs.timeout, theirs.deadline) == (ours.base_url, ours.timeout, ours.deadline)
    assert theirs.max_retries == ours.max_retries
    sent_by = [next(s.credential.sync_auth_flow(httpx.Request("GET", ours.base_url))).headers for s in (ours, theirs)]
    assert sent_by[0] == sent_by[1]
    assert len(sent_by[0]) == 2


@pytest.mark.parametrize("executor", ["threads", 4, ThreadPoolExecutor])
def test_what_takes_no_work_is_refused_before_anything_happens(
    connect: Connect, folder: Path, executor: object
) -> None:
    """A number, a name and a class that nobody called are mistakes that the call itself points out."""
    with Service() as service, pytest.raises(TypeError, match=r"concurrent\.futures\.Executor"):
        connect(service).analyzed_videos.export(["a"], folder, executor=executor)  # type: ignore[arg-type]  # bad on purpose
    assert not folder.exists()


def test_an_executor_that_is_shut_down_midway_loses_nothing(connect: Connect, folder: Path) -> None:
    """One error says so; what was under way is noted if it ended well, and the next export goes on from there."""
    executor = ThreadPoolExecutor(2)

    def ids() -> Iterator[str]:
        for number in range(30):
            if number == 12:
                executor.shutdown(wait=False, cancel_futures=True)
            yield f"s{number}"

    with Service(latency=0.01) as service:
        with pytest.raises(AikynetixError, match="shut down"):
            list(connect(service).analyzed_videos.export(ids(), folder, concurrency=6, executor=executor))
        noted = [line["session_id"] for line in manifest(folder)]
        assert len(noted) == len(list(folder.glob("*.mp4"))) >= 6
        rest = statuses(connect(service).analyzed_videos.export([f"s{number}" for number in range(30)], folder))
    assert rest == {f"s{n}": "already_there" if f"s{n}" in noted else "done" for n in range(30)}
    _worker.close_clients()


def test_what_a_scheduler_may_log_shows_no_credential(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """The task's arguments pickle, and neither their repr nor any log record has the key in it."""
    caplog.set_level(logging.DEBUG)
    with Service() as service:
        settings = _worker.settings_for_workers(connect(service)._settings, "run", None)
        bearer = connect(service, api_key=None, auth=BearerToken("tok-12345"))
        token = _worker.settings_for_workers(bearer._settings, "run", None)
    arguments = (settings, token, Job("s", None), Errand("videos/", True, 0.0))
    assert pickle.loads(pickle.dumps(arguments)) == arguments
    assert settings.credential is not None
    assert API_KEY not in repr(arguments) + caplog.text
    assert "tok-12345" not in repr(arguments) + caplog.text


def test_a_worker_keeps_one_client(connect: Connect, folder: Path) -> None:
    """Connections are opened once per process and settings, and not once per session."""
    with Service() as service, ThreadPoolExecutor(1) as executor:
        list(connect(service).analyzed_videos.export([f"s{n}" for n in range(20)], folder, executor=executor))
        assert len(service.connections) <= 4
        _worker.close_clients()
