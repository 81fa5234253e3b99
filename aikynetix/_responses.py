"""From a response to a value or an error of ours: lenient about everything the facade does not need.

Nothing here runs the generated parsers: they are strict about fields that the facade never looks at.
"""

from __future__ import annotations

import json
import socket
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import httpx

from ._auth import TokenError
from ._errors import (
    APIConnectionError,
    APIResponseValidationError,
    APITimeoutError,
    status_error_class,
)
from ._redact import one_line, redact_url, scrub, scrub_json
from ._retry import is_permanent, retry_after, tls_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MESSAGE_LIMIT = 500
_LONGEST_TOLD = 64 * 1024
_LONGEST_URL = 16_384
_REQUEST_ID_HEADERS = (
    b"x-request-id",
    b"request-id",
    b"x-correlation-id",
    b"x-cloud-trace-context",
    b"x-amzn-requestid",
    b"cf-ray",
)
# Where a text stands inside `{"error": {...}}`, most telling first.
_TEXT_KEYS = ("message", "detail", "error", "msg", "description", "reason", "title", "error_description")
_CODE_KEYS = ("code", "error_code", "errorCode")
# Members of RFC 9457 and of frameworks that are no names of fields.
_NO_FIELDS = frozenset({"type", "status", "instance", *_CODE_KEYS})


def require_success(response: httpx.Response, now: float) -> httpx.Response:
    """Return ``response`` if it is 2xx."""
    if response.is_success:
        return response
    status, body = response.status_code, _body_of(response)
    kind = status_error_class(status)
    raise kind(
        _message(body, status) + _redirect_note(response),
        status_code=status,
        code=_code(body),
        body=body,
        headers=_scrubbed(response.headers),
        request_id=request_id(response),
        retry_after=retry_after(response.headers, now),
        request_method=response.request.method,
        request_url=redact_url(str(response.request.url)),
    )


def _scrubbed(headers: httpx.Headers) -> httpx.Headers:
    encoding = headers.encoding  # httpx itself takes nothing but ASCII text
    pairs = [(scrub(name).encode(encoding), scrub(value).encode(encoding)) for name, value in headers.multi_items()]
    return httpx.Headers(pairs, encoding)


def request_id(response: httpx.Response) -> str | None:
    """Return the id that the server gave the request, from the first header known to carry one."""
    fields = {name.lower(): value for name, value in response.headers.raw}
    found = next((value for name in _REQUEST_ID_HEADERS if (value := fields.get(name))), None)
    return None if found is None else one_line(scrub(found.decode("latin-1")), limit=200) or None


def video_url(response: httpx.Response, paths: Sequence[Sequence[str]]) -> str | None:
    """Return the video's URL in a 2xx response, or None where the response says that there is none yet.

    "None yet" is a JSON object in which the field is null, empty or missing, or a 202 or 204 without a body; so it is
    for ``ensure`` to poll on and for `require_url` to refuse.
    """
    if not paths:
        raise invalid(response, "the vendored spec does not say where the video's URL is")
    if response.status_code in (202, 204) and not response.content.strip():
        return None
    value = parse_json(response)
    if not isinstance(value, dict):
        kind = _json_kind(value)
        raise invalid(response, f"the response is a JSON {kind} where an object with the video's URL was expected")
    body = cast("dict[str, object]", value)
    found = next((item for path in paths if (item := _at(body, path)) not in (None, "")), None)
    if found is not None:
        fault = _url_fault(found)
        if fault is not None:
            raise invalid(response, f"the video's URL {fault}")
        return cast("str", found)
    if body.get("error"):
        told = one_line(scrub(" ".join(_texts(body["error"]))[:_LONGEST_TOLD]), limit=MESSAGE_LIMIT) or "error"
        raise invalid(response, f"the response has status {response.status_code} but says: {told}")
    return None


def _at(value: object, path: Sequence[str]) -> object:
    for key in path:
        value = cast("dict[str, object]", value).get(key) if isinstance(value, dict) else None
    return value


def require_url(response: httpx.Response, paths: Sequence[Sequence[str]]) -> str:
    """Return the video's URL in a 2xx response; see `video_url`."""
    url = video_url(response, paths)
    if url is None:
        name = " or ".join(".".join(path) for path in paths)
        raise invalid(response, f"the response has status {response.status_code} but no {name} in it")
    return url


def parse_json(response: httpx.Response) -> object:
    """Return the body of a 2xx response as JSON."""
    if not response.content.strip():
        raise invalid(response, f"the response has status {response.status_code} but an empty body")
    try:
        parsed: object = json.loads(response.content)
    except (ValueError, RecursionError):  # UnicodeDecodeError, too-long integers and bad JSON are all ValueErrors
        kind = one_line(scrub(response.headers.get("content-type", "no content type")), limit=80)
        raise invalid(
            response, f"the response is not JSON ({kind}); a proxy or login page may have answered instead of the API"
        ) from None
    return parsed


def invalid(response: httpx.Response, why: str) -> APIResponseValidationError:
    """Return the exception for a 2xx response that cannot be used."""
    return APIResponseValidationError(
        why,
        status_code=response.status_code,
        request_id=request_id(response),
        request_method=response.request.method,
        request_url=redact_url(str(response.request.url)),
    )


def misfit(error: Exception) -> str:
    """Return what a generated parser missed in a response, in a few words."""
    if isinstance(error, KeyError):
        return f"it lacks {error.args[0]!r}"
    return one_line(scrub(f"{type(error).__name__}: {error}"), limit=200)


def body_text(content: bytes) -> str:
    """Return the beginning of a body, for an error."""
    return scrub(content[:_LONGEST_TOLD].decode("utf-8", "replace"))


