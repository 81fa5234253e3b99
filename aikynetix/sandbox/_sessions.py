"""The sessions of the sandbox, and what the API answers for each of them.

Pure: an answer follows from the session, from what was asked of it before, and from the method. The wording of the
errors is the vendor's page's ("Error Handling" of each operation).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["SESSIONS", "UNKNOWN", "Answer", "Outcome", "Progress", "SandboxSession", "answer", "by_id", "has_video"]


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
_ACCEPTED = Answer(200)
_FAILURES: Mapping[tuple[Outcome, str], Answer] = {
    (Outcome.FORBIDDEN, "GET"): Answer(403, "The user does not have the right privileges or plan."),
    (Outcome.FORBIDDEN, "POST"): Answer(403, "The user does not have a valid plan."),
    (Outcome.UNKNOWN, "GET"): Answer(404, "The session data or resources could not be found."),
    (Outcome.UNKNOWN, "POST"): Answer(404, "Session data not found."),
    (Outcome.BAD_REQUEST, "GET"): Answer(400, "Invalid parameters: missing or invalid admin UID."),
    (Outcome.BAD_REQUEST, "POST"): Answer(400, "Invalid parameters: missing or invalid admin UID."),
    (Outcome.SERVER_ERROR, "GET"): Answer(500, "An unexpected error occurred on the server."),
    (Outcome.SERVER_ERROR, "POST"): Answer(500, "An unexpected error occurred on the server."),
    (Outcome.ALREADY_ANALYZED, "POST"): Answer(400, "Session already analyzed."),
}


def answer(session: SandboxSession, method: str, progress: Progress, polls: int) -> tuple[Answer, Progress]:
    """Decides what the API answers.

    Args:
        session: The session asked for.
        method: ``"GET"`` or ``"POST"``.
        progress: What was asked of the session before.
        polls: How many GETs after the POST are answered with 404, where the session does not say it itself.

    Returns:
        The answer, and the progress to remember for the next request.
    """
    failure = _FAILURES.get((session.outcome, method))
    if failure is not None:
        return failure, progress
    if session.outcome is not Outcome.NOT_GENERATED:
        return _URL, progress
    due = polls if session.polls is None else session.polls
    if method == "POST":
        return _generate(progress, due)
    return _poll(progress, due)


def _generate(progress: Progress, due: int) -> tuple[Answer, Progress]:
    if not progress.started:
        return _URL if due == 0 else _ACCEPTED, replace(progress, started=True)
    if progress.polled >= due:
        return Answer(400, "Session already analyzed."), progress
    return Answer(400, "Session is being analyzed already."), progress


def _poll(progress: Progress, due: int) -> tuple[Answer, Progress]:
    if not progress.started:
        return Answer(404, "The analyzed video of this session does not exist."), progress
    if progress.polled >= due:
        return _URL, progress
    return Answer(404, "The analyzed video of this session is not ready."), replace(
        progress, polled=progress.polled + 1
    )


def has_video(session: SandboxSession, progress: Progress, polls: int) -> bool:
    """Tells whether the storage has the session's video now; the arguments are those of ``answer``."""
    if session.outcome is Outcome.NOT_GENERATED:
        return progress.started and progress.polled >= (polls if session.polls is None else session.polls)
    return session.outcome in (Outcome.READY, Outcome.ALREADY_ANALYZED)


def by_id(extra: Iterable[SandboxSession] = ()) -> dict[str, SandboxSession]:
    """Gives the built-in sessions and the extra ones by their id; an extra one replaces a built-in one."""
    return {session.id: session for session in (*SESSIONS.values(), *extra)}
