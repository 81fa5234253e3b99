"""One call: its attempts, redirects, credential and bounds, written once for both clients.

`call_flow` decides, as a generator that yields what to send, or the seconds to sleep, and is sent back what came of it;
`run` and `arun` do what it yields. `HttpClient` and `AsyncHttpClient` are httpx's own clients whose ``send`` is such a
call. Each request that it makes is an ordinary one of httpx's, so that event hooks, mocks and traces see all of them;
what ``send`` returns and raises is httpx's own vocabulary, so that generated code runs on it as on any httpx client.
`send_checked` is the same in ours.
"""

from __future__ import annotations

import copy
import logging
import math
import random
import re
import sys
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import httpx

from . import _reading, _responses
from ._auth import is_repeatable, origin_of
from ._errors import AikynetixError, client_closed
from ._network import CANCELLED, DEADLINE, UNSENT
from ._redact import install_log_filter, redact_url, scrub_exception
from ._version import __version__

if TYPE_CHECKING:
    import threading

    from ._config import Settings

T = TypeVar("T")

logger = logging.getLogger("aikynetix")
USER_AGENT = f"aikynetix/{__version__} python-httpx/{httpx.__version__}"

_STREAMED = "aikynetix.streamed"  # request extension: whether the body of a 2xx is left to the caller
_FAILURES = (httpx.RequestError, httpx.StreamError, TimeoutError)  # a caller's transport raises what it likes
_MAX_REDIRECTS = 3
_PLAIN = frozenset({"method", "url", "params"})
_PLAIN_PATH = re.compile(r"/[^?#]*")
_NO_BODY = httpx.ByteStream(b"")


Result = httpx.Response | Exception
Flow = Generator[Any, Any, T]
"""What yields requests to send, and the seconds to sleep as a float."""


def run(
    flow: Flow[T], send: Callable[[Any], object], failures: Any, sleep: Callable[[float], object] = time.sleep
) -> T:
    """Do what ``flow`` yields until it ends; it is sent back what ``send`` returned, or raised of the ``failures``.

    A ``sleep`` that returns True, as the wait for an event does, ends it.
    """
    result: object = None
    while True:
        try:
            step = flow.send(result)
        except StopIteration as stop:
            return cast("T", stop.value)
        try:
            result = sleep(step) if isinstance(step, float) else send(step)
        except failures as error:
            result = error
        if result is True:
            raise CancelledError("the request is not wanted any more")


async def arun(flow: Flow[T], send: Callable[[Any], Awaitable[object]], failures: Any) -> T:
    """As `run`, with a ``send`` to be awaited."""
    import anyio  # httpx's own requirement; here, because the synchronous client does without

    result: object = None
    while True:
        try:
            step = flow.send(result)
        except StopIteration as stop:
            return cast("T", stop.value)
        try:
            result = await (anyio.sleep(step) if isinstance(step, float) else send(step))
        except failures as error:
            result = error


def call_flow(request: httpx.Request, settings: Settings) -> Flow[httpx.Response]:
    """Send ``request`` until there is a final result: attempts with a wait between them, each with its redirects.

    The first attempt may use all of its time, the others what is left of the budget. Every attempt starts from the
    ``request`` as it is before authentication. Raises what the last attempt ended with, where that was no response.
    """
    began, attempt, limit = time.monotonic(), 0, settings.attempt_timeout
    url, headers, latest = request.url, request.headers.copy(), math.inf
    while True:
        attempt += 1
        request.extensions[UNSENT] = False
        if limit is not None:
            request.extensions[DEADLINE] = min(time.monotonic() + limit, latest)
        result = yield from _attempt_flow(request, headers)
        if isinstance(result, httpx.Response) and result.is_success:
            return result
        wait = _wait_after(request, result, attempt, settings, time.monotonic() - began)
        if wait is None:
            break
        yield wait
        request.url, request.headers, latest = url, headers.copy(), began + _responses.BUDGET
    if isinstance(result, Exception):
        raise result
    return result


def _attempt_flow(request: httpx.Request, headers: httpx.Headers) -> Flow[Result]:
    """Send ``request`` and follow redirects within its origin, at most three, each with ``headers`` alone."""
    following, redirects = request, 0
    while True:
        result: Result = yield following
        if isinstance(result, httpx.Response) and logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s %s: %d", request.method, redact_url(str(following.url)), result.status_code)
        if isinstance(result, TimeoutError):
            unsent = following.extensions.get(UNSENT)
            told = unsent if isinstance(unsent, str) else "the response was not complete within the timeout"
            result = (httpx.ConnectTimeout if unsent else httpx.ReadTimeout)(str(result) or told, request=request)
        url = None if isinstance(result, Exception) else _redirect_target(request, result)
        if url is None or redirects == _MAX_REDIRECTS:
            return result
        redirects += 1
        following = httpx.Request(
            request.method, url, headers=headers, stream=request.stream, extensions=request.extensions
        )


