"""What the facade returns.

Annotations are not postponed here: tools that read the types of a class at run time look for the names in the module
that the class says it is from, and that is the package.
"""

import os
import re
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import collapse_rfc2231_value
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
from attrs import field, frozen

from . import _responses
from ._errors import APIResponseValidationError, DownloadError, VideoNotReadyError
from ._operations import RequestSpec, parsed
from ._redact import redact_url

_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')
# Names that Windows gives to devices, with any extension: writing to them writes to the device.
_DEVICES = re.compile(r"^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?$", re.IGNORECASE)
_LONGEST_NAME = 200
_LONGEST_EXTENSION = 8
_LONGEST_DISPOSITION = 4_096  # the standard library's parser takes its time over semicolons in quotes


@frozen
class AnalyzedVideo:
    """Where the analyzed video of a session is.

    Attributes:
        session_id: The session.
        url: The signed URL of the mp4. Whoever has it can fetch the video until it expires, so treat it as a secret;
            the repr shows it without its signature.
        request_id: The id that the server gave the request, for a support ticket.
    """

    __module__ = "aikynetix"

    session_id: str
    url: str = field(repr=redact_url)
    request_id: str | None = None
    # Operation, status and body of the response, for `raw`. Its request would keep the credential alive.
    _response: tuple[str, int, bytes] | None = field(default=None, repr=False, eq=False, alias="_response")

    def __attrs_post_init__(self) -> None:
        for name, value in (("session_id", self.session_id), ("url", self.url)):
            if not isinstance(value, str):  # the text does not show it: as bytes it may well be a signed URL
                raise TypeError(f"{name} must be a str, not {type(value).__name__}")

    @property
    def expires_at(self) -> datetime | None:
        """When the URL stops working, in UTC; None when the URL does not say.

        V4 signatures carry a start and a life time in seconds (``X-Goog-Date``, ``X-Goog-Expires``; ``X-Amz-...`` where
        the bucket is reached by its S3 name), V2 signatures the end as seconds since 1970 (``Expires``). Source: Cloud
        Storage documentation, "Signed URLs" and "V2 signing process".
        """
        _, query = _split(self.url)
        try:
            for prefix in ("x-goog-", "x-amz-"):
                start, life = query.get(prefix + "date"), query.get(prefix + "expires")
                if start and life:
                    from dateutil.parser import isoparse  # here, because not every lookup looks at a date

                    return _utc(isoparse(start)) + timedelta(seconds=int(life))
            return datetime.fromtimestamp(int(query["expires"]), UTC)
        except (KeyError, ValueError, OverflowError, OSError):
            return None

    def is_expired(self, now: datetime | None = None) -> bool:
        """Return whether the URL has stopped working; False when it does not say when it will.

        Args:
            now: The moment to judge by; an aware datetime, or a naive one in UTC. Default: the present.

        Raises:
            TypeError: ``now`` is no datetime.
        """
        if not isinstance(now, datetime | None):
            raise TypeError(f"now must be a datetime or None, not {type(now).__name__}")
        end = self.expires_at
        return end is not None and end <= (datetime.now(UTC) if now is None else _utc(now))

    @property
    def filename(self) -> str:
        """A safe name for the file, from the URL; ``video.mp4`` when it has none."""
        path, query = _split(self.url)
        asked = disposition_name(query.get("response-content-disposition", ""))
        return asked or safe_name(unquote(path.rpartition("/")[2])) or "video.mp4"

    @property
    def raw(self) -> Any:
        """The response as the generated model, with every field that the vendor sends; None if made by hand.

        Raises:
            APIResponseValidationError: The response does not fit the vendored spec; the generated parser is strict.
        """
        if self._response is None:
            return None
        operation, status, content = self._response
        try:
            return parsed(operation, httpx.Response(status, content=content, request=httpx.Request("", "")))
        except APIResponseValidationError as error:
            error.request_id = self.request_id
            raise

    def _repr_html_(self) -> str:
        """Show a player in a notebook."""
        import html  # here, because its table of entities costs more to load than the rest of this module

        source = html.escape(self.url, quote=True)
        title = html.escape(self.session_id, quote=True)
        return f'<video controls preload="metadata" width="480" src="{source}" title="{title}"></video>'


