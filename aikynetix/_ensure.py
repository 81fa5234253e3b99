"""Having a video made and waiting for it, written once for both clients: a generator that yields what to do next.

It yields `Request` and `Wait`, is sent back what came of them, and does no I/O; the runners are in `_videos`.
"""

from __future__ import annotations

import re
from collections.abc import Generator

from attrs import frozen

from ._errors import (
    APIConnectionError,
    APIError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
    VideoNotReadyError,
)
from ._models import AnalyzedVideo

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 10.0
_MOST_LOOKS = 3
# The vendor has one status for invalid data and for a session that is analyzed already or just now; its words differ.
_IN_PROGRESS = re.compile(r"\balready\b|\bin progress\b|\bbeing (analy[sz]ed|generated|processed)\b", re.IGNORECASE)


@frozen
class Request:
    """Send the GET (``"get"``) or the POST (``"generate"``) of the session."""

    operation: str


@frozen
class Wait:
    """Wait for so many seconds."""

    seconds: float


@frozen
class Result:
    """What came of a step: the video, the error, or None after a `Wait` or where there is no video yet."""

    outcome: AnalyzedVideo | APIError | None
    elapsed: float  # seconds since the flow began


Flow = Generator[Request | Wait, Result, AnalyzedVideo]


def ensure_flow(session_id: str, wait: float) -> Flow:
    """Have the video made if need be, and wait until it is there.

    GET; on 404 POST; then GET again until the URL is there. A POST whose fate is unknown (the connection broke, or a
    5xx came) is not simply sent again: the next GET shows whether it was worked on, and only if the video is still
    missing the POST is repeated, at most three times in all. 400 to the POST may mean "analyzed already" (vendor's
    page), so it too is settled by looking, three times before it is believed, and all the ``wait`` where its text
    says so. 409 says that somebody else is having the video made (RFC 9110, section 15.5.10). Every other error is
    raised; `VideoNotReadyError` when ``wait`` seconds are over.
    """
    pending_error: APIError | None = None
    pause, looks, is_running = _FIRST_PAUSE, 0, False
    while True:
        result = yield Request("get")
        outcome = result.outcome
        if isinstance(outcome, AnalyzedVideo):
            return outcome
        retry_after = None
        if outcome is None or isinstance(outcome, NotFoundError):
            looks += pending_error is not None
            is_believed = looks >= _MOST_LOOKS or (result.elapsed >= wait and not _is_uncertain(pending_error))
            if pending_error is not None and outcome is not None and is_believed:
                raise pending_error
            if not is_running and (pending_error is None or (_is_uncertain(pending_error) and looks < _MOST_LOOKS)):
                result = yield Request("generate")
                if isinstance(result.outcome, AnalyzedVideo):
                    return result.outcome
                pending_error = _pending(result.outcome)
                is_running = pending_error is None
                if isinstance(result.outcome, BadRequestError):
                    continue  # "analyzed already" is settled by looking at once
        elif is_running and isinstance(outcome, RateLimitError):
            retry_after = outcome.retry_after
        else:
            raise outcome
        left = wait - result.elapsed
        if left <= 0:
            raise VideoNotReadyError(
                f"the video of session {session_id!r} was not ready after {result.elapsed:.0f} s; "
                "it may still be in the making, so ask again later or with a longer wait=",
                session_id=session_id,
                waited=result.elapsed,
            ) from pending_error
        yield Wait(min(left, max(pause, retry_after or 0.0)))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _pending(outcome: APIError | None) -> APIError | None:
    """Return the error of a POST that the next GET has to settle; raise one that is final."""
    if outcome is None or isinstance(outcome, ConflictError):
        return None
    if isinstance(outcome, BadRequestError) and _IN_PROGRESS.search(outcome.message):
        return None
    if _is_uncertain(outcome) or isinstance(outcome, BadRequestError):
        return outcome
    raise outcome


def _is_uncertain(error: APIError | None) -> bool:
    return isinstance(error, InternalServerError) or (isinstance(error, APIConnectionError) and not error.is_permanent)
