"""The HTTP sessions: httpx clients whose ``send`` authenticates, retries, and bounds what it reads, in size and time.

``send`` goes to the transport itself instead of through httpx's own: that keeps one place that decides about
redirects, cookies (none are kept) and log records (httpx writes full URLs to its INFO log), and costs less.
What it returns and raises is httpx's own vocabulary, so that generated code runs on it as on any httpx client;
`exchange` is the same in ours.
"""

from __future__ import annotations

import logging
import random
import time
from typing import Any

import httpx
from attrs import define, field, frozen

from . import _body, _classify, _retry
from ._auth import OriginBound, origin_of
from ._causes import detached
from ._errors import AikynetixError, APIConnectionError, APIResponseValidationError, APITimeoutError
from ._redact import one_line, redact_url, scrub

logger = logging.getLogger("aikynetix")

_MOST_REDIRECTS = 3
# RFC 9110, section 15.4: 307 and 308 keep the method; the others make it GET, so they are followed for GET alone.
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_METHOD_KEEPING_REDIRECTS = frozenset({307, 308})

DEADLINE = "aikynetix.deadline"
"""The request extension that tells a transport when an attempt must be over, on the clock of ``time.monotonic``."""


@frozen
class Policy:
    """How hard to try.

    Attributes:
        deadline: Seconds that one attempt may take, or None for no limit.
        max_retries: How many attempts may follow the first.
    """

    deadline: float | None
    max_retries: int


class _AgainError(Exception):
    """Tells the retry loop to go round once more, after ``wait`` seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__("a request is sent again")
        self.wait = wait


def _wait_of(error: Exception) -> bool | float:
    return error.wait if isinstance(error, _AgainError) else False


Outcome = httpx.Response | Exception


@define
class _Trial:
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
        if not _retry.is_retryable(self.request.method, outcome):
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
        return wait

    def redirected(self, response: httpx.Response) -> httpx.Request | None:
        """Return the request that follows a redirect within the same origin, or None to leave the redirect as it is."""
        if response.status_code not in _REDIRECTS or self.redirects >= _MOST_REDIRECTS:
            return None
        safe = self.request.method in ("GET", "HEAD")
        if not safe and response.status_code not in _METHOD_KEEPING_REDIRECTS:
            return None
        try:
            url = response.request.url.join(response.headers.get("location", ""))
        except (httpx.InvalidURL, ValueError, UnicodeError):
            return None
        if origin_of(url) != origin_of(self.request.url) or url.userinfo or url == response.request.url:
            return None
        self.redirects += 1
        headers = [(name, value) for name, value in self.request.headers.raw if name.lower() != b"host"]
        return httpx.Request(
            self.request.method, url, headers=headers, stream=self.request.stream, extensions=self.request.extensions
        )

    def retries(self) -> Any:
        """Return stamina's loop; it only loops and sleeps, `wait_after` decides."""
        import stamina  # here, because most calls never need it and its import is slow

        return stamina.retry_context(on=_wait_of, attempts=None, timeout=None)


def _time_check(deadline: float | None, request: httpx.Request) -> Any:
    def check() -> None:
        if deadline is not None and time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer was not complete within the timeout", request=request)

    return check


@frozen
class _Plain:
    """A request before authentication, so that every attempt starts from the same one."""

    url: httpx.URL
    headers: httpx.Headers

    @classmethod
    def of(cls, request: httpx.Request) -> _Plain:
        return cls(request.url, request.headers.copy())

    def restore(self, request: httpx.Request) -> None:
        request.url = self.url
        request.headers = self.headers.copy()

    def unwrap(self, outcome: Outcome, request: httpx.Request) -> httpx.Response:
        """Return an answer; raise an exception without the frames and the request that hold the credential."""
        if isinstance(outcome, httpx.Response):
            return outcome
        detached(outcome)
        if isinstance(outcome, httpx.RequestError):
            outcome.request = httpx.Request(request.method, self.url)
        raise outcome

    def secrets(self, request: httpx.Request) -> tuple[str, ...]:
        return _classify.secrets_sent(request, self.headers.raw, self.url.query)


