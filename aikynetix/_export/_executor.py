"""The sessions of an export worked on by any executor: in other processes, or on other machines."""

from __future__ import annotations

import threading
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _worker
from ._backend import Backend

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from .._config import Settings
    from ._job import Errand, Job, Outcome


class ExecutorBackend(Backend):
    """Workers of an executor, in other processes or on other machines.

    Args:
        executor: Left open at the end.
        settings: The client's.
        errand: What is the same for all jobs.
        concurrency: How many jobs at a time.
    """

    def __init__(self, executor: Executor, settings: Settings, errand: Errand, concurrency: int) -> None:
        self.window = concurrency
        self._executor = executor
        self._run_id = uuid.uuid4().hex
        self._stop_file = Path(errand.target, f".stop-{self._run_id}") if errand.is_local else None
        stop_file = None if self._stop_file is None else str(self._stop_file)
        self._settings = _worker.settings_for_workers(settings, self._run_id, stop_file)
        self._errand = errand
        self._lock = threading.Lock()
        self._unfinished = 1  # the export itself, and every job that a worker may still be at

    def submit(self, job: Job) -> Future[Outcome | None]:
        future = self._executor.submit(_worker.work, self._settings, job, self._errand)
        with self._lock:
            self._unfinished += 1
        future.add_done_callback(self._finish_one)
        return future

    def hold(self, until: float) -> None:
        """Do nothing: what an executor has been given is out of reach."""

    def stop(self) -> None:
        _worker.stop(self._run_id)
        if self._stop_file is not None:
            with suppress(OSError):  # without it the workers end with the session that they are at
                self._stop_file.touch()

    def close(self) -> None:
        self._finish_one(None)

    def _finish_one(self, _: Future[Any] | None) -> None:
        """Take the sign to stop away once nobody is left who has to see it."""
        with self._lock:
            self._unfinished -= 1
            if self._unfinished:
                return
        _worker.forget(self._run_id)
        if self._stop_file is not None:
            with suppress(OSError):
                self._stop_file.unlink(missing_ok=True)
