"""Arguments are seen by everybody on the machine: no process that the command is, or starts, has a secret in them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aikynetix.sandbox import Sandbox

from .hunt import TOKEN, finds

pytestmark = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="/proc is Linux's own")


def descendants(pid: int) -> set[int]:
    """The process and all that it started, directly or not."""
    found, waiting = set[int](), [pid]
    while waiting:
        at = waiting.pop()
        found.add(at)
        for children in Path("/proc", str(at), "task").glob("*/children"):
            try:
                waiting += map(int, children.read_text().split())
            except OSError:
                continue  # it has ended in the meantime
    return found


def arguments_of(pid: int) -> str:
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("arguments", "processes"),
    [
        (["open", "{jump}", "--player", f'"{sys.executable}" -c "import time; time.sleep(0.3)"'], 2),
        (["export", "ids.txt", "--to", "out"], 1),
        (["download", "{jump}", "-o", "v.mp4"], 1),
        (["doctor"], 1),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_no_process_has_a_secret_in_its_arguments(arguments: list[str], processes: int, tmp_path: Path) -> None:
    """The command and the player that it starts, looked at every few milliseconds for as long as they live."""
    seen: dict[int, str] = {}
    with Sandbox(token=TOKEN) as sandbox:
        (tmp_path / "ids.txt").write_text("\n".join(sandbox.sessions.values()))
        words = [word.format(**sandbox.sessions) if word.startswith("{") else word for word in arguments]
        environment = os.environ | {
            "AIKYNETIX_TOKEN": TOKEN,
            "AIKYNETIX_BASE_URL": sandbox.base_url,
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
        }
        started = subprocess.Popen(
            [sys.executable, "-m", "aikynetix", *words],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 30
        while started.poll() is None and time.monotonic() < end:
            seen |= {pid: arguments_of(pid) or seen.get(pid, "") for pid in descendants(started.pid)}
            time.sleep(0.005)
        started.kill()
        started.wait()
    assert len([text for text in seen.values() if text]) >= processes
    for text in seen.values():
        assert finds(text) == []
        assert "?" not in text  # the query of a URL, signed or not
