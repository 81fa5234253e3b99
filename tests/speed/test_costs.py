"""What one lookup costs in calls and modules: counts, which depend on no machine's mood."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

import aikynetix
from aikynetix import Aikynetix
from tests.faults.scenario import FOUND_BODY, answer
from tests.faults.server import FaultServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE = str(Path(aikynetix.__file__).parent)
# Of one warm lookup, in this package alone: Python calls, files that they are in, changes from file to file.
MOST_CALLS, MOST_FILES, MOST_SWITCHES = 58, 10, 25


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer({"s": answer(FOUND_BODY)}) as running:
        yield running


def calls_of(work: Callable[[], object]) -> list[str]:
    """Return the file of every Python function that ``work``, when it is warm, calls in order."""
    files: list[str] = []
    for _ in range(10):
        work()

    def note(frame: object, event: str, _argument: object) -> None:
        if event == "call":
            files.append(frame.f_code.co_filename)  # type: ignore[attr-defined]  # it is a frame

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return files


def test_the_walk_of_a_lookup_is_short(server: FaultServer) -> None:
    """One warm lookup makes few calls in few files of ours, and in all a tenth more than httpx by hand at most."""
    with Aikynetix(api_key="k", base_url=server.url) as client, httpx.Client(base_url=server.url) as http:
        files = calls_of(lambda: client.analyzed_videos.get("s"))
        baseline = calls_of(lambda: http.get("/session-management/sessions/s/analyzed-video/").json())
    ours = [file for file in files if file.startswith(PACKAGE)]
    assert len(ours) <= MOST_CALLS
    assert len(set(ours)) <= MOST_FILES
    assert sum(one != other for one, other in pairwise(ours)) <= MOST_SWITCHES
    assert len(files) <= len(baseline) * 1.1


def modules_of(program: str, *arguments: str) -> set[str]:
    """Return the modules that a program loads in a process of its own."""
    command = [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)", *arguments]
    return set(subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.split())


def test_importing_the_package_loads_nothing_else() -> None:
    """`import aikynetix` loads its own first module and the version alone."""
    assert modules_of("import aikynetix") - modules_of("") == {"aikynetix", "aikynetix._version"}


def test_a_first_lookup_loads_what_it_needs(server: FaultServer) -> None:
    """Downloads, exports, the command and the sandbox load when they are used, not before; so does dateutil."""
    program = (
        "import sys\nfrom aikynetix import Aikynetix\n"
        "with Aikynetix(api_key='k', base_url=sys.argv[1]) as client:\n    client.analyzed_videos.get('s').url\n"
    )
    loaded = modules_of(program, server.url)
    assert "httpx" in loaded
    idle = {"_download", "_export", "_cli", "sandbox"}
    assert loaded & ({"dateutil", "fsspec"} | {f"aikynetix.{room}" for room in idle}) == set()