def _redirect_target(request: httpx.Request, response: httpx.Response) -> httpx.URL | None:
    """Return where to go on within the origin of ``request``, or None to leave the response as it is."""
    following = response.next_request  # a GET in place of another method for some (RFC 9110, section 15.4): left
    if following is None or following.method != request.method or not is_repeatable(request):
        return None
    same = origin_of(following.url) == origin_of(request.url) and not following.url.userinfo
    return following.url if same else None


def _wait_after(
    request: httpx.Request, result: Result, attempt: int, settings: Settings, elapsed: float
) -> float | None:
    """Return the seconds to wait before trying again, or None when ``result`` is final."""
    if not _responses.is_retryable(request.method, result) or not is_repeatable(request):
        return None
    wait = _responses.next_wait(
        attempt=attempt,
        max_retries=settings.max_retries,
        elapsed=elapsed,
        retry_after=_responses.retry_after(result.headers, time.time()) if isinstance(result, httpx.Response) else None,
        draw=random.random(),
    )
    if wait is not None:
        what = result.status_code if isinstance(result, httpx.Response) else type(result).__name__
        url = redact_url(str(request.url))
        logger.info("attempt %d of %s %s: %s; trying again in %.2f s", attempt, request.method, url, what, wait)
    return wait


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """Leave the response's cookies alone."""


class OwnClient:
    """What all httpx clients here have: our transports and headers, nothing from the environment, and no cookies."""

    def __init__(self, timeout: httpx.Timeout, carriers: Mapping[str, Any], **options: Any) -> None:
        install_log_filter()
        headers = {"accept-encoding": _reading.ACCEPT_ENCODING, "user-agent": USER_AGENT}
        client: Any = super()
        client.__init__(timeout=timeout, headers=headers, trust_env=False, **carriers, **options)
        self._cookies: httpx.Cookies = _NoCookies()  # a credential is all that a request is to carry


class _ApiClient(OwnClient):
    """What both httpx clients for the API have: settings, and connections that may be another client's."""

    def __init__(self, settings: Settings, carriers: Mapping[str, Any]) -> None:
        super().__init__(settings.timeout, carriers, base_url=settings.base_url, auth=settings.credential)
        client: Any = self
        self._settings, self._owner = settings, client
        self._base = str(settings.base_url).removesuffix("/")
        self._plain_headers = httpx.Headers([(b"Host", settings.base_url.netloc), *client.headers.raw])

    def build(self, kwargs: Mapping[str, Any]) -> httpx.Request:
        """Return what ``build_request(**kwargs)`` does, a plain GET without parsing URL and headers over and over."""
        url, params, client = str(kwargs["url"]), kwargs.get("params"), cast("Any", self)
        try:
            if not kwargs.keys() <= _PLAIN or kwargs["method"] != "get" or not _PLAIN_PATH.fullmatch(url):
                return cast("httpx.Request", client.build_request(**kwargs))
            return httpx.Request(
                "GET",
                f"{self._base}{url}?{httpx.QueryParams(params)}" if params else self._base + url,
                headers=self._plain_headers,
                stream=_NO_BODY,  # a stream, even an empty one, tells httpx that the headers are complete
                extensions={"timeout": client.timeout.as_dict()},
            )
        except (httpx.InvalidURL, UnicodeError) as error:
            raise ValueError(f"the arguments make no request: {error}") from error

    def with_settings(self, settings: Settings) -> Self:
        """Return a client with other settings on the same connections."""
        copied: Any = copy.copy(self)
        vars(copied)["_settings"], copied.timeout = settings, settings.timeout
        return cast("Self", copied)

    def _build_redirect_request(self, request: httpx.Request, response: httpx.Response) -> Any:
        client: Any = super()
        try:
            return client._build_redirect_request(request, response)  # noqa: SLF001 -- httpx's own
        except (httpx.InvalidURL, httpx.RemoteProtocolError):  # of an address that cannot be read: it is left
            return None

    def _flow(self, request: httpx.Request, stream: bool) -> Flow[httpx.Response]:
        if self._owner.is_closed:
            raise client_closed()
        request.extensions[_STREAMED] = stream
        return call_flow(request, self._settings)

    @contextmanager
    def _mapped(self, request: httpx.Request) -> Generator[None]:
        """Have nothing but errors of ours come out."""
        outer = sys.exception()
        try:
            yield
        except AikynetixError:
            raise
        except Exception as error:
            scrub_exception(error, outer)
            raise (client_closed() if self._owner.is_closed else _responses.map_exception(error, request)) from error


