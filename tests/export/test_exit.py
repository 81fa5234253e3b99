"""How a process ends in the middle of an export."""

from __future__ import annotations

import os
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


SCRIPT = """
import sys
from aikynetix import Aikynetix

client = Aikynetix()
ids = ["fast", *(f"s{n}" for n in range(int(sys.argv[2])))]
records = client.analyzed_videos.export(ids, sys.argv[1], concurrency=4)
print(next(records).status, flush=True)
"""


def environment(service: Service) -> dict[str, str]:
    """Return the environment of a process that finds the service."""
    set_ = {"AIKYNETIX_API_KEY": API_KEY, "AIKYNETIX_BASE_URL": service.base_url}
    return dict(os.environ) | set_ | {"PYTHONWARNINGS": "error,ignore::ResourceWarning"}


def test_a_program_may_end_with_an_export_half_read(folder: Path) -> None:
    """The interpreter neither waits for whole videos nor says anything, and what was done is noted."""
    with Service(size=100_000, rate=200_000) as service:
        began = time.monotonic()
        command = [sys.executable, "-c", f"{SCRIPT}\nclient.close()", str(folder), "30"]
        ended = subprocess.run(
            command, env=environment(service), capture_output=True, text=True, timeout=60, check=False
        )
        assert time.monotonic() - began < 8
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")
    assert 1 <= len(manifest(folder)) <= 12


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["INT", "TERM", "HUP"]
)
def test_a_signal_ends_the_command_in_good_order(folder: Path, tmp_path: Path, sent: signal.Signals, code: int) -> None:
    """At once and without a traceback; manifest and page are whole, and the next run goes on."""
    (tmp_path / "list.txt").write_text("".join(f"s{n}\n" for n in range(30)))
    command = [sys.executable, "-m", "aikynetix", "export", str(tmp_path / "list.txt"), "--to", str(folder)]
    with Service(size=100_000, rate=200_000) as service:
        set_ = environment(service)
        with subprocess.Popen(command, env=set_, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
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
        again = subprocess.run(command, env=set_, capture_output=True, text=True, timeout=30, check=False)
    assert again.returncode == 0
    assert f"{30 - done} done, {done} already there" in again.stderr
