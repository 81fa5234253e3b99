"""How a process ends in the middle of an export."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from .conftest import manifest
from .servers import API_KEY, Service

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Connect

SCRIPT = """
import sys
from aikynetix import Aikynetix

client = Aikynetix()
ids = ["fast", *(f"s{n}" for n in range(int(sys.argv[2])))]
records = client.analyzed_videos.export(ids, sys.argv[1], concurrency=4)
print(next(records).status, flush=True)
"""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a process that finds the service."""
    return dict(os.environ) | {"AIKYNETIX_API_KEY": API_KEY, "PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"}


def run(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Python to its end."""
    command = [sys.executable, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_program_may_end_with_an_export_half_read(environment: dict[str, str], folder: Path) -> None:
    """The interpreter neither waits for the workers nor says anything, and what was done is noted."""
    with Service(size=100_000, rate=200_000) as service:
        environment["AIKYNETIX_BASE_URL"] = service.base_url
        began = time.monotonic()
        ended = run(environment, "-c", f"{SCRIPT}\nclient.close()", str(folder), "30")
        assert time.monotonic() - began < 8
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")
    assert 1 <= len(manifest(folder)) <= 12


@pytest.mark.parametrize("maker", ["thread", "main"])
def test_an_export_in_a_thread_may_outlive_the_main_thread(
    environment: dict[str, str], folder: Path, maker: str
) -> None:
    """The interpreter waits for such a thread, and so do its workers; where it starts no more threads, that is said."""
    script = """
import sys, threading, time
from aikynetix import Aikynetix

def made():
    return client.analyzed_videos.export(["a", "b"], sys.argv[1])

def work():
    time.sleep(0.3)
    with client:
        print(*[record.status for record in records or made()])

client = Aikynetix()
records = made() if sys.argv[2] == "main" else None
threading.Thread(target=work).start()
"""
    with Service() as service:
        environment["AIKYNETIX_BASE_URL"] = service.base_url
        ended = run(environment, "-c", script, str(folder), maker)
    if sys.version_info[:2] != (3, 12):
        assert (ended.stdout, ended.stderr) == ("done done\n", "")
    else:
        assert "AikynetixError: the system starts no thread for the export" in ended.stderr


def test_ctrl_c_ends_the_command_at_once(environment: dict[str, str], folder: Path, tmp_path: Path) -> None:
    """Exit code 130, one line, no traceback; the next run goes on."""
    (tmp_path / "list.txt").write_text("".join(f"s{n}\n" for n in range(30)))
    with Service(size=100_000, rate=200_000) as service:
        environment["AIKYNETIX_BASE_URL"] = service.base_url
        command = [sys.executable, "-m", "aikynetix", "export", str(tmp_path / "list.txt"), "--to", str(folder)]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            began = time.monotonic()
            _, err = process.communicate(timeout=30)
            assert time.monotonic() - began < 5
        assert process.returncode == 130
        assert b"Traceback" not in err
        assert b"interrupted" in err
        done = len(manifest(folder))
        assert 1 <= done < 30
        assert (folder / "index.html").read_text("utf-8").count("<video") == done
        service.rate = None
        again = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert again.returncode == 0
    assert f"{30 - done} done, {done} already there" in again.stderr


def test_a_killed_export_is_finished_by_the_next(environment: dict[str, str], folder: Path, connect: Connect) -> None:
    """After each `kill -9` every line is whole; in the end every session is done once, and no half file stays."""
    ids = ["fast", *(f"s{n}" for n in range(90))]
    noted: list[str] = []
    chance = random.Random(4)
    with Service(size=100_000, rate=800_000) as service:
        environment["AIKYNETIX_BASE_URL"] = service.base_url
        script = f"{SCRIPT}\nfor record in records: print(record.session_id, flush=True)"
        command = [sys.executable, "-c", script, str(folder), "90"]
        for _ in range(3):
            with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                for _ in range(len(noted) + chance.randint(1, 6)):
                    process.stdout.readline()
                time.sleep(chance.random() * 0.1)
                process.kill()
            assert (folder / "manifest.jsonl").read_bytes().endswith(b"\n")
            before, noted = noted, [line["session_id"] for line in manifest(folder) if line["status"] == "done"]
            assert noted[: len(before)] == before
            assert len(noted) == len(set(noted)) > len(before)
        service.rate = None
        found = {r.session_id: r.status.value for r in connect(service).analyzed_videos.export(ids, folder)}
    assert found == {id_: "already_there" if id_ in noted else "done" for id_ in ids}
    assert len(service.seen.downloads) <= 91 + 3 * 7
    assert all(path.read_bytes() == service.video for path in folder.glob("*.mp4"))
    assert sorted(path.suffix for path in folder.iterdir()) == [".html", ".jsonl", *[".mp4"] * 91]


DAEMON = """
import sys, threading, time
from aikynetix import Aikynetix

def sessions():
    for number in range(10_000):
        if number == int(sys.argv[2]):
            time.sleep(60)
        yield f"s{number}"

def work():
    for record in Aikynetix().analyzed_videos.export(sessions(), sys.argv[1], concurrency=8):
        pass

threading.Thread(target=work, daemon=True).start()
time.sleep(0.6)
"""


@pytest.mark.parametrize("waits_at", [-1, -2, 0, 20])
def test_the_interpreter_ends_while_a_daemon_thread_exports(
    waits_at: int, environment: dict[str, str], folder: Path
) -> None:
    """What closes the export at the end waits until nobody is inside, but for no list that keeps the export waiting."""
    with Service(size=20_000, latency=0.01) as service:
        environment["AIKYNETIX_BASE_URL"] = service.base_url
        began = time.monotonic()
        ended = run(environment, "-c", DAEMON, str(folder), str(waits_at))
        assert time.monotonic() - began < 12
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert (folder / "index.html").read_text("utf-8").count("<video") == len(manifest(folder))
    assert bool(manifest(folder)) is (waits_at != 0)


FORKS = """
import os, signal, threading
from aikynetix._export._ledger import Ledger

def busy():
    while True:
        ledger = Ledger()
        for number in range(50):
            ledger.meet(str(number))
        ledger.close()

for _ in range(2):
    threading.Thread(target=busy, daemon=True).start()
for _ in range(40):
    child = os.fork()
    if not child:
        signal.alarm(5)
        Ledger().meet("x")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, "the child hangs"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_in_the_middle_of_an_export_can_export() -> None:
    """The child waits for no lock of a thread that it does not have."""
    ended = run(dict(os.environ), "-W", "ignore::DeprecationWarning", "-c", FORKS)
    assert (ended.returncode, ended.stderr) == (0, "")
