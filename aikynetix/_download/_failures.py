"""What a failure means and what to do about it. Pure: values in, values out."""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from enum import Enum, auto
from typing import TYPE_CHECKING

from attrs import frozen

from .._errors import AikynetixError, DownloadError, DownloadInterruptedError, IntegrityError, SignedUrlExpiredError
from .._retry import next_wait

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_MAX_RENEWALS = 2
_XML_CODE = re.compile(r"<Code>\s*([A-Za-z]{1,64})\s*</Code>")
_SIGNATURE_CODE = re.compile(
    "|ExpiredToken|SignatureDoesNotMatch|AccessDenied|AuthenticationRequired|InvalidSecurity|MalformedSecurityHeader|"
    "RequestTimeTooSkewed|InvalidPolicyDocument|AuthorizationQueryParametersError"
)
_PASSING_STATUSES = frozenset({408, 425, 429})
_URL_STATUSES = frozenset({400, 401, 403, 404, 410})
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Kind(Enum):
    """What went wrong with one connection."""

    CONNECT = auto()  # it could not be opened; that may pass
    REFUSED = auto()  # it could not be opened, and that does not pass: a refused certificate, a proxy that says no
    BROKEN = auto()  # it broke, or ended before the announced end
    STALLED = auto()  # nothing, or next to nothing, came for too long
    STATUS = auto()  # a status other than 200 and 206
    CHANGED = auto()  # the response is about another version of the object
    NO_RANGES = auto()  # a further connection asked for a range and the whole came
    MALFORMED = auto()  # the response contradicts itself or the request
    CONTENT = auto()  # the bytes are not those of a video
    TOO_LARGE = auto()  # more bytes came than allowed
    DISALLOWED_URL = auto()  # the URL is neither https nor on this machine
    DISK = auto()  # the file could not be written
    NO_SPACE = auto()  # the same, because the disk, a quota or a limit is full


# What no other connection would do better.
_OURS = frozenset({Kind.DISK, Kind.NO_SPACE, Kind.CONTENT, Kind.TOO_LARGE})
# What may be a server's way to say that it cannot do ranges of this object.
_MAY_BE_ABOUT_RANGES = frozenset({Kind.STATUS, Kind.MALFORMED, Kind.BROKEN, Kind.STALLED})


@frozen
class Errors:
    """Makes the errors of one download."""

    session_id: str
    path: Path | str

    def make(self, kind: type[DownloadError], text: str, reason: str | None) -> DownloadError:
        """Return an error about this download."""
        return kind(f"{self.path}: {text}", session_id=self.session_id, path=self.path, reason=reason)

    def cancelled(self) -> DownloadError:
        """Return the error of a download that was told to stop."""
        return self.make(DownloadInterruptedError, "the download was cancelled; a later call resumes it", "cancelled")

    @contextmanager
    def mapped(self) -> Generator[None]:
        """Have what a file system raises, or we about a place, come out as an error of ours."""
        try:
            yield
        except AikynetixError:
            raise
        except PlaceError as error:
            raise self.make(DownloadError, str(error), "place") from error
        except Exception as error:  # a remote file system raises what its own library raises
            failure = disk_failure(error)
            raise self.make(DownloadError, failure.text, failure.reason) from error


class PlaceError(ValueError):
    """What is wrong with a destination, in a sentence of ours."""


