"""The command as a process of its own: streams, signals, pipes, a missing extra."""

from __future__ import annotations

import json
import os
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
ROOT = Path(__file__).resolve().parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="signals and devices of POSIX")


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environ},
        check=False,
    )


def until_asked(sandbox: Sandbox) -> None:
    """Wait until the sandbox has answered a request."""
    end = time.monotonic() + 20
    while not sandbox.requests and time.monotonic() < end:
        time.sleep(0.01)
    assert sandbox.requests


def test_results_and_messages_have_a_stream_each(sandbox: Sandbox, tmp_path: Path) -> None:
    """A script reads stdout alone, and the bar stays away where nobody looks."""
    done = run("download", sandbox.sessions["jump"], "-o", str(tmp_path / "a.mp4"))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path / 'a.mp4'}\n", "")
    failed = run("download", sandbox.sessions["unknown"], "-o", str(tmp_path / "b.mp4"))
    assert (failed.returncode, failed.stdout) == (5, "")
    assert failed.stderr.startswith("aikynetix: 404")


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
def test_ctrl_c_ends_with_130_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The person at the shell knows what he did."""
    with Sandbox(polls=1_000) as sandbox:
        for name, value in sandbox.env.items():
            monkeypatch.setenv(name, value)
        arguments = [*COMMAND, "url", sandbox.sessions["slow"], "--wait", "600"]
        with subprocess.Popen(arguments, stdout=-1, stderr=-1, stdin=subprocess.DEVNULL, text=True) as process:
            until_asked(sandbox)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""
    assert err.split() == ["interrupted"]


@posix
def test_ctrl_c_during_a_download_leaves_it_resumable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No half of a file stands under the final name, and the next run ends what the first began."""
    video = b"\0\0\0\x20ftypisom" + os.urandom(48 * 2**20)
    target = tmp_path / "big.mp4"
    with Sandbox(video=video) as sandbox:
        for name, value in sandbox.env.items():
            monkeypatch.setenv(name, value)
        arguments = ["download", sandbox.sessions["jump"], "-o", str(target)]
        with subprocess.Popen([*COMMAND, *arguments], stdout=-1, stderr=-1, stdin=-1, text=True) as process:
            until_asked(sandbox)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
        assert "Traceback" not in err
        assert (process.returncode, target.exists()) in {(130, False), (0, True)}
        assert process.returncode == 0 or "run it again to go on" in err
        assert run(*arguments, "--overwrite").returncode == 0
    assert target.read_bytes() == video


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [["--help"], ["completion", "bash"]], ids=" ".join)
def test_output_that_cannot_be_written_is_a_failure(arguments: list[str]) -> None:
    """A full disk is not mistaken for success."""
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run([*COMMAND, *arguments], stdout=full, stderr=-1, text=True, timeout=30, check=False)
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert "cannot write the output" in ran.stderr


@posix
def test_without_stdout_there_is_nowhere_to_put_a_result(sandbox: Sandbox) -> None:
    """That is said, and is a failure."""
    assert sandbox.base_url
    ran = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m aikynetix url session-jump >&-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)


@posix
@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
def test_messages_that_cannot_be_written_change_nothing(sandbox: Sandbox, tmp_path: Path, stderr: str) -> None:
    """A closed or full stderr ends no export, and the exit codes are the same."""
    (tmp_path / "list").write_text("session-unknown\nsession-jump\nsession-analyzed\n")
    lines = {"url session-unknown": 5, "url session-jump": 0, f"export {tmp_path}/list --to {tmp_path}/out": 1, "": 2}
    for line, code in lines.items():
        command = f"{sys.executable} -m aikynetix {line} {stderr}"
        ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=False)
        assert (line, ran.returncode) == (line, code)
    assert len(list((tmp_path / "out").glob("*.mp4"))) == 2
    assert sandbox.requests


@posix
def test_a_list_that_cannot_be_read_is_said_to(tmp_path: Path) -> None:
    """Neither a closed stdin nor a failing disk is taken for something else."""
    export = f"{sys.executable} -m aikynetix export --to {tmp_path}/all"
    closed = subprocess.run(["bash", "-c", f"{export} - <&-"], capture_output=True, text=True, check=False)
    assert (closed.returncode, "stdin is closed" in closed.stderr) == (2, True)
    if Path("/proc/self/mem").exists():
        failing = subprocess.run(
            ["bash", "-c", f"{export} /proc/self/mem"], capture_output=True, text=True, check=False
        )
        assert (failing.returncode, failing.stderr.count("\n")) == (1, 1)
        assert "/proc/self/mem" in failing.stderr


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


def test_without_the_sandboxs_extra_the_demo_says_what_to_install(tmp_path: Path) -> None:
    """The line can be copied."""
    code = (
        "import sys; sys.modules['uvicorn'] = None; sys.argv = ['aikynetix', 'demo', '--output', sys.argv[1]]; "
        "from aikynetix.__main__ import main; main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, timeout=30, check=False
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "pip install 'aikynetix[sandbox]'" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_without_fsspec_the_command_says_what_to_install(sandbox: Sandbox) -> None:
    """Before anything is sent."""
    code = "import sys; sys.modules['fsspec'] = None; from aikynetix.__main__ import main; main()"
    words = ["download", sandbox.sessions["jump"], "-o", "s3://b/v.mp4"]
    ran = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=30, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "pip install 'aikynetix[fsspec]'" in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert not sandbox.requests


@pytest.mark.parametrize("arguments", [["--help"], ["url", "s"]], ids=" ".join)
def test_without_the_extra_it_says_what_to_install(arguments: list[str]) -> None:
    """One line with the command to copy; the version is told all the same."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from aikynetix.__main__ import main; main()"
    bare = [sys.executable, "-I", "-S", "-c", code]
    ran = subprocess.run([*bare, *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "pip install 'aikynetix[cli]'" in ran.stderr
    assert ran.stderr.count("\n") == 1
    told = subprocess.run([*bare, "--version"], capture_output=True, text=True, timeout=30, check=False)
    assert told.stdout == f"aikynetix {aikynetix.__version__}\n"
