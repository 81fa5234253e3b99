"""What came of an attempt: a value, an error of ours, or another attempt. Values in, values out.

Responses are read leniently: nothing here runs the generated parsers, which are strict about fields that the facade
never looks at.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from contextlib import suppress
from datetime import UTC, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import httpx

from ._errors import APIConnectionError, APIResponseValidationError, APITimeoutError, status_error_class
from ._redact import one_line, redact_url, scrub, scrub_exception, scrub_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LONGEST_MESSAGE = 500
_LONGEST_BODY = 64 * 1024
_LONGEST_URL = 16_384
_REQUEST_ID_HEADERS = b"x-request-id request-id x-correlation-id x-cloud-trace-context x-amzn-requestid cf-ray".split()
# The vendor's ``error``, Django REST framework's ``detail``, RFC 9457's ``title``.
_MESSAGE_KEYS = ("error", "detail", "title", "message")
# Where a text stands inside `{"error": {...}}`, most telling first.
_TEXT_KEYS = ("message", "detail", "error", "msg", "description", "reason", "title", "error_description")
_CODE_KEYS = ("code", "error_code", "errorCode")
# Members of RFC 9457 and of frameworks that are no names of fields.
_NO_FIELDS = frozenset({"type", "status", "instance", *_CODE_KEYS})

BUDGET = 30.0
"""Seconds that one call may spend on waiting and trying again, counted from its start."""

_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_BROKEN = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError, httpx.ProxyError)
# The last two from proxies that speak SOCKS; 401 from those that take themselves for a server.
_PROXY_WANTS_PASSWORD = ("407", "401", "Invalid username", "Requested NO AUTHENTICATION")
# Refusals of a proxy that another try does not change: every 3xx (a login page), every 4xx but those that say "later"
# (408, 425, 429), 501 and 511. Those of SOCKS are in httpcore's words.
_FINAL_PROXY = re.compile(
    "3..|4(?!08|25|29)..|501|511|Invalid username|Requested|Proxy Server could not connect: Connection not allowed"
)

Cause = TypeVar("Cause", bound=BaseException)


def require_success(response: httpx.Response, now: float) -> httpx.Response:
    """Return ``response`` if it is 2xx."""
    if response.is_success:
        return response
    status = response.status_code
    try:
        body = scrub_json(json.loads(response.content))
        told = next(filter(None, (one_line(text, limit=_LONGEST_MESSAGE) for text in _messages(body))), "")
    except (ValueError, RecursionError):
        # Not `response.text`: its charset is the server's to choose, and some of Python's codecs are no text codecs.
        body, told = scrub(response.content.decode("utf-8", "replace")) or None, ""
    message = told or httpx.codes.get_reason_phrase(status) or f"HTTP status {status}"
    location = response.headers.get("location")
    if location and 300 <= status <= 399:
        message += f": redirected to {redact_url(location)[:200]}, which is not followed; check the base URL"
    raise status_error_class(status)(
        message,
        status_code=status,
        code=_code(body),
        body=body,
        headers=_scrubbed(response.headers),
        request_id=request_id(response),
        retry_after=retry_after(response.headers, now),
        **_request_fields(response.request.method, str(response.request.url)),
    )


def _request_fields(method: str, url: str) -> dict[str, Any]:
    return {"request_method": method, "request_url": redact_url(url)}


def _scrubbed(headers: httpx.Headers) -> httpx.Headers:
    encoding = headers.encoding  # httpx itself takes nothing but ASCII text
    pairs = [(scrub(name).encode(encoding), scrub(value).encode(encoding)) for name, value in headers.multi_items()]
    return httpx.Headers(pairs, encoding)


def request_id(response: httpx.Response) -> str | None:
    """Return the id that the server gave the request, from the first header known to carry one."""
    fields = {name.lower(): value for name, value in response.headers.raw}
    for name in _REQUEST_ID_HEADERS:
        if value := fields.get(name):
            return one_line(scrub(value.decode("latin-1")), limit=200) or None
    return None


def _messages(body: Any) -> Iterator[str]:
    """Yield the texts of an error's JSON body, the most telling first: a known member's, then those about fields."""
    yield from _texts(body, _MESSAGE_KEYS)
    yield "; ".join(_field_errors(body))


def _field_errors(body: Any, *around: str) -> Iterator[str]:
    """Yield the texts about fields, each behind the name of its field, and of those ``around`` it."""
    for name, told in body.items() if isinstance(body, dict) and len(around) < 5 else ():
        names = around if name == "non_field_errors" else (*around, name)
        if text := " ".join(_texts(told)) if name not in _NO_FIELDS else "":
            yield f"{'.'.join(names)}: {text}".removeprefix(": ")
        else:
            yield from _field_errors(told, *names)


def _texts(value: Any, keys: Sequence[str] = _TEXT_KEYS, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < 5 and isinstance(value, dict | list):
        for member in map(value.get, keys) if isinstance(value, dict) else value[:3]:
            yield from _texts(member, depth=depth + 1)


def _code(body: Any) -> str | None:
    holders: list[Any] = [body.get("error"), body] if isinstance(body, dict) else []
    values = (holder.get(key) for holder in holders if isinstance(holder, dict) for key in _CODE_KEYS)
    codes = (one_line(str(value), limit=100) for value in values if type(value) in (str, int) and value != "")
    return next(codes, None)


def video_url(response: httpx.Response, paths: Sequence[Sequence[str]]) -> str | None:
    """Return the video's URL in a 2xx response, or None where the response says that there is none yet.

    "None yet" is a JSON object in which the field is null, empty or missing, or a 202 or 204 without a body.
    """
    if not paths:
        raise invalid(response, "the vendored spec does not say where the video's URL is")
    if not response.content.strip():
        if response.status_code in (202, 204):
            return None
        raise invalid(response, f"the response has status {response.status_code} but an empty body")
    try:
        body: Any = json.loads(response.content)
    except (ValueError, RecursionError) as fault:  # UnicodeDecodeError, too-long integers, bad JSON are all ValueErrors
        scrub_exception(fault, fault.__context__)
        kind = one_line(scrub(response.headers.get("content-type", "no content type")), limit=80)
        raise invalid(
            response, f"the response is not JSON ({kind}); a proxy or login page may have responded instead of the API"
        ) from None
    if not isinstance(body, dict):
        kind = _json_kind(body)
        raise invalid(response, f"the response is a JSON {kind} where an object with the video's URL was expected")
    for path in paths:
        found: Any = body
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        if found not in (None, ""):
            return _checked_url(response, found)
    if error := body.get("error"):
        told = one_line(scrub(" ".join(_texts(error))[:_LONGEST_BODY]), limit=_LONGEST_MESSAGE) or "error"
        raise invalid(response, f"the response has status {response.status_code} but says: {told}")
    return None


def _checked_url(response: httpx.Response, value: object) -> str:
    """Return a video's URL if it can be used."""
    fault = "is not an absolute http(s) URL"
    if not isinstance(value, str):
        raise invalid(response, f"the video's URL is a JSON {_json_kind(value)}, not a string")
    if len(value) > _LONGEST_URL or not value.isprintable() or " " in value or "\\" in value:
        fault = "is too long or has spaces, control characters or backslashes in it"
    else:
        with suppress(ValueError):
            parts = urlsplit(value)
            if parts.scheme.lower() in ("http", "https") and parts.hostname and parts.port != 0:
                if "@" not in parts.netloc:
                    return value
                fault = "has user info in it"
    raise invalid(response, f"the video's URL {fault}")


