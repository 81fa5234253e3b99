"""What a failure means and what to do about it. Pure: values in, values out."""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from enum import Enum, auto
from typing import TYPE_CHECKING

from attrs import define

from .._errors import AikynetixError, DownloadError, DownloadInterruptedError, IntegrityError, SignedUrlExpiredError
from .._responses import next_wait

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

PROGRESS = 16 * 1024
"""Bytes that must be gained for a failure not to count: a server that sends a few and hangs up is no help."""

_MAX_RENEWALS = 2
_SIGNATURE_CODE = re.compile(
    "|ExpiredToken|SignatureDoesNotMatch|AccessDenied|AuthenticationRequired|InvalidSecurity|MalformedSecurityHeader|"
    "RequestTimeTooSkewed|InvalidPolicyDocument|AuthorizationQueryParametersError"
)
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Kind(Enum):
    """What went wrong with one connection."""

    BROKEN = auto()  # it did not come about, broke, fell silent, ended too early, or what came contradicts itself
    STATUS = auto()  # a status other than 200 and 206
    CHANGED = auto()  # the response is about another version of the object
    CONTENT = auto()  # the bytes are not those of a video
    FINAL = auto()  # what does not pass: a refused certificate, a URL that may not be asked, too many bytes


@define
class Errors:
    """Makes the errors of one download."""

    session_id: str
    path: Path | str
    _cancelled: Callable[[], bool]

    def make(self, kind: type[DownloadError], text: str, reason: str | None) -> DownloadError:
        """Return an error about this download."""
        return kind(f"{self.path}: {text}", session_id=self.session_id, path=self.path, reason=reason)

    def of(self, failure: Failure) -> DownloadError:
        """Return what to raise where nothing helps against ``failure``."""
        error = self.make(failure.error, failure.text, None if failure.kind is Kind.CONTENT else "storage")
        error.__cause__ = failure.__cause__
        return error

    def require_wanted(self) -> None:
        """Raise the error of a download that was told to stop, if it was."""
        if self._cancelled():
            raise self.make(DownloadInterruptedError, "the download is cancelled; a later call resumes it", "cancelled")

    @contextmanager
    def mapped(self) -> Generator[None]:
        """Have what a file system raises, or we about a destination, come out as an error of ours."""
        try:
            yield
        except (AikynetixError, Failure):
            raise
        except DestinationError as error:
            raise self.make(DownloadError, str(error), "place") from error
        except Exception as error:  # a remote file system raises what its own library raises
            number, why = getattr(error, "errno", None), getattr(error, "strerror", None) or type(error).__name__
            if number in _NO_SPACE:
                text = "no space is left for the file; with room again, a later call resumes"
                raise self.make(DownloadError, text, "no_space") from error
            raise self.make(DownloadError, f"the file cannot be written: {why}", "place") from error


class DestinationError(ValueError):
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
    def may_pass(self) -> bool:
        """Whether the same request may succeed a little later."""
        if self.kind is Kind.STATUS:
            return (self.status >= 500 and self.status != 501) or self.status in (408, 425, 429)
        return self.kind is Kind.BROKEN

    @property
    def error(self) -> type[DownloadError]:
        """What to raise where nothing helps.

        Source: Cloud Storage documentation, "HTTP response codes" of the XML API: an expired V4 URL is 400
        ``ExpiredToken``, a wrong signature 403 ``SignatureDoesNotMatch``.
        """
        if self.kind is Kind.CONTENT:
            return IntegrityError
        if self.may_pass:
            return DownloadInterruptedError
        is_refused = self.status in (401, 403) or (self.status == 400 and _SIGNATURE_CODE.fullmatch(self.code))
        return SignedUrlExpiredError if is_refused else DownloadError


class Step(Enum):
    """What to do after a failure."""

    WAIT = auto()  # try again after a while
    REFRESH_URL = auto()  # ask the API for a fresh URL, then try again
    FEWER = auto()  # go on with the other connections, and open no more
    ASK_WHOLE = auto()  # ask for the whole object; if it comes, drop what is kept, else raise `Failure.error`
    START_OVER = auto()  # forget what has arrived and begin from the first byte
    GIVE_UP = auto()  # raise `Failure.error`


@define(kw_only=True)
class FailureTracker:
    """What has gone wrong in a row, without progress; decides what to do about the next failure."""

    max_retries: int
    failures: int = 0
    renewals: int = 0  # fresh URLs asked for
    _done: int = 0  # bytes that were there at the last progress
    _waited: float = 0.0  # seconds
    _excused: int = 0  # failures to come that may be of the one that was counted last

    def decide(
        self, failure: Failure, *, done: int, others: int, fresh: bool, may_drop: bool, draw: float
    ) -> tuple[Step, float]:
        """Return what to do about a failed connection, and the seconds to wait before it.

        ``done`` bytes are there, and so many ``others`` connected; ``fresh`` is one that had brought no byte; a range
        may be dropped where the whole was not yet tried instead; ``draw`` is a random number from 0 to 1.
        """
        if done >= self._done + PROGRESS:
            self._done, self._waited, self.failures, self.renewals, self._excused = done, 0.0, 0, 0, 0
        is_about_url = failure.status in (400, 401, 403, 404, 410)  # another URL may help
        # A server that restarts breaks all connections: that is one failure.
        counts = not (self._excused or is_about_url or (others and fresh))
        self._excused = others if counts else max(0, self._excused - 1)
        self.failures += counts
        if failure.kind is Kind.CHANGED:
            return Step.START_OVER, 0.0
        if others and fresh:
            # Some servers refuse the connection that is one too many, in whatever words; some just hang up on it.
            return Step.FEWER, 0.0
        if failure.kind is Kind.BROKEN and self.failures <= 1 <= self.max_retries:
            # A connection that broke says nothing against the next one; only a second failure calls for patience.
            return Step.WAIT, 0.0
        if failure.may_pass:
            wait = next_wait(
                attempt=max(1, self.failures),
                max_retries=self.max_retries,
                elapsed=self._waited if failure.retry_after is not None else 0.0,
                retry_after=failure.retry_after,
                draw=draw,
            )
            if wait is not None:
                self._waited += wait
                return Step.WAIT, wait
        if is_about_url and self.renewals < _MAX_RENEWALS:
            self.renewals += 1
            return Step.REFRESH_URL, 0.0
        # It may be the server's way to say that it cannot do ranges of this object.
        is_about_ranges = may_drop and failure.kind in (Kind.STATUS, Kind.BROKEN)
        return Step.ASK_WHOLE if is_about_ranges else Step.GIVE_UP, 0.0
