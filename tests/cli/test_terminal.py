"""The command on a real (pseudo) terminal: the bar, the prompt, colours."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

import pytest

from aikynetix import ExportRecord, ExportStatus
from aikynetix._cli._bars import ExportBars
from aikynetix.sandbox import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

pty = pytest.importorskip("pty", reason="needs pseudo-terminals")


class Session:
    """A process whose stdin and stderr are a terminal, and whose stdout is a pipe by default, in a ``with`` block."""

    def __init__(self, *arguments: str, stdout: Any = subprocess.PIPE, **environ: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aikynetix", *arguments],
            stdin=theirs,
            stderr=theirs,
            stdout=stdout,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **environ},
            text=True,
            start_new_session=True,
        )
        os.close(theirs)
        self.seen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate(timeout=20)
        os.close(self._ours)

    def read_until(self, text: str) -> None:
        while text not in self.seen:
            assert self._read(), self.seen

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], 20)
        try:
            got = os.read(self._ours, 65536) if ready else b""
        except OSError:  # the terminal's other side is closed
            return False
        self.seen += got.decode(errors="replace")
        return bool(got)

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def end(self) -> tuple[int, str]:
        """Read to the end; return exit code and stdout."""
        while self._read():
            pass
        out = self.process.stdout.read() if self.process.stdout is not None else ""
        return self.process.wait(20), out


def test_a_terminal_gets_a_progress_bar(tmp_path: Path) -> None:
    """With the session, the bytes and the rate; the result is on stdout alone."""
    target = tmp_path / "jump.mp4"
    video, arguments = b"\0\0\0\x20ftypisom" + bytes(64 * 2**20), ["download", "session-jump", "-v", "-o", str(target)]
    with Sandbox(video=video) as sandbox, Session(*arguments, **sandbox.env) as session:
        code, out = session.end()
    assert (code, out) == (0, f"{target}\n")
    assert "session-jump" in session.seen
    assert "67.1/67.1 MB" in session.seen
    assert "━" in session.seen
    assert "/s" in session.seen
    assert "\x1b[3" in session.seen  # a colour
    assert "\x1b[2Kaikynetix: GET " in session.seen  # a message, where the bar was


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
@pytest.mark.parametrize("command", ["url", "export"])
def test_a_terminal_is_left_as_it_was(tmp_path: Path, number: signal.Signals, command: str) -> None:
    """However it ends, the cursor is visible and no bar is left standing."""
    (tmp_path / "list").write_text("session-slow\n")
    arguments = {
        "url": ["url", "session-slow", "--wait", "600"],
        "export": ["export", str(tmp_path / "list"), "--to", str(tmp_path / "out"), "--wait", "600"],
    }[command]
    with Sandbox(polls=10_000) as box, Session(*arguments, stdout=subprocess.DEVNULL, **box.env) as session:
        session.read_until("\x1b[?25l")
        session.process.send_signal(number)
        code, _ = session.end()
    assert code == (130 if number == signal.SIGINT else 128 + number)
    shown = session.seen.rpartition("\x1b[?25h")
    assert shown[1]
    assert "\x1b[?25l" not in shown[2]
    assert "━" not in shown[2]


@pytest.mark.parametrize(("option", "term"), [("--quiet", "xterm"), ("--overwrite", "dumb")])
def test_no_bar_where_none_is_wanted_or_possible(sandbox: Sandbox, tmp_path: Path, option: str, term: str) -> None:
    """``--quiet`` says so, and so does a terminal that cannot move its cursor."""
    with Session("download", sandbox.sessions["jump"], "-o", str(tmp_path / "jump.mp4"), option, TERM=term) as session:
        assert session.end()[0] == 0
    assert session.seen == ""


def test_a_terminal_shows_that_it_waits(sandbox: Sandbox) -> None:
    """A wait of minutes is not mistaken for a hang; without a wait nothing moves."""
    with Session("url", sandbox.sessions["new"], "--wait", "30") as waited:
        assert waited.end()[0] == 0
    assert "session-new: waiting" in waited.seen
    with Session("url", sandbox.sessions["jump"]) as asked:
        assert asked.end()[0] == 0
    assert asked.seen == ""


def test_a_key_is_asked_for_and_not_shown(sandbox: Sandbox) -> None:
    """What is typed is used, and appears nowhere."""
    with Session("url", sandbox.sessions["jump"], AIKYNETIX_API_KEY="") as session:
        session.read_until("API key: ")
        session.type(f"{sandbox.api_key}\n")
        code, out = session.end()
    assert code == 0
    assert out.startswith(sandbox.storage_url)
    assert sandbox.api_key not in session.seen + out


@pytest.mark.parametrize("key", ["\x04", "\x03"], ids=["Ctrl-D", "Ctrl-C"])
def test_who_types_no_key_is_asked_no_more(sandbox: Sandbox, key: str) -> None:
    """It ends quietly, with the exit code of an interrupt, and nothing was sent."""
    with Session("url", sandbox.sessions["jump"], AIKYNETIX_API_KEY="") as session:
        session.read_until("API key: ")
        if key == "\x03":
            session.process.send_signal(signal.SIGINT)
        else:
            session.type(key)
        assert session.end() == (130, "")
    assert "Traceback" not in session.seen
    assert not sandbox.requests


@pytest.mark.parametrize(("columns", "label"), [(100, 36), (80, 28), (60, 15), (40, 10)])
def test_ids_lose_their_middle_and_numbers_nothing(monkeypatch: pytest.MonkeyPatch, columns: int, label: int) -> None:
    """Two UUIDs are told apart, and each line has all of its numbers and fits."""
    monkeypatch.setenv("COLUMNS", str(columns))
    ids = [f"3f2b8c1e-0000-4000-8000-00000000000{digit}" for digit in (1, 2)]
    bars = ExportBars(32)
    bars.add(ExportRecord(session_id="s", status=ExportStatus.FAILED))
    for id_ in ids:
        bars.observe(id_, 1_500_000, 12_600_000)
    with bars.console.capture() as captured:
        bars.console.print(*bars.get_renderables())
    whole, *lines = captured.get().splitlines()
    assert all(len(line.rstrip()) <= columns for line in (whole, *lines))
    assert "1/32" in whole
    assert columns < 60 or "1 failed" in whole
    assert all("1.5/12.6 MB" in line for line in lines)
    assert len({line.split()[0] for line in lines}) == 2
    assert all(len(line.split()[0]) == label for line in lines)


def test_the_time_left_is_right_after_a_quarter() -> None:
    """32 sessions of 12.6 MB at 60 Mbit/s, 16 at a time: off by half at most, and it moves at once."""
    size, rate, now = 12_600_000, 60e6 / 8, 0.0
    bars = ExportBars(32)
    bars.get_time = lambda: now
    under_way = dict.fromkeys(range(16), 0.0)
    while now < 32 * size / rate / 4:
        now += 0.25
        for number in list(under_way):
            under_way[number] += rate * 0.25 / len(under_way)
            bars.observe(str(number), min(size, int(under_way[number])), size)
        if now == 0.5:
            assert bars.tasks[0].completed > 0
    told = bars.tasks[0].time_remaining
    assert told is not None
    assert 1 / 1.5 <= told / (32 * size / rate - now) <= 1.5
