"""The exceptions of the package.

All of them pickle, so that they cross process boundaries. The foreign exception that led to one of them is its
``__cause__``; a cause does not pickle, because it may hold the request and with it the credential.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 -- the same
from pathlib import Path  # noqa: TC003 -- tools resolve the annotations at run time
from types import MappingProxyType


class AikynetixError(Exception):
    """Base of every exception that this package raises on purpose, bad arguments (``ValueError``) apart.

    Args:
        message: What happened, and what to do.
        **attributes: The attributes that the class documents; the others keep their defaults.
    """

    def __init__(self, message: str, **attributes: object) -> None:
        super().__init__(message)
        self.__dict__.update(attributes)


class ConfigurationError(AikynetixError):
    """A setting is wrong or missing; the text names the setting and the environment variable that also sets it.

    Attributes:
        setting: The argument that the error is about, such as ``"base_url"``; None where it is no single one. A text
            that begins with ``base_url=`` reads as well with another name in its place, such as ``--base-url``.
    """

    setting: str | None = None


class InvalidArgumentError(AikynetixError, ValueError):
    """A session id that no request can carry, such as an empty one; nothing was sent."""


class APIError(AikynetixError):
    """A request to the API that did not end in a usable response.

    Attributes:
        message: One line of plain text.
        request_method: ``"GET"``, ``"POST"``, ...
        request_url: The URL asked for, without its query.
    """

    request_method: str = ""
    request_url: str = ""

    @property
    def message(self) -> str:
        return str(self.args[0])

    def __str__(self) -> str:
        asked = f" [{self.request_method} {self.request_url}]" if self.request_method else ""
        return f"{self.message}{asked}"


class APIConnectionError(APIError):
    """No usable response came: the name did not resolve, the connection broke, a proxy or a certificate was in the way.

    Attributes:
        is_permanent: Whether the same request would fail again: a certificate that is not trusted, a server that does
            not speak the protocol, a proxy that says no. Such a request is not retried.
    """

    is_permanent: bool = False


class APITimeoutError(APIConnectionError):
    """No complete response came within the timeout."""


class APIStatusError(APIError):
    """The API responded with a status outside 200 to 299.

    Attributes:
        status_code: The HTTP status, 100 to 999.
        message: The API's own words, one line of at most 500 characters; else the status phrase.
        code: The API's machine-readable error code where it sends one.
        body: The parsed JSON, or the text, of at most 64 KiB of body; None when there was none.
        headers: The response's headers, case-insensitive.
        request_id: The id that the server gave this request, for a support ticket.
        retry_after: Seconds that the server asked to wait, from ``Retry-After`` (RFC 9110, section 10.2.3).
    """

    status_code: int = 0
    code: str | None = None
    body: object = None
    headers: Mapping[str, str] = MappingProxyType({})
    request_id: str | None = None
    retry_after: float | None = None

    def __str__(self) -> str:
        traced = f" (request id {self.request_id})" if self.request_id else ""
        return f"{self.status_code}: {super().__str__()}{traced}"


class BadRequestError(APIStatusError):
    """400: the parameters are invalid, or the session was analyzed already."""


class AuthenticationError(APIStatusError):
    """401: the credential is missing or invalid; ``aikynetix doctor`` tells which form of it the server accepts."""

    def __str__(self) -> str:
        return f"{super().__str__()}; `aikynetix doctor` shows which credential the server accepts"


class PermissionDeniedError(APIStatusError):
    """403: the user lacks the right or the plan."""


class NotFoundError(APIStatusError):
    """404: no such session, or no data or video for it yet."""


class ConflictError(APIStatusError):
    """409: the request does not fit the state the session is in."""


class UnprocessableEntityError(APIStatusError):
    """422: well-formed, but refused for its content."""


class RateLimitError(APIStatusError):
    """429: too many requests; `APIStatusError.retry_after` says how long to wait where the server does."""


class InternalServerError(APIStatusError):
    """Any 5xx, registered with IANA or not (520 too)."""


class APIResponseValidationError(APIError):
    """A 2xx response that cannot be used: not JSON, no URL in it, a URL that is not http(s), or too large.

    Attributes:
        status_code: The HTTP status, 200 to 299; None when the response was never complete.
        request_id: The id that the server gave this request, for a support ticket.
        body: The first 64 KiB of the response's body as text where it was read and its fields did not fit; else None.
    """

    status_code: int | None = None
    request_id: str | None = None
    body: str | None = None


class VideoNotReadyError(AikynetixError):
    """The video was not there when the wait ran out.

    Attributes:
        session_id: The session asked for.
        waited: Seconds spent waiting.
    """

    session_id: str = ""
    waited: float = 0.0


class DownloadError(AikynetixError):
    """A video could not be downloaded; nothing half-written stands under the final name.

    Attributes:
        session_id: The session whose video was asked for.
        path: Where the file was to go; a ``Path``, or the URL of an fsspec destination.
        reason: What stands in the way, for code: ``"exists"`` (a file of that name), ``"locked"`` (another download of
            it is under way), ``"no_space"``, ``"place"`` (the destination), ``"storage"`` (the storage host),
            ``"cancelled"``; None for anything else.
    """

    session_id: str = ""
    path: Path | str | None = None
    reason: str | None = None


class SignedUrlExpiredError(DownloadError):
    """The storage refused the signature, and a fresh one did not help."""


class IntegrityError(DownloadError):
    """Size, checksum or container is not what was announced."""


class DownloadInterruptedError(DownloadError):
    """Given up after retries, or cancelled; what has arrived is kept, and a later call resumes."""


def status_error_class(status_code: int) -> type[APIStatusError]:
    """Return the exception class for a status that is not 2xx; one without its own gives `APIStatusError`."""
    if 500 <= status_code <= 599:
        return InternalServerError
    return {
        400: BadRequestError,
        401: AuthenticationError,
        403: PermissionDeniedError,
        404: NotFoundError,
        409: ConflictError,
        422: UnprocessableEntityError,
        429: RateLimitError,
    }.get(status_code, APIStatusError)


def client_closed() -> AikynetixError:
    """Return the exception for the use of a client that has been closed."""
    return AikynetixError("this client has been closed; make a new one, or keep it open for as long as it is used.")


for _name, _value in list(globals().items()):
    if isinstance(_value, type) and issubclass(_value, AikynetixError):
        _value.__module__ = "aikynetix"  # where users import them from, and where pickles look for them
