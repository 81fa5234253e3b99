"""Connections to the storage host: no credentials, no cookies, no proxies from the environment, no blind redirects."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any

import httpx

from .._config import is_loopback
from .._fork import in_child
from .._redact import redact_url
from .._retry import parse_retry_after
from .._transport._sync import PooledTransport
from .._trial import DEADLINE
from ._body import Body
from ._crew import Crew
from ._rules import Failure, Kind, xml_code

_MOST_AT_ONCE = 64
"""Connections of one client beyond the first of each download; a first one is always allowed."""

_MOST_CONNECTIONS = 512
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ERROR_BODY = 64 * 1024
# What httpx, too, leaves as it is in a query; no fragment follows it.
_VERBATIM = re.compile(r"[!$-;=?-~]{1,8000}")


class Refused(Exception):
    """A connection did not lead to bytes; `failure` says how."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


class Lifeline:
    """Ends the connection of a request from another thread, whatever the request is waiting for."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sockets: list[socket.socket] = []
        self.cut = False

    def hold(self, connection: Any) -> None:
        """Take note of a network stream of httpcore or of a socket."""
        get = getattr(connection, "get_extra_info", None)
        found = get("socket") if get is not None else connection
        if isinstance(found, socket.socket):
            with self._lock:
                self._sockets.append(found)
                cut = self.cut
            if cut:
                _hang_up(found)

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Take note of the connections that are opened (httpcore's ``trace`` extension; our transport tells more).

        Raises:
            OSError: One is about to be opened that is not wanted any more.
        """
        if event.endswith(".complete"):
            self.hold(info.get("return_value"))
        elif "socket" in info:
            self.hold(info["socket"])
            if self.cut:
                raise OSError("the connection is not wanted any more")

    def release(self) -> None:
        """Let go of the connection: it is about to serve somebody else."""
        with self._lock:
            self._sockets.clear()

    def pull(self) -> None:
        """End the connection, now or as soon as it is there."""
        with self._lock:
            self.cut = True
            held = list(self._sockets)
            for found in held:
                _hang_up(found)


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # The method of an SSL socket would drop its TLS state under the feet of the thread that reads.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


class Answer:
    """An answer with bytes: status 200 or 206, headers, and a body to be read.

    Attributes:
        url: The URL that answered, after redirects.
        began: Seconds from the request to the answer.
    """

    def __init__(self, url: str, response: httpx.Response, body: Body, began: float) -> None:
        self.url = url
        self.status = response.status_code
        self.headers = response.headers
        self.body = body
        self.began = began

    def close(self) -> None:
        """End the connection, or give it back where the body was read to its end."""
        self.body.close()


def _pool() -> PooledTransport:
    return PooledTransport(size=_MOST_CONNECTIONS)