class Session(httpx.Client):
    """A synchronous httpx client for one API.

    Args:
        base_url: The API's base URL.
        credential: Adds the credential to requests for that origin.
        timeout: Per-phase limits in seconds.
        policy: How hard to try.
        transport: Carries the requests; closed with this session unless it is shared.
        owner: The session whose transport this is, when it is another one; it alone closes the transport.
    """

    def __init__(
        self,
        *,
        base_url: httpx.URL,
        credential: OriginBound,
        timeout: httpx.Timeout,
        policy: Policy,
        transport: httpx.BaseTransport,
        headers: dict[str, str],
        owner: Session | None = None,
    ) -> None:
        # A base URL with a transport in hand: httpx then builds neither a pool nor a TLS context of its own.
        super().__init__(base_url=base_url, timeout=timeout, transport=transport, trust_env=False, headers=headers)
        self.credential = credential
        self.policy = policy
        self._wire = transport
        self._owner = owner

    def send(
        self,
        request: httpx.Request,
        *,
        stream: bool = False,
        auth: Any = httpx.USE_CLIENT_DEFAULT,
        follow_redirects: Any = httpx.USE_CLIENT_DEFAULT,  # noqa: ARG002 -- httpx's signature
    ) -> httpx.Response:
        """Send ``request`` and return its answer, whatever its status, its body read unless ``stream``.

        Args:
            request: As `build_request` makes it.
            stream: Leave the body unread and unbounded, for the caller to read and close.
            auth: An `httpx.Auth` for this request instead of the client's credential.
            follow_redirects: Has no say: redirects are followed within the same origin, and never to another.

        Raises:
            httpx.TransportError: No answer came.
            httpx.DecodingError: The body is too large, or not in the encoding that it claims.
            ConfigurationError: The callable that gives the token failed.
        """
        return self._deliver(_Trial(request, self.policy, None), stream, auth)

    def exchange(self, request: httpx.Request, *, limit: int | None = None) -> httpx.Response:
        """Send ``request`` and return its 2xx answer, body read.

        Args:
            request: As `build_request` makes it.
            limit: Most bytes of body to accept; None for a limit by content type.

        Raises:
            APIStatusError: The answer is not 2xx.
            APIConnectionError: There is none.
            APIResponseValidationError: It is too large, or cannot be decoded.
            ConfigurationError: The callable that gives the token failed.
        """
        plain = _Plain.of(request)
        try:
            response = self._deliver(_Trial(request, self.policy, limit), False, httpx.USE_CLIENT_DEFAULT)
        except AikynetixError:
            raise
        except Exception as error:
            failure: Exception = error
        else:
            if response.is_success:
                return response
            raise _classify.status_error(response, now=time.time(), secrets=plain.secrets(response.request))
        raise normalized(failure, request, plain.secrets(request)) from detached(failure)

    def _deliver(self, trial: _Trial, stream: bool, auth: Any) -> httpx.Response:
        if (self._owner or self).is_closed:
            raise RuntimeError("the client has been closed")
        flow = self.credential if auth is httpx.USE_CLIENT_DEFAULT else _auth_of(auth)
        plain = _Plain.of(trial.request)
        outcome = self._attempt(trial, flow, stream)
        wait = trial.wait_after(outcome)
        if wait is None:
            return plain.unwrap(outcome, trial.request)
        try:
            for attempt in trial.retries():
                with attempt:
                    if attempt.num > 1:  # the first round only waits: its attempt was made above
                        plain.restore(trial.request)
                        outcome = self._attempt(trial, flow, stream)
                        wait = trial.wait_after(outcome)
                    if wait is not None:
                        _discard(outcome)
                        raise _AgainError(wait)
        except _AgainError:
            pass  # retrying is switched off in this process (stamina.set_active, stamina.set_testing)
        return plain.unwrap(outcome, trial.request)

    def _attempt(self, trial: _Trial, auth: httpx.Auth, stream: bool) -> Outcome:
        deadline = trial.begin()
        following: httpx.Request | None = trial.request
        try:
            while following is not None:
                response = self._converse(following, auth, trial.limit, deadline, stream)
                following = trial.redirected(response)
        except (httpx.RequestError, httpx.StreamError) as error:
            return error
        return response

    def _converse(
        self, request: httpx.Request, auth: httpx.Auth, limit: int | None, deadline: float | None, stream: bool
    ) -> httpx.Response:
        flow = auth.sync_auth_flow(request)
        try:
            request = next(flow)
            while True:
                response = self._round_trip(request, limit, deadline, stream)
                try:
                    request = flow.send(response)
                except StopIteration:
                    return response
        finally:
            flow.close()

    def _round_trip(
        self, request: httpx.Request, limit: int | None, deadline: float | None, stream: bool
    ) -> httpx.Response:
        request.extensions[DEADLINE] = deadline
        began = time.monotonic()
        response = self._wire.handle_request(request)
        response.request = request
        if not stream or not response.is_success:
            _body.read(response, _body.limit_for(response, limit), _time_check(deadline, request))
        _note(request, response, began)
        return response

    def copy(self, *, timeout: httpx.Timeout, policy: Policy) -> Session:
        """Return a session with other limits on the same pool."""
        return Session(
            base_url=self.base_url,
            credential=self.credential,
            timeout=timeout,
            policy=policy,
            transport=self._wire,
            headers=dict(self.headers),
            owner=self._owner or self,
        )

    def close(self) -> None:
        """Close the pool, unless it belongs to another session. Closing twice is fine."""
        if self._owner is None:
            super().close()