class Failure(Exception):
    """How one connection ended, in a sentence without a signature; a foreign exception behind it is its ``__cause__``.

    A status comes with the code in Cloud Storage's XML and with the seconds that the storage asked to wait.
    """

    def __init__(
        self, kind: Kind, text: str, *, status: int = 0, code: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(text)
        self.kind, self.text, self.status, self.code, self.retry_after = kind, text, status, code, retry_after

    @property
    def reason(self) -> str | None:
        """The ``reason`` of the error that it ends in."""
        return {Kind.DISK: "place", Kind.NO_SPACE: "no_space", Kind.CONTENT: None}.get(self.kind, "storage")

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed a little later."""
        if self.kind is Kind.STATUS:
            return (self.status >= 500 and self.status != 501) or self.status in _PASSING_STATUSES
        return self.kind in (Kind.CONNECT, Kind.BROKEN, Kind.STALLED, Kind.MALFORMED)

    @property
    def is_about_url(self) -> bool:
        """Whether another URL may help: the signature is refused, or there is nothing at this place."""
        return self.kind is Kind.STATUS and self.status in _URL_STATUSES

    @property
    def is_refused_signature(self) -> bool:
        """Whether the storage refused the URL's signature, expired or otherwise invalid.

        Source: Cloud Storage documentation, "HTTP response codes" of the XML API: an expired V4 URL is 400
        ``ExpiredToken``, a wrong signature 403 ``SignatureDoesNotMatch``.
        """
        return self.status in (401, 403) or (self.status == 400 and bool(_SIGNATURE_CODE.fullmatch(self.code)))


@frozen(kw_only=True)
class TransferState:
    """How the download stands when a connection fails."""

    failures: int = 1  # in a row without progress, this one included
    renewals: int = 0  # fresh URLs asked for in a row without progress
    max_retries: int = 3
    waited: float = 0.0  # seconds since the last progress
    others: bool = False  # whether there are other connections
    fresh: bool = True  # whether the failed connection had not brought a byte
    may_drop: bool = False  # whether a range was asked for, and the whole was not yet tried instead
    draw: float = 0.0  # a random number from 0 to 1


class Step(Enum):
    """What to do after a failure."""

    WAIT = auto()  # try again after `Action.wait` seconds
    REFRESH_URL = auto()  # ask the API for a fresh URL, then try again
    FEWER = auto()  # go on with the other connections, and open no more
    ASK_WHOLE = auto()  # ask for the whole object; if it comes, drop what is kept
    START_OVER = auto()  # forget what has arrived and begin from the first byte
    GIVE_UP = auto()  # raise `Action.error`


@frozen
class Action:
    """A step, and what belongs to it."""

    step: Step
    wait: float = 0.0
    error: type[DownloadError] = DownloadError


def decide(failure: Failure, state: TransferState) -> Action:
    """Return what to do about a failed connection."""
    action = _decide(failure, state)
    if action.step is Step.GIVE_UP and state.may_drop and failure.kind in _MAY_BE_ABOUT_RANGES:
        return Action(Step.ASK_WHOLE, error=action.error)
    return action


def _decide(failure: Failure, state: TransferState) -> Action:
    if failure.kind is Kind.CHANGED:
        return Action(Step.START_OVER)
    if failure.kind is Kind.NO_RANGES or (state.others and state.fresh and failure.kind not in _OURS):
        # Some servers refuse the connection that is one too many, in whatever words; some just hang up on it.
        return Action(Step.FEWER)
    if failure.may_pass:
        return _again(failure, state)
    if failure.is_about_url and state.renewals < _MAX_RENEWALS:
        return Action(Step.REFRESH_URL)
    if failure.kind is Kind.CONTENT:
        return Action(Step.GIVE_UP, error=IntegrityError)
    return Action(Step.GIVE_UP, error=SignedUrlExpiredError if failure.is_refused_signature else DownloadError)


def _again(failure: Failure, state: TransferState) -> Action:
    if state.failures == 1 and failure.kind in (Kind.BROKEN, Kind.STALLED) and state.max_retries:
        # A connection that broke says nothing against the next one; only a second failure calls for patience.
        return Action(Step.WAIT)
    wait = next_wait(
        attempt=state.failures,
        max_retries=state.max_retries,
        elapsed=state.waited if failure.retry_after is not None else 0.0,
        retry_after=failure.retry_after,
        draw=state.draw,
    )
    return Action(Step.GIVE_UP, error=DownloadInterruptedError) if wait is None else Action(Step.WAIT, wait)


def xml_code(body: str) -> str:
    """Return the error code in a Cloud Storage XML error document, empty when there is none."""
    found = _XML_CODE.search(body)
    return found[1] if found else ""


def disk_failure(error: Exception) -> Failure:
    """Return what an error while writing the file means."""
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        failure = Failure(Kind.NO_SPACE, "no space is left for the file; with room again, a later call resumes")
    else:
        reason = error.strerror if isinstance(error, OSError) else None
        failure = Failure(Kind.DISK, f"the file cannot be written: {reason or type(error).__name__}")
    failure.__cause__ = error
    return failure
