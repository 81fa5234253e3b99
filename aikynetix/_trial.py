"""One call, made of attempts: what it may cost, what is sent again, and how it ends. Shared by both sessions."""

from __future__ import annotations

import logging
import random
import sys
import time
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx
from attrs import define, field, frozen

from . import _classify, _retry
from ._auth import origin_of
from ._causes import detached
from ._errors import (
    AikynetixError,
    APIConnectionError,
    APIResponseValidationError,
    APITimeoutError,
    client_closed,
)
from ._redact import one_line, redact_url, scrub

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("aikynetix")

_MOST_REDIRECTS = 3
# RFC 9110, section 15.4: 307 and 308 keep the method; the others make it GET, so they are followed for GET alone.
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_METHOD_KEEPING_REDIRECTS = frozenset({307, 308})

tells_itself = False
"""Whether retries are told by our own log records alone: the command's stdout is for results, and where structlog is
installed, stamina tells of retries there."""

DEADLINE = "aikynetix.deadline"
"""The request extension that tells a transport when an attempt must be over, on the clock of ``time.monotonic``."""


@frozen
class Policy:
    """How hard to try.

    Attributes:
        deadline: Seconds that one attempt may take, or None for no limit.
        max_retries: How many attempts may follow the first.
        handled: Statuses that the caller deals with itself: they end the call at once.
        pause: Waits for so many seconds before another attempt, in place of the retry loop; what it raises ends the
            call. For synchronous sessions.
    """

    deadline: float | None
    max_retries: int
    handled: frozenset[int] = frozenset()
    pause: Callable[[float], object] | None = None


class AgainError(Exception):
    """Tells the retry loop to go round once more, after ``wait`` seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__("a request is sent again")
        self.wait = wait


def _wait_of(error: Exception) -> bool | float:
    return error.wait if isinstance(error, AgainError) else False


Outcome = httpx.Response | Exception


@define
class Trial:
    """One call: its attempts and what they may still cost."""

    request: httpx.Request
    policy: Policy
    limit: int | None
    started: float = field(factory=time.monotonic)
    attempt: int = 0
    redirects: int = 0

    def begin(self) -> float | None:
        """Start an attempt; return when it must be over."""
        self.attempt += 1
        now = time.monotonic()
        if self.policy.deadline is None:
            return None
        allowed = self.policy.deadline
        if self.attempt > 1:  # the first attempt may use all of its time, the others what is left of the budget
            allowed = min(allowed, max(0.1, self.started + _retry.BUDGET - now))
        return now + allowed

    def wait_after(self, outcome: Outcome) -> float | None:
        """Return the seconds to wait before trying again, or None when ``outcome`` is final."""
        if not _retry.is_retryable(self.request.method, outcome) or not is_repeatable(self.request):
            return None
        if isinstance(outcome, httpx.Response) and outcome.status_code in self.policy.handled:
            return None
        retry_after = None
        if isinstance(outcome, httpx.Response):
            retry_after = _retry.parse_retry_after(outcome.headers.get("retry-after"), time.time())
        wait = _retry.next_wait(
            attempt=self.attempt,
            max_retries=self.policy.max_retries,
            elapsed=time.monotonic() - self.started,
            retry_after=retry_after,
            draw=random.random(),
        )
        if wait is not None:
            what = outcome.status_code if isinstance(outcome, httpx.Response) else type(outcome).__name__
            url = redact_url(str(self.request.url))
            logger.info(
                "attempt %d of %s %s: %s; trying again in %.2f s", self.attempt, self.request.method, url, what, wait
            )
            if self.policy.pause is not None:
                self.policy.pause(wait)
                return 0.0
        return wait

    def redirected(self, response: httpx.Response) -> httpx.Request | None:
        """Return the request that follows a redirect within the same origin, or None to leave the redirect as it is."""
        if response.status_code not in _REDIRECTS or self.redirects >= _MOST_REDIRECTS:
            return None
        safe = self.request.method in ("GET", "HEAD")
        if not safe and response.status_code not in _METHOD_KEEPING_REDIRECTS:
            return None
        if not is_repeatable(self.request):
            return None
        try:
            url = response.request.url.join(response.headers.get("location", ""))
        except (httpx.InvalidURL, ValueError, UnicodeError):
            return None
        if origin_of(url) != origin_of(self.request.url) or url.userinfo or url == response.request.url:
            return None
        self.redirects += 1
        return httpx.Request(
            self.request.method,
            url,
            headers=self.request.headers,  # the Host among them, which stays the same within an origin
            stream=self.request.stream,
            extensions=self.request.extensions,
        )

    def retries(self) -> Any:
        """Return stamina's loop; it only loops and sleeps, `wait_after` decides."""
        import stamina  # here, because most calls never need it and its import is slow

        _quiet_stamina()
        if tells_itself:
            stamina.instrumentation.set_on_retry_hooks(())
        return stamina.retry_context(on=_wait_of, attempts=None, timeout=None)


