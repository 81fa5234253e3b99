"""What the tests of the export share."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import Aikynetix

from .servers import API_KEY, Service

if TYPE_CHECKING:
    from pathlib import Path

    from aikynetix import ExportRecord

Connect = Callable[..., Aikynetix]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """A function that makes a client of a service; the clients are closed after the test."""
    made: list[Aikynetix] = []

    def make(service: Service, **options: Any) -> Aikynetix:
        fields: dict[str, Any] = {"api_key": API_KEY, "timeout": 5.0, "max_retries": 0}
        made.append(Aikynetix(base_url=service.base_url, **fields | options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where to export to; not there yet."""
    return tmp_path / "videos"


def manifest(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a folder's manifest."""
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]


def statuses(records: Iterable[ExportRecord]) -> dict[str, str]:
    """Return what came of each session."""
    return {record.session_id: record.status.value for record in records}


def workers() -> list[str]:
    """Return the names of the threads of exports, once those that were told to end have had the time to do so."""
    end = time.monotonic() + 5
    while True:
        names = [thread.name for thread in threading.enumerate() if thread.name.startswith("aikynetix-export")]
        if not names or time.monotonic() > end:
            return names
        time.sleep(0.02)


def chromium() -> str | None:
    """Return the path of the browser, None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
