"""The sessions of the sandbox, and what the API answers for each of them. Pure.

The wording of the errors is the vendor's page's ("Error Handling" of each operation).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SESSIONS", "UNKNOWN", "Answer", "Outcome", "Progress", "SandboxSession", "answer", "has_video"]


class Outcome(StrEnum):
    """What happens to a session: one value for every outcome that the vendor documents."""

    READY = "ready"
    """GET gives the URL; POST makes the video again and gives the URL."""
    NOT_GENERATED = "not-generated"
    """GET is 404 until a POST was sent and ``polls`` further GETs were answered with 404; then it gives the URL."""
    ALREADY_ANALYZED = "already-analyzed"
    """GET gives the URL; POST is 400, as for a session that was analyzed before."""
    FORBIDDEN = "forbidden"
    """Both are 403: the plan does not include the video."""
    UNKNOWN = "unknown"
    """Both are 404, as for every id that is not in the table."""
    BAD_REQUEST = "bad-request"
    """Both are 400, as for an invalid admin UID."""
    SERVER_ERROR = "server-error"
    """Both are 500."""


@dataclass(frozen=True, slots=True)
class SandboxSession:
    """One session that the sandbox knows.

    Attributes:
        id: The session id, as it is put in the request's path. At least one character.
        outcome: What the API answers for it.
        polls: For ``NOT_GENERATED`` only: how many GETs after the POST are still answered with 404. With 0 the POST
            itself gives the URL, otherwise it gives an empty object (the spec does not require the URL). ``None``
            stands for the sandbox's own ``polls``.
        video: The bytes that the storage serves for it. ``None`` stands for the sandbox's own ``video``.
        description: One line for the table that the command prints.
    """

    id: str
    outcome: Outcome = Outcome.READY
    polls: int | None = None
    video: bytes | None = None
    description: str = ""

    def __post_init__(self) -> None:
        """Refuses what cannot be asked for.

        Raises:
            ValueError: The id is empty, or ``polls`` is negative.
        """
        if not self.id:
            raise ValueError("a sandbox session needs an id of at least one character")
        if self.polls is not None and self.polls < 0:
            raise ValueError(f"polls must be 0 or more, not {self.polls}")


SESSIONS: Mapping[str, SandboxSession] = {
    "jump": SandboxSession("session-jump", description="a jump whose video is ready"),
    "weightlifting": SandboxSession("session-weightlifting", description="a lift whose video is ready"),
    "new": SandboxSession(
        "session-new", Outcome.NOT_GENERATED, polls=0, description="404 until generated; POST gives the URL at once"
    ),
    "slow": SandboxSession(
        "session-slow", Outcome.NOT_GENERATED, description="404 until generated, and for a few polls after that"
    ),
    "analyzed": SandboxSession(
        "session-analyzed", Outcome.ALREADY_ANALYZED, description="ready; POST is refused with 400"
    ),
    "forbidden": SandboxSession(
        "session-forbidden", Outcome.FORBIDDEN, description="403, the plan does not include the video"
    ),
    "unknown": SandboxSession("session-unknown", Outcome.UNKNOWN, description="404, like every id not listed here"),
    "bad_request": SandboxSession("session-bad-request", Outcome.BAD_REQUEST, description="400, invalid admin UID"),
    "server_error": SandboxSession("session-server-error", Outcome.SERVER_ERROR, description="500, always"),
}
"""Every session that a sandbox starts with, by the name under which ``Sandbox.sessions`` gives its id."""

UNKNOWN = SESSIONS["unknown"]
"""Stands for every id that is not in the table."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What was asked of a session so far: whether a POST started it, and the GETs that were answered 404 since."""

    started: bool = False
    polled: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API: the status, and either an error text, or the URL, or (neither) an empty object."""

    status: int
    error: str | None = None
    with_url: bool = False


_URL = Answer(200, with_url=True)
_ANALYZED = Answer(400, "Session already analyzed.")
_NO_ADMIN = Answer(400, "Invalid parameters: missing or invalid admin UID.")
_BROKEN = Answer(500, "An unexpected error occurred on the server.")
# What retrieving and what generating the video is answered with, where nothing that was asked before matters.
_FIXED: Mapping[Outcome, tuple[Answer, Answer]] = {
    Outcome.READY: (_URL, _URL),
    Outcome.ALREADY_ANALYZED: (_URL, _ANALYZED),
    Outcome.FORBIDDEN: (
        Answer(403, "The user does not have the right privileges or plan."),
        Answer(403, "The user does not have a valid plan."),
    ),
    Outcome.UNKNOWN: (
        Answer(404, "The session data or resources could not be found."),
        Answer(404, "Session data not found."),
    ),
    Outcome.BAD_REQUEST: (_NO_ADMIN, _NO_ADMIN),
    Outcome.SERVER_ERROR: (_BROKEN, _BROKEN),
}


def answer(session: SandboxSession, generates: bool, progress: Progress, polls: int) -> tuple[Answer, Progress]:
    """Decides what the API answers.

    Args:
        session: The session asked for.
        generates: Whether its video is asked to be made.
        progress: What was asked of the session before.
        polls: How many GETs after the POST are answered with 404, where the session does not say it itself.

    Returns:
        The answer, and the progress to remember for the next request.
    """
    if session.outcome is not Outcome.NOT_GENERATED:
        return _FIXED[session.outcome][generates], progress
    due = polls if session.polls is None else session.polls
    if generates:
        if not progress.started:
            return _URL if due == 0 else Answer(200), replace(progress, started=True)
        return _ANALYZED if progress.polled >= due else Answer(400, "Session is being analyzed already."), progress
    if not progress.started:
        return Answer(404, "The analyzed video of this session does not exist."), progress
    if progress.polled >= due:
        return _URL, progress
    later = replace(progress, polled=progress.polled + 1)
    return Answer(404, "The analyzed video of this session is not ready."), later


def has_video(session: SandboxSession, progress: Progress, polls: int) -> bool:
    """Tells whether the storage has the session's video now; the arguments are those of ``answer``."""
    if session.outcome is Outcome.NOT_GENERATED:
        return progress.started and progress.polled >= (polls if session.polls is None else session.polls)
    return session.outcome in (Outcome.READY, Outcome.ALREADY_ANALYZED)
