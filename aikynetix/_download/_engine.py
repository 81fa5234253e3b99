"""One download from beginning to end: where to, all the bytes, the checks, the final name."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from .._causes import detached
from .._errors import ConfigurationError, DownloadError, IntegrityError, client_closed
from .._models import DownloadedVideo
from ._digest import Digests, why_no_video
from ._locks import Busy
from ._part import LocalPart
from ._remote import RemotePart, file_system, place
from ._rules import disk_failure
from ._target import file_name, local_path, remote_url
from ._transfer import Transfer
from ._types import Clock, Fetched, Options, Source
from ._urls import Urls

if TYPE_CHECKING:
    from collections.abc import Generator

    from ._identity import Identity
    from ._storage import Storage


def download(
    source: Source, to: str | os.PathLike[str], storage: Storage, options: Options, clock: Clock | None = None
) -> DownloadedVideo:
    """Download the video of a session, verify it, and put it under its final name in one step.

    Args:
        source: Whose video, and how to get a signed URL for it.
        to: A file, whose folder must exist; a folder (an existing one, or any that ends with a slash and is then made),
            in which the name comes from session and URL; or an fsspec URL.
        storage: The connections to use.
        options: How.
        clock: Time and chance; default: the real ones.

    Raises:
        SignedUrlExpiredError: The storage refused the signature and fresh ones did not help.
        IntegrityError: Size, checksum or container is not what was announced; nothing is kept.
        DownloadInterruptedError: Given up after retries; a later call goes on from there.
        DownloadError: Anything else: no room, a file in the way, a refusing storage.
        ConfigurationError: ``to`` is a URL, and fsspec or what it needs for it is not installed.
        AikynetixError: What `Source.resolve` raised; or the client was closed meanwhile.
        Cancelled: `Options.cancelled` returned True; a later call goes on from there.
    """
    clock = clock or Clock()
    return _Download(source, to, storage, options, clock).run()


@frozen
class _Download:
    source: Source
    to: str | os.PathLike[str]
    storage: Storage
    options: Options
    clock: Clock

    def run(self) -> DownloadedVideo:
        begun = self.clock.monotonic()
        urls = Urls(self.source, self.clock)
        part, path = self._remote(urls) if remote_url(self.to) else self._local(urls)
        error = _ErrorAt(self.source.session_id, path)
        try:
            with self.storage.crew:
                fetched = self._fetch(urls, part, error)
            try:
                self._require_free(path, part.taken, regular=True)  # it may have come to stand there meanwhile
                seen = part.commit(fetched.size)
            except DownloadError:
                raise
            except Exception as cause:  # a remote file system raises what its own library raises
                raise error(DownloadError, disk_failure(cause).text) from detached(cause)
        except DownloadError as broken:
            if self.storage.closed:  # which breaks what is under way, and is no fault of this video
                raise client_closed() from broken
            raise
        finally:
            part.close()
        return DownloadedVideo(
            session_id=self.source.session_id,
            path=path,
            size=fetched.size,
            sha256=fetched.digests.sha256,
            resumed_from=fetched.resumed_from,
            verified=verified(fetched.identity, fetched.digests),
            elapsed=self.clock.monotonic() - begun,
            _file=None if seen is None else (Path(path).absolute(), seen),
        )

    def _fetch(self, urls: Urls, part: LocalPart | RemotePart, error: _ErrorAt) -> Fetched:
        transfer = Transfer(urls, self.storage, part, self.options, self.clock, error)
        fetched = transfer.run()
        reason = mismatch(fetched)
        if reason is not None and fetched.resumed_from:
            # The fault may lie in what an earlier process left behind.
            transfer.forget()
            fetched = transfer.run(resume=False)
            reason = mismatch(fetched)
        if reason is not None:
            with contextlib.suppress(OSError):  # a part that cannot be removed is none of the caller's worries now
                part.discard()
            raise error(IntegrityError, reason)
        return fetched

    def _local(self, urls: Urls) -> tuple[LocalPart, Path]:
        path: Path | str = os.fspath(self.to)
        try:
            path, is_folder = local_path(self.to)
            if is_folder:
                name = file_name(self.source.session_id, urls.video())
                if not path.is_dir():
                    path.mkdir(parents=True, exist_ok=True)
                path = path / name
            elif not path.parent.is_dir():
                raise _ErrorAt(self.source.session_id, path)(DownloadError, f"there is no folder {path.parent}")
            exists = os.path.lexists(path)
            self._require_free(path, exists, regular=exists and path.is_file())
            return LocalPart(path, sync_folder=self.options.sync_folder), path
        except Busy:
            text = "another download to the same file is under way"
            raise _ErrorAt(self.source.session_id, path)(DownloadError, text) from None
        except (OSError, ValueError) as cause:
            raise _ErrorAt(self.source.session_id, path)(DownloadError, disk_failure(cause).text) from detached(cause)

    def _remote(self, urls: Urls) -> tuple[RemotePart, str]:
        url = str(self.to)
        error = _ErrorAt(self.source.session_id, url)
        with error.unreachable():  # what cannot be written to is better known before anything is asked for
            fs, path = file_system(url)
        name = file_name(self.source.session_id, urls.video())
        with error.unreachable():
            path, exists = place(fs, path, url, name)
            shown = str(fs.unstrip_protocol(path))
        self._require_free(shown, exists, regular=True)
        return RemotePart(fs, path), shown

    def _require_free(self, path: Path | str, exists: bool, *, regular: bool) -> None:
        if exists and not regular:
            raise _ErrorAt(self.source.session_id, path)(DownloadError, "what stands there is no regular file")
        if exists and not self.options.overwrite:
            text = "the file exists already; pass overwrite=True to replace it"
            raise _ErrorAt(self.source.session_id, path)(DownloadError, text)


@frozen
class _ErrorAt:
    """Makes the exceptions of one download."""

    session_id: str
    path: Path | str

    def __call__(self, kind: type[DownloadError], text: str) -> DownloadError:
        return kind(f"{self.path}: {text}", session_id=self.session_id, path=self.path)

    @contextlib.contextmanager
    def unreachable(self) -> Generator[None]:
        """Raise what a remote file system raises, which its own library decides, as a `DownloadError`."""
        try:
            yield
        except ConfigurationError:
            raise
        except Exception as cause:
            text = f"the destination cannot be reached ({type(cause).__name__})"
            raise self(DownloadError, text) from detached(cause)


def verified(identity: Identity, digests: Digests) -> str:
    """Return which checks a file has passed, as `DownloadedVideo.verified` says it."""
    names = [name for name in ("crc32c", "md5") if getattr(identity, name) and getattr(digests, name)]
    return "+".join(names) or ("container" if identity.size is None else "size")


def mismatch(fetched: Fetched) -> str | None:
    """Return why a complete file is not what the storage announced, None when it is."""
    if fetched.identity.size is not None and fetched.identity.size != fetched.size:
        return f"{fetched.size} bytes came where {fetched.identity.size} were announced"
    for name in ("crc32c", "md5"):
        announced, found = getattr(fetched.identity, name), getattr(fetched.digests, name)
        if announced and found and announced != found:
            return f"the {name} checksum does not match what the storage announced"
    return why_no_video(fetched.head)
