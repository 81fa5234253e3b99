"""What the caller of a download says: how to open a URL, and the options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from .._config import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

MAX_BYTES = 64 * 1024**3
"""Bound, in bytes, of a body whose size the storage does not announce, where the caller sets none."""


class OpenUrl(Protocol):
    """Sends one GET without a credential, follows no redirect, and returns as soon as the head is there.

    The caller reads the body and closes the response. Raises `httpx.TransportError`, also within 0.3 s once
    ``cancelled`` returns True.
    """

    def __call__(self, url: str, headers: Mapping[str, str], *, cancelled: Callable[[], bool]) -> httpx.Response: ...


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