@cache
def _quiet_stamina() -> None:
    """Keep stamina's warnings off the terminal of a program that configured no logging."""
    logging.getLogger("stamina").addHandler(logging.NullHandler())


def time_check(deadline: float | None, request: httpx.Request) -> Any:
    def check() -> None:
        if deadline is not None and time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer was not complete within the timeout", request=request)

    return check


def carried(made: httpx.Request, original: httpx.Request) -> httpx.Request:
    """Return ``made``, which an authentication yielded for ``original``, as a request of the same call."""
    if not isinstance(made, httpx.Request):  # untyped code may yield anything
        raise TypeError("the authentication yielded no request")
    if made is not original:
        original.extensions.setdefault(_classify.SENT, []).append(made)
        made.extensions = {**original.extensions, **made.extensions}
    return made


def is_repeatable(request: httpx.Request) -> bool:
    """Return whether the body of ``request`` can be sent once more: iterators and files give what they have once."""
    source: object = getattr(request.stream, "_stream", None)
    return not isinstance(source, Iterator | AsyncIterator)


def remember(response: httpx.Response, original: httpx.Request) -> None:
    """Keep what was sent in a request that is about to be sent with another credential."""
    if response.status_code == 401:
        sent = response.request
        copy = httpx.Request(sent.method, sent.url, headers=sent.headers.copy(), stream=httpx.ByteStream(b""))
        original.extensions.setdefault(_classify.SENT, []).append(copy)


@frozen
class Plain:
    """A request before authentication, so that every attempt starts from the same one."""

    url: httpx.URL
    headers: httpx.Headers

    @classmethod
    def of(cls, request: httpx.Request) -> Plain:
        return cls(request.url, request.headers.copy())

    def restore(self, request: httpx.Request) -> None:
        request.url = self.url
        request.headers = self.headers.copy()
        request.extensions.pop(_classify.SENT, None)

    def unwrap(self, outcome: Outcome, request: httpx.Request) -> httpx.Response:
        """Return an answer; raise an exception without the frames and the request that hold the credential."""
        if isinstance(outcome, httpx.Response):
            return outcome
        detached(outcome, self.secrets(request), sys.exception())
        if isinstance(outcome, httpx.RequestError):
            outcome.request = httpx.Request(request.method, self.url)
        raise outcome

    def secrets(self, request: httpx.Request) -> tuple[str, ...]:
        return _classify.secrets_sent(request, self.headers.raw, self.url.query)

    def failed(self, error: BaseException, request: httpx.Request, *, closed: bool) -> BaseException:
        """Return what to raise for ``error``: one of ours, or a cancellation or interrupt as it is.

        Where the client is ``closed`` by now, that is the reason: closing breaks what is under way.

        Neither it nor its cause holds a frame of the attempt, whose local variables have the credential. To be called
        where no exception is being handled but what the caller was handling, which is left alone.
        """
        secrets = self.secrets(request)
        self.restore(request)
        cause = detached(error, secrets, sys.exception())
        if not isinstance(error, Exception):
            return error
        ours = client_closed() if closed else normalized(error, request, secrets)
        ours.__cause__ = cause
        return ours


def note(request: httpx.Request, response: httpx.Response, began: float) -> None:
    if logger.isEnabledFor(logging.DEBUG):
        took = (time.monotonic() - began) * 1000
        url = scrub(redact_url(str(request.url)), _classify.secrets_of(response))
        logger.debug("%s %s: %d in %.0f ms", request.method, url, response.status_code, took)


def normalized(error: Exception, request: httpx.Request, secrets: tuple[str, ...]) -> AikynetixError:
    """Return the exception of ours that ``error``, out of a session or its transport, stands for.

    Timeouts of any phase become `APITimeoutError`, bodies that are too large or cannot be decoded
    `APIResponseValidationError`, and everything else `APIConnectionError`: whatever a transport raises, there is no
    usable answer.
    """
    asked: dict[str, Any] = {
        "request_method": request.method,
        "request_url": scrub(redact_url(str(request.url)), secrets),
    }
    said = one_line(scrub(_said(error), secrets), limit=300) or type(error).__name__
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return APITimeoutError(f"no complete answer within the timeout ({type(error).__name__}: {said})", **asked)
    if isinstance(error, httpx.DecodingError):
        return APIResponseValidationError(said, **asked)
    return APIConnectionError(f"no usable answer ({type(error).__name__}: {said})", **asked)


def _said(error: Exception) -> str:
    """Return the text of ``error``, none where a transport's own exception cannot say what it is."""
    try:
        return str(error)
    except Exception:
        return ""
