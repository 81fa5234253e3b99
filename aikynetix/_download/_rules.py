"""What a failure means and what to do about it. Pure: values in, values out."""

from __future__ import annotations

import errno
import re
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING

from attrs import define, frozen

from .._errors import DownloadError, DownloadInterruptedError, IntegrityError, SignedUrlExpiredError
from .._retry import next_wait

if TYPE_CHECKING:
    from collections.abc import Iterable

PROGRESS = 16 * 1024
"""Bytes that must be gained for a failure not to count: a server that gives one byte and hangs up is no help."""

MOST_STARTS = 4
"""How often a download begins from the first byte before an object that keeps changing is given up."""

_MOST_RESIGNS = 2
_EXPIRES_SOON = timedelta(seconds=10)
_XML_CODE = re.compile(r"<Code>\s*([A-Za-z]{1,64})\s*</Code>")
_SIGNATURE_CODES = frozenset(
    {
        "ExpiredToken",
        "SignatureDoesNotMatch",
        "AccessDenied",
        "AuthenticationRequired",
        "InvalidSecurity",
        "MalformedSecurityHeader",
        "RequestTimeTooSkewed",
        "InvalidPolicyDocument",
        "AuthorizationQueryParametersError",
    }
)
_PASSING_STATUSES = frozenset({408, 425, 429})
_PUSH_BACK_STATUSES = frozenset({429, 503})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Kind(Enum):
    """What went wrong with one connection."""

    CONNECT = auto()
    """It could not be opened."""
    BROKEN = auto()
    """It broke, or ended before the announced end."""
    STALLED = auto()
    """Nothing, or next to nothing, came for too long."""
    STATUS = auto()
    """The storage answered with something other than the bytes asked for."""
    CHANGED = auto()
    """The answer is about another version of the object."""
    NO_RANGES = auto()
    """A range was asked for and the whole object came."""
    MALFORMED = auto()
    """The answer contradicts itself or the request."""
    CONTENT = auto()
    """The bytes are not those of a video."""
    TOO_LARGE = auto()
    """More bytes came than allowed."""
    FOREIGN = auto()
    """The URL may not be fetched: neither https nor loopback."""
    DISK = auto()
    """The file could not be written."""


@frozen(kw_only=True)
class Failure:
    """How one connection ended.

    Attributes:
        kind: What went wrong.
        text: One sentence for people, without a signature.
        status: The HTTP status, for `Kind.STATUS`.
        code: The code in Cloud Storage's XML, for `Kind.STATUS`.
        retry_after: Seconds that the storage asked to wait.
        cause: The foreign exception behind it.
    """

    kind: Kind
    text: str
    status: int = 0
    code: str = ""
    retry_after: float | None = None
    cause: BaseException | None = None


@frozen(kw_only=True)
class Standing:
    """How the download stands when a connection fails.

    Attributes:
        failures: Failures in a row without progress, this one included.
        resigns: Fresh URLs asked for in a row without progress.
        max_retries: Failures that may follow the first.
        waited: Seconds since the last progress.
        others: Connections that are delivering.
        fresh: Whether the failed connection had not brought a byte.
        proven: Whether the storage has taken the failed connection's URL before, so that it may have expired since.
        draw: A random number from 0 to 1.
    """

    failures: int
    resigns: int
    max_retries: int
    waited: float
    others: int
    fresh: bool
    proven: bool
    draw: float


@define(kw_only=True)
class Setbacks:
    """What has gone wrong in a row; bytes gained wipe the slate.

    Attributes:
        since: When bytes were last gained, in monotonic seconds.
        best: Most bytes there have been.
        failures: Failures since.
        resigns: Fresh URLs asked for since.
    """

    since: float
    best: int = 0
    failures: int = 0
    resigns: int = 0
    _struck: frozenset[object] = frozenset()

    def strike(self, who: object, others: Iterable[object]) -> bool:
        """Count a failure of the connection ``who`` while ``others`` are open, and return whether it counts.

        What takes several connections at once, such as a server that restarts, is one failure: those that were open at
        the last one counted are not counted again.
        """
        counts = not self.failures or who not in self._struck
        if counts:
            self.failures += 1
            self._struck = frozenset(others)
        return counts

    def note(self, done: int, now: float) -> None:
        """Take in that ``done`` bytes are there now."""
        if done >= self.best + PROGRESS:
            self.best, self.failures, self.resigns, self.since = done, 0, 0, now


class Step(Enum):
    """What to do after a failure."""

    WAIT = auto()
    """Try again after `Action.wait` seconds."""
    RESIGN = auto()
    """Ask the API for a fresh URL, then try again."""
    FEWER = auto()
    """Go on with the connections that deliver, and open no more."""
    START_OVER = auto()
    """Forget what has arrived and begin from the first byte."""
    GIVE_UP = auto()
    """Raise `Action.error`."""


