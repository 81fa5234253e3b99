"""Having a video made and waiting for it, written once for both clients: a generator that `_call.run` runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

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
from ._operations import Analysis, generate_analyzed_video, get_analyzed_video

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._call import Flow

Polled = AnalyzedVideo | APIError | None
"""What comes of a request: the video, an error, or None where there is no video yet."""

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 10.0
_MAX_LOOKS = 3
# The vendor has one status for invalid data and for a session that is analyzed already or just now; its words differ.
_IN_PROGRESS = re.compile(r"\balready\b|\bin progress\b|\bbeing (analy[sz]ed|generated|processed)\b", re.IGNORECASE)


def ensure_flow(
    session_id: str, analysis: Analysis | str | None, wait: float, clock: Callable[[], float]
) -> Flow[AnalyzedVideo]:
    """Have the video made if need be, and wait until it is there; each request is to come back as `Polled`.

    GET; on 404 POST; then GET again until the URL is there. A POST whose fate is unknown (the connection broke, or a
    5xx came) is not simply sent again: the next GET shows whether it was worked on, and only if the video is still
    missing the POST is repeated, at most three times in all. 400 to the POST may mean "analyzed already" (vendor's
    page), so it too is settled by looking, three times before it is believed, and all the ``wait`` where its text
    says so. 409 says that somebody else is having the video made (RFC 9110, section 15.5.10). Every other error is
    raised; `VideoNotReadyError` when ``wait`` seconds are over.
    """
    look, make = get_analyzed_video(session_id, analysis), generate_analyzed_video(session_id, analysis)
    pending_error: APIError | None = None
    began, pause, looks, is_running = clock(), _FIRST_PAUSE, 0, False
    while True:
        outcome: Polled = yield look
        if isinstance(outcome, AnalyzedVideo):
            return outcome
        elapsed, asked_to_wait = clock() - began, 0.0
        if outcome is None or isinstance(outcome, NotFoundError):
            looks += pending_error is not None
            is_believed = looks >= _MAX_LOOKS or (elapsed >= wait and not _is_uncertain(pending_error))
            if pending_error is not None and outcome is not None and is_believed:
                raise pending_error
            if not is_running and (pending_error is None or (_is_uncertain(pending_error) and looks < _MAX_LOOKS)):
                made: Polled = yield make
                if isinstance(made, AnalyzedVideo):
                    return made
                elapsed, pending_error = clock() - began, _pending_error(made)
                is_running = pending_error is None
                if isinstance(made, BadRequestError):
                    continue  # "analyzed already" is settled by looking at once
        elif is_running and isinstance(outcome, RateLimitError):
            asked_to_wait = outcome.retry_after or 0.0
        else:
            raise outcome
        if elapsed >= wait:
            raise VideoNotReadyError(
                f"the video of session {session_id!r} is not there yet after {elapsed:.0f} s; "
                "it may still be in the making, so ask again later or with a longer wait",
                session_id=session_id,
                waited=elapsed,
            ) from pending_error
        yield float(min(wait - elapsed, max(pause, asked_to_wait)))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _pending_error(outcome: APIError | None) -> APIError | None:
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
