"""What the tests of downloads share: a call of the engine, a process of its own, what must be true afterwards."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx

from aikynetix._download import Options, Source, download
from aikynetix._download import Storage as Pool
from aikynetix._download._types import Clock
from aikynetix._models import AnalyzedVideo, DownloadedVideo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .servers import Fault, Request, Storage

MIB = 1 << 20
EXPIRED = b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>ExpiredToken</Code><Message>expired</Message></Error>"

DEFAULTS: dict[str, Any] = {}
"""Options of `fetch` where a call names none."""

IMPATIENT = Clock(draw=lambda: 0.0)
"""The real clock, and chance that always chooses the shortest wait."""

PROGRAM = """
import sys, httpx
from aikynetix import AikynetixError
from aikynetix._download import Options, Source, Storage, download
from aikynetix._models import AnalyzedVideo
url, to, connections = sys.argv[1:4]
options = Options(connections=int(connections) or None, overwrite=len(sys.argv) > 4)
pool = Storage(timeout=httpx.Timeout(5))
try:
    found = download(Source("session", lambda: AnalyzedVideo("session", url)), to, pool, options)
except AikynetixError as error:
    print(type(error).__name__, error)
    sys.exit(1)
print(found.resumed_from, found.sha256)
"""
"""A process that downloads: URL, target, connections (0: adapting), anything more: overwrite."""


def fetch(storage: Storage, to: Path | str, **options: Any) -> DownloadedVideo:
    """Download with the engine itself; each call for a URL gives another signature."""
    options = DEFAULTS | options
    calls = iter(range(1000))
    urls: Callable[[int], str] = options.pop("urls", lambda number: storage.url(f"X-Goog-Signature=topsecret{number}"))
    clock, transport = options.pop("clock", IMPATIENT), options.pop("transport", None)
    timeout = httpx.Timeout(options.pop("silence", 5.0))
    given = options.pop("pool", None)
    pool = given or Pool(timeout=timeout, transport=transport)
    source = Source("session", lambda: AnalyzedVideo("session", urls(next(calls))))
    try:
        return download(source, to, pool, Options(timeout=timeout, **options), clock)
    finally:
        if given is None:
            pool.close()


def once(fault: Fault, number: int = 0) -> Callable[[Request], Fault | None]:
    """Return what does ``fault`` to one request and nothing to the others."""
    return lambda request: fault if request.number == number else None


def assert_right(result: DownloadedVideo, path: Path, body: bytes) -> None:
    """The file is the object, the result tells so, and nothing else is left in its folder."""
    assert path.read_bytes() == body
    assert result.size == len(body)
    assert result.sha256 == hashlib.sha256(body).hexdigest()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def start(storage: Storage, path: Path, *more: str, connections: int = 0) -> subprocess.Popen[str]:
    """Start a process that downloads; end it."""
    command = [sys.executable, "-c", PROGRAM, storage.url(), str(path), str(connections), *more]
    environment = dict(os.environ) | {"PYTHONWARNINGS": "error"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def wait_until(reached: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that must come."""
    until = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.002)