def _json_kind(value: object) -> str:
    kinds: dict[Any, str] = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")


def invalid(response: httpx.Response, why: str, body: str | None = None) -> APIResponseValidationError:
    """Return the exception for a 2xx response that cannot be used."""
    asked = _request_fields(response.request.method, str(response.request.url))
    return APIResponseValidationError(
        why, status_code=response.status_code, request_id=request_id(response), body=body, **asked
    )


def misfit(response: httpx.Response, error: Exception) -> APIResponseValidationError:
    """Return the exception for a 2xx response that a generated parser ended on with ``error``."""
    scrub_exception(error, error.__context__)
    why = f"it lacks {error.args[0]!r}" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
    why = one_line(scrub(why[:_LONGEST_BODY]), limit=200)
    body = scrub(response.content[:_LONGEST_BODY].decode("utf-8", "replace"))
    return invalid(response, f"the response does not fit the vendored spec: {why}", body)


def map_exception(error: Exception, request: httpx.Request) -> APIConnectionError | APIResponseValidationError:
    """Return the exception of ours that ``error``, out of httpx or a transport, stands for; its text has the reason."""
    if isinstance(error, httpx.DecodingError):
        return APIResponseValidationError(_text_of(error), **_request_fields(request.method, str(request.url)))
    return connection_error(error, request.method, str(request.url))


def connection_error(error: Exception, method: str, url: str, source: str = "the base URL") -> APIConnectionError:
    """Return the exception for a request that got no usable response: what happened, and what to do.

    ``source`` is what names the server.
    """
    asked, said = _request_fields(method, url), _text_of(error)
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return APITimeoutError(f"no complete response within the timeout ({said or 'nothing came'})", **asked)
    return APIConnectionError(_reason(error, said, source), is_permanent=is_permanent(error), **asked)


