"""Kill a download with SIGKILL at moments that a seeded random number chooses, and measure what each kill costs.

A moment is a number of bytes that the server has handed out, not a time, so that a slow machine changes nothing. The
process is stopped first: then what is still on its way stands in the kernel's own tables and can be told apart from
what the process had received and lost.
"""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aikynetix._download._partial import decode
from aikynetix._download._segments import gaps, total

from .calls import start, wait_until
from .servers import Request, Storage, serving, video

if TYPE_CHECKING:
    import subprocess

    from aikynetix._download._segments import Span

RANGE = 256 * 1024
"""Most bytes that one connection holds before they are in the file and in the journal."""

PIECE = 64 * 1024
"""Most bytes that the server counts before it hands them to the kernel."""

_LISTENING = "0A"  # in /proc/net/tcp
_MOST_PER_FILE = 10
_RATES = (2 << 20, 4 << 20, 16 << 20, 0)


@dataclass(frozen=True)
class Kill:
    """What one kill cost, in bytes.

    Attributes:
        journaled: What the journal held afterwards.
        lost: What the server had sent in this run and the journal does not hold.
        in_flight: What the kernel had not given to the process yet, the server's current pieces included, nor ever did
            where a connection was ended early because another one took over.
        connections: How many were open.
    """

    journaled: int
    lost: int
    in_flight: int
    connections: int

    @property
    def held(self) -> int:
        """Bytes that the process had received and did not get into the journal."""
        return max(0, self.lost - self.in_flight)


@dataclass(frozen=True)
class File:
    """One file, downloaded in spite of its kills.

    Attributes:
        size: Bytes of the object.
        sent: Bytes that the server sent for it, over all runs.
        kills: In order.
        asked_again: Bytes asked for although the journal held them, beyond the one byte that proves the object.
        right: Whether the file was the object in the end, with nothing else beside it.
    """

    size: int
    sent: int
    kills: list[Kill]
    asked_again: int
    right: bool


def torment(seed: int, kills: int, size: int, folder: Path) -> list[File]:
    """Download files of ``size`` bytes until ``kills`` processes have been killed."""
    draw = random.Random(seed)
    files: list[File] = []
    while (left := kills - sum(len(file.kills) for file in files)) > 0:
        place = folder / str(len(files))
        place.mkdir()
        files.append(_one_file(draw, min(left, _MOST_PER_FILE), size, place / "v.mp4"))
    return files


def _one_file(draw: random.Random, most: int, size: int, path: Path) -> File:
    body = video(size, seed=draw.randrange(1 << 20))
    kills: list[Kill] = []
    again = 0
    with serving(Storage(body)) as storage:
        while len(kills) < most and not path.exists():
            before = len(storage.requests), journal(path)
            storage.rate = draw.choice(_RATES)
            kill = _one_kill(draw, storage, path, size - total(before[1]))
            kills += [] if kill is None else [kill]
            again += asked_again(storage, *before)
        storage.rate = 0
        if not path.exists():
            before = len(storage.requests), journal(path)
            with start(storage, path) as process:
                assert process.wait(60) == 0, process.communicate()
            again += asked_again(storage, *before)
        # Who is killed between the renaming and the end leaves the journal, which says nothing about any file then.
        left = {entry.name for entry in path.parent.iterdir()} - {f"{path.name}.part.journal"}
        return File(size, storage.sent, kills, again, path.read_bytes() == body and left == {path.name})


def _one_kill(draw: random.Random, storage: Storage, path: Path, missing: int) -> Kill | None:
    """Kill a download once it got a random share of what is missing; None if it was done before that."""
    sent, had, requests = storage.sent, total(journal(path)), len(storage.requests)
    due = draw.randrange(missing + missing // 16 + 1)
    # Beyond the last byte there is still the hashing, the flushing and the renaming to be killed in.
    pause = draw.random() * 0.02
    with start(storage, path) as process:
        wait_until(lambda: len(storage.requests) > requests or process.poll() is not None)
        wait_until(lambda: storage.sent - sent >= min(due, missing) or process.poll() is not None, 60)
        time.sleep(pause if due >= missing or not due else 0)
        try:
            lost, in_flight, connections = _freeze(process, storage, sent, requests)
        finally:
            process.kill()
        process.wait(10)
    wait_until(lambda: not storage.live)
    if path.exists():
        return None
    now = total(journal(path))
    return Kill(journaled=now, lost=lost - (now - had), in_flight=in_flight, connections=connections)


def _freeze(process: subprocess.Popen[str], storage: Storage, sent: int, since: int) -> tuple[int, int, int]:
    """Stop a process; return the bytes sent to it, those of them that it has not received, and its connections."""
    with storage.lock:  # the server sends nothing that it has not counted
        os.kill(process.pid, signal.SIGSTOP)
        out = storage.sent - sent
        queued, connections = _queued(storage.port)
        return out, queued + connections * PIECE + _dropped(storage.requests[since:], len(storage.body)), connections


def _dropped(requests: list[Request], size: int) -> int:
    """Return the bytes sent on connections that are over, beyond where the next request takes over."""
    starts = sorted({*((request.span or (0, size))[0] for request in requests), size})
    dropped = 0
    for request in requests:
        begin = (request.span or (0, size))[0]
        end = next(start for start in starts if start > begin)
        dropped += max(0, request.sent - (end - begin)) if request.over else 0
    return dropped


def _queued(port: int) -> tuple[int, int]:
    """Return the bytes in the kernel's queues of all connections to ``port`` on this machine, and their number."""
    found = connections = 0
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        local, remote = (int(fields[n].rpartition(":")[2], 16) for n in (1, 2))
        sending, receiving = (int(queue, 16) for queue in fields[4].split(":"))
        if local == port and fields[3] != _LISTENING:
            found += sending
        elif remote == port:
            # What has arrived and was not read, also where the server has hung up already.
            found, connections = found + receiving, connections + 1
    return found, connections


def journal(path: Path) -> list[Span]:
    """Return the spans that the journal beside a partial file holds."""
    try:
        found = decode(path.with_name(path.name + ".part.journal").read_text())
    except FileNotFoundError:
        return []
    return found[1] if found else []


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
