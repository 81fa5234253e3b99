"""One session of an export, from its id to its record. Runs in any thread of any process."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from .. import _download
from .._errors import AikynetixError, RateLimitError, VideoNotReadyError
from .._trial import Policy
from ._record import ExportRecord, ExportStatus, failed, stops_everything

if TYPE_CHECKING:
    from .._client import Aikynetix
    from .._models import AnalyzedVideo, DownloadedVideo
    from .._operations import Analysis

MAX_BYTES = 64 * 1024**3
"""Bytes that a video whose size is not announced may have at most."""

_POLL = 0.1


@frozen
class Job:
    """What to do for one session.

    Attributes:
        session_id: The session.
        analysis: Which analysis to make if there is none yet.
        attempts: How often it has been begun, this time included.
        spent: Seconds of the earlier times.
        losses: How often its worker went away with it.
        known: What an earlier export noted, while it is not known whether the file is still there.
    """

    session_id: str
    analysis: Analysis | str | None
    attempts: int = 1
    spent: float = 0.0
    losses: int = 0
    known: ExportRecord | None = None


@frozen
class Errand:
    """What is the same for all sessions of an export.

    Attributes:
        target: The folder for the download engine.
        is_local: Whether that is a folder of this machine.
        wait: Seconds to wait for a video that is not there yet.
    """

    target: str
    is_local: bool
    wait: float


@frozen
class Outcome:
    """What came of a job.

    Attributes:
        record: For the caller, if this is the end of it.
        refused: Whether the API had too many requests, so that the session may be begun again.
        retry_after: Seconds that the API asked to wait before that.
        fatal: The error that stops the export.
    """

    record: ExportRecord
    refused: bool = False
    retry_after: float | None = None
    fatal: AikynetixError | None = field(default=None, repr=False)


Resolve = Callable[[], "AnalyzedVideo | None"]
Turn = Callable[[], AbstractContextManager[object]]
Fetch = Callable[[Callable[[], "AnalyzedVideo"]], "DownloadedVideo"]


def patient(client: Aikynetix, cancelled: Callable[[], bool]) -> Aikynetix:
    """Return a copy of ``client`` that leaves refusals (429) to the export, and whose waits can be cut short."""
    settings = client._settings
    policy = Policy(
        settings.deadline,
        settings.max_retries,
        handled=frozenset({429}),
        pause=lambda seconds: pause(seconds, cancelled),
    )
    return client._sharing(settings, policy)


def pause(seconds: float, cancelled: Callable[[], bool]) -> None:
    """Wait for so many seconds.

    Raises:
        Cancelled: ``cancelled`` said so on the way.
    """
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if cancelled():
            raise _download.Cancelled
        time.sleep(min(left, _POLL))


def run(
    client: Aikynetix,
    job: Job,
    errand: Errand,
    cancelled: Callable[[], bool],
    *,
    turn: Turn = nullcontext,
    progress: Callable[[int, int | None], object] | None = None,
    may_be_left: bool = False,
) -> Outcome:
    """Fetch the video of a session by a client that `patient` made.

    Args:
        client: The client.
        job: The session.
        errand: What is the same for all sessions.
        cancelled: Asked several times a second whether to stop.
        turn: Gives a context that a lookup waits for and runs in.
        progress: Called with the bytes done and the bytes in all.
        may_be_left: Whether nobody has to wait for the calling thread once ``cancelled`` says so.

    Raises:
        Cancelled: ``cancelled`` said so.
    """

    def fetch(resolve: Callable[[], AnalyzedVideo]) -> DownloadedVideo:
        return client._fetch(
            job.session_id,
            resolve,
            errand.target,
            cancelled=cancelled,
            progress=progress,
            overwrite=True,  # what the manifest does not know of is not known to be whole
            connections=None,
            max_bytes=MAX_BYTES,
            sha256=True,
            sync_folder=False,
            on_calling_thread=may_be_left,
        )

    def lookup() -> Resolve:
        videos = client.analyzed_videos
        return videos._lookup(job.session_id, job.analysis, errand.wait, lambda seconds: pause(seconds, cancelled))

    return outcome_of(job, lookup, fetch, turn)


def outcome_of(job: Job, lookup: Callable[[], Resolve], fetch: Fetch, turn: Turn = nullcontext) -> Outcome:
    """Run a job by the functions that look its video up and fetch it.

    Args:
        job: The job.
        lookup: Returns what asks the API; refuses a bad session id or analysis with a ValueError or TypeError.
        fetch: Downloads what it is given the means to ask for.
        turn: Gives a context that a lookup waits for and runs in.
    """
    began = time.monotonic()

    def seconds() -> float:
        return job.spent + time.monotonic() - began

    try:
        ask = lookup()
    except (ValueError, TypeError) as error:
        return Outcome(failed(job.session_id, error, is_argument=True))

    def resolve() -> AnalyzedVideo:
        with turn():
            video = ask()
        if video is None:
            text = f"the API has no video of session {job.session_id!r} yet; ask again later or with wait="
            raise VideoNotReadyError(text, session_id=job.session_id, waited=0.0)
        return video

    try:
        asked = [resolve()]  # before the engine, which is loaded while the first sessions wait for the API
        return Outcome(_done(job, fetch(lambda: asked.pop() if asked else resolve()), seconds()))
    except Exception as error:
        record = failed(job.session_id, error, seconds=seconds(), attempts=job.attempts)
        fatal = error if isinstance(error, AikynetixError) and stops_everything(error) else None
        wanted = error.retry_after if isinstance(error, RateLimitError) else None
        return Outcome(record, isinstance(error, RateLimitError), wanted, fatal)


def again(job: Job, record: ExportRecord) -> Job:
    """Return the job to do after one whose record was no end."""
    return evolve(job, attempts=job.attempts + 1, spent=record.seconds)


def _done(job: Job, video: DownloadedVideo, seconds: float) -> ExportRecord:
    return ExportRecord(
        session_id=job.session_id,
        status=ExportStatus.DONE,
        path=video.path,
        size=video.size,
        sha256=video.sha256,
        seconds=seconds,
        attempts=job.attempts,
    )
