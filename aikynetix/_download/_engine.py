"""One download from beginning to end."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import closing
from pathlib import Path

import httpx

from .._causes import detached
from .._errors import DownloadError, DownloadInterruptedError, SignedUrlExpiredError
from .._models import DownloadedVideo
from .._signed_url import safe_name
from ._storage import Storage
from ._types import Cancelled, Options, Source


def download(source: Source, to: str | os.PathLike[str], storage: Storage, options: Options) -> DownloadedVideo:
    """Download the video of a session."""
    begun = time.monotonic()
    video = source.resolve()
    path = Path(to)
    if path.is_dir() or str(to).endswith("/"):
        path.mkdir(parents=True, exist_ok=True)
        path = path / f"{safe_name(source.session_id)}-{video.filename}"
    if path.exists() and not options.overwrite:
        raise DownloadError("the file exists already; pass overwrite=True to replace it", session_id=source.session_id, path=path)
    part = path.with_name(path.name + ".part")
    digest, size = hashlib.sha256(), 0
    try:
        response = storage.open(video.url, {})
        total = int(response.headers["content-length"]) if "content-length" in response.headers else None
        with closing(response), part.open("wb") as file:
            if response.status_code in (400, 403):
                raise SignedUrlExpiredError("the storage refused the URL", session_id=source.session_id, path=path)
            if response.status_code != 200:
                raise DownloadError(f"the storage answered {response.status_code}", session_id=source.session_id, path=path)
            for chunk in response.iter_raw():
                if options.cancelled():
                    raise Cancelled
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                if options.progress is not None:
                    options.progress(size, total)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except (httpx.HTTPError, OSError) as error:
        raise DownloadInterruptedError(
            f"the download broke off ({type(error).__name__})", session_id=source.session_id, path=path
        ) from detached(error)
    return DownloadedVideo(source.session_id, path, size, digest.hexdigest(), elapsed=time.monotonic() - begun)
