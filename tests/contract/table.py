"""What the vendor documents, as a table: operation, status, the sandbox's session that has it, and what comes of it."""

from __future__ import annotations

from typing import NamedTuple

from aikynetix import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
)

METHODS = {"get": "GET", "generate": "POST"}


class Failure(NamedTuple):
    """A row of the table: what is asked for, and what comes of it."""

    operation: str
    status: int
    session: str
    error: type[APIStatusError]
    message: str


FAILURES = [
    Failure("get", 400, "bad_request", BadRequestError, "Invalid parameters: missing or invalid admin UID."),
    Failure("get", 401, "jump", AuthenticationError, "Token is missing or invalid."),
    Failure("get", 403, "forbidden", PermissionDeniedError, "The user does not have the right privileges or plan."),
    Failure("get", 404, "unknown", NotFoundError, "The session data or resources could not be found."),
    Failure("get", 404, "new", NotFoundError, "The analyzed video of this session does not exist."),
    Failure("get", 500, "server_error", InternalServerError, "An unexpected error occurred on the server."),
    Failure("generate", 400, "bad_request", BadRequestError, "Invalid parameters: missing or invalid admin UID."),
    Failure("generate", 400, "analyzed", BadRequestError, "Session already analyzed."),
    Failure("generate", 401, "jump", AuthenticationError, "Token is missing or invalid."),
    Failure("generate", 403, "forbidden", PermissionDeniedError, "The user does not have a valid plan."),
    Failure("generate", 404, "unknown", NotFoundError, "Session data not found."),
    Failure("generate", 500, "server_error", InternalServerError, "An unexpected error occurred on the server."),
]
SUCCESSES = [
    ("get", "jump"),
    ("get", "weightlifting"),
    ("get", "analyzed"),
    ("generate", "jump"),
    ("generate", "weightlifting"),
    ("generate", "new"),
]


def path_of(session_id: str) -> str:
    """The path of both operations, for an id that needs no encoding."""
    return f"/session-management/sessions/{session_id}/analyzed-video/"
