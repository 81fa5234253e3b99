"""The command as a process of its own: streams, signals, pipes, a missing extra."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

import aikynetix
from aikynetix.sandbox import Sandbox

COMMAND = [sys.executable, "-m", "aikynetix"]
posix = pytest.mark.skipif(os.name != "posix", reason="signals and devices of POSIX")


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command, environ = [*COMMAND, *arguments], os.environ | environ
    return subprocess.run(command, input="", capture_output=True, text=True, timeout=30, env=environ, check=False)


def shell(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30, check=False)


def until_asked(sandbox: Sandbox) -> None:
    """Wait until the sandbox has answered a request."""
    end = time.monotonic() + 20
    while not sandbox.requests and time.monotonic() < end:
        time.sleep(0.01)
    assert sandbox.requests


def test_a_terminal_that_cannot_say_a_name_stops_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """What its encoding does not have is written as an escape, and the next session has its turn."""
    sessions, folder = tmp_path / "list.txt", tmp_path / "v\N{LATIN SMALL LETTER I WITH DIAERESIS}deos"
    sessions.write_text(f"run-\N{RUNNER}\n{sandbox.sessions['jump']}\n", "utf-8")
    ran = run("export", str(sessions), "--to", str(folder), PYTHONIOENCODING="ascii")
    assert ran.returncode == 1
    assert r"run-\U0001f3c3: failed" in ran.stderr
    assert "unexpected" not in ran.stderr
    assert r"/v\xefdeos/" in ran.stdout
    assert len(list(folder.glob("*.mp4"))) == 1


@posix
def test_ctrl_c_during_a_download_leaves_it_resumable(tmp_path: Path) -> None:
    """130 and no traceback; no half of a file stands under the final name, and the next run ends what was begun."""
    video, target = b"\0\0\0\x20ftypisom" + os.urandom(48 * 2**20), tmp_path / "big.mp4"
    with Sandbox(video=video) as sandbox:
        arguments, environ = ["download", sandbox.sessions["jump"], "-o", str(target)], os.environ | sandbox.env
        with subprocess.Popen([*COMMAND, *arguments], stdout=-1, stderr=-1, text=True, env=environ) as process:
            until_asked(sandbox)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
        assert "Traceback" not in err
        assert (process.returncode, target.exists()) in {(130, False), (0, True)}
        assert process.returncode == 0 or "run it again to go on" in err
        assert run(*arguments, "--overwrite", **sandbox.env).returncode == 0
    assert target.read_bytes() == video


@posix
def test_an_interrupt_waits_for_no_thread_that_is_stuck() -> None:
    """A signal that strikes while a lock is held leaves threads that never end; the command ends all the same."""
    program = (
        "import threading; threading.Thread(target=threading.Event().wait).start(); "
        "from aikynetix.__main__ import main; main()"
    )
    command = [sys.executable, "-c", program, "url", "session-slow", "--wait", "600"]
    with Sandbox(polls=10_000) as sandbox, subprocess.Popen(command, env=os.environ | sandbox.env) as process:
        until_asked(sandbox)
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(20) == 130
        finally:
            process.kill()


@posix
@pytest.mark.parametrize("arguments", [["url", "session-jump"], ["sandbox"]], ids=" ".join)
def test_a_reader_that_has_gone_is_no_reason_for_a_traceback(sandbox: Sandbox, arguments: list[str]) -> None:
    """``aikynetix ... | head -0`` ends silently."""
    assert sandbox.base_url
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen([*COMMAND, *arguments], stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (1, b"")


@posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("line", ["--help >/dev/full", "completion bash >/dev/full", "url session-jump >&-"])
def test_output_that_cannot_be_written_is_a_failure(sandbox: Sandbox, line: str) -> None:
    """Neither a full disk nor a closed stdout is mistaken for success."""
    assert sandbox.base_url
    ran = shell(f"{shlex.join(COMMAND)} {line}")
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)
    assert "cannot write the output" in ran.stderr


@posix
@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
def test_messages_that_cannot_be_written_change_nothing(sandbox: Sandbox, tmp_path: Path, stderr: str) -> None:
    """A closed or full stderr ends no export, and the exit codes are the same."""
    (tmp_path / "list").write_text("session-unknown\nsession-jump\nsession-analyzed\n")
    lines = {"url session-unknown": 5, "url session-jump": 0, f"export {tmp_path}/list --to {tmp_path}/out": 1, "": 2}
    for line, code in lines.items():
        ran = shell(f"{shlex.join(COMMAND)} {line} {stderr}")
        assert (line, ran.returncode) == (line, code)
    assert len(list((tmp_path / "out").glob("*.mp4"))) == 2
    assert sandbox.requests


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that fails while it is read")
def test_a_list_that_cannot_be_read_is_said_to(tmp_path: Path) -> None:
    """A failing disk is not taken for a stdout that has gone."""
    ran = run("export", "/proc/self/mem", "--to", str(tmp_path))
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)
    assert "/proc/self/mem" in ran.stderr


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_sandbox_serves_until_it_is_interrupted(number: signal.Signals) -> None:
    """It tells programs in a line of JSON where it is; Ctrl-C and SIGTERM end it in good order."""
    with subprocess.Popen([*COMMAND, "sandbox", "--json"], stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        with httpx.Client(verify=False) as http:
            assert http.get(told["storage_url"]).status_code == 403
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err.split()) == (0, ["stopped"])
    assert set(told) == {"base_url", "storage_url", "api_key", "token", "env", "sessions"}
    assert told["env"]["AIKYNETIX_BASE_URL"] == told["base_url"]


@pytest.mark.parametrize(
    ("missing", "line", "extra"),
    [
        ("uvicorn", "demo --output nowhere", "sandbox"),
        ("fsspec", "download session-jump -o s3://b/v.mp4", "fsspec"),
        ("click", "--help", "cli"),
    ],
)
def test_without_an_extra_it_says_what_to_install(sandbox: Sandbox, missing: str, line: str, extra: str) -> None:
    """One line with the command to copy, before anything is sent; the version is told all the same."""
    hide = (
        f"import sys; from importlib.machinery import PathFinder as P; find = P.find_spec; "
        f"P.find_spec = lambda name, *more: None if name == {missing!r} else find(name, *more); "
        "from aikynetix.__main__ import main; main()"
    )
    ran, told = (
        subprocess.run([sys.executable, "-c", hide, *words], capture_output=True, text=True, timeout=30, check=False)
        for words in (line.split(), ["--version"])
    )
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert f"pip install 'aikynetix[{extra}]'" in ran.stderr
    assert not sandbox.requests
    assert told.stdout == f"aikynetix {aikynetix.__version__}\n"
