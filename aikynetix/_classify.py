"""From an answer to a value or an error of ours: pure, and lenient about everything the facade does not need.

Nothing here runs the generated parsers: they are strict about fields that the facade never looks at.
"""

from __future__ import annotations

import base64
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from attrs import frozen

from ._body import ERROR_LIMIT
from ._errors import APIResponseValidationError, APIStatusError, status_error_class
from ._redact import one_line, redact_url, scrub, scrub_json, without_cut_secret
from ._retry import parse_retry_after

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MESSAGE_LIMIT = 500
PLAIN = "aikynetix.plain"
"""The request extension that holds the request's URL and headers as they were before authentication."""
SENT = "aikynetix.sent"
"""The request extension that lists what an authentication sent in place of the request, where it made requests anew."""

_HEAVIEST_JSON = 40 * 1024 * 1024
_LONGEST_URL = 16_384
_REQUEST_ID_HEADERS = (
    "x-request-id",
    "request-id",
    "x-correlation-id",
    "x-cloud-trace-context",
    "x-amzn-requestid",
    "cf-ray",
)
# Where a text stands inside `{"error": {...}}`, most telling first.
_TEXT_KEYS = ("message", "detail", "error", "msg", "description", "reason", "title", "error_description")
_CODE_KEYS = ("code", "error_code", "errorCode")


def status_error(response: httpx.Response, *, now: float, secrets: Sequence[str] = ()) -> APIStatusError:
    """Return the exception for an answer that is not 2xx.

    Args:
        response: The answer, its (bounded) body read.
        now: Seconds since 1970, to measure a ``Retry-After`` date against.
        secrets: What the request carried as credentials; no form of them gets into the exception.
    """
    status = response.status_code
    body = _body_of(response, secrets)
    return status_error_class(status)(
        _message(body, status, secrets) + _redirect_note(response, secrets),
        status_code=status,
        code=_code(body),
        body=body,
        headers=_clean_headers(response.headers, secrets),
        request_id=request_id(response, secrets),
        retry_after=parse_retry_after(response.headers.get("retry-after"), now),
        request_method=response.request.method,
        request_url=redact_url(scrub(str(response.request.url), secrets)),
    )


def request_id(response: httpx.Response, secrets: Sequence[str] | None = None) -> str | None:
    """Return the id that the server gave the request, from the first header known to carry one.

    Args:
        response: An answer.
        secrets: What must not be in it; None for what its request carried.
    """
    for name in _REQUEST_ID_HEADERS:
        value = response.headers.get(name)
        if value:
            return one_line(scrub(value, secrets_of(response) if secrets is None else secrets), limit=200) or None
    return None


def video_url(response: httpx.Response, *places: Sequence[str]) -> str | None:
    """Return the video's URL in a 2xx answer, or None where the answer says that there is none yet.

    "None yet" is a JSON object in which the field is null, empty or missing, or a 202 or 204 without a body; so it is
    for ``ensure`` to poll on and for `require_url` to refuse.

    Args:
        response: A 2xx answer, its body read.
        places: Where the URL may be, each the keys that lead there in the JSON object; the first that holds
            something counts.

    Raises:
        APIResponseValidationError: No place is known, the answer is not a JSON object, is an error in the guise of a
            success, or holds something in the field that is no absolute http(s) URL.
    """
    if not places:
        raise invalid(response, "the vendored spec does not say where the video's URL is")
    found = _located(response, places)
    if isinstance(found, _Unusable):
        raise invalid(response, found.why)
    return found


@frozen
class _Unusable:
    """Why an answer cannot be used: returned, so that no frame of the error holds what was in the answer."""

    why: str


_TOO_HEAVY = _Unusable("the answer is JSON of a size or a structure that no answer of the API has")


def _located(response: httpx.Response, places: Sequence[Sequence[str]]) -> str | _Unusable | None:
    if response.status_code in (202, 204) and not response.content.strip():
        return None
    value = _parsed(response)
    if isinstance(value, _Unusable):
        return value
    if not isinstance(value, dict):
        return _Unusable(f"the answer is a JSON {_json_kind(value)} where an object with the video's URL was expected")
    found = next((item for place in places if (item := _at(value, place)) not in (None, "")), None)
    if found is None:
        if value.get("error"):
            told = one_line(_beginning(value["error"], secrets_of(response)), limit=MESSAGE_LIMIT)
            return _Unusable(f"the answer has status {response.status_code} but says: {told or 'error'}")
        return None
    return _checked_url(found)