def _is_streamed(response: httpx.Response) -> bool:
    """Return whether the body of ``response`` is for the caller of ``send(stream=True)`` to read, in any time."""
    return response.is_success and bool(response.request.extensions.get(_STREAMED))


class HttpClient(_ApiClient, httpx.Client):
    """An httpx client for one API, whose ``send`` retries, and bounds what it reads."""

    def send(
        self,
        request: httpx.Request,
        *,
        stream: bool = False,
        auth: Any = httpx.USE_CLIENT_DEFAULT,
        follow_redirects: Any = httpx.USE_CLIENT_DEFAULT,  # noqa: ARG002 -- httpx's signature
        sleep: Callable[[float], object] = time.sleep,
    ) -> httpx.Response:
        """As httpx's own; the body of a 2xx is left unread and unbounded where ``stream`` says so.

        Redirects are followed within the same origin and never to another, whatever ``follow_redirects`` says.
        """
        attempt = partial(super().send, stream=True, auth=auth, follow_redirects=False)
        return run(self._flow(request, stream), attempt, _FAILURES, sleep)

    def send_checked(
        self, kwargs: Mapping[str, Any], limit: int | None = None, cancel: threading.Event | None = None
    ) -> httpx.Response:
        """Send what `build` makes and return its 2xx response, body read; raise errors of ours alone.

        ``limit`` is the most bytes of body to accept, None for a limit by content type; ``cancel`` ends the call.
        """
        request, sleep = self.build(kwargs), time.sleep if cancel is None else cancel.wait
        request.extensions[_reading.LIMIT] = limit
        if cancel is not None:
            request.extensions[CANCELLED] = cancel.is_set
        with self._mapped(request):
            response = self.send(request, sleep=sleep)
        return _responses.require_success(response, time.time())

    def _send_single_request(self, request: httpx.Request) -> httpx.Response:
        # Here, so that every response is bounded before event hooks and credentials see it.
        response = super()._send_single_request(request)
        if _is_streamed(response):
            request.extensions[DEADLINE] = None
        else:
            _reading.read(response)
        return response

    def close(self) -> None:
        """Close the connections, unless they belong to another client. Closing twice is fine."""
        if self._owner is self:
            super().close()


class AsyncHttpClient(_ApiClient, httpx.AsyncClient):
    """An asynchronous httpx client for one API; see `HttpClient`."""

    async def send(
        self,
        request: httpx.Request,
        *,
        stream: bool = False,
        auth: Any = httpx.USE_CLIENT_DEFAULT,
        follow_redirects: Any = httpx.USE_CLIENT_DEFAULT,  # noqa: ARG002 -- httpx's signature
    ) -> httpx.Response:
        """See `HttpClient.send`."""
        import anyio

        async def attempt(sent: httpx.Request) -> httpx.Response:
            deadline = request.extensions.get(DEADLINE)
            # Not asyncio's own timeout: scopes of anyio around it would take its cancellation for somebody else's.
            with anyio.fail_after(None if deadline is None else deadline - time.monotonic()):
                return await super(AsyncHttpClient, self).send(sent, stream=True, auth=auth, follow_redirects=False)

        return await arun(self._flow(request, stream), attempt, _FAILURES)

    async def send_checked(self, kwargs: Mapping[str, Any], limit: int | None = None) -> httpx.Response:
        """See `HttpClient.send_checked`."""
        request = self.build(kwargs)
        request.extensions[_reading.LIMIT] = limit
        with self._mapped(request):
            response = await self.send(request)
        return _responses.require_success(response, time.time())

    async def _send_single_request(self, request: httpx.Request) -> httpx.Response:
        response = await super()._send_single_request(request)
        if _is_streamed(response):
            request.extensions[DEADLINE] = None
        else:
            await _reading.aread(response)
        return response

    async def aclose(self) -> None:
        """Close the connections, unless they belong to another client. Closing twice is fine."""
        if self._owner is self:
            await super().aclose()