class AsyncSession(httpx.AsyncClient):
    """An asynchronous httpx client for one API; see `Session`."""

    def __init__(
        self,
        *,
        base_url: httpx.URL,
        credential: OriginBound,
        timeout: httpx.Timeout,
        policy: Policy,
        transport: httpx.AsyncBaseTransport,
        headers: dict[str, str],
        owner: AsyncSession | None = None,
    ) -> None:
        super().__init__(base_url=base_url, timeout=timeout, transport=transport, trust_env=False, headers=headers)
        self.credential = credential
        self.policy = policy
        self._wire = transport
        self._owner = owner

    async def send(
        self,
        request: httpx.Request,
        *,
        stream: bool = False,
        auth: Any = httpx.USE_CLIENT_DEFAULT,
        follow_redirects: Any = httpx.USE_CLIENT_DEFAULT,  # noqa: ARG002 -- httpx's signature
    ) -> httpx.Response:
        """Send ``request`` and return its answer; see `Session.send`."""
        return await self._deliver(_Trial(request, self.policy, None), stream, auth)

    async def exchange(self, request: httpx.Request, *, limit: int | None = None) -> httpx.Response:
        """Send ``request`` and return its 2xx answer, body read; see `Session.exchange`."""
        plain = _Plain.of(request)
        try:
            response = await self._deliver(_Trial(request, self.policy, limit), False, httpx.USE_CLIENT_DEFAULT)
        except AikynetixError:
            raise
        except Exception as error:
            failure: Exception = error
        else:
            if response.is_success:
                return response
            raise _classify.status_error(response, now=time.time(), secrets=plain.secrets(response.request))
        raise normalized(failure, request, plain.secrets(request)) from detached(failure)

    async def _deliver(self, trial: _Trial, stream: bool, auth: Any) -> httpx.Response:
        if (self._owner or self).is_closed:
            raise RuntimeError("the client has been closed")
        flow = self.credential if auth is httpx.USE_CLIENT_DEFAULT else _auth_of(auth)
        plain = _Plain.of(trial.request)
        outcome = await self._attempt(trial, flow, stream)
        wait = trial.wait_after(outcome)
        if wait is None:
            return plain.unwrap(outcome, trial.request)
        try:
            async for attempt in trial.retries():
                with attempt:
                    if attempt.num > 1:
                        plain.restore(trial.request)
                        outcome = await self._attempt(trial, flow, stream)
                        wait = trial.wait_after(outcome)
                    if wait is not None:
                        await _adiscard(outcome)
                        raise _AgainError(wait)
        except _AgainError:
            pass
        return plain.unwrap(outcome, trial.request)

    async def _attempt(self, trial: _Trial, auth: httpx.Auth, stream: bool) -> Outcome:
        import anyio  # httpx's own requirement; here, because the synchronous client does without

        deadline = trial.begin()
        following: httpx.Request | None = trial.request
        try:
            with anyio.fail_after(None if deadline is None else deadline - time.monotonic()):
                while following is not None:
                    response = await self._converse(following, auth, trial.limit, deadline, stream)
                    following = trial.redirected(response)
        except (httpx.RequestError, httpx.StreamError) as error:
            return error
        except TimeoutError:
            return httpx.ReadTimeout("the answer was not complete within the timeout", request=trial.request)
        return response

    async def _converse(
        self, request: httpx.Request, auth: httpx.Auth, limit: int | None, deadline: float | None, stream: bool
    ) -> httpx.Response:
        flow = auth.async_auth_flow(request)
        try:
            request = await anext(flow)
            while True:
                response = await self._round_trip(request, limit, deadline, stream)
                try:
                    request = await flow.asend(response)
                except StopAsyncIteration:
                    return response
        finally:
            await flow.aclose()

    async def _round_trip(
        self, request: httpx.Request, limit: int | None, deadline: float | None, stream: bool
    ) -> httpx.Response:
        request.extensions[DEADLINE] = deadline
        began = time.monotonic()
        response = await self._wire.handle_async_request(request)
        response.request = request
        if not stream or not response.is_success:
            await _body.aread(response, _body.limit_for(response, limit))
        _note(request, response, began)
        return response

    def copy(self, *, timeout: httpx.Timeout, policy: Policy) -> AsyncSession:
        """Return a session with other limits on the same pool."""
        return AsyncSession(
            base_url=self.base_url,
            credential=self.credential,
            timeout=timeout,
            policy=policy,
            transport=self._wire,
            headers=dict(self.headers),
            owner=self._owner or self,
        )

    async def aclose(self) -> None:
        """Close the pool, unless it belongs to another session. Closing twice is fine."""
        if self._owner is None:
            await super().aclose()


