"""The threads that connections run on."""

from __future__ import annotations

from functools import partial
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOK_EVERY = 0.05


class Crew:
    """Daemon threads for the downloads of one client, kept from one connection to the next.

    Every download is inside a ``with`` block of it; the last to leave ends the threads. A small video has one
    connection, and a thread for each would be a good part of the work of many such videos.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._downloads = 0
        self._idle: list[_Member] = []
        self._watch: _Watch | None = None

    def __enter__(self) -> None:
        with self._lock:
            self._downloads += 1

    def __exit__(self, *_: object) -> None:
        dismissed: list[_Member] = []
        watch = None
        with self._lock:
            self._downloads -= 1
            if not self._downloads:
                dismissed, self._idle = self._idle, dismissed
                watch, self._watch = self._watch, watch
        if watch is not None:
            watch.ended.set()
            watch.thread.join()
        for member in dismissed:
            member.orders.put(None)
        for member in dismissed:
            member.thread.join()

    def run(self, task: Callable[[], object]) -> Lock:
        """Run ``task`` on a thread, and return a lock that is held until it has ended.

        Raises:
            RuntimeError: The system has no thread left.
        """
        over = Lock()
        over.acquire()
        # Orders come first: Ctrl-C may come in between, and who has none would wait for them for ever.
        with self._lock:
            if self._idle:
                self._idle[-1].orders.put((task, over))
                self._idle.pop()
                return over
        member = _Member(self._serve)
        member.orders.put((task, over))
        member.thread.start()
        return over

    def watch(self, look: Callable[[], object]) -> Callable[[], object]:
        """Have ``look`` called several times a second on a thread that all downloads share.

        Args:
            look: It raises nothing.

        Returns:
            What to call for an end of it; ``look`` may be under way then.

        Raises:
            RuntimeError: The system has no thread left.
        """
        with self._lock:
            if self._watch is None:
                watch = _Watch()
                watch.thread.start()
                self._watch = watch
            looks = self._watch.looks
            looks.append(look)
        return partial(looks.remove, look)

    def _serve(self, member: _Member) -> None:
        while (order := member.orders.get()) is not None:
            task, over = order
            try:
                task()
                with self._lock:
                    stays = self._downloads > 0
                    if stays:
                        self._idle.append(member)
            finally:
                over.release()
            if not stays:
                return
            del task, order  # they hold on to what the connection was about


class _Watch:
    def __init__(self) -> None:
        self.looks: list[Callable[[], object]] = []
        self.ended = Event()
        self.thread = Thread(target=self._run, name="aikynetix-watch", daemon=True)

    def _run(self) -> None:
        while not self.ended.wait(_LOOK_EVERY):
            self._look()

    def _look(self) -> None:
        for look in list(self.looks):
            look()


class _Member:
    def __init__(self, serve: Callable[[_Member], object]) -> None:
        self.orders: SimpleQueue[tuple[Callable[[], object], Lock] | None] = SimpleQueue()
        self.thread = Thread(target=serve, args=(self,), name="aikynetix-download", daemon=True)
