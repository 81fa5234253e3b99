"""One download from beginning to end: where to, lock, fetch, verify, publish; on threads, used by both clients."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from .._config import DEFAULT_TIMEOUT
from .._errors import DownloadError
from .._models import DownloadedVideo
from .._redact import without_user_info
from ._destination import Destination, destination, file_name, remote_url
from ._failures import Errors
from ._partial import Busy, PartialFile
from ._transfer import SignedUrl, Transfer

if TYPE_CHECKING:
    import os

    import httpx

    from .._models import AnalyzedVideo

__all__ = ["MAX_BYTES", "OpenUrl", "Options", "download", "file_name"]

MAX_BYTES = 64 * 1024**3
"""Bound, in bytes, of a body whose size the storage does not announce, where the caller sets none."""

OpenUrl = Callable[..., "httpx.Response"]
"""Sends a GET, given URL, headers and ``cancelled``, without a credential, and returns as soon as the head is there.

It follows no redirect; the caller reads the body and closes the response. Raises `httpx.TransportError`, also within
0.3 s once ``cancelled()`` is true.
"""


@frozen(kw_only=True)
class Options:
    """How to download."""

    progress: Callable[[int, int | None], object] | None = None  # bytes done and in all, from the calling thread
    overwrite: bool = False  # whether a file under the final name may be replaced
    exist_ok: bool = False  # whether such a file is the result; a download of it that is under way is waited for
    connections: int | None = None  # most connections for one file, 1 and up; None adapts the number
    max_bytes: int = MAX_BYTES  # most bytes of a body whose size is not announced
    timeout: httpx.Timeout = DEFAULT_TIMEOUT  # seconds for connecting, and for hearing nothing from the storage
    max_retries: int = 3  # failures in a row, without a byte gained, that may follow the first
    cancelled: Callable[[], bool] = bool  # polled at least every 0.2 s; True ends the download, with that reason


def download(
    session_id: str,
    to: str | os.PathLike[str],
    *,
    lookup: Callable[[], AnalyzedVideo],
    open_url: OpenUrl,
    options: Options,
) -> DownloadedVideo:
    """Download the video of a session, verify it, and put it under its final name in one step.

    ``to`` is read by `destination`. ``lookup`` asks the API for a signed URL: it may block, is called again when the
    storage refuses a URL, and what it raises reaches the caller as it is, unless the download was cancelled meanwhile.
    """
    begun, shown = time.monotonic(), without_user_info(remote_url(to) or "") or Path(to)
    errors = Errors(session_id, shown, options.cancelled)
    url = SignedUrl(lookup, errors)
    with errors.mapped():
        target = destination(to, lambda: file_name(session_id, url.video()))
        errors.path = target.shown
        part = _locked(target, options, errors)
    if isinstance(part, int):
        return DownloadedVideo(session_id=session_id, path=target.shown, size=part, verified="exists")
    try:
        transfer = Transfer(url, open_url, part, options, errors, sha256=target.fs is not None)  # it will be far away
        transfer.run()
        with errors.mapped():
            if not options.overwrite and target.size() is not None:  # it may have appeared meanwhile
                raise _in_the_way(errors)
            seen = part.sync(transfer.size)
            target.publish(part, transfer.size, errors.require_wanted)
    finally:
        part.close()
    return DownloadedVideo(
        session_id=session_id,
        path=target.shown,
        size=transfer.size,
        sha256=transfer.sha256,
        resumed_from=transfer.resumed_from,
        verified=transfer.verified,
        elapsed=time.monotonic() - begun,
        _file=None if target.fs is not None else (Path(target.shown).absolute(), seen),
    )


def _locked(target: Destination, options: Options, errors: Errors) -> PartialFile | int:
    """Return the locked partial file; the size of the file where it is there and that is all that is wanted."""
    while True:
        size = target.size()
        if size is not None and options.exist_ok:
            return size
        if size is not None and not options.overwrite:
            raise _in_the_way(errors)
        try:
            part = PartialFile(target.collected)
        except Busy:
            if not options.exist_ok:
                text = "another download to the same file is under way"
                raise errors.make(DownloadError, text, "locked") from None
            errors.require_wanted()
            time.sleep(0.1)
            continue
        if not options.exist_ok or target.size() is None:
            return part
        part.close()  # it was finished between looking and locking


def _in_the_way(errors: Errors) -> DownloadError:
    text = "the file exists already; pass overwrite=True to replace it, or exist_ok=True to take it as it is"
    return errors.make(DownloadError, text, "exists")