@frozen
class DownloadedVideo:
    """A video on disk, complete and verified.

    Attributes:
        session_id: The session.
        path: Where the file is: a ``Path`` in a local destination, a ``str`` that is a URL in an fsspec one.
        size: Bytes.
        resumed_from: Bytes that an earlier call had already fetched; 0 when there was none.
        verified: The best that was there to check it by: ``"crc32c"``, ``"md5"`` or ``"crc32c+md5"``, which the storage
            announced; ``"size"`` where it announced no more; ``"container"`` where not even that: it begins as an mp4
            does, and its boxes add up where only the end of the connection said where the video ends; ``"exists"`` for
            a file that was there already (``exist_ok=True``), which is not checked.
        elapsed: Seconds that the download took.
    """

    __module__ = "aikynetix"

    session_id: str
    path: Path | str
    size: int
    _sha256: str | None = field(default=None, repr=False, eq=False, alias="sha256")
    resumed_from: int = 0
    verified: str = "size"
    elapsed: float = 0.0
    _file: tuple[Path, os.stat_result] | None = field(default=None, repr=False, eq=False, alias="_file")

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the whole file, in hexadecimal.

        A local file is read for it when it is first asked for, at about a second per GiB; then it is kept. Announced
        checksums have been verified before, see ``verified``.

        Raises:
            DownloadError: The file was moved or changed since the download, so that it cannot be told any more.
        """
        if self._sha256 is not None:
            return self._sha256
        import hashlib  # here, because a lookup has no use for it

        file, then = self._file or (Path(self.path), None)
        error: OSError | None = None
        try:
            with file.open("rb") as opened:
                value = hashlib.file_digest(opened, "sha256").hexdigest()
                if then is None or _identity(os.fstat(opened.fileno())) == _identity(then):
                    return value
        except OSError as failure:
            error = failure
        text = f"{self.path}: the file was moved or changed after the download, so its SHA-256 cannot be told any more"
        raise DownloadError(text, session_id=self.session_id, path=self.path) from error


def _identity(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def video_if_ready(session_id: str, spec: RequestSpec, response: httpx.Response) -> AnalyzedVideo | None:
    """Return the video that a 2xx response tells of, None where it says that there is none yet."""
    url = _responses.video_url(response, spec.url_paths)
    if url is None:
        return None
    kept = (spec.operation, response.status_code, response.content)
    return AnalyzedVideo(session_id, url, _responses.request_id(response), kept)


def video_of(session_id: str, spec: RequestSpec, response: httpx.Response) -> AnalyzedVideo:
    """Return the video that a 2xx response tells of; `APIResponseValidationError` where there is none in it."""
    video = video_if_ready(session_id, spec, response)
    if video is None:
        name = " or ".join(".".join(path) for path in spec.url_paths)
        text = f"the response has status {response.status_code} but no {name} in it"
        raise _responses.invalid(response, text)
    return video


def ready_video(session_id: str, spec: RequestSpec, response: httpx.Response) -> AnalyzedVideo:
    """Return the video that a 2xx response tells of; `VideoNotReadyError` where it says that there is none yet."""
    video = video_if_ready(session_id, spec, response)
    if video is None:
        text = f"the API has no video of session {session_id!r} yet; ask again later"
        raise VideoNotReadyError(text, session_id=session_id, waited=0.0)
    return video


def _utc(moment: datetime) -> datetime:
    """Return ``moment`` in UTC; a naive one is in it already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _split(url: str) -> tuple[str, dict[str, str]]:
    """Return the path and the parameters of ``url``, these by their names in lower case."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", {}
    return parts.path, {name.lower(): value for name, value in parse_qsl(parts.query)}


def disposition_name(header: str) -> str | None:
    """Return the safe file name in a ``Content-Disposition`` value, or None when there is none.

    ``filename*`` comes before ``filename`` (RFC 6266, section 4.3), in whatever charset it names (RFC 5987, section
    3.2).
    """
    message = Message()
    try:
        # `Message` knows no space before or behind the star.
        message["content-disposition"] = re.sub(r"\s*\*\s*=\s*", "*=", header[:_LONGEST_DISPOSITION])
        # Of two of a name the last counts, and that is the extended one, wherever it stands.
        name = dict(message.get_params([], header="content-disposition")).get("filename", "")
        return safe_name(re.split(r"[/\\]", collapse_rfc2231_value(name))[-1]) or None
    except (ValueError, TypeError):  # unpaired surrogates; one name with and without a number (RFC 2231)
        return None


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
