"""The download engine: one synchronous implementation on threads, used by both clients."""

from ._engine import download
from ._storage import Storage
from ._types import MAX_BYTES, Cancelled, Options, Source

__all__ = ["MAX_BYTES", "Cancelled", "Options", "Source", "Storage", "download"]
