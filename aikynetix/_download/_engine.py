"""One download from beginning to end: where to, lock, fetch, verify, publish."""

from __future__ import annotations

import time
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from .._errors import AikynetixError, DownloadError, IntegrityError
from .._models import DownloadedVideo
from ._destination import Destination, destination, file_name, remote_url
from ._failures import Errors
from ._partial import Busy, PartialFile
from ._transfer import SignedUrl, Transfer
from ._verify import verify

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from .._models import AnalyzedVideo
    from ._types import OpenUrl, Options

_LOOK_EVERY = 0.1


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
    begun, errors = time.monotonic(), Errors(session_id, remote_url(to) or Path(to))

    def wanted_lookup() -> AnalyzedVideo:
        try:
            return lookup()
        except (AikynetixError, CancelledError) as error:
            if options.cancelled():
                raise errors.cancelled() from error
            raise

    url = SignedUrl(wanted_lookup)
    with errors.mapped():
        place = destination(to, lambda: file_name(session_id, url.video()))
    errors.path = place.shown
    return _Download(place, url, open_url, options, errors).run(begun)


@frozen
class _Download:
    place: Destination
    url: SignedUrl
    open_url: OpenUrl
    options: Options
    errors: Errors

    def run(self, begun: float) -> DownloadedVideo:
        session_id, path = self.errors.session_id, self.errors.path
        with self.errors.mapped():
            part = self._lock()
        if isinstance(part, int):
            return DownloadedVideo(session_id=session_id, path=path, size=part, verified="exists")
        try:
            transfer, sha256, verified = self._fetch(part)
            with self.errors.mapped():
                if not self.options.overwrite and self.place.exists():  # it may have appeared meanwhile
                    raise self._in_the_way()
                seen = part.sync(transfer.size)
                self.place.publish(part, transfer.size, self._require_wanted)
        finally:
            part.close()
        return DownloadedVideo(
            session_id=session_id,
            path=path,
            size=transfer.size,
            sha256=sha256,
            resumed_from=transfer.resumed_from,
            verified=verified,
            elapsed=time.monotonic() - begun,
            _file=(Path(path).absolute(), seen) if self.place.fs is None else None,
        )

    def _lock(self) -> PartialFile | int:
        """Return the locked partial file; the size of the file where it is there and that is all that is wanted."""
        while True:
            exists = self.place.exists()
            if exists and self.options.exist_ok:
                return self.place.size()
            if exists and not self.options.overwrite:
                raise self._in_the_way()
            try:
                part = PartialFile(self.place.collected)
            except Busy:
                if not self.options.exist_ok:
                    text = "another download to the same file is under way"
                    raise self.errors.make(DownloadError, text, "locked") from None
                self._require_wanted()
                time.sleep(_LOOK_EVERY)
                continue
            if not self.options.exist_ok or not self.place.exists():
                return part
            part.close()  # it was finished between looking and locking

    def _fetch(self, part: PartialFile) -> tuple[Transfer, str | None, str]:
        """Return the completed transfer, the SHA-256 where one is needed, and what the bytes were verified by."""
        sha256 = self.place.fs is not None  # the file will be far away
        transfer = Transfer(self.url, self.open_url, part, self.options, self.errors, sha256=sha256)
        resume = True
        while True:
            digests = transfer.run(resume=resume)
            with self.errors.mapped(), part.reader() as file:
                try:
                    checked = verify(transfer.version, transfer.size, digests, file, framed=transfer.is_framed)
                except ValueError as mismatch:
                    if not transfer.resumed_from:
                        part.discard()
                        raise self.errors.make(IntegrityError, str(mismatch), None) from None
                else:
                    return transfer, digests.get("sha256"), checked
            resume = False  # the fault may lie in what an earlier process left behind

    def _require_wanted(self) -> None:
        if self.options.cancelled():
            raise self.errors.cancelled()

    def _in_the_way(self) -> DownloadError:
        text = "the file exists already; pass overwrite=True to replace it, or exist_ok=True to take it as it is"
        return self.errors.make(DownloadError, text, "exists")
