"""One request to the storage: which URLs may be asked, which redirects followed, what a refusal means."""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING

import httpx

from .._config import is_loopback
from .._reading import read
from .._responses import connection_error
from .._retry import retry_after
from ._failures import Failure, Kind, xml_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._models import AnalyzedVideo
    from ._types import OpenUrl

_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What is encoded cannot be resumed, and its length says nothing about the file's.
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity"}


class SignedUrl:
    """The signed URL in use; ``lookup`` asks the API for it when it is needed first, and where that is refused."""

    def __init__(self, lookup: Callable[[], AnalyzedVideo]) -> None:
        self._lookup = lookup
        self._video: AnalyzedVideo | None = None

    def video(self) -> AnalyzedVideo:
        """Return the video."""
        return self._video or self.renew()

    def get(self) -> str:
        """Return the URL."""
        return self.video().url

    def renew(self) -> AnalyzedVideo:
        """Ask for a fresh URL."""
        self._video = self._lookup()
        return self._video


def open_bytes(
    open_url: OpenUrl, url: str, headers: Mapping[str, str], timeout: httpx.Timeout, cancelled: Callable[[], bool]
) -> tuple[httpx.Response, str]:
    """Ask for ``url`` and return a response with bytes (200 or 206), and the URL that it came from after redirects."""
    # Parsing looks at each of the hundreds of characters of a signature, which say nothing here.
    parsed, may_be_plain, deadline = _parsed(url.partition("?")[0]), True, math.inf

    def is_over() -> bool:
        return cancelled() or time.monotonic() >= deadline

    for _ in range(_MAX_REDIRECTS + 1):
        is_local = parsed is not None and parsed.scheme == "http" and is_loopback(parsed.host)
        if parsed is None or not (parsed.scheme == "https" or (may_be_plain and is_local)):
            raise Failure(Kind.FINAL, "the video's URL is neither https nor on this machine")
        if timeout.read is not None:
            # A head of which each byte comes in time may still take for ever, so it has a limit as a whole.
            deadline = time.monotonic() + (timeout.connect or 0.0) + timeout.read
        try:
            response = open_url(url, {**_HEADERS, **headers}, cancelled=is_over)
        except Exception as error:  # a caller's transport raises what it likes
            raise _connection_failure(error, parsed) from error
        deadline = math.inf  # a body may take as long as it takes
        if response.status_code in (200, 206):
            return response, url
        target = response.headers.get("location")
        if response.status_code not in _REDIRECTS or not target:
            raise _refusal(response)
        response.close()
        may_be_plain, parsed = is_local, _parsed(target, parsed)
        url = str(parsed)
    raise Failure(Kind.STATUS, "the storage redirects in a circle", status=310)


def _parsed(url: str, base: httpx.URL | None = None) -> httpx.URL | None:
    try:
        parsed = httpx.URL(url) if base is None else base.join(url)
        has_host = bool(parsed.host)  # is decoded only when it is looked at
    except (httpx.InvalidURL, UnicodeError):
        return None
    return parsed if has_host else None


def _refusal(response: httpx.Response) -> Failure:
    """Return what an error response says, after a bounded part of its body."""
    code = ""
    with contextlib.suppress(Exception):  # a body that breaks says no less than none
        read(response, None)
        code = xml_code(response.content.decode("utf-8", "replace"))
    return Failure(
        Kind.STATUS,
        f"the storage answered {response.status_code}{f' ({code})' if code else ''}",
        status=response.status_code,
        code=code,
        retry_after=retry_after(response.headers, time.time()),
    )


def _connection_failure(error: Exception, url: httpx.URL) -> Failure:
    mapped, name, kind = connection_error(error, "GET", str(url)), type(error).__name__, Kind.BROKEN
    match error:
        case httpx.ConnectTimeout() | httpx.ConnectError() | httpx.PoolTimeout() | httpx.ProxyError():
            kind, what = Kind.CONNECT, f"cannot be reached: {mapped.message}"
        case httpx.TimeoutException():
            what = f"did not answer in time ({name})"
        case httpx.UnsupportedProtocol() | httpx.InvalidURL() | UnicodeError():
            kind, what = Kind.FINAL, f"has a URL that cannot be asked for ({name})"
        case _:
            what = f"broke the connection off ({name})"
    if mapped.is_permanent:
        kind, what = Kind.FINAL, f"cannot be reached: {mapped.message}"
    return Failure(kind, f"{url.netloc.decode('ascii', 'replace')} {what}")
