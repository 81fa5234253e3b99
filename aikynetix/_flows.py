"""What takes more than one request, written once for both clients: generators that yield what to do next.

A flow yields `Ask` and `Pause` and is sent back what came of them; it reads no clock but the one that the runner
reports, and does no I/O. The runners in `_videos` are a few lines each.
"""

from __future__ import annotations

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


@frozen
class Ask:
    """Send the GET (``"get"``) or the POST (``"generate"``) of the session."""

    operation: str


@frozen
class Pause:
    """Wait for so many seconds."""

    seconds: float


@frozen
class Reply:
    """What came of an `Ask`.

    Attributes:
        outcome: The video, None where the API says that there is none yet, or the error.
        elapsed: Seconds since the flow began.
    """

    outcome: AnalyzedVideo | APIError | None
    elapsed: float


Step = Ask | Pause
Flow = Generator[Step, Reply | None, AnalyzedVideo]


def ensure(session_id: str, wait: float) -> Flow:
    """Have the video made if need be, and wait until it is there.

    GET; on 404 POST; then GET again until the URL is there. A POST whose fate is unknown (the connection broke, or a
    5xx came) is not simply sent again: the next GET shows whether it was worked on, and only if the video is still
    missing the POST is repeated, at most three times in all. 400 to the POST may mean "analyzed already" (vendor's
    page), so it too is settled by looking, three times before it is believed. 409 says that somebody else is having the
    video made (RFC 9110, section 15.5.10).

    Args:
        session_id: For the error's text.
        wait: Seconds to wait in all.

    Raises:
        APIError: Every error other than the above.
        VideoNotReadyError: ``wait`` is over.
    """
    doubt: APIError | None = None
    pause, looks, is_running = _FIRST_PAUSE, 0, False
    while True:
        reply = yield Ask("get")
        assert reply is not None
        outcome, elapsed = reply.outcome, reply.elapsed
        if isinstance(outcome, AnalyzedVideo):
            return outcome
        retry_after = None
        if outcome is None or isinstance(outcome, NotFoundError):
            looks += doubt is not None
            if doubt is not None and outcome is not None and (looks >= _MOST_LOOKS or _is_final(doubt, wait - elapsed)):
                raise doubt
            if not is_running and (doubt is None or (_is_uncertain(doubt) and looks < _MOST_LOOKS)):
                reply = yield Ask("generate")
                assert reply is not None
                made, elapsed = reply.outcome, reply.elapsed
                if isinstance(made, AnalyzedVideo):
                    return made
                doubt = _doubt(made)
                is_running = doubt is None
                if isinstance(doubt, BadRequestError):
                    continue  # "analyzed already" is settled by looking at once
        else:
            if not (is_running and isinstance(outcome, RateLimitError)):
                raise outcome
            retry_after = outcome.retry_after
        left = wait - elapsed
        if left <= 0:
            raise _not_ready(session_id, elapsed, doubt)
        yield Pause(min(left, max(pause, retry_after or 0.0)))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _doubt(made: APIError | None) -> APIError | None:
    """Return the error of a POST that the next GET has to settle; raise one that is final."""
    if made is None or isinstance(made, ConflictError) or "being analyzed" in made.message.lower():
        return None
    if _is_uncertain(made) or isinstance(made, BadRequestError):
        return made
    raise made


def _is_final(doubt: APIError, left: float) -> bool:
    """Return whether a refused POST is to be believed, because there is no time to look again."""
    return left <= 0 and not _is_uncertain(doubt)


def _is_uncertain(error: APIError) -> bool:
    return isinstance(error, APIConnectionError | InternalServerError)


def _not_ready(session_id: str, elapsed: float, doubt: APIError | None) -> VideoNotReadyError:
    text = (
        f"the video of session {session_id!r} was not ready after {elapsed:.0f} s; "
        "it may still be in the making, so ask again later or with a longer wait="
    )
    error = VideoNotReadyError(text, session_id=session_id, waited=elapsed)
    error.__cause__ = doubt
    return error