def _at(value: object, place: Sequence[str]) -> object:
    for key in place:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def require_url(response: httpx.Response, *places: Sequence[str]) -> str:
    """Return the video's URL in a 2xx answer.

    Raises:
        APIResponseValidationError: There is none, or none that can be used.
    """
    url = video_url(response, *places)
    if url is None:
        name = " or ".join(".".join(place) for place in places)
        raise invalid(response, f"the answer has status {response.status_code} but no {name} in it")
    return url


def parse_json(response: httpx.Response) -> object:
    """Return the body of a 2xx answer as JSON.

    Raises:
        APIResponseValidationError: It is empty or not JSON.
    """
    parsed = _parsed(response)
    if isinstance(parsed, _Unusable):
        raise invalid(response, parsed.why)
    return parsed


def _parsed(response: httpx.Response) -> object:
    content = response.content
    if not content.strip():
        return _Unusable(f"the answer has status {response.status_code} but an empty body")
    if parsed_weight(content) > _HEAVIEST_JSON:
        return _TOO_HEAVY
    try:
        parsed: object = json.loads(content)
    except (ValueError, RecursionError):  # UnicodeDecodeError, too-long integers and bad JSON are all ValueErrors
        kind = response.headers.get("content-type", "no content type")
        kind = one_line(scrub(kind, secrets_of(response)), limit=80)
        return _Unusable(f"the answer is not JSON ({kind}); a proxy or login page may have answered instead of the API")
    return parsed


def check_weight(response: httpx.Response) -> None:
    """Refuse a JSON body that would take far more memory parsed than it has bytes.

    Raises:
        APIResponseValidationError: It would take more than 40 MiB.
    """
    if parsed_weight(response.content) > _HEAVIEST_JSON:
        raise invalid(response, _TOO_HEAVY.why)


class Weighed:
    """An answer for a generated parser, which makes objects of its body only if that takes little memory.

    What the parser makes of it is its own to know: the content type is the server's to choose.
    """

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)

    def json(self) -> Any:
        """Return the body parsed.

        Raises:
            APIResponseValidationError: See `check_weight`.
        """
        check_weight(self._response)
        return self._response.json()

    @property
    def text(self) -> str:
        """The body decoded.

        Raises:
            APIResponseValidationError: See `check_weight`; a character may take four bytes.
        """
        content = self._response.content
        if not content.isascii() and 4 * len(content) > _HEAVIEST_JSON:
            raise invalid(self._response, "the answer is a text of a size that no answer of the API has")
        return self._response.text


def parsed_weight(content: bytes) -> int:
    """Return about how many bytes of memory it takes to parse ``content`` as JSON, at the most.

    An empty object takes 64 bytes for its two characters, one with a key 184; text with a single character beyond
    Latin-1 takes two or four bytes for each, once as a whole and once as a value.
    """
    if len(content) < 64 * 1024:
        return 0
    widest = 1 if content.isascii() and b"\\u" not in content else 4
    return 2 * widest * len(content) + 190 * (content.count(b"{") + content.count(b"[")) + 60 * content.count(b",")


def invalid(response: httpx.Response, why: str) -> APIResponseValidationError:
    """Return the exception for a 2xx answer that cannot be used."""
    secrets = secrets_of(response)
    return APIResponseValidationError(
        scrub(why, secrets),
        status_code=response.status_code,
        request_id=request_id(response, secrets),
        request_method=response.request.method,
        request_url=redact_url(scrub(str(response.request.url), secrets)),
    )


def secrets_of(response: httpx.Response) -> tuple[str, ...]:
    """Return the credentials that the request of ``response`` carried; none where the session did not send it."""
    plain = response.request.extensions.get(PLAIN)
    return () if plain is None else secrets_sent(response.request, plain.headers.raw, plain.url.query)


def secrets_sent(request: httpx.Request, before: Iterable[tuple[bytes, bytes]], query: bytes) -> tuple[str, ...]:
    """Return the credentials that ``request`` carries: what authentication added to it.

    It needs no knowledge of the credential's kind, so that it also holds for an `httpx.Auth` of the caller's own.

    Args:
        request: The request as sent, and with it what was sent in its place.
        before: Its raw headers before authentication.
        query: Its query before authentication.
    """
    known = set(before)
    found: set[str] = set()
    for sent in (request, *request.extensions.get(SENT, ())):
        for name, value in sent.headers.raw:
            if (name, value) not in known:
                text = value.decode("latin-1")
                scheme, _, credential = text.partition(" ")
                found.update((text, credential), _basic_parts(scheme, credential))
                found.update(part for part in text.replace("=", " ").split() if len(part) >= 8)
        if sent.url.query != query:
            found.update(_new_parts(sent.url.query, query))
    return tuple(found)


