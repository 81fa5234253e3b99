"""What the facade returns.

Annotations are not postponed here: tools that read the types of a class at run time look for the names in the module
that the class says it is from, and that is the package.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from attrs import field, frozen

from . import _responses, _signed_url
from ._errors import APIResponseValidationError, DownloadError, VideoNotReadyError
from ._operations import RequestSpec, parsed
from ._redact import redact_url


@frozen
class SuccessParts:
    """The parts of a success response that the generated model is made from, on demand.

    It holds no request: that would keep the credential alive.
    """

    operation: str
    status_code: int
    content_type: str
    content: bytes = field(repr=False)


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
    _parts: SuccessParts | None = field(default=None, repr=False, eq=False, alias="_parts")

    def __attrs_post_init__(self) -> None:
        for name, value in (("session_id", self.session_id), ("url", self.url)):
            if not isinstance(value, str):  # the text does not show it: as bytes it may well be a signed URL
                raise TypeError(f"{name} must be a str, not {type(value).__name__}")

    @property
    def expires_at(self) -> datetime | None:
        """When the URL stops working, in UTC; None when the URL does not say.

        Source: Cloud Storage documentation, "Signed URLs": V4 (``X-Goog-Date`` and
        ``X-Goog-Expires``) or V2 (``Expires``).
        """
        return _signed_url.expires_at(self.url)

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
        if end is None:
            return False
        moment = datetime.now(UTC) if now is None else now
        return end <= (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment)

    @property
    def filename(self) -> str:
        """A safe name for the file, from the URL; ``video.mp4`` when it has none."""
        return _signed_url.object_name(self.url)

    @property
    def raw(self) -> Any:
        """The response as the generated model, with every field that the vendor sends; None if made by hand.

        Raises:
            APIResponseValidationError: The response does not fit the vendored spec; the generated parser is strict.
        """
        if self._parts is None:
            return None
        parts = self._parts
        kind = parts.content_type.encode("utf-8", "replace")  # httpx takes a str for ASCII; servers send anything
        response = httpx.Response(parts.status_code, headers={b"content-type": kind}, content=parts.content)
        try:
            return parsed(parts.operation, response)
        except Exception as error:
            raise APIResponseValidationError(
                f"the response does not fit the vendored spec ({_responses.misfit(error)}); the URL itself is fine",
                status_code=parts.status_code,
                request_id=self.request_id,
                body=_responses.body_text(parts.content),
            ) from None

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
    _file: tuple[Path, os.stat_result | None] | None = field(default=None, repr=False, eq=False, alias="_file")

    def __attrs_post_init__(self) -> None:
        if self._sha256 is None and self._file is None:
            object.__setattr__(self, "_file", _seen(Path(self.path)))

    @property
    def sha256(self) -> str:
        """SHA-256 of the whole file, in hexadecimal.

        A local file is read for it when it is first asked for, at about a second per GiB; then it is kept. Announced
        checksums have been verified before, see ``verified``.

        Raises:
            DownloadError: The file was moved or changed since the download, so that it cannot be told any more.
        """
        if self._sha256 is None:
            object.__setattr__(self, "_sha256", self._hashed())
        assert self._sha256 is not None
        return self._sha256

    def _hashed(self) -> str:
        import hashlib  # here, because a lookup has no use for it

        file, then = self._file or (Path(self.path), None)
        try:
            if _is_same(file.stat(), then):  # before it is opened, which would wait if it were a pipe
                with file.open("rb") as opened:
                    value = hashlib.file_digest(opened, "sha256").hexdigest()
                    if _is_same(os.fstat(opened.fileno()), then):
                        return value
            error: OSError | None = None
        except OSError as failure:
            error = failure
        text = f"{self.path}: the file was moved or changed after the download, so its SHA-256 cannot be told any more"
        raise DownloadError(text, session_id=self.session_id, path=self.path) from error


def _seen(path: Path) -> tuple[Path, os.stat_result | None]:
    """Return where ``path`` leads from any working directory, and what is there."""
    file = path.absolute()
    try:
        return file, file.stat()
    except OSError:
        return file, None


def _is_same(now: os.stat_result, then: os.stat_result | None) -> bool:
    """Whether nobody has put another file in the place of one, or written to it."""
    return then is not None and all(
        getattr(now, name) == getattr(then, name) for name in ("st_dev", "st_ino", "st_size", "st_mtime_ns")
    )


def video_of(session_id: str, spec: RequestSpec, response: httpx.Response) -> AnalyzedVideo:
    """Return the video that a 2xx response tells of.

    Raises:
        APIResponseValidationError: It has no URL, or none that can be used.
    """
    url = _responses.require_url(response, spec.url_paths)
    kind = response.headers.get("content-type", "")
    parts = SuccessParts(spec.operation, response.status_code, kind, response.content)
    return AnalyzedVideo(session_id, url, _responses.request_id(response), parts)


def video_if_ready(session_id: str, spec: RequestSpec, response: httpx.Response) -> AnalyzedVideo | None:
    """Return the video that a 2xx response tells of, None where it says that there is none yet."""
    return video_of(session_id, spec, response) if _responses.video_url(response, spec.url_paths) else None


def ready_video(session_id: str, spec: RequestSpec, response: httpx.Response) -> AnalyzedVideo:
    """Return the video that a 2xx response tells of.

    Raises:
        VideoNotReadyError: It says that there is none yet.
    """
    video = video_if_ready(session_id, spec, response)
    if video is None:
        text = f"the API has no video of session {session_id!r} yet; ask again later"
        raise VideoNotReadyError(text, session_id=session_id, waited=0.0)
    return video
