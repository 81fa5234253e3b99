"""The HTTP sessions: httpx clients whose ``send`` authenticates, retries, and bounds what it reads, in size and time.

``send`` goes to the transport itself instead of through httpx's own: that keeps one place that decides about
redirects, cookies (none are kept) and log records (httpx writes full URLs to its INFO log), and costs less.
What it returns and raises is httpx's own vocabulary, so that generated code runs on it as on any httpx client;
`exchange` is the same in ours.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import httpx

from . import _body, _classify
from ._classify import PLAIN
from ._errors import AikynetixError
from ._trial import (
    DEADLINE,
    AgainError,
    Outcome,
    Plain,
    Policy,
    Trial,
    carried,
    is_repeatable,
    note,
    remember,
    time_check,
)

if TYPE_CHECKING:
    from ._auth import OriginBound


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
        return self._deliver(Trial(request, self.policy, None), stream, auth)

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
        request.extensions[PLAIN] = plain = Plain.of(request)
        try:
            response = self._deliver(Trial(request, self.policy, limit), False, httpx.USE_CLIENT_DEFAULT)
        except AikynetixError:
            raise
        except BaseException as error:
            failure: BaseException = error
        else:
            response.extensions.pop("reason_phrase", None)  # the server's own words, which a response's repr shows
            if response.is_success:
                return response
            refusal = _classify.status_error(response, now=time.time(), secrets=plain.secrets(response.request))
            plain.restore(request)
            raise refusal
        raise plain.failed(failure, request, closed=(self._owner or self).is_closed)

    def _deliver(self, trial: Trial, stream: bool, auth: Any) -> httpx.Response:
        if (self._owner or self).is_closed:
            raise RuntimeError("the client has been closed")
        flow = self.credential if auth is httpx.USE_CLIENT_DEFAULT else _auth_of(auth)
        plain = Plain.of(trial.request)
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
                        raise AgainError(wait)
        except AgainError:
            pass  # retrying is switched off in this process (stamina.set_active, stamina.set_testing)
        return plain.unwrap(outcome, trial.request)

    def _attempt(self, trial: Trial, auth: httpx.Auth, stream: bool) -> Outcome:
        deadline = trial.begin()
        following = trial.request
        try:
            while True:
                response = self._converse(following, auth, trial.limit, deadline, stream)
                redirected = trial.redirected(response)
                if redirected is None:
                    return response
                following = redirected
        except (httpx.RequestError, httpx.StreamError) as error:
            return error

    def _converse(
        self, request: httpx.Request, auth: httpx.Auth, limit: int | None, deadline: float | None, stream: bool
    ) -> httpx.Response:
        flow = auth.sync_auth_flow(request)
        try:
            following = next(flow)
            while True:
                response = self._round_trip(carried(following, request), limit, deadline, stream)
                remember(response, request)
                try:
                    following = flow.send(response)
                except StopIteration:
                    return response
                if not is_repeatable(request):
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
            _body.read(response, _body.limit_for(response, limit), time_check(deadline, request))
        else:
            request.extensions[DEADLINE] = None  # the attempt is over; reading the body is the caller's affair
        note(request, response, began)
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
        self._is_punctual = credential.is_immediate and getattr(transport, "keeps_deadline", False)
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
        return await self._deliver(Trial(request, self.policy, None), stream, auth)

    async def exchange(self, request: httpx.Request, *, limit: int | None = None) -> httpx.Response:
        """Send ``request`` and return its 2xx answer, body read; see `Session.exchange`."""
        request.extensions[PLAIN] = plain = Plain.of(request)
        try:
            response = await self._deliver(Trial(request, self.policy, limit), False, httpx.USE_CLIENT_DEFAULT)
        except AikynetixError:
            raise
        except BaseException as error:
            failure: BaseException = error
        else:
            response.extensions.pop("reason_phrase", None)  # the server's own words, which a response's repr shows
            if response.is_success:
                return response
            refusal = _classify.status_error(response, now=time.time(), secrets=plain.secrets(response.request))
            plain.restore(request)
            raise refusal
        raise plain.failed(failure, request, closed=(self._owner or self).is_closed)

    async def _deliver(self, trial: Trial, stream: bool, auth: Any) -> httpx.Response:
        if (self._owner or self).is_closed:
            raise RuntimeError("the client has been closed")
        flow = self.credential if auth is httpx.USE_CLIENT_DEFAULT else _auth_of(auth)
        plain = Plain.of(trial.request)
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
                        raise AgainError(wait)
        except AgainError:
            pass
        return plain.unwrap(outcome, trial.request)

    async def _attempt(self, trial: Trial, auth: httpx.Auth, stream: bool) -> Outcome:
        deadline = trial.begin()
        following = trial.request
        try:
            with self._limit(auth, deadline):
                while True:
                    response = await self._converse(following, auth, trial.limit, deadline, stream)
                    redirected = trial.redirected(response)
                    if redirected is None:
                        return response
                    following = redirected
        except (httpx.RequestError, httpx.StreamError) as error:
            return error
        except TimeoutError:
            return httpx.ReadTimeout("the answer was not complete within the timeout", request=trial.request)

    def _limit(self, auth: httpx.Auth, deadline: float | None) -> AbstractContextManager[object]:
        """Return what ends an attempt in time; nothing where no step can take longer, because it costs a tenth."""
        if auth is self.credential and self._is_punctual:
            return nullcontext()
        import anyio  # httpx's own requirement; here, because the synchronous client does without

        # Not asyncio's own: it cancels once, and scopes of anyio around it would take that for somebody else's.
        return anyio.fail_after(None if deadline is None else deadline - time.monotonic())

    async def _converse(
        self, request: httpx.Request, auth: httpx.Auth, limit: int | None, deadline: float | None, stream: bool
    ) -> httpx.Response:
        flow = auth.async_auth_flow(request)
        try:
            following = await anext(flow)
            while True:
                response = await self._round_trip(carried(following, request), limit, deadline, stream)
                remember(response, request)
                try:
                    following = await flow.asend(response)
                except StopAsyncIteration:
                    return response
                if not is_repeatable(request):
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
        else:
            request.extensions[DEADLINE] = None  # the attempt is over; reading the body is the caller's affair
        note(request, response, began)
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


def _auth_of(auth: Any) -> httpx.Auth:
    """Return what httpx makes of the ``auth`` argument of one request."""
    if auth is None:
        return httpx.Auth()
    return auth if isinstance(auth, httpx.Auth) else httpx.BasicAuth(*auth)


__all__ = ["AsyncSession", "Policy", "Session"]
