"""What went wrong with a session, in words for people who do not program. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._record import ExportRecord

# By the name of the error's class, which is what a manifest keeps.
_REASONS = {
    "APIConnectionError": "The service could not be reached. Check the network, then run the export again.",
    "APIResponseValidationError": "The service sent an answer that cannot be used. Run the export again later.",
    "APITimeoutError": "The service did not answer in time. Run the export again later.",
    "APIStatusError": "The service refused the request.",
    "BadRequestError": "The service refused the request.",
    "ConflictError": "The service refused the request.",
    "DownloadError": "The video could not be saved.",
    "DownloadInterruptedError": "The download broke off. Run the export again: it goes on where it was.",
    "IntegrityError": "The video arrived damaged and was not kept. Run the export again.",
    "InternalServerError": "The service has a fault at the moment. Run the export again later.",
    "InvalidArgumentError": "This is not a session id.",
    "NotFoundError": "There is no such session, or no video of it.",
    "PermissionDeniedError": "This key may not see the session.",
    "RateLimitError": "The service is busy. Run the export again later.",
    "SignedUrlExpiredError": "The link to the video was refused. Run the export again.",
    "TypeError": "This is not a session id.",
    "UnprocessableEntityError": "The service refused the request.",
    "ValueError": "This is not a session id.",
    "VideoNotReadyError": "The video is still being made. Run the export again later.",
}
_FROM_SERVICE = frozenset(
    ("BadRequestError", "ConflictError", "NotFoundError", "PermissionDeniedError", "UnprocessableEntityError")
)
_OURS = frozenset(("DownloadError", "InvalidArgumentError", "TypeError", "ValueError"))
_CODE = re.compile(r"\w=|\w+Error\b|\w\(|[\[\]{}<>\\]|_\w+\.c\b")
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def reason(record: ExportRecord) -> str | None:
    """Return why there is no video: a sentence, and what the service or the file system said where that is readable.

    None where nothing went wrong.
    """
    if record.error is None:
        return None
    text = _REASONS.get(record.error, "Something unexpected happened. The manifest has the details.")
    message = (record.message or "").strip()
    if record.error not in _FROM_SERVICE | _OURS or not message or _CODE.search(message):
        return text
    said = "The service says" if record.error in _FROM_SERVICE else "Details"
    return f"{text} {said}: {visible(message.replace('session_id', 'session id'))}"


def visible(text: str) -> str:
    """Return ``text`` without what cannot be shown, or turns the direction of the text after it around."""
    return _INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", text)