def _reason(error: Exception, said: str, source: str) -> str:
    tls = cause_of(error, ssl.SSLError)
    code, why = getattr(tls, "reason", None) or "", getattr(tls, "verify_message", "")
    said = said or _text_of(tls) or type(error).__name__
    is_proxy = isinstance(error, httpx.ProxyError)
    server, setting = ("proxy", "HTTPS_PROXY or proxy=") if is_proxy else ("server", source)
    if type(error) is httpx.RequestError:  # of the credential: nothing was sent
        return said
    if "mismatch" in why.lower() or "not valid for" in why:
        return f"the {server}'s certificate is for another host ({why}): check {setting}"
    if why:
        remedy = "where a proxy or firewall inspects TLS, set SSL_CERT_FILE or verify= to its certificate"
        remedy = "check this machine's clock, or have it renewed" if "expired" in why else remedy
        return f"the {server}'s certificate is not trusted ({why}): {remedy}"
    if code in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        reason = f"the {server} does not speak TLS on this port: check scheme and port of {setting}"
    elif code.endswith("CERTIFICATE_REQUIRED"):
        reason = f"the {server} wants a client certificate: in Python, give verify= an ssl.SSLContext that has one"
    elif code.endswith("HANDSHAKE_FAILURE"):  # TLS 1.2 has no other word for it
        remedy = "if it wants a client certificate: in Python, give verify= an ssl.SSLContext that has one"
        reason = f"the {server} refuses the handshake ({said}); {remedy}"
    elif is_proxy and said.startswith(_PROXY_WANTS_PASSWORD):
        reason = f"the proxy wants a user and password ({said}): put them into its URL, http://user:password@host:port"
    elif is_proxy:
        what = said if said.startswith("cannot be reached") else f"did not let the request through ({said})"
        reason = f"the proxy {what}: check {setting}"
    elif cause_of(error, socket.gaierror):
        reason = f"the host name cannot be resolved ({said}): check {source} and the network"
    else:
        reason = f"no usable response ({said})"
    return reason


def _text_of(error: BaseException | None) -> str:
    """Return the text of ``error`` in a line, none where a transport's own exception cannot say what it is."""
    try:
        return one_line(scrub(str(error or "")), limit=300)
    except Exception:
        return ""


def is_retryable(method: str, outcome: httpx.Response | Exception) -> bool:
    """Return whether an attempt that ended in ``outcome`` may be made again.

    A safe method may after every passing failure (connection failures, 408, 429, 5xx); any other only where the request
    was surely not processed: it never left (no connection), or the server turned it away (429, 503).
    """
    safe = method in ("GET", "HEAD", "OPTIONS")  # RFC 9110, section 9.2.1: sent twice, they ask for nothing twice
    if isinstance(outcome, httpx.Response):
        status = outcome.status_code
        return status in (429, 503) or (safe and (status == 408 or 500 <= status <= 599))
    return isinstance(outcome, _BROKEN if safe else _UNSENT) and not is_permanent(outcome)


def is_permanent(error: BaseException) -> bool:
    """Return whether the same request would fail again: a refused certificate, no TLS, a proxy that says no."""
    cause = cause_of(error, ssl.SSLError)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return True
    reason: str = getattr(cause, "reason", None) or ""  # that of truststore has none
    if isinstance(error, httpx.ProxyError) and cause is None:
        return _FINAL_PROXY.match(str(error)) is not None
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):  # its end in the middle may be a passing fault
        return reason not in ("", "UNEXPECTED_EOF_WHILE_READING")
    return "ALERT" in reason  # TLS 1.3 tells of a missing client certificate only after the handshake


def cause_of(error: BaseException | None, kind: type[Cause]) -> Cause | None:
    """Return the exception of a ``kind`` that led to ``error``, or None."""
    for _ in range(8):
        if error is None or isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None


def next_wait(
    *, attempt: int, max_retries: int, elapsed: float, retry_after: float | None, draw: float
) -> float | None:
    """Return the seconds to wait before the next attempt, or None when there is to be none.

    The vendor's advice is three to five tries at about 1, 2 and 4 seconds; the wait here is drawn between zero and that
    ("full jitter"), so that many clients that failed together do not come back together.

    Args:
        attempt: How many attempts have failed, 1 and up.
        max_retries: How many may follow the first.
        elapsed: Seconds since the call began.
        retry_after: What the server asked for, in seconds. A wish that does not fit into the budget ends the trying.
        draw: A random number from 0 to 1.
    """
    if attempt > max_retries:
        return None
    wait = draw * min(8.0, 2.0 ** (attempt - 1)) if retry_after is None else retry_after
    return wait if elapsed + wait < BUDGET else None


def retry_after(headers: httpx.Headers, now: float) -> float | None:
    """Return the seconds that ``Retry-After`` asks to wait, or None when it says nothing usable.

    Whole seconds or an HTTP date (RFC 9110, section 10.2.3). A date is measured against the response's own ``Date``,
    so that a clock that is off on either side does no harm; against ``now``, in seconds since 1970, where it has none.
    """
    value = next(iter(headers.get_list("retry-after")), "").strip()  # of several the first one
    if not value or len(value) > 64:
        return None
    if value.isascii() and value.replace(".", "", 1).isdigit():
        return float(value)
    moment, sent = _timestamp(value), _timestamp(headers.get("date", ""))
    return None if moment is None else max(0.0, moment - (now if sent is None else sent))


def _timestamp(text: str) -> float | None:
    if ":" not in text or not any(char.isalpha() for char in text):  # dateutil takes "30s" for a moment, too
        return None
    from dateutil import parser  # here, because few responses have a date that matters

    try:
        # Told so, dateutil does not warn of a zone that it does not know.
        moment = parser.parse(
            text, tzinfos=lambda _, offset: UTC if offset is None else timezone(timedelta(seconds=offset))
        )
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp()
    except (ValueError, ArithmeticError):  # the latter of numbers beyond all bounds
        return None
