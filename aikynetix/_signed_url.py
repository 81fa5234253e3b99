"""What stands in a signed URL: when it expires and what its file is called. Pure text work, no request."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, unquote_plus, unquote_to_bytes, urlsplit

_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')
# Names that Windows gives to devices, with any extension: writing to them writes to the device.
_DEVICES = re.compile(r"^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?$", re.IGNORECASE)
# RFC 6266, section 4.1: any number of parameters, with white space wherever a sender likes it.
_PARAMETER = re.compile(r"""; *([^\s;="]+) *= *("(?:[^"\\]|\\.)*"|[^;]*)""")
_DISPOSITION = "response-content-disposition"
_TELLING = frozenset({"x-goog-date", "x-goog-expires", "x-amz-date", "x-amz-expires", "expires", _DISPOSITION})
_LONGEST_NAME = 200
_LONGEST_EXTENSION = 8


def expires_at(url: str) -> datetime | None:
    """Return when ``url`` stops working, as an aware UTC datetime, or None when it does not say.

    V4 signatures carry a start and a life time in seconds (``X-Goog-Date``, ``X-Goog-Expires``; ``X-Amz-...`` where the
    bucket is reached by its S3 name), V2 signatures the end as seconds since 1970 (``Expires``). Source: Cloud Storage
    documentation, "Signed URLs" and "V2 signing process".
    """
    try:
        query = _told(urlsplit(url).query)
    except ValueError:
        return None
    for prefix in ("x-goog-", "x-amz-"):
        start, life = query.get(prefix + "date"), query.get(prefix + "expires")
        if start and life:
            return _v4_end(start, life)
    return _v2_end(query["expires"]) if "expires" in query else None


def _told(query: str) -> dict[str, str]:
    """Return the parameters that tell something, by their names in lower case; the signature is most of the rest."""
    found = {}
    for parameter in query.split("&"):
        raw_name, _, value = parameter.partition("=")
        name = unquote(raw_name).lower()
        if value and name in _TELLING:
            found[name] = unquote_plus(value)
    return found


def _v4_end(start: str, life: str) -> datetime | None:
    from dateutil.parser import isoparse  # here, because not every lookup looks at a date

    try:
        begin = isoparse(start)
        seconds = int(life)
        if begin.tzinfo is None:
            begin = begin.replace(tzinfo=UTC)
        return (begin + timedelta(seconds=seconds)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _v2_end(end: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(end), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def object_name(url: str) -> str:
    """Return a safe file name for what ``url`` points to.

    The name comes from the ``response-content-disposition`` parameter that a download URL carries, else from the last
    part of the path, else it is ``video.mp4``.
    """
    try:
        parts = urlsplit(url)
        query = _told(parts.query)
    except ValueError:
        return "video.mp4"
    asked = disposition_name(query.get(_DISPOSITION, ""))
    return asked or safe_name(unquote(parts.path.rsplit("/", 1)[-1])) or "video.mp4"


def disposition_name(header: str) -> str | None:
    """Return the safe file name in a ``Content-Disposition`` value, or None when there is none.

    ``filename*`` comes before ``filename`` (RFC 6266, section 4.3), in whatever charset it names (RFC 5987, section
    3.2); where that is not known, ``filename`` counts.
    """
    found: dict[str, str] = {}
    for name, value in _PARAMETER.findall(re.sub(r"\s+", " ", f";{header}")):
        found.setdefault(name.lower(), value.strip())
    names = (_extended(found.get("filename*", "")), _unquoted(found.get("filename", "")))
    return next((safe for name in names if (safe := safe_name(re.split(r"[/\\]", name)[-1]))), None)


def _extended(value: str) -> str:
    charset, _, rest = _unquoted(value).partition("'")
    try:
        return unquote_to_bytes(rest.partition("'")[2].strip()).decode(charset.strip())
    except (LookupError, ValueError):
        return ""


def _unquoted(value: str) -> str:
    if len(value) > 1 and value.startswith('"') and value.endswith('"'):
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value.strip('" ')


def safe_name(text: str) -> str:
    """Return ``text`` as a file name that names a file in its own folder on every system; empty if nothing is left.

    Args:
        text: Anything, such as a session id or the last part of a URL's path.

    Returns:
        At most 200 bytes of UTF-8 without separators, control characters, leading or trailing dots and spaces.
    """
    visible = text if text.isprintable() else "".join(char if char.isprintable() else "_" for char in text)
    name = _UNSAFE.sub("_", visible).strip(" .")
    if _DEVICES.match(name):
        name = f"_{name}"
    if len(name.encode()) > _LONGEST_NAME:
        _, dot, extension = name.rpartition(".")
        tail = f".{extension}" if dot and len(extension.encode()) <= _LONGEST_EXTENSION else ""
        room = _LONGEST_NAME - len(tail.encode())
        name = name.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + tail
    return name