def _new_parts(query: bytes, before: bytes) -> Iterable[str]:
    old = set(before.split(b"&"))
    for pair in query.split(b"&"):
        if pair and pair not in old:
            yield httpx.QueryParams(pair.decode("ascii", "replace")).multi_items()[0][1]


def _body_of(response: httpx.Response, secrets: Sequence[str]) -> object:
    content = response.content
    if not content:
        return None
    try:
        return scrub_json(json.loads(content), secrets)
    except (ValueError, RecursionError):
        # Not `response.text`: its charset is the server's to choose, and some of Python's codecs are no text codecs.
        # Without the NULs that stand between the letters where it is UTF-16.
        text = scrub(content.replace(b"\0", b"").decode("utf-8", "replace"), secrets)
        return without_cut_secret(text, secrets) if len(content) >= ERROR_LIMIT else text


def _message(body: object, status: int, secrets: Sequence[str]) -> str:
    for text in _candidates(body):
        line = one_line(scrub(text, secrets), limit=MESSAGE_LIMIT)
        if line:
            return line
    return _phrase(status)


def _candidates(body: object) -> Iterable[str]:
    """The vendor's ``error``, then Django REST framework's ``detail``, then the ``title`` of RFC 9457."""
    if isinstance(body, dict):
        for key in ("error", "detail", "title", "message"):
            yield from _texts(body.get(key), depth=0)
    elif isinstance(body, list):
        yield from _texts(body, depth=0)


def _texts(value: object, depth: int) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif depth < 4:
        if isinstance(value, dict):
            for key in _TEXT_KEYS:
                yield from _texts(value.get(key), depth + 1)
        elif isinstance(value, list):
            for item in value[:3]:
                yield from _texts(item, depth + 1)


def _beginning(value: object, secrets: Sequence[str]) -> str:
    """Return the texts in ``value``, which may be megabytes in a success, as far as those of an error are read."""
    text = " ".join(_texts(value, depth=0))
    if len(text) <= ERROR_LIMIT:
        return scrub(text, secrets)
    return without_cut_secret(scrub(text[:ERROR_LIMIT], secrets), secrets)


def _code(body: object) -> str | None:
    if not isinstance(body, dict):
        return None
    inner = body.get("error")
    for holder in (inner, body):
        if isinstance(holder, dict):
            for key in _CODE_KEYS:
                value = holder.get(key)
                if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
                    return one_line(str(value), limit=100)
    return None


def _redirect_note(response: httpx.Response, secrets: Sequence[str]) -> str:
    location = response.headers.get("location")
    if not 300 <= response.status_code <= 399 or not location:
        return ""
    target = redact_url(scrub(location, secrets))[:200]
    return f": redirected to {target}, which is not followed; check the base URL"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP status {status}"


def _clean_headers(headers: httpx.Headers, secrets: Sequence[str]) -> httpx.Headers:
    def clean(part: bytes) -> bytes:
        return scrub(part.decode("latin-1"), secrets).encode("latin-1", "replace")

    return httpx.Headers([(clean(name), clean(value)) for name, value in headers.raw])


def _basic_parts(scheme: str, credential: str) -> Iterable[str]:
    """Return the user and the password of a Basic credential (RFC 7617), which a server may echo decoded."""
    if scheme.lower() != "basic":
        return ()
    try:
        return base64.b64decode(credential).decode("utf-8", "replace").split(":", 1)
    except ValueError:
        return ()


def _checked_url(value: object) -> str | _Unusable:
    if not isinstance(value, str):
        return _Unusable(f"the video's URL is a JSON {_json_kind(value)}, not a string")
    if len(value) > _LONGEST_URL or not value.isprintable() or " " in value or "\\" in value:
        return _Unusable("the video's URL is too long or has spaces, control characters or backslashes in it")
    try:
        parts = urlsplit(value)
        usable = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
        parts = urlsplit("")
    if not usable:
        return _Unusable("the video's URL is not an absolute http(s) URL")
    if "@" in parts.netloc:
        return _Unusable("the video's URL has user info in it")
    return value


def _json_kind(value: object) -> str:
    kinds: dict[Any, str] = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")