def map_exception(error: Exception, request: httpx.Request) -> APIConnectionError | APIResponseValidationError:
    """Return the exception of ours that ``error``, out of httpx or a transport, stands for; its text has the reason."""
    if isinstance(error, httpx.DecodingError):
        return APIResponseValidationError(
            one_line(scrub(str(error)), limit=300),
            request_method=request.method,
            request_url=redact_url(str(request.url)),
        )
    return connection_error(error, request.method, str(request.url))


def connection_error(error: Exception, method: str, url: str) -> APIConnectionError:
    """Return the exception for a request that got no usable response: what happened, and what to do."""
    asked: dict[str, Any] = {"request_method": method, "request_url": redact_url(url)}
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        said = one_line(scrub(_text_of(error)), limit=300) or "nothing came"
        return APITimeoutError(f"no complete response within the timeout ({said})", **asked)
    return APIConnectionError(_reason(error), is_permanent=is_permanent(error), **asked)


def _reason(error: Exception) -> str:
    tls = tls_error(error)
    said = one_line(scrub(_text_of(error) or str(tls or "")), limit=300) or type(error).__name__
    if isinstance(error, TokenError):
        return said
    if isinstance(error, httpx.ProxyError):
        return _proxy_reason(said)
    if tls is not None and (reason := _tls_reason(tls)) is not None:
        return reason
    if _has_cause(error, socket.gaierror):
        return f"the host name cannot be resolved ({said}): check the base URL and the network"
    return f"no usable response ({said})"


def _proxy_reason(said: str) -> str:
    if said.startswith(("407", "401", "Invalid username")):  # the latter from proxies that take themselves for a server
        return f"the proxy wants a user and password ({said}): put them into its URL, http://user:password@host:port"
    if said.startswith("cannot be reached"):
        return f"the proxy {said}: check proxy= or HTTPS_PROXY"
    return f"the proxy did not let the request through ({said}): check proxy= or HTTPS_PROXY"


def _tls_reason(error: ssl.SSLError) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message
        if "mismatch" in why.lower() or "not valid for" in why:
            return f"the server's certificate is for another host ({why}): check the base URL"
        return (
            f"the server's certificate is not trusted ({why}): where a proxy or firewall inspects TLS, "
            "set SSL_CERT_FILE or verify= to its certificate"
        )
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return "the server does not speak TLS on this port: check scheme and port of the base URL"
    if "CERTIFICATE_REQUIRED" in (error.reason or ""):
        return "the server wants a client certificate: give verify= an ssl.SSLContext that has one"
    return None


def _has_cause(error: BaseException | None, kind: type[BaseException]) -> bool:
    for _ in range(8):
        if error is None:
            return False
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False


def _text_of(error: Exception) -> str:
    """Return the text of ``error``, none where a transport's own exception cannot say what it is."""
    try:
        return str(error)
    except Exception:
        return ""


def _body_of(response: httpx.Response) -> object:
    content = response.content
    if not content:
        return None
    try:
        return scrub_json(json.loads(content))
    except (ValueError, RecursionError):
        # Not `response.text`: its charset is the server's to choose, and some of Python's codecs are no text codecs.
        return scrub(content.decode("utf-8", "replace"))


def _message(body: object, status: int) -> str:
    for text in _candidates(body):
        line = one_line(text, limit=MESSAGE_LIMIT)
        if line:
            return line
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP status {status}"


def _candidates(body: object) -> Iterator[str]:
    """The vendor's ``error``, Django REST framework's ``detail``, RFC 9457's ``title``, then fields' errors."""
    if isinstance(body, dict):
        fields = cast("dict[str, object]", body)
        for key in ("error", "detail", "title", "message"):
            yield from _texts(fields.get(key))
        found = [(name, list(_texts(value))) for name, value in fields.items() if name not in _NO_FIELDS]
        texts = [
            " ".join(told) if name == "non_field_errors" else f"{name}: {' '.join(told)}"
            for name, told in found
            if told
        ]
        yield "; ".join(texts)
    elif isinstance(body, list):
        yield from _texts(cast("list[object]", body))


def _texts(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < 4:
        if isinstance(value, dict):
            for key in _TEXT_KEYS:
                yield from _texts(cast("dict[str, object]", value).get(key), depth + 1)
        elif isinstance(value, list):
            for item in cast("list[object]", value)[:3]:
                yield from _texts(item, depth + 1)


def _code(body: object) -> str | None:
    if not isinstance(body, dict):
        return None
    outer = cast("dict[str, object]", body)
    for holder in (outer.get("error"), outer):
        if isinstance(holder, dict):
            for key in _CODE_KEYS:
                value = cast("dict[str, object]", holder).get(key)
                if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
                    return one_line(str(value), limit=100)
    return None


def _redirect_note(response: httpx.Response) -> str:
    location = response.headers.get("location")
    if not 300 <= response.status_code <= 399 or not location:
        return ""
    return f": redirected to {redact_url(location)[:200]}, which is not followed; check the base URL"


def _url_fault(value: object) -> str | None:
    """Return what is wrong with a video's URL; None where it can be used."""
    if not isinstance(value, str):
        return f"is a JSON {_json_kind(value)}, not a string"
    if len(value) > _LONGEST_URL or not value.isprintable() or " " in value or "\\" in value:
        return "is too long or has spaces, control characters or backslashes in it"
    try:
        parts = urlsplit(value)
        if parts.scheme.lower() in ("http", "https") and parts.hostname and parts.port != 0:
            return "has user info in it" if "@" in parts.netloc else None
    except ValueError:
        pass
    return "is not an absolute http(s) URL"


def _json_kind(value: object) -> str:
    kinds: dict[Any, str] = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")