def _discard(outcome: Outcome) -> None:
    """Give the connection back before waiting; a body that was read has done so already."""
    if isinstance(outcome, httpx.Response):
        outcome.close()


async def _adiscard(outcome: Outcome) -> None:
    if isinstance(outcome, httpx.Response):
        await outcome.aclose()


def _note(request: httpx.Request, response: httpx.Response, began: float) -> None:
    if logger.isEnabledFor(logging.DEBUG):
        took = (time.monotonic() - began) * 1000
        logger.debug("%s %s: %d in %.0f ms", request.method, redact_url(str(request.url)), response.status_code, took)


def _auth_of(auth: Any) -> httpx.Auth:
    """Return what httpx makes of the ``auth`` argument of one request."""
    if auth is None:
        return httpx.Auth()
    return auth if isinstance(auth, httpx.Auth) else httpx.BasicAuth(*auth)


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
    said = one_line(scrub(str(error), secrets), limit=300) or type(error).__name__
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return APITimeoutError(f"no complete answer within the timeout ({type(error).__name__}: {said})", **asked)
    if isinstance(error, httpx.DecodingError):
        return APIResponseValidationError(said, **asked)
    if isinstance(error, RuntimeError) and "closed" in said:
        return AikynetixError("this client has been closed; make a new one, or keep it open for as long as it is used.")
    return APIConnectionError(f"no usable answer ({type(error).__name__}: {said})", **asked)
