"""``aikynetix export``, from the list to the exit code, and how a process ends in the middle of it."""

from __future__ import annotations

import io
import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from aikynetix._cli._app import run

from .servers import API_KEY, Service, manifest, reply

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def service(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A service that the command finds by its environment."""
    service.replies |= {"gone": reply(404, {"error": "none"}), "late": reply(200)}
    service.replies["no"] = reply(401, {"error": "Token is invalid."})
    monkeypatch.setenv("PYTHONWARNINGS", "error,ignore::ResourceWarning")
    monkeypatch.setenv("AIKYNETIX_BASE_URL", service.base_url)
    monkeypatch.setenv("AIKYNETIX_API_KEY", API_KEY)
    return service


Command = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def command(service: Service, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command: given the list and options it returns exit code, lines of stdout, and stderr."""

    def call(text: str, *options: str, name: str = "list.txt") -> tuple[int, list[str], str]:
        (tmp_path / name).write_text(text, "utf-8")
        code = run(["export", str(tmp_path / name), "--to", str(folder), "--max-retries", "0", *options])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err

    return call


def test_results_go_to_stdout_and_the_summary_to_stderr(command: Command, folder: Path) -> None:
    """A script gets the files line by line, or a line of JSON for each session; a person the counts and the page."""
    code, out, err = command("a\nb\na\n")
    assert code == 0
    assert sorted(out) == sorted(str(folder / line["path"]) for line in manifest(folder))
    assert err.startswith("2 sessions: 2 done; 2.0 kB in ")
    assert str(folder / "index.html") in err
    code, out, err = command("a\ngone\n", "--json")
    told = {value["session_id"]: (value["status"], value["error"]) for value in map(json.loads, out)}
    assert (code, told) == (1, {"a": ("already_there", None), "gone": ("failed", "NotFoundError")})
    assert "1 already there, 1 failed" in err
    assert "memory://index.html" in command("a\n", "--to", "memory://")[2]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("a", 0, "1 session: 1 done"),
        ("a\ngone", 1, "gone: failed: none\n"),
        ("a\nlate", 6, "late: not ready: ask again later, or with --wait"),
        ("gone\nlate", 1, "1 not ready, 1 failed"),
        ("no\na", 3, "401: Token is invalid."),
        ("", 0, "0 sessions: nothing to do"),
        ("a\x1b[2J\x9b31m", 1, "a�[2J�31m: failed"),  # a terminal would obey it
    ],
)
def test_the_exit_code_says_how_it_went(command: Command, text: str, code: int, said: str) -> None:
    """0 only when every video is there, 3 for a refused credential, 6 for "not yet", else 1."""
    found, _, err = command(text)
    assert found == code
    assert said in err


def test_a_dry_run_does_nothing(
    command: Command, service: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what would be done, asks for no credential, sends nothing and writes nothing."""
    monkeypatch.delenv("AIKYNETIX_API_KEY")
    code, out, err = command("a\nb\na\n", "--dry-run")
    assert (code, out) == (0, ["fetch\ta", "fetch\tb"])
    assert "Sessions: 2 to fetch" in err
    assert service.seen.lookups == []
    assert not folder.exists()
    monkeypatch.setenv("AIKYNETIX_API_KEY", API_KEY)
    command("a\n")
    _, out, _ = command("a\nb\n", "--dry-run", "--json")
    told = [json.loads(line) for line in out]
    assert [(line["session_id"], line["action"]) for line in told] == [("a", "already_there"), ("b", "fetch")]
    assert len(manifest(folder)) == 1
    _, _, err = command("id,analysis\na,jump\na,weightlifting\n", "--dry-run", name="list.csv")
    assert err.startswith("aikynetix: 'a' is listed for several analyses")


def test_a_bad_list_is_refused_before_anything_is_done(command: Command, service: Service, folder: Path) -> None:
    """An error in the last line costs no request, and names the line."""
    code, out, err = command("session_id,analysis\na,jump\nb,run\n", name="list.csv")
    assert (code, out) == (2, [])
    assert "list.csv: line 3: the analysis must be 'jump' or 'weightlifting', or empty" in err
    assert service.seen.lookups == []
    assert not folder.exists()


def test_a_list_may_come_through_a_pipe(
    service: Service, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`-` is stdin; an error in it comes when its line does, and what came before is done."""
    pipe = io.BytesIO(b'{"session_id": "a"}\n{"session_id": "b"}\nbroken\n')
    pipe.name = "<stdin>"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(pipe))
    assert run(["export", "-", "--to", str(folder), "--concurrency", "1"]) == 2
    assert "stdin: line 3: not JSON" in capsys.readouterr().err
    assert [line["session_id"] for line in manifest(folder)][:1] == ["a"]


