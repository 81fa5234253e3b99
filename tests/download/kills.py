"""Kill a download with SIGKILL at moments that a seeded random number chooses, and see what the next ones make of it.

A moment is a number of bytes that the server has handed out, not a time, so that a slow machine changes nothing.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aikynetix._download._partial import decode, gaps, total

from .calls import start, wait_until
from .servers import Storage, serving, video

if TYPE_CHECKING:
    from pathlib import Path

    from aikynetix._download._partial import Span

_MOST_PER_FILE = 10
_RATES = (2 << 20, 4 << 20, 16 << 20, 0)


@dataclass(frozen=True)
class File:
    """One file, downloaded in spite of its kills.

    Attributes:
        sent: Bytes that the server sent for it, over all runs.
        journaled: Bytes that the journal held after each kill.
        asked_again: Bytes asked for although the journal held them, beyond the one byte that proves the object.
        right: Whether the file was the object in the end, with nothing else beside it.
    """

    sent: int
    journaled: list[int]
    asked_again: int
    right: bool


def torment(seed: int, kills: int, size: int, folder: Path) -> list[File]:
    """Download files of ``size`` bytes until ``kills`` processes have been killed."""
    draw = random.Random(seed)
    files: list[File] = []
    while (left := kills - sum(len(file.journaled) for file in files)) > 0:
        place = folder / str(len(files))
        place.mkdir()
        files.append(_one_file(draw, min(left, _MOST_PER_FILE), size, place / "v.mp4"))
    return files


def _one_file(draw: random.Random, most: int, size: int, path: Path) -> File:
    body = video(size, seed=draw.randrange(1 << 20))
    journaled: list[int] = []
    again = 0
    with serving(Storage(body)) as storage:
        while not path.exists():
            before = len(storage.requests), journal(path)
            is_last = len(journaled) == most
            storage.rate = 0 if is_last else draw.choice(_RATES)
            _one_run(draw, storage, path, None if is_last else size - total(before[1]))
            journaled += [] if path.exists() else [noted(path)]
            again += asked_again(storage, *before)
        # Who is killed between the renaming and the end leaves the journal, which says nothing about any file then.
        left = {entry.name for entry in path.parent.iterdir()} - {f"{path.name}.part.journal"}
        return File(storage.sent, journaled, again, path.read_bytes() == body and left == {path.name})


def _one_run(draw: random.Random, storage: Storage, path: Path, missing: int | None) -> None:
    """Download, and kill that once it got a random share of what is missing; with None let it end."""
    sent, requests = storage.sent, len(storage.requests)
    with start(storage, path) as process:
        if missing is None:
            assert process.wait(60) == 0, process.communicate()
            return
        due = draw.randrange(missing + missing // 16 + 1)
        # Beyond the last byte there is still the hashing, the flushing and the renaming to be killed in.
        pause = draw.random() * 0.02
        wait_until(lambda: len(storage.requests) > requests or process.poll() is not None)
        wait_until(lambda: storage.sent - sent >= min(due, missing) or process.poll() is not None, 60)
        time.sleep(pause if due >= missing or not due else 0)
        process.kill()
    wait_until(lambda: not storage.live)


def journal(path: Path) -> list[Span]:
    """Return the spans that the journal beside a partial file holds."""
    try:
        found = decode(path.with_name(path.name + ".part.journal").read_text())
    except FileNotFoundError:
        return []
    return found[1] if found else []


def noted(path: Path) -> int:
    """Return how many bytes the journal holds."""
    return total(journal(path))


def asked_again(storage: Storage, since: int, held: list[Span]) -> int:
    """Return how many of the held bytes were asked for, but for the one byte that proves what the object is."""
    size = len(storage.body)
    again = 0
    for request in storage.requests[since:]:
        start_, stop = request.span or (0, size)
        if (start_, stop) == (size - 1, size):
            continue
        again += (stop - start_) - total(gaps([*held, (0, start_), (stop, size)], size))
    return again
