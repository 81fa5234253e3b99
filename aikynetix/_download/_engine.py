"""One download from beginning to end: resolve the URL, fetch, verify, publish."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from .._errors import AikynetixError, DownloadError, DownloadInterruptedError, IntegrityError
from .._models import DownloadedVideo
from ._destination import LocalDestination, RemoteDestination, file_name, local_path, remote_destination, remote_url
from ._failures import disk_failure
from ._partial import Busy, PartialFile
from ._transfer import Fetched, Transfer
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
        to: A file, whose folder must exist; a folder (an existing one, or any that ends with a slash and is then made),
            in which the name comes from session and URL; or an fsspec URL. A leading ``~`` is the home folder.
        lookup: Asks the API for a signed URL. It may block, and is called again when a URL has expired. What it raises
            ends the download and reaches the caller as it is.
        open_url: Sends requests to the storage.
        options: How.

    Raises:
        SignedUrlExpiredError: The storage refused the signature and fresh ones did not help.
        IntegrityError: Size, checksum or container is not what was announced; nothing is kept.
        DownloadInterruptedError: Given up after retries, or cancelled; a later call resumes.
        DownloadError: Anything else, told apart by its ``reason``.
        ConfigurationError: ``to`` is a URL, and fsspec or what it needs for it is not installed.
        AikynetixError: What ``lookup`` raised.
    """
    return _Download(session_id, to, SignedUrls(lookup), open_url, options).run()


@frozen
class _Download:
    session_id: str
    to: str | os.PathLike[str]
    urls: SignedUrls
    open_url: OpenUrl
    options: Options

    def run(self) -> DownloadedVideo:
        begun = time.monotonic()
        place = self._destination()
        part = self._partial(place)
        if part is None:
            return self._result(place, place.size(), "exists", begun=begun)
        try:
            fetched, verified = self._fetch(place, part)
            try:
                if place.exists() and not self.options.overwrite:  # it may have appeared meanwhile
                    raise self._in_the_way(place.shown)
                seen = part.sync(fetched.size)
                place.publish(part, fetched.size, lambda: self._require_wanted(place.shown))
            except DownloadError:
                raise
            except Exception as error:  # a remote file system raises what its own library raises
                raise self._misplaced(place.shown, error) from error
        finally:
            part.close()
        sha256 = fetched.digests.get("sha256")
        return self._result(place, fetched.size, verified, sha256, fetched.resumed_from, seen, begun=begun)

    def _fetch(self, place: LocalDestination | RemoteDestination, part: PartialFile) -> tuple[Fetched, str]:
        """Return all bytes, and what they were verified by; what was kept before is not trusted twice."""

        def error(kind: type[DownloadError], text: str, reason: str | None) -> DownloadError:
            return self._error(place.shown, text, reason, kind)

        transfer = Transfer(self.urls, self.open_url, part, self.options, error, sha256=place.needs_sha256)
        resume = True
        while True:
            fetched = transfer.run(resume=resume)
            try:
                with part.reader() as file:
                    checked = verify(fetched.version, fetched.size, fetched.digests, file, framed=fetched.is_framed)
            except ValueError as mismatch:
                if fetched.resumed_from:  # the fault may lie in what an earlier process left behind
                    resume = False
                    continue
                part.discard()
                raise error(IntegrityError, str(mismatch), None) from None
            return fetched, checked

    def _destination(self) -> LocalDestination | RemoteDestination:
        """Return where the file goes."""
        url = remote_url(self.to)
        try:
            if url is not None:  # what cannot be written to is better known before anything is asked for
                return remote_destination(url, self._file_name)
            path, is_folder = local_path(self.to)
            if is_folder:
                name = self._file_name()
                path.mkdir(parents=True, exist_ok=True)
                path /= name
            elif not path.parent.is_dir():
                raise self._error(path, f"there is no folder {path.parent}", "place")
        except AikynetixError:
            raise
        except Exception as error:
            raise self._misplaced(url or Path(self.to), error) from error
        return LocalDestination(path)

    def _file_name(self) -> str:
        return file_name(self.session_id, self.urls.video())

    def _partial(self, place: LocalDestination | RemoteDestination) -> PartialFile | None:
        """Return the locked partial file; None where the file is there and that is all that is wanted."""
        while True:
            try:
                exists = place.exists()
                if exists and self.options.exist_ok:
                    return None
                if exists and not self.options.overwrite:
                    raise self._in_the_way(place.shown)
                part = PartialFile(place.partial)
            except Busy:
                if not self.options.exist_ok:
                    text = "another download to the same file is under way"
                    raise self._error(place.shown, text, "locked") from None
                self._require_wanted(place.shown)
                time.sleep(_LOOK_EVERY)
                continue
            except AikynetixError:
                raise
            except Exception as error:  # a remote file system raises what its own library raises
                raise self._misplaced(place.shown, error) from error
            if not self.options.exist_ok or not place.exists():
                return part
            part.close()  # it was finished between looking and locking

    def _result(
        self,
        place: LocalDestination | RemoteDestination,
        size: int,
        verified: str,
        sha256: str | None = None,
        resumed_from: int = 0,
        seen: os.stat_result | None = None,
        *,
        begun: float,
    ) -> DownloadedVideo:
        return DownloadedVideo(
            session_id=self.session_id,
            path=place.shown,
            size=size,
            sha256=sha256,
            resumed_from=resumed_from,
            verified=verified,
            elapsed=time.monotonic() - begun,
            _file=(Path(place.shown).absolute(), seen) if seen and isinstance(place, LocalDestination) else None,
        )

    def _require_wanted(self, path: Path | str) -> None:
        if self.options.cancelled():
            text = "the download was cancelled; a later call resumes it"
            raise self._error(path, text, "cancelled", DownloadInterruptedError)

    def _in_the_way(self, path: Path | str) -> DownloadError:
        text = "the file exists already; pass overwrite=True to replace it, or exist_ok=True to take it as it is"
        return self._error(path, text, "exists")

    def _misplaced(self, path: Path | str, error: Exception) -> DownloadError:
        """Return what a file system raised as an error of ours."""
        if isinstance(error, ValueError):
            return self._error(path, str(error), "place")
        failure = disk_failure(error)
        return self._error(path, failure.text, failure.reason)

    def _error(
        self, path: Path | str, text: str, reason: str | None, kind: type[DownloadError] = DownloadError
    ) -> DownloadError:
        return kind(f"{path}: {text}", session_id=self.session_id, path=path, reason=reason)
