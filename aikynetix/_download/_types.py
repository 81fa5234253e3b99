"""What a download is asked to do, what it works on, and how it is told to stop."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from attrs import field, frozen, validators

from .._config import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from .._models import AnalyzedVideo
    from ._digest import Digests
    from ._identity import Identity
    from ._plan import Span

MAX_BYTES = 16 * 1024**3
"""Default bound, in bytes, of a body whose size the storage does not announce."""


class Cancelled(BaseException):
    """The caller asked the download to stop; what has arrived is kept for a later call.

    Not an ``Exception``: like ``KeyboardInterrupt`` it is not an error of the download, and no handler for those may
    swallow it. It stays inside the package.
    """


def _never() -> bool:
    return False


@frozen
class Source:
    """Whose video it is and how to get a signed URL for it.

    Attributes:
        session_id: The session.
        resolve: Asks the API for a signed URL. It may block, and is called again when a URL has expired. What it
            raises ends the download and reaches the caller as it is.
    """

    session_id: str
    resolve: Callable[[], AnalyzedVideo]


@frozen(kw_only=True)
class Options:
    """How to download.

    Attributes:
        progress: Called with (bytes done, bytes in total or None) from the thread that called `download`.
        overwrite: Whether a file that stands under the final name may be replaced.
        connections: Most connections for one file, 1 and up; None lets the number adapt by itself.
        max_bytes: Most bytes of a body whose size is not announced.
        sha256: Whether the SHA-256 will be asked for in any case: while the bytes arrive it costs less than later.
        sync_folder: Whether the file's name is to be on the disk as well when `download` returns; who downloads many
            into one folder sees to that once.
        on_calling_thread: Whether the thread that called `download` may itself wait for the storage. Not the main one,
            where Ctrl-C arrives; and one that can be left behind, because looking up an address cannot be cut short.
        timeout: Limits in seconds for connecting and for hearing nothing from the storage.
        max_retries: Failures in a row, without a byte gained, that may follow the first.
        cancelled: Asked several times a second; when it returns True the engine stops and raises `Cancelled`.
    """

    progress: Callable[[int, int | None], object] | None = None
    overwrite: bool = False
    connections: int | None = field(
        default=None, validator=validators.optional([validators.instance_of(int), validators.ge(1)])
    )
    max_bytes: int = field(default=MAX_BYTES, validator=[validators.instance_of(int), validators.ge(1)])
    sha256: bool = False
    sync_folder: bool = True
    on_calling_thread: bool = False
    timeout: httpx.Timeout = DEFAULT_TIMEOUT
    max_retries: int = 3
    cancelled: Callable[[], bool] = _never


@frozen(kw_only=True)
class Fetched:
    """All bytes of an object.

    Attributes:
        identity: The object.
        size: Bytes that came.
        digests: Their checksums.
        head: The first bytes.
        resumed_from: Bytes that an earlier download had left.
    """

    identity: Identity
    size: int
    digests: Digests
    head: bytes
    resumed_from: int


class Part(Protocol):
    """Where the bytes are gathered."""

    parallel: bool

    def earlier(self) -> tuple[Identity, list[Span]] | None:
        """Return what an earlier download left, None when there is nothing to go on with."""
        ...

    def begin(self, identity: Identity) -> None:
        """Start on an object from its first byte."""
        ...

    def lacks_space(self, count: int) -> bool:
        """Return whether there is surely no room for ``count`` more bytes."""
        ...

    def write(self, offset: int, data: memoryview) -> None:
        """Write all of ``data`` at ``offset``."""
        ...

    def read_into(self, view: memoryview, offset: int) -> int:
        """Fill ``view`` from ``offset`` on and return how many bytes there were."""
        ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


@frozen(kw_only=True)
class Clock:
    """Where time and chance come from.

    Attributes:
        monotonic: Seconds that only go forward.
        now: The present, aware.
        draw: A random number from 0 to 1.
    """

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _utc_now
    draw: Callable[[], float] = random.random
