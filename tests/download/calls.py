"""What the tests of downloads share: a call, a process of its own, what must be true afterwards."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aikynetix import Aikynetix, DownloadedVideo, DownloadInterruptedError

from .servers import Fault, Request, Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Container

MIB = 1 << 20
KEY = "key-of-the-tests"
EXPIRED = b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>ExpiredToken</Code><Message>expired</Message></Error>"

PROGRAM = """
import sys
from aikynetix import Aikynetix, AikynetixError
base_url, to, connections, *more = sys.argv[1:]
client = Aikynetix(api_key="key-of-the-tests", base_url=base_url, timeout=5)
try:
    found = client.analyzed_videos.download(
        "session", to, connections=int(connections) or None, overwrite="overwrite" in more, exist_ok="exist_ok" in more
    )
except AikynetixError as error:
    print(type(error).__name__, getattr(error, "reason", ""), error)
    sys.exit(1)
print(found.resumed_from, found.sha256)
"""
"""A process that downloads: base URL, target, connections (0: adapting), options that are True."""


def client_of(storage: Storage, silence: float = 5.0, max_retries: int = 3, **settings: Any) -> Aikynetix:
    """Return a client of which ``storage`` is the API as well."""
    return Aikynetix(api_key=KEY, base_url=storage.base_url, timeout=silence, max_retries=max_retries, **settings)


def fetch(
    storage: Storage, to: Path | str, *, silence: float = 5.0, max_retries: int = 3, **options: Any
) -> DownloadedVideo:
    """Download by the public API; what comes of that here is the object, and nothing is left beside it."""
    before = {entry.name for entry in Path(to).parent.glob("*")}
    with client_of(storage, silence, max_retries) as client:
        result = client.analyzed_videos.download("session", to, **options)
    if isinstance(result.path, Path) and result.verified != "exists":
        assert_right(result, storage.body, before)
    return result


def once(fault: Fault, number: int = 0) -> Callable[[Request], Fault | None]:
    """Return what does ``fault`` to one request and nothing to the others."""
    return lambda request: fault if request.number == number else None


def interrupt(storage: Storage, path: Path, *, cut_after: int = 2 * MIB, **headers: str | None) -> None:
    """Have a download end in the middle, and clear the server's memory of it."""
    cut = Fault(cut_after=cut_after, headers={name.replace("_", "-"): value for name, value in headers.items()})
    storage.requests.clear()
    storage.fault = lambda request: cut if request.number == 0 else Fault(status=500)
    try:
        fetch(storage, path, max_retries=0)
    except DownloadInterruptedError:
        storage.fault = lambda request: None
        storage.requests.clear()
        storage.sent = 0
        return
    raise AssertionError("the download was not interrupted")


def assert_right(result: DownloadedVideo, body: bytes, before: Container[str] = ()) -> None:
    """The file is the object, the result tells so, and its folder has nothing more than ``before``."""
    path = Path(result.path)
    assert path.read_bytes() == body
    assert (result.size, result.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    names = [entry.name for entry in path.parent.iterdir()]
    assert [name for name in names if name not in before or name.startswith(path.name)] == [path.name]


def start(storage: Storage, path: Path | str, *more: str, connections: int = 0) -> subprocess.Popen[str]:
    """Start a process that downloads; end it."""
    command = [sys.executable, "-c", PROGRAM, storage.base_url, str(path), str(connections), *more]
    environment = dict(os.environ) | {"PYTHONWARNINGS": "error"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def wait_until(reached: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that must come."""
    until = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.002)