class Storage:
    """The pool of connections to the storage host, shared by the downloads of one client.

    Args:
        timeout: Limits in seconds for connecting, for hearing nothing, and for waiting for a connection.
        transport: An httpx transport to use in place of a pool of our own; `close` leaves it open.

    Attributes:
        crew: The threads of its connections.
    """

    def __init__(self, *, timeout: httpx.Timeout, transport: httpx.BaseTransport | None = None) -> None:
        self._timeout = timeout
        self._own = _pool() if transport is None else None
        self._transport = transport or self._own
        self.forget()
        in_child(self, Storage.forget)

    def forget(self) -> None:
        """Begin anew, as the child of a fork has to: it has none of the parent's threads."""
        self._lock = Lock()
        self._open = 0
        self.crew = Crew()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._transport is None

    @property
    def is_own(self) -> bool:
        """Whether the pool is our own: a caller's transport may pay no heed to a `Lifeline`."""
        return self._own is not None

    def close(self) -> None:
        """Close the connections; answers that are still being read break."""
        self._transport = None
        if self._own is not None:
            self._own.close()

    def room(self) -> int:
        """Return how many more connections the downloads of this client should open."""
        return max(0, _MOST_AT_ONCE - self._open)

    def open(
        self,
        url: str,
        headers: dict[str, str],
        *,
        timeout: httpx.Timeout | None = None,
        lifeline: Lifeline | None = None,
    ) -> Answer:
        """Ask for ``url`` and return an answer that has bytes.

        Args:
            url: A signed URL, https or loopback.
            headers: ``Range`` and ``If-Range``, if any.
            timeout: Limits in seconds, in place of the pool's.
            lifeline: By which another thread can end the request and the answer.

        Raises:
            Refused: There was no answer, or one without the bytes asked for.
        """
        lifeline = lifeline or Lifeline()
        limits = timeout or self._timeout
        (parsed, wanted), may_be_plain = self._parsed(url), True
        for _ in range(_MOST_REDIRECTS + 1):
            if parsed is None or not (_is_encrypted(parsed) or (may_be_plain and _is_local(parsed))):
                raise Refused(Failure(kind=Kind.FOREIGN, text="the video's URL is neither https nor on this machine"))
            begun = time.monotonic()
            response = self._send(parsed, wanted, headers, limits, lifeline)
            if response.status_code in (200, 206):
                body = Body(response, self._closed)
                return Answer(url, response, body, time.monotonic() - begun)
            redirected = _redirected(parsed, response)
            if redirected is None:
                raise Refused(self._read_failure(response, lifeline))
            self._drop(response, lifeline)
            may_be_plain = _is_local(parsed)
            url, (parsed, wanted) = redirected, self._parsed(redirected)
        raise Refused(Failure(kind=Kind.STATUS, status=310, text="the storage redirects in a circle"))

    def _parsed(self, url: str) -> tuple[httpx.URL | None, dict[str, Any]]:
        """Return ``url`` parsed and the extension of the request that tells what is left out, its query.

        Parsing looks at each of the hundreds of characters of a signature, which are to be sent as they are.
        """
        head, _, query = url.partition("?")
        if not self.is_own or "#" in head or not _VERBATIM.fullmatch(query):
            return _parsed(url), {}
        parsed = _parsed(head)
        return parsed, {} if parsed is None else {"target": parsed.raw_path + b"?" + query.encode("ascii")}

    def _send(
        self,
        url: httpx.URL,
        wanted: dict[str, Any],
        headers: dict[str, str],
        timeout: httpx.Timeout,
        lifeline: Lifeline,
    ) -> httpx.Response:
        transport = self._transport
        if transport is None:
            raise Refused(Failure(kind=Kind.FOREIGN, text="the client is closed"))
        # By each byte of a dripped head alone the time is never up, so the head as a whole has a limit.
        head_end = None if timeout.read is None else time.monotonic() + (timeout.connect or 0.0) + timeout.read
        extensions: dict[str, Any] = {"timeout": timeout.as_dict(), "trace": lifeline.trace, DEADLINE: head_end}
        extensions |= wanted
        with self._lock:
            self._open += 1
        try:
            # What is encoded cannot be resumed, and its length says nothing about the file's.
            asked = httpx.Headers({"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "aikynetix"} | headers)
            request = httpx.Request("GET", url, headers=asked, extensions=extensions)
            response = transport.handle_request(request)
            if response.status_code in (200, 206):  # an error's body has no more time than its head
                request.extensions[DEADLINE] = None
        except BaseException as error:
            self._closed()
            if isinstance(error, (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError)):
                raise Refused(_failure_of(error, url)) from None
            raise
        response.request = request
        lifeline.hold(response.extensions.get("network_stream"))  # httpcore tells of new connections only
        return response

    def _read_failure(self, response: httpx.Response, lifeline: Lifeline) -> Failure:
        """Read a bounded part of an error's body for the code in it."""
        text = b""
        with contextlib.suppress(httpx.HTTPError, httpx.StreamError, OSError):
            for chunk in response.iter_raw():
                text += chunk
                if len(text) > _ERROR_BODY:
                    break
        self._drop(response, lifeline)
        code = xml_code(text[:_ERROR_BODY].decode("utf-8", "replace"))
        named = f" ({code})" if code else ""
        return Failure(
            kind=Kind.STATUS,
            status=response.status_code,
            code=code,
            retry_after=parse_retry_after(response.headers.get("retry-after"), _server_time(response)),
            text=f"the storage answered {response.status_code}{named}",
        )

    def _drop(self, response: httpx.Response, lifeline: Lifeline) -> None:
        lifeline.release()  # the connection may serve somebody else from now on
        with contextlib.suppress(httpx.HTTPError, OSError):
            response.close()
        self._closed()

    def _closed(self) -> None:
        with self._lock:
            self._open -= 1


def _parsed(url: str) -> httpx.URL | None:
    try:
        parsed = httpx.URL(url)
        host = parsed.host  # is decoded only when it is looked at
    except (httpx.InvalidURL, UnicodeError):
        return None
    return parsed if host else None


def _is_local(url: httpx.URL) -> bool:
    """Return whether ``url`` is plain http on this machine."""
    return url.scheme == "http" and is_loopback(url.host)


def _is_encrypted(url: httpx.URL) -> bool:
    return url.scheme == "https"


def _redirected(url: httpx.URL, response: httpx.Response) -> str | None:
    target = response.headers.get("location")
    if response.status_code not in _REDIRECTS or not target:
        return None
    try:
        return str(url.join(target))
    except (httpx.InvalidURL, UnicodeError):
        return None


def _server_time(response: httpx.Response) -> float:
    """Return the server's own clock in seconds since 1970: a ``Retry-After`` date is meant by it."""
    try:
        return parsedate_to_datetime(response.headers.get("date", "")).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return time.time()


def _failure_of(error: Exception, url: httpx.URL) -> Failure:
    host = redact_url(str(url)).split("/")[2:3]
    where = host[0] if host else "the storage"
    match error:
        case httpx.ConnectTimeout() | httpx.ConnectError() | httpx.PoolTimeout() | httpx.ProxyError():
            kind, what = Kind.CONNECT, "cannot be reached"
        case httpx.TimeoutException():
            kind, what = Kind.STALLED, "did not answer in time"
        case httpx.UnsupportedProtocol() | httpx.InvalidURL() | UnicodeError():
            kind, what = Kind.FOREIGN, "has a URL that cannot be asked for"
        case _:
            kind, what = Kind.BROKEN, "broke the connection off"
    return Failure(kind=kind, text=f"{where} {what} ({type(error).__name__})", cause=error)
