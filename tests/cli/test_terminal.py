"""The command on a real (pseudo) terminal: the bar, the prompt, colours."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Self

import pytest

from aikynetix.sandbox import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

pty = pytest.importorskip("pty", reason="needs pseudo-terminals")


class Session:
    """A process whose stdin and stderr are a terminal, and whose stdout is a pipe; ended with its ``with`` block."""

    def __init__(self, *arguments: str, **environ: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aikynetix", *arguments],
            stdin=theirs,
            stderr=theirs,
            stdout=subprocess.PIPE,
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

    def type(self, line: str, end: str = "\n") -> None:
        os.write(self._ours, f"{line}{end}".encode())

    def end(self) -> tuple[int, str]:
        """Read to the end; return exit code and stdout."""
        while self._read():
            pass
        assert self.process.stdout is not None
        out = self.process.stdout.read()
        return self.process.wait(20), out


def test_a_terminal_gets_a_progress_bar(tmp_path: Path) -> None:
    """With the session, the bytes and the rate; the result is on stdout alone."""
    target = tmp_path / "jump.mp4"
    video, arguments = b"\0\0\0\x20ftypisom" + bytes(64 * 2**20), ["download", "session-jump", "-o", str(target)]
    with Sandbox(video=video) as sandbox, Session(*arguments, **sandbox.env) as session:
        code, out = session.end()
    assert (code, out) == (0, f"{target}\n")
    assert "session-jump" in session.seen
    assert "67.1/67.1 MB" in session.seen
    assert "━" in session.seen
    assert "/s" in session.seen
    assert "\x1b[3" in session.seen  # a colour


def test_a_narrow_terminal_gets_a_bar_of_one_line(sandbox: Sandbox, tmp_path: Path) -> None:
    """What does not fit is cut; a line that wraps would leave pieces behind."""
    arguments = ["download", sandbox.sessions["jump"], "-o", str(tmp_path / "jump.mp4")]
    with Session(*arguments, COLUMNS="40", NO_COLOR="1") as session:
        assert session.end()[0] == 0
    assert "session-" in session.seen
    assert "\x1b[1A" not in session.seen


def test_no_color_is_respected(sandbox: Sandbox, tmp_path: Path) -> None:
    """The bar stays, its colours go (no-color.org)."""
    arguments = ["download", sandbox.sessions["jump"], "-o", str(tmp_path / "jump.mp4")]
    with Session(*arguments, NO_COLOR="1") as session:
        assert session.end()[0] == 0
    assert "━" in session.seen
    assert "\x1b[3" not in session.seen


@pytest.mark.parametrize(("option", "environ"), [("--quiet", {}), ("--overwrite", {"TERM": "dumb"})])
def test_no_bar_where_none_is_wanted_or_possible(
    sandbox: Sandbox, tmp_path: Path, option: str, environ: dict[str, str]
) -> None:
    """``--quiet`` says so, and so does a terminal that cannot move its cursor."""
    arguments = ["download", sandbox.sessions["jump"], "-o", str(tmp_path / "jump.mp4"), option]
    with Session(*arguments, **environ) as session:
        assert session.end()[0] == 0
    assert session.seen == ""


def test_the_demo_shows_its_bar_and_its_story(tmp_path: Path) -> None:
    """What a newcomer sees first."""
    with Session("demo", "--output", str(tmp_path)) as session:
        code, out = session.end()
    assert (code, out) == (0, f"{tmp_path / 'session-new.mp4'}\n")
    assert "━" in session.seen
    assert "What happened" in session.seen


def test_a_terminal_shows_that_it_waits(sandbox: Sandbox) -> None:
    """A wait of minutes is not mistaken for a hang; without a wait nothing moves."""
    with Session("url", sandbox.sessions["new"], "--wait", "30") as waited:
        assert waited.end()[0] == 0
    assert "session-new: waiting" in waited.seen
    with Session("url", sandbox.sessions["jump"]) as asked:
        assert asked.end()[0] == 0
    assert asked.seen == ""


def test_a_key_is_asked_for_and_not_shown(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is typed is used, and appears nowhere."""
    monkeypatch.delenv("AIKYNETIX_API_KEY")
    with Session("url", sandbox.sessions["jump"]) as session:
        session.read_until("API key: ")
        session.type(sandbox.api_key)
        code, out = session.end()
    assert code == 0
    assert out.startswith(sandbox.storage_url)
    assert sandbox.api_key not in session.seen + out


def test_a_key_that_cannot_be_one_is_refused_at_the_prompt(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable is named that has nothing to do with it."""
    monkeypatch.delenv("AIKYNETIX_API_KEY")
    with Session("url", sandbox.sessions["jump"]) as session:
        session.read_until("API key: ")
        session.type("two words")
        code, _ = session.end()
    assert code == 2
    assert "the API key that was typed in has a space" in session.seen
    assert "AIKYNETIX_API_KEY" not in session.seen


def test_ctrl_d_at_the_prompt_is_no_credential(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has none to give has not interrupted anything."""
    monkeypatch.delenv("AIKYNETIX_API_KEY")
    with Session("url", sandbox.sessions["jump"]) as session:
        session.read_until("API key: ")
        session.type("\x04", end="")
        code, out = session.end()
    assert (code, out) == (2, "")
    assert "no credential" in session.seen


def test_ctrl_c_at_the_prompt_ends_quietly(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was sent, and the exit code is that of an interrupt."""
    monkeypatch.delenv("AIKYNETIX_API_KEY")
    with Session("url", sandbox.sessions["jump"]) as session:
        session.read_until("API key: ")
        session.process.send_signal(signal.SIGINT)
        code, out = session.end()
    assert (code, out) == (130, "")
    assert "Traceback" not in session.seen
    assert not sandbox.requests
