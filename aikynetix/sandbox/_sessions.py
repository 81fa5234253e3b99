"""The sessions of the sandbox, and how the API responds to each of them. Pure.

The wording of the errors is the vendor's page's ("Error Handling" of each operation).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Outcome(StrEnum):
    """What happens to a session: one value for every outcome that the vendor documents."""

    READY = "ready"
    """GET gives the URL; POST makes the video again and gives the URL."""
    NOT_GENERATED = "not-generated"
    """GET is 404 until a POST was sent and ``polls`` further GETs got 404; then it gives the URL."""
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
        outcome: How the API responds to it.
        polls: For ``NOT_GENERATED`` only: how many GETs after the POST still get 404. With 0 the POST
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
        """Refuses an empty id and negative ``polls`` with a `ValueError`."""
        if not self.id:
            raise ValueError("a sandbox session needs an id of at least one character")
        if self.polls is not None and self.polls < 0:
            raise ValueError(f"polls must be 0 or more, not {self.polls}")


def _session(id_: str, outcome: Outcome, description: str, polls: int | None = None) -> SandboxSession:
    return SandboxSession(f"session-{id_}", outcome, polls, description=description)


SESSIONS: Mapping[str, SandboxSession] = {
    "jump": _session("jump", Outcome.READY, "a jump whose video is ready"),
    "weightlifting": _session("weightlifting", Outcome.READY, "a lift whose video is ready"),
    "new": _session("new", Outcome.NOT_GENERATED, "404 until generated; POST gives the URL at once", polls=0),
    "slow": _session("slow", Outcome.NOT_GENERATED, "404 until generated, and for a few polls after that"),
    "analyzed": _session("analyzed", Outcome.ALREADY_ANALYZED, "ready; POST is refused with 400"),
    "forbidden": _session("forbidden", Outcome.FORBIDDEN, "403, the plan does not include the video"),
    "unknown": _session("unknown", Outcome.UNKNOWN, "404, like every id not listed here"),
    "bad_request": _session("bad-request", Outcome.BAD_REQUEST, "400, invalid admin UID"),
    "server_error": _session("server-error", Outcome.SERVER_ERROR, "500, always"),
}
"""Every session that a sandbox starts with, by the name under which ``Sandbox.sessions`` gives its id."""

UNKNOWN = SESSIONS["unknown"]
"""Stands for every id that is not in the table."""


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A response of the API: the status, and either an error text, or the URL, or (neither) an empty object."""

    status: int
    error: str | None = None
    with_url: bool = False


_URL = ApiResponse(200, with_url=True)
_ANALYZED = ApiResponse(400, "Session already analyzed.")
_NO_ADMIN = ApiResponse(400, "Invalid parameters: missing or invalid admin UID.")
_BROKEN = ApiResponse(500, "An unexpected error occurred on the server.")
# What retrieving and what generating the video gets, where nothing that was asked before matters.
_FIXED: Mapping[Outcome, tuple[ApiResponse, ApiResponse]] = {
    Outcome.READY: (_URL, _URL),
    Outcome.ALREADY_ANALYZED: (_URL, _ANALYZED),
    Outcome.FORBIDDEN: (
        ApiResponse(403, "The user does not have the right privileges or plan."),
        ApiResponse(403, "The user does not have a valid plan."),
    ),
    Outcome.UNKNOWN: (
        ApiResponse(404, "The session data or resources could not be found."),
        ApiResponse(404, "Session data not found."),
    ),
    Outcome.BAD_REQUEST: (_NO_ADMIN, _NO_ADMIN),
    Outcome.SERVER_ERROR: (_BROKEN, _BROKEN),
}


def respond(session: SandboxSession, generates: bool, left: int | None, polls: int) -> tuple[ApiResponse, int | None]:
    """Decides the response, and what is left for the next request.

    Args:
        session: The session asked for.
        generates: Whether its video is asked to be made.
        left: How many GETs are still to get 404; None before the first POST.
        polls: How many those are after the POST, where the session does not say it itself.
    """
    if session.outcome is not Outcome.NOT_GENERATED:
        return _FIXED[session.outcome][generates], left
    if generates and left is None:
        due = polls if session.polls is None else session.polls
        return ApiResponse(200, with_url=not due), due
    if generates:
        return ApiResponse(400, "Session is being analyzed already.") if left else _ANALYZED, left
    if left is None:
        return ApiResponse(404, "The analyzed video of this session does not exist."), None
    return (ApiResponse(404, "The analyzed video of this session is not ready."), left - 1) if left else (_URL, 0)