def test_an_analysis_is_taken_in_any_case(command: Command, service: Service) -> None:
    """As an option and in the list; the list's goes before the option's."""
    code, _, _ = command("Session ID,Analysis\na,\nb,Weightlifting\n", "--analysis", "JUMP", name="list.csv")
    assert code == 0
    assert service.seen.queries == {"a": "is_jump=true", "b": "is_weight=true"}


@pytest.mark.parametrize("out", ["> out", "| cat"])
def test_a_terminal_gets_bars_where_no_line_of_stdout_is_in_their_way(
    service: Service, folder: Path, tmp_path: Path, out: str
) -> None:
    """It shows the whole and the files in flight; with ``| cat`` each path is a line of its own instead."""
    service.store(300_000, rate=600_000)
    (tmp_path / "list.txt").write_text("".join(f"session-{n}\n" for n in range(6)))
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "aikynetix", "export", "list.txt", "--to", str(folder), "--concurrency", "3"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    shell = ["bash", "-c", f"set -o pipefail; {shlex.join(words)} {out}"]
    with subprocess.Popen(shell, stdout=theirs, stderr=theirs, env=environment, cwd=tmp_path) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # Linux ends a terminal whose other end is closed with an error
            while block := os.read(ours, 65_536):
                shown += block
    os.close(ours)
    assert process.returncode == 0
    text, paths = shown.decode(), {str(path) for path in folder.glob("*.mp4")}
    assert "6 sessions: 6 done; 1.8 MB in" in text
    if out == "| cat":
        assert "\x1b" not in text.removesuffix("\x1b[?25h")  # however the command ends, the cursor is visible
        assert paths < set(text.splitlines())
    else:
        assert {"6/6" in text, "session-0" in text, "300.0 kB" in text} == {True}
        assert set((tmp_path / "out").read_text().splitlines()) == paths


SCRIPT = """
import sys
from aikynetix import Aikynetix

client = Aikynetix()
records = client.analyzed_videos.export([f"s{n}" for n in range(31)], sys.argv[1], concurrency=4)
print(next(records).status, flush=True)
client.close()
"""


def test_a_program_may_end_with_an_export_half_read(folder: Path, service: Service) -> None:
    """The interpreter neither waits for whole videos nor says anything, and what was done is noted."""
    service.store(100_000, rate=200_000)
    began = time.monotonic()
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert time.monotonic() - began < 8
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")
    assert 1 <= len(manifest(folder)) <= 12


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["INT", "TERM", "HUP"]
)
def test_a_signal_ends_the_command_in_good_order(
    folder: Path, tmp_path: Path, sent: signal.Signals, code: int, service: Service
) -> None:
    """At once and without a traceback; manifest and page are whole, and the next run goes on."""
    (tmp_path / "list.txt").write_text("".join(f"s{n}\n" for n in range(30)))
    command = [sys.executable, "-m", "aikynetix", "export", str(tmp_path / "list.txt"), "--to", str(folder)]
    service.store(100_000, rate=200_000)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(sent)
        began = time.monotonic()
        _, err = process.communicate(timeout=30)
        assert time.monotonic() - began < 5
    assert process.returncode == code
    assert b"Traceback" not in err
    done = len(manifest(folder))
    assert 1 <= done < 30
    assert all(line["path"] in (folder / "index.html").read_text("utf-8") for line in manifest(folder))
    service.rate = 0
    again = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert again.returncode == 0
    assert f"{30 - done} done, {done} already there" in again.stderr
