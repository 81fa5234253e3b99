"""One download from beginning to end: where to, lock, fetch, verify, publish."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from .._errors import AikynetixError, DownloadError, DownloadInterruptedError, IntegrityError
from .._models import DownloadedVideo
from ._destination import Destination, PlaceError, destination, file_name, remote_url
from ._failures import disk_failure
from ._partial import Busy, PartialFile
from ._transfer import Transfer
from ._urls import SignedUrls
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

    Args:
        session_id: The session.
        to: See `destination`.
        lookup: Asks the API for a signed URL. It may block, and is called again when a URL has expired.
        open_url: Sends requests to the storage.
        options: How.

    Raises:
        DownloadError: See the classes below it, and its ``reason``.
        ConfigurationError: ``to`` is a URL, and fsspec or what it needs for it is not installed.
        AikynetixError: What ``lookup`` raised.
    """
    begun, urls = time.monotonic(), SignedUrls(lookup)
    try:
        place = destination(to, lambda: file_name(session_id, urls.video()))
    except AikynetixError:
        raise
    except Exception as error:
        shown = Destination(remote_url(to) or Path(to))
        raise _Download(session_id, shown, urls, open_url, options).misplaced(error) from error
    return _Download(session_id, place, urls, open_url, options).run(begun)


@frozen
class _Download:
    session_id: str
    place: Destination
    urls: SignedUrls
    open_url: OpenUrl
    options: Options

    def run(self, begun: float) -> DownloadedVideo:
        part = self._lock()
        if isinstance(part, int):
            return DownloadedVideo(session_id=self.session_id, path=self.place.shown, size=part, verified="exists")
        try:
            transfer, sha256, verified = self._fetch(part)
            try:
                if not self.options.overwrite and self.place.exists():  # it may have appeared meanwhile
                    raise self._in_the_way()
                seen = part.sync(transfer.size)
                self.place.publish(part, transfer.size, self._require_wanted)
            except DownloadError:
                raise
            except Exception as error:  # a remote file system raises what its own library raises
                raise self.misplaced(error) from error
        finally:
            part.close()
        return DownloadedVideo(
            session_id=self.session_id,
            path=self.place.shown,
            size=transfer.size,
            sha256=sha256,
            resumed_from=transfer.resumed_from,
            verified=verified,
            elapsed=time.monotonic() - begun,
            _file=(Path(self.place.shown).absolute(), seen) if self.place.fs is None else None,
        )

    def _lock(self) -> PartialFile | int:
        """Return the locked partial file; the size of the file where it is there and that is all that is wanted."""
        while True:
            try:
                exists = self.place.exists()
                if exists and self.options.exist_ok:
                    return self.place.size()
                if exists and not self.options.overwrite:
                    raise self._in_the_way()
                part = PartialFile(self.place.collected)
                if not self.options.exist_ok or not self.place.exists():
                    return part
                part.close()  # it was finished between looking and locking
            except Busy:
                if not self.options.exist_ok:
                    raise self.error(
                        DownloadError, "another download to the same file is under way", "locked"
                    ) from None
                self._require_wanted()
                time.sleep(_LOOK_EVERY)
            except AikynetixError:
                raise
            except Exception as error:  # a remote file system raises what its own library raises
                raise self.misplaced(error) from error

    def _fetch(self, part: PartialFile) -> tuple[Transfer, str | None, str]:
        """Return the completed transfer, the SHA-256 where one is needed, and what the bytes were verified by."""
        sha256 = self.place.fs is not None  # the file will be far away
        transfer = Transfer(self.urls, self.open_url, part, self.options, self.error, sha256=sha256)
        digests = transfer.run()
        while True:
            try:
                with part.reader() as file:
                    checked = verify(transfer.version, transfer.size, digests, file, framed=transfer.is_framed)
                return transfer, digests.get("sha256"), checked
            except OSError as error:
                raise self.misplaced(error) from error
            except ValueError as mismatch:
                if not transfer.resumed_from:
                    part.discard()
                    raise self.error(IntegrityError, str(mismatch), None) from None
            digests = transfer.run(resume=False)  # the fault may lie in what an earlier process left behind

    def _require_wanted(self) -> None:
        if self.options.cancelled():
            text = "the download was cancelled; a later call resumes it"
            raise self.error(DownloadInterruptedError, text, "cancelled")

    def _in_the_way(self) -> DownloadError:
        text = "the file exists already; pass overwrite=True to replace it, or exist_ok=True to take it as it is"
        return self.error(DownloadError, text, "exists")

    def misplaced(self, error: Exception) -> DownloadError:
        """Return what a file system raised, or we about a place, as an error of ours."""
        if isinstance(error, PlaceError):
            return self.error(DownloadError, str(error), "place")
        failure = disk_failure(error)
        return self.error(DownloadError, failure.text, failure.reason)

    def error(self, kind: type[DownloadError], text: str, reason: str | None) -> DownloadError:
        """Return an error about this download."""
        return kind(f"{self.place.shown}: {text}", session_id=self.session_id, path=self.place.shown, reason=reason)
