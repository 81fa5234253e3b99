"""The task of an export for workers in other processes, and the client that each of them keeps."""

from __future__ import annotations

import atexit
import logging
import os
import pickle
import threading
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from .. import _download
from .._errors import ConfigurationError
from . import _job
from ._job import Errand, Job, Outcome
from ._record import failed

if TYPE_CHECKING:
    from collections.abc import Generator

    import httpx

    from .._client import Aikynetix
    from .._config import Settings

logger = logging.getLogger("aikynetix")

_MOST_CLIENTS = 4


@frozen
class WorkerSettings:
    """What a worker needs to make a client of its own.

    Attributes:
        run_id: The export.
        stop_file: A file that is there when the export has been stopped; None where the folder is far away.
        base_url: The API's base URL.
        timeout: Limits in seconds.
        max_retries: How often a failed request is sent again.
        credential: The client's credential, pickled; None for the one in the worker's environment. Bytes in a
            `field` without repr: a scheduler may log the arguments of the tasks that it runs.
    """

    run_id: str
    stop_file: str | None
    base_url: str
    timeout: httpx.Timeout
    max_retries: int
    credential: bytes | None = field(repr=False)


def settings_for_workers(settings: Settings, run_id: str, stop_file: str | None) -> WorkerSettings:
    """Return ``settings`` as they travel; a credential that cannot be pickled, such as a lambda, stays behind."""
    try:
        credential = pickle.dumps(settings.credential.inner)
    except Exception:  # what cannot be pickled says so by any exception
        credential = None
    return WorkerSettings(run_id, stop_file, str(settings.base_url), settings.timeout, settings.max_retries, credential)


def work(settings: WorkerSettings, job: Job, errand: Errand) -> Outcome | None:
    """Do a job in this process, whichever it is.

    Returns:
        The outcome; None where the export was stopped.
    """

    def cancelled() -> bool:
        return settings.run_id in _stopped or (settings.stop_file is not None and Path(settings.stop_file).exists())

    if cancelled():
        return None
    try:
        with _client_for(settings) as client:
            return _job.run(_job.patient(client, cancelled), job, errand, cancelled)
    except _download.Cancelled:
        return None
    except ConfigurationError as error:
        record = failed(job.session_id, error, attempts=job.attempts)
        return Outcome(record, fatal=error)


_stopped: set[str] = set()


def stop(run_id: str) -> None:
    """Tell the workers of an export that run in this process to stop."""
    _stopped.add(run_id)


def forget(run_id: str) -> None:
    """Forget an export none of whose workers is left in this process."""
    _stopped.discard(run_id)


@define
class _Kept:
    client: Aikynetix
    users: int = 0


_lock = threading.Lock()
_clients: dict[tuple[int, bytes], _Kept] = {}


@contextmanager
def _client_for(settings: WorkerSettings) -> Generator[Aikynetix]:
    """Lend this process's client for ``settings``; connections outlive the job, so that they are opened once."""
    key = (os.getpid(), _digest(settings))
    with _lock:
        kept = _clients.pop(key, None) or _Kept(_new_client(settings))
        kept.users += 1
        _clients[key] = kept
        _drop_oldest()
    try:
        yield kept.client
    finally:
        with _lock:
            kept.users -= 1


def _digest(settings: WorkerSettings) -> bytes:
    parts = (settings.base_url, settings.timeout.as_dict(), settings.max_retries, settings.credential)
    return blake2b(repr(parts).encode(), digest_size=16).digest()


def _new_client(settings: WorkerSettings) -> Aikynetix:
    from aikynetix import Aikynetix

    auth = _credential(settings)
    base_url, timeout, max_retries = settings.base_url, settings.timeout, settings.max_retries
    try:
        return Aikynetix(auth=auth, base_url=base_url, timeout=timeout, max_retries=max_retries)
    except ConfigurationError as error:
        if auth is not None:
            raise
        text = f"the client's credential cannot be sent to workers, and one of them finds none of its own: {error}"
    raise ConfigurationError(text)


def _credential(settings: WorkerSettings) -> httpx.Auth | None:
    """Return the credential that was sent, None where it could not be or cannot be made again on this machine."""
    if settings.credential is None:
        return None
    try:
        return pickle.loads(settings.credential)  # type: ignore[no-any-return]  # noqa: S301 -- a task is trusted
    except Exception as error:  # a module may be missing here, and a class of the caller's raises what it likes
        logger.warning("the client's credential cannot be made again in this process (%s)", type(error).__name__)
        return None


def _drop_oldest() -> None:
    """A worker may serve exports with different settings for weeks: the idle clients of the oldest are closed."""
    idle = [key for key, kept in _clients.items() if not kept.users]
    for key in idle[: max(0, len(_clients) - _MOST_CLIENTS)]:
        kept = _clients.pop(key)
        if key[0] == os.getpid():  # sockets that came over a fork are the parent's
            kept.client.close()


@atexit.register
def close_clients() -> None:
    """Close every idle client of this process."""
    with _lock:
        for kept in [_clients.pop(key) for key in list(_clients) if key[0] == os.getpid() and not _clients[key].users]:
            kept.client.close()