@frozen(kw_only=True)
class Action:
    """A step, and what belongs to it."""

    step: Step
    wait: float = 0.0
    error: type[DownloadError] = DownloadError


def xml_code(body: str) -> str:
    """Return the error code in a Cloud Storage XML error document, empty when there is none."""
    found = _XML_CODE.search(body)
    return found[1] if found else ""


def decide(failure: Failure, standing: Standing) -> Action:
    """Return what to do about a failed connection."""
    match failure.kind:
        case Kind.NO_RANGES | Kind.FOREIGN if standing.others:
            return Action(step=Step.FEWER)
        case Kind.CHANGED | Kind.NO_RANGES:
            return Action(step=Step.START_OVER)
        case Kind.CONTENT:
            return Action(step=Step.GIVE_UP, error=IntegrityError)
        case Kind.TOO_LARGE | Kind.FOREIGN | Kind.DISK:
            return Action(step=Step.GIVE_UP)
        case _ if may_pass(failure):
            return _again(failure, standing)
        case _:
            return _after_status(failure, standing)


def may_pass(failure: Failure) -> bool:
    """Return whether the same request may succeed a little later."""
    if failure.kind is Kind.STATUS:
        return failure.status >= 500 or failure.status in _PASSING_STATUSES
    return failure.kind in (Kind.CONNECT, Kind.BROKEN, Kind.STALLED, Kind.MALFORMED)


def _after_status(failure: Failure, standing: Standing) -> Action:
    if failure.status in (412, 416):
        return Action(step=Step.START_OVER)
    is_extra = standing.others > 0 and standing.fresh
    # Some servers refuse the connection that is one too many in the same words as a URL that has expired: that is tried
    # once for each URL that worked, and where a fresh one is refused as well, what delivers is let be.
    may_be_expired = standing.proven and is_refused_signature(failure) if is_extra else is_about_url(failure)
    if may_be_expired and standing.resigns < _MOST_RESIGNS:
        return Action(step=Step.RESIGN)
    if is_extra:
        return Action(step=Step.FEWER)
    if not is_about_url(failure):
        return Action(step=Step.GIVE_UP)
    return Action(step=Step.GIVE_UP, error=SignedUrlExpiredError if is_refused_signature(failure) else DownloadError)


def is_about_url(failure: Failure) -> bool:
    """Return whether another URL may help: the signature is refused, or there is nothing at this place."""
    return failure.kind is Kind.STATUS and failure.status in (400, 401, 403, 404, 410)


def is_refused_signature(failure: Failure) -> bool:
    """Return whether the storage refused the URL's signature, expired or otherwise invalid.

    Source: Cloud Storage documentation, "HTTP response codes" of the XML API: an expired V4 URL is 400
    ``ExpiredToken``, a wrong signature 403 ``SignatureDoesNotMatch``.
    """
    if failure.status in (401, 403):
        return True
    return failure.status == 400 and (not failure.code or failure.code in _SIGNATURE_CODES)


def _again(failure: Failure, standing: Standing) -> Action:
    if standing.others and (standing.fresh or failure.status in _PUSH_BACK_STATUSES):
        # Some servers refuse, some answer 429 or 503, some just hang up on the connection that is one too many.
        return Action(step=Step.FEWER)
    if standing.failures == 1 and failure.kind in (Kind.BROKEN, Kind.STALLED) and standing.max_retries:
        # A connection that broke says nothing against the next one; only a second failure calls for patience.
        return Action(step=Step.WAIT)
    wait = next_wait(
        attempt=standing.failures,
        max_retries=standing.max_retries,
        elapsed=standing.waited if failure.retry_after is not None else 0.0,
        retry_after=failure.retry_after,
        draw=standing.draw,
    )
    if wait is None:
        return Action(step=Step.GIVE_UP, error=DownloadInterruptedError)
    return Action(step=Step.WAIT, wait=wait)


def should_resign(*, now: datetime, expires_at: datetime | None, age: float) -> bool:
    """Return whether a URL is to be replaced before it is used once more.

    Args:
        now: The present, aware.
        expires_at: When the URL stops working, None when it does not say.
        age: Seconds since the API gave it. A young URL is used as it is, however soon it ends: a fresher one would be
            no better, and a clock that is wrong would have every URL expired.
    """
    return expires_at is not None and age > _EXPIRES_SOON.total_seconds() and now >= expires_at - _EXPIRES_SOON


def disk_failure(error: Exception) -> Failure:
    """Return what an error while writing the file means."""
    if isinstance(error, OSError) and error.errno in _FULL:
        text = "no space is left for the file; with room again, a later call goes on from what could be kept"
    else:
        reason = error.strerror if isinstance(error, OSError) else None
        text = f"the file cannot be written: {reason or type(error).__name__}"
    return Failure(kind=Kind.DISK, text=text, cause=error)
